namespace EdgeSdk.Decoding;

/// <summary>
/// The server's side of a text that both decode. It runs free: each pass verifies the drafts that have arrived for its place, as many as pay, and
/// where none have it steps alone. It never waits. The text is the one that the model writes alone: a draft is kept where it equals the model's own choice.
/// </summary>
/// <remarks><see cref="Offer"/> and <see cref="StopAfter"/> are thread-safe; the passes have one caller at a time.</remarks>
internal sealed class Verifier : IAsyncDisposable
{
    /// <summary>Drafts that may wait for their place.</summary>
    public const int MostWaiting = 1024;

    /// <summary>Drafts that are taken from one call of <see cref="Offer"/>.</summary>
    public const int MostPerOffer = 64;

    /// <summary>A verifier over <paramref name="sequence"/>, which it owns and which may hold the beginning of the text already.</summary>
    /// <param name="model">The sequence's model: traits, vocabulary.</param>
    /// <param name="sequence">An open sequence of that model.</param>
    /// <param name="stop">When the text ends.</param>
    /// <param name="time">Measures the passes.</param>
    public Verifier(ILanguageModel model, ISequence sequence, StopRule stop, TimeProvider time) => throw new NotImplementedException();

    /// <summary>The place of the next token.</summary>
    public int Place => throw new NotImplementedException();

    /// <summary>Why the text ended; null while it has not. Known as soon as the last commit is given.</summary>
    public FinishReason? Finish => throw new NotImplementedException();

    /// <summary>Passes, drafts and what became of them, so far.</summary>
    public VerifierUsage Usage => throw new NotImplementedException();

    /// <summary>
    /// Guesses for the places from <paramref name="place"/> on. Nothing that arrives here is an error: what is late, out of range, over the
    /// limits or based on a text that the model has since left is dropped and counted as wasted. May be called before <see cref="StartAsync"/>.
    /// </summary>
    /// <param name="place">The place of the first.</param>
    /// <param name="drafts">Token ids.</param>
    /// <param name="heard">How many tokens of the text (prompt included) the device knew to be committed when it made them: drafts made before
    /// it heard of the last disagreement follow a wrong text and are not worth a verification.</param>
    public void Offer(int place, ReadOnlySpan<int> drafts, int heard) => throw new NotImplementedException();

    /// <summary>No token beyond <paramref name="place"/> is wanted any more; the pass under way is not undone.</summary>
    public void StopAfter(int place) => throw new NotImplementedException();

    /// <summary>
    /// Takes in <paramref name="text"/> and makes the first commit, drafts that have arrived included. A resumed text ends with what an earlier
    /// stream committed.
    /// </summary>
    /// <returns>The first commit; null where the text has ended already.</returns>
    public ValueTask<Commit?> StartAsync(ReadOnlyMemory<int> text, CancellationToken cancellationToken = default) => throw new NotImplementedException();

    /// <summary>One pass.</summary>
    /// <returns>Its commit; null once the text has ended (<see cref="Finish"/>).</returns>
    public ValueTask<Commit?> NextAsync(CancellationToken cancellationToken = default) => throw new NotImplementedException();

    public ValueTask DisposeAsync() => throw new NotImplementedException();
}

/// <summary>What a verifier did for a text.</summary>
/// <param name="Passes">Forward passes that gave tokens, the prompt's last included.</param>
/// <param name="Drafted">Drafts that were offered.</param>
/// <param name="Accepted">Drafts that became part of the text.</param>
/// <param name="Wasted">Drafts that were dropped: late, wrong, or not to be used.</param>
internal readonly record struct VerifierUsage(int Passes, int Drafted, int Accepted, int Wasted);
