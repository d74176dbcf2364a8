namespace EdgeSdk.Decoding;

/// <summary>What one pass of the verifier added to the text. Commits are final.</summary>
/// <param name="Place">The place of the first token.</param>
/// <param name="Tokens">The tokens, at least one. From <see cref="Verifier"/> valid until its next call.</param>
/// <param name="Accepted">How many of them, from the first on, were drafts.</param>
/// <param name="Wasted">Drafts dropped since the last commit: late, wrong, or not to be used.</param>
/// <param name="PassSeconds">Time of the pass; the first one's includes the prompt.</param>
/// <param name="Margins">The picks' margins (<see cref="Sampling.Pick.Margin"/>), as many as tokens, or none. From <see cref="Verifier"/> valid until its next call.</param>
internal readonly record struct Commit(
    int Place, ReadOnlyMemory<int> Tokens, int Accepted, int Wasted, double PassSeconds, ReadOnlyMemory<float> Margins)
{
    /// <summary>The picks' log-probabilities (<see cref="Sampling.Pick.LogProb"/>), likewise.</summary>
    public ReadOnlyMemory<float> LogProbs { get; init; }

    /// <summary>The place after the last token.</summary>
    public int End => Place + Tokens.Length;
}
