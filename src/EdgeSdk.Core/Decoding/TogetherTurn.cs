using System.Runtime.CompilerServices;

namespace EdgeSdk.Decoding;

/// <summary>
/// The device's end of a stream to a <see cref="Verifier"/>: drafts go out, commits come in, each exactly once and in order. Connecting again and
/// resuming is the stream's own affair.
/// </summary>
/// <remarks>One caller at a time.</remarks>
internal interface IVerifierStream
{
    /// <summary>What the server's passes cost; unknown until it has said so.</summary>
    StepCost Cost { get; }

    /// <summary>The measured round trip, seconds; NaN while unknown.</summary>
    double RoundTripSeconds { get; }

    /// <summary>Connections so far. When it grows beyond the first, drafts on their way were lost, and are sent again.</summary>
    int Connections { get; }

    /// <summary>Why the text ended, once <see cref="WaitAsync"/> gave false.</summary>
    FinishReason? Finish { get; }

    /// <summary>Sends drafts for the places from <paramref name="place"/> on (<see cref="Verifier.Offer"/>), at most <see cref="Verifier.MostPerOffer"/>.
    /// Does not wait for the network, and drops them where there is no connection.</summary>
    ValueTask SendAsync(int place, ReadOnlyMemory<int> drafts, int heard, CancellationToken cancellationToken);

    /// <summary>The next commit, where one has arrived. Its memory stays valid until the next call.</summary>
    bool TryRead(out Commit commit);

    /// <summary>Waits until a commit has arrived. May return true without one.</summary>
    /// <returns>False: the text has ended and every commit was read.</returns>
    ValueTask<bool> WaitAsync(CancellationToken cancellationToken);
}

/// <summary>A token of the text, and who wrote it.</summary>
/// <param name="Token">The id.</param>
/// <param name="Drafted">Whether it is a draft of the device that the server accepted.</param>
/// <param name="Margin">How clear the server's choice was; NaN where it did not say.</param>
/// <param name="LogProb">The server's log-probability of it; likewise.</param>
internal readonly record struct TogetherToken(int Token, bool Drafted, float Margin, float LogProb);

