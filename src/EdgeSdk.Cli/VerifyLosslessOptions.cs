using System.Collections.Immutable;
using System.Text.Json.Nodes;
using EdgeSdk.Text.Constraints;

namespace EdgeSdk.Cli;

/// <summary>What <see cref="VerifyLossless"/> compares.</summary>
internal sealed record VerifyLosslessOptions
{
    /// <summary>The device's model folder.</summary>
    public required string Device { get; init; }

    /// <summary>A server's address, or a model folder that is served for the check.</summary>
    public required string Server { get; init; }

    /// <summary>The token of a server given by its address.</summary>
    public string? Token { get; init; }

    /// <summary>A file of dialogues (<see cref="Cli.Dialogues"/>); null: <see cref="Prompts"/> are taken.</summary>
    public string? Dialogues { get; init; }

    /// <summary>Prompts of token ids, each a dialogue of one turn: for models without a chat template.</summary>
    public IReadOnlyList<int[]> Prompts { get; init; } = [];

    /// <summary>Dialogues, the first of the file; as many as it has where it has fewer.</summary>
    public int Count { get; init; } = 1;

    /// <summary>Each dialogue is played with so many seeds.</summary>
    public int Seeds { get; init; } = 1;

    /// <summary>Of both sides.</summary>
    public float Temperature { get; init; }

    /// <summary>What each turn must look like; null: anything.</summary>
    public Constraint? Constraint { get; init; }

    /// <summary>The most tokens of a turn.</summary>
    public int MaxTokens { get; init; } = 256;

    /// <summary>Every pass of a served folder takes at least this long.</summary>
    public TimeSpan Step { get; init; }

    /// <summary>One-way delay of the network.</summary>
    public TimeSpan Delay { get; init; }

    /// <summary>Cuts the connection at a random place of each turn.</summary>
    public bool Cut { get; init; }
}

/// <summary>What a check found.</summary>
/// <param name="Runs">Dialogues times seeds.</param>
/// <param name="Turns">Turns compared.</param>
/// <param name="Tokens">Tokens of these turns, end tokens included.</param>
/// <param name="Drafted">Drafts sent.</param>
/// <param name="Accepted">Drafts accepted.</param>
/// <param name="Differences">Turns whose text or end is another than the server's alone.</param>
/// <param name="Agreement">R(1) to R(8), without the turns of adversarial drafts; NaN where nothing counts.</param>
/// <param name="PassesPerToken">The server's passes for a token, without those turns.</param>
/// <param name="Resumes">Connections beyond a turn's first.</param>
internal sealed record VerifyLosslessResult(
    int Runs, int Turns, long Tokens, long Drafted, long Accepted, int Differences, ImmutableArray<double> Agreement, double PassesPerToken, int Resumes)
{
    /// <summary>No text differed, and the check was one: drafts were accepted.</summary>
    public bool Passed => Differences == 0 && Accepted > 0;

    /// <summary>As the command prints it.</summary>
    public JsonObject ToJson() => new()
    {
        ["runs"] = Runs,
        ["turns"] = Turns,
        ["tokens"] = Tokens,
        ["drafted"] = Drafted,
        ["accepted"] = Accepted,
        ["differences"] = Differences,
        ["agreement"] = new JsonArray([.. Agreement.Select(Number)]),
        ["passes_per_token"] = Number(PassesPerToken),
    };

    private static JsonNode? Number(double value) => double.IsFinite(value) ? JsonValue.Create(Math.Round(value, 4)) : null;
}

/// <summary>A turn that was compared.</summary>
/// <param name="Turn">How many so far.</param>
/// <param name="Of">Of so many.</param>
/// <param name="Difference">Where the texts part, for people; null: they are equal.</param>
internal readonly record struct VerifyLosslessProgress(int Turn, int Of, string? Difference);
