using EdgeSdk.Sampling;

namespace EdgeSdk.Decoding;

/// <summary>A sequence that remembers its text, so that the next prompt of a conversation pays only for what is new in it.</summary>
/// <remarks>The inner sequence is owned. It keeps its sampler: only a turn with an equal <see cref="SamplerSpec"/> can continue it.</remarks>
internal sealed class KeptSequence(ISequence inner) : ISequence
{
    private readonly List<int> text = [];

    public int Length => inner.Length;

    /// <summary>
    /// Takes the sequence back to the longest beginning that it shares with <paramref name="prompt"/>, and at most to all of it but one token,
    /// since a choice needs a token to follow.
    /// </summary>
    /// <returns>Tokens kept: the prompt goes on with <c>prompt[kept..]</c>.</returns>
    public async ValueTask<int> ShareAsync(ReadOnlyMemory<int> prompt, CancellationToken cancellationToken = default)
    {
        int most = Math.Min(prompt.Length - 1, text.Count), shared = 0;
        while (shared < most && text[shared] == prompt.Span[shared])
            shared++;

        await RewindAsync(shared, cancellationToken).ConfigureAwait(false);
        return shared;
    }

    public async ValueTask StepAsync(ReadOnlyMemory<int> tokens, Memory<Pick> picks, CancellationToken cancellationToken = default)
    {
        await inner.StepAsync(tokens, picks, cancellationToken).ConfigureAwait(false);
        text.AddRange(tokens.Span);
    }

    public async ValueTask RewindAsync(int length, CancellationToken cancellationToken = default)
    {
        await inner.RewindAsync(length, cancellationToken).ConfigureAwait(false);
        text.RemoveRange(length, text.Count - length);
    }

    public ValueTask DisposeAsync() => inner.DisposeAsync();
}