/// <summary>
/// One turn that device and server decode together, seen from the device: apply the commits that have come, make a draft, send it, again. A commit is
/// handed on before anything else is computed.
/// </summary>
/// <param name="window">The device's side, its text not begun.</param>
/// <param name="gate">Decides whether drafts are sent; those made before the first commit always are.</param>
/// <param name="earlier">Agreement of earlier turns; only read, at the beginning.</param>
/// <param name="cost">The server's passes, as far as they are known before the stream is open.</param>
/// <param name="roundTripSeconds">The round trip, likewise; NaN where unknown.</param>
/// <param name="open">Opens the stream with drafts for the places behind the text. Does not wait for the server's answer. The drafts' memory is
/// valid during the call only.</param>
internal sealed class TogetherTurn(
    DraftWindow window, Gate gate, Agreement earlier, StepCost cost, double roundTripSeconds, Func<ReadOnlyMemory<int>, IVerifierStream> open)
{
    /// <summary>Tokens of a prompt that are taken in between two looks at the stream.</summary>
    public const int PromptChunk = 64;

    /// <summary>While nothing is drafted, so many committed tokens are compared in one pass.</summary>
    private const int Batch = 16;

    /// <summary>Committed tokens between two decisions of the gate.</summary>
    private const int Reconsider = 16;

    private readonly Agreement _known = earlier + new Agreement();
    private IVerifierStream? _stream;
    private int _prompt, _sent, _undecided;
    private int _connections = 1;

    /// <summary>Why the text ended; null while it has not.</summary>
    public FinishReason? Finish => _stream?.Finish;

    /// <summary>The gate's last decision.</summary>
    public GateDecision Decision { get; private set; }

    /// <summary>Drafts sent.</summary>
    public int Drafted { get; private set; }

    /// <summary>Drafts that the server accepted.</summary>
    public int Accepted { get; private set; }

    /// <summary>Drafts that the server dropped, as far as its commits said.</summary>
    public int Wasted { get; private set; }

    /// <summary>Commits: the server's passes.</summary>
    public int Passes { get; private set; }

    /// <summary>The text as it is committed.</summary>
    /// <param name="text">The prompt, and behind it what an earlier stream committed.</param>
    /// <param name="cancellationToken">Honoured within one pass of the device.</param>
    public async IAsyncEnumerable<TogetherToken> RunAsync(
        ReadOnlyMemory<int> text, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        window.Begin(text.Span);
        _prompt = _sent = text.Length;
        Decide();
        _stream = await OpenAsync(cancellationToken).ConfigureAwait(false);
        do
        {
            while (_stream.TryRead(out var commit))
            {
                await TakeAsync(commit, cancellationToken).ConfigureAwait(false);
                for (int i = 0; i < commit.Tokens.Length; i++)
                    yield return new(commit.Tokens.Span[i], i < commit.Accepted, Told(commit.Margins, i), Told(commit.LogProbs, i));
            }
        }
        while (await WorkAsync(_stream, cancellationToken).ConfigureAwait(false));
    }

    /// <summary>
    /// Compares what is left of the text once <see cref="RunAsync"/> has given it all, so that <see cref="DraftWindow.Agreement"/> covers every place. A pass
    /// or two of the device, which nobody needs to wait for.
    /// </summary>
    public ValueTask CompareRestAsync(CancellationToken cancellationToken = default) =>
        window.TakeInAsync(Math.Max(0, window.Untaken - 1), cancellationToken);

    /// <summary>Opens the stream: at once, or with drafts where waiting for them is predicted to pay.</summary>
    private async ValueTask<IVerifierStream> OpenAsync(CancellationToken cancellationToken)
    {
        var passes = cost.IsKnown ? cost : FreeRun.AssumedCost;
        double first = window.FirstDraftSeconds;
        int held = double.IsNaN(first)
            ? 0
            : FreeRun.DraftsBeforeOpen(passes, Decision.MostDrafts, passes.Pass(_prompt), first, Decision.DraftSeconds, _known.Runs());
        for (; held > 0 && window.CanDraft; held--)
            await window.DraftAsync(cancellationToken).ConfigureAwait(false);

        Drafted += window.Ahead.Length;
        _sent += window.Ahead.Length;
        return open(window.Ahead);
    }

    private async ValueTask TakeAsync(Commit commit, CancellationToken cancellationToken)
    {
        Passes++;
        Accepted += commit.Accepted;
        Wasted += commit.Wasted;
        await window.CommitAsync(commit.Place, commit.Tokens, cancellationToken).ConfigureAwait(false);

        // Nothing ahead: either all was used, or it was wrong and is made anew.
        _sent = window.Ahead.IsEmpty ? window.Committed : Math.Max(_sent, window.Committed);
        _undecided += commit.Tokens.Length;

        // By now the first drafts were timed.
        if (Passes == 1 || _undecided >= Reconsider)
            Decide();
    }

    /// <summary>One thing to do until the next look at the stream; false once there will be nothing more.</summary>
    private async ValueTask<bool> WorkAsync(IVerifierStream stream, CancellationToken cancellationToken)
    {
        if (stream.Connections > _connections)
        {
            _connections = stream.Connections;
            _sent = window.Committed;
            await SendAsync(stream, cancellationToken).ConfigureAwait(false);
        }

        // Before the first commit there is nothing that the device's passes could hold up. A device slower than the server never pays behind it.
        bool early = window.Committed == _prompt, draft = early || Decision.On;
        if (window.HasEnded || !(draft || Decision.DraftSeconds < Decision.StepSeconds))
            return await stream.WaitAsync(cancellationToken).ConfigureAwait(false);

        if (window.Untaken > PromptChunk)
        {
            await window.TakeInAsync(PromptChunk, cancellationToken).ConfigureAwait(false);
        }
        else if (draft && window.CanDraft)
        {
            await window.DraftAsync(cancellationToken).ConfigureAwait(false);
            await SendAsync(stream, cancellationToken).ConfigureAwait(false);
        }
        else if (window.Untaken > Batch)
        {
            await window.TakeInAsync(Batch, cancellationToken).ConfigureAwait(false);
        }
        else
        {
            return await stream.WaitAsync(cancellationToken).ConfigureAwait(false);
        }

        return true;
    }

    /// <summary>Sends the drafts ahead that were not sent yet.</summary>
    private async ValueTask SendAsync(IVerifierStream stream, CancellationToken cancellationToken)
    {
        for (int end = window.Committed + window.Ahead.Length; _sent < end;)
        {
            int count = Math.Min(end - _sent, Verifier.MostPerOffer);
            var drafts = window.Ahead.Slice(_sent - window.Committed, count);
            await stream.SendAsync(_sent, drafts, window.Committed, cancellationToken).ConfigureAwait(false);
            _sent += count;
            Drafted += count;
        }
    }

    private static float Told(ReadOnlyMemory<float> values, int i) => values.IsEmpty ? float.NaN : values.Span[i];

    private void Decide()
    {
        _undecided = 0;
        Decision = gate.Decide(new(_stream?.Cost ?? cost, _stream?.RoundTripSeconds ?? roundTripSeconds, window.DraftSeconds, _known + window.Agreement));
        window.Size = Decision.Window;
    }
}
