using System.Collections.Immutable;

namespace EdgeSdk;

/// <summary>What stands behind a piece of an answer, <c>update.GetEdge()</c>, or behind all of it, <c>response.RawRepresentation</c>.</summary>
/// <param name="Writer">Who wrote it; of a whole answer its last piece.</param>
/// <param name="Report">What came of the whole answer; on its last update only.</param>
public sealed record EdgeUpdate(EdgeWriter Writer, EdgeReport? Report = null)
{
    /// <summary>The tokens read since the update before, those of text that is held back included: over an answer's updates, each of its tokens once and in order.</summary>
    public ImmutableArray<EdgeToken> Tokens { get; init; } = [];
}

/// <summary>A token of an answer.</summary>
/// <param name="Id">In the vocabulary of the device's model; -1 where the server sends text of another vocabulary.</param>
/// <param name="LogProb">Its natural log-probability, by the model that wrote it, before temperature and filters; null where a server wrote it and the request did not ask for <c>logprobs</c>.</param>
public readonly record struct EdgeToken(int Id, float? LogProb);

/// <summary>How an answer came about: <c>response.GetEdge()</c>.</summary>
public sealed record EdgeReport
{
    /// <summary>Who wrote it; never <see cref="EdgeRoute.Auto"/>.</summary>
    public required EdgeRoute Route { get; init; }

    /// <summary>Why this route, for people.</summary>
    public required string Reason { get; init; }

    /// <summary>The noise's key: the same request with it gives the same answer.</summary>
    public required ulong Seed { get; init; }

    /// <summary>Tokens of the answer, its end token included.</summary>
    public int Tokens { get; init; }

    /// <summary>Those of them inside thoughts, without the tokens that begin and end one.</summary>
    public int ThoughtTokens { get; init; }

    /// <summary>Drafts that the device sent.</summary>
    public int Drafted { get; init; }

    /// <summary>Drafts that became part of the answer.</summary>
    public int Accepted { get; init; }

    /// <summary>Forward passes of the server that gave tokens.</summary>
    public int ServerPasses { get; init; }

    /// <summary>Tokens of the prompt that the device had computed in an earlier turn.</summary>
    public int CachedTokens { get; init; }

    /// <summary>From the request to the answer's first token.</summary>
    public TimeSpan FirstToken { get; init; }

    /// <summary>
    /// R(1) to R(8) of this client's turns with the server so far: the share of places from which the device's next n choices equal the server's,
    /// at each turn's start and after each disagreement. NaN where nothing counts yet; empty without a device or a server.
    /// </summary>
    public ImmutableArray<double> Agreement { get; init; } = [];

    /// <summary>Whether the text is bitwise the one that its writer's model gives alone, whatever was drafted. False where the engine's self-test failed.</summary>
    public bool Exact { get; init; }
}
