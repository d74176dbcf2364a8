namespace EdgeSdk.Decoding;

/// <summary>A guess for one place.</summary>
internal readonly record struct Draft(int Place, int Token);

/// <summary>
/// The device's side of a text that both decode: the sequence-backed drafter. It runs ahead of the committed text by a bounded window, keeps what
/// the commits confirm, goes back where they differ, and compares its own choice at every committed place, drafted or not.
/// </summary>
/// <remarks>One caller at a time. The sequence is owned.</remarks>
internal sealed class DraftWindow : IAsyncDisposable
{
    /// <summary>A window over <paramref name="sequence"/>, which it owns and which may hold the beginning of the prompt already.</summary>
    /// <param name="model">The sequence's model.</param>
    /// <param name="sequence">Opened with the sampler that the server's has: equal noise makes equal choices likely.</param>
    /// <param name="stop">No place is drafted beyond its last one.</param>
    /// <param name="agreement">Takes one entry for each committed place; shared by the turns of a conversation.</param>
    /// <param name="time">Measures the time of a draft.</param>
    public DraftWindow(ILanguageModel model, ISequence sequence, StopRule stop, Agreement agreement, TimeProvider time) => throw new NotImplementedException();

    /// <summary>Length of the committed text as this side knows it; the place of the next commit.</summary>
    public int Committed => throw new NotImplementedException();

    /// <summary>Drafts made and not yet answered, for the places from <see cref="Committed"/> on. A resumed stream sends them again. Valid until the next call.</summary>
    public ReadOnlyMemory<int> Ahead => throw new NotImplementedException();

    /// <summary>How far ahead drafts are made; at least 1.</summary>
    public int Size { get; set; } = 32;

    /// <summary>Whether a further draft is within the window and the text's limits, and no draft so far ends the text.</summary>
    public bool CanDraft => throw new NotImplementedException();

    /// <summary>Committed tokens that this side has not compared with its own choice yet.</summary>
    public int Unscored => throw new NotImplementedException();

    /// <summary>Measured time of one draft, seconds; NaN before the first.</summary>
    public double DraftSeconds => throw new NotImplementedException();

    /// <summary>Takes in <paramref name="text"/>: the prompt, and behind it what an earlier stream committed. Makes the first draft along the way where the limits allow one.</summary>
    public ValueTask<Draft?> PrefillAsync(ReadOnlyMemory<int> text, CancellationToken cancellationToken = default) => throw new NotImplementedException();

    /// <summary>Makes the next draft, taking in committed tokens that were not taken in yet in the same pass.</summary>
    public ValueTask<Draft> DraftAsync(CancellationToken cancellationToken = default) => throw new NotImplementedException();

    /// <summary>
    /// The server has written <paramref name="tokens"/> from <paramref name="place"/> on: keeps the drafts that agree and drops the rest from the first
    /// that does not. What was never drafted is taken in, and compared, by the next <see cref="DraftAsync"/> or <see cref="ScoreAsync"/>.
    /// </summary>
    /// <exception cref="EdgeException">Protocol: the place is not the next one, or a token lies outside the vocabulary.</exception>
    public ValueTask CommitAsync(int place, ReadOnlyMemory<int> tokens, CancellationToken cancellationToken = default) => throw new NotImplementedException();

    /// <summary>Takes in what was committed and not drafted, in batches, and compares: so that agreement stays known while nothing is drafted.</summary>
    public ValueTask ScoreAsync(CancellationToken cancellationToken = default) => throw new NotImplementedException();

    public ValueTask DisposeAsync() => throw new NotImplementedException();
}
