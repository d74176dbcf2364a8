using System.Runtime.CompilerServices;

namespace EdgeSdk.Decoding;

/// <summary>
/// The device's end of a stream to a <see cref="Verifier"/>: drafts go out, commits come in, each exactly once and in order. Connecting again and
/// resuming is the stream's own affair.
/// </summary>
internal interface IVerifierStream
{
    /// <summary>What the server's passes cost.</summary>
    StepCost Cost { get; }

    /// <summary>The measured round trip, seconds; NaN while unknown.</summary>
    double RoundTripSeconds { get; }

    /// <summary>Connections so far: when it grows, drafts on their way were lost and are sent again.</summary>
    int Connections { get; }

    /// <summary>Why the text ended, once <see cref="WaitAsync"/> gave false.</summary>
    FinishReason? Finish { get; }

    /// <summary>Sends drafts for the places from <paramref name="place"/> on (<see cref="Verifier.Offer"/>). Does not wait for the network.</summary>
    ValueTask SendAsync(int place, ReadOnlyMemory<int> drafts, int heard, CancellationToken cancellationToken);

    /// <summary>The next commit, where one has arrived. Its memory stays valid until the next call.</summary>
    bool TryRead(out Commit commit);

    /// <summary>Waits until a commit has arrived.</summary>
    /// <returns>False: the text has ended and every commit was read.</returns>
    ValueTask<bool> WaitAsync(CancellationToken cancellationToken);
}

/// <summary>A token of the text, and who wrote it.</summary>
/// <param name="Token">The id.</param>
/// <param name="Drafted">Whether the device had drafted it in time.</param>
/// <param name="Margin">How clear the server's choice was; NaN where it did not say.</param>
internal readonly record struct TogetherToken(int Token, bool Drafted, float Margin);

/// <summary>One turn decoded by device and server together, seen from the device: apply the commits that have come, make a draft, send it, again.</summary>
internal sealed class TogetherTurn(DraftWindow window, Gate gate, Agreement agreement, IVerifierStream stream)
{
    /// <summary>The gate's last decision.</summary>
    public GateDecision Decision { get; private set; }

    /// <summary>Drafts sent.</summary>
    public int Drafted { get; private set; }

    /// <summary>Drafts that became part of the text.</summary>
    public int Accepted { get; private set; }

    /// <summary>Commits: the server's passes.</summary>
    public int Passes { get; private set; }

    /// <summary>The text as it is committed. The window has taken in the prompt; drafts that went with it count as sent.</summary>
    public async IAsyncEnumerable<TogetherToken> RunAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await Task.CompletedTask.ConfigureAwait(false);
        _ = (window, gate, agreement, stream);
        yield break;
    }
}
