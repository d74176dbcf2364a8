using EdgeSdk.Sampling;

namespace EdgeSdk.Decoding;

/// <summary>A sequence that remembers its text, so that the next prompt of a conversation pays only for what is new in it.</summary>
/// <remarks>The inner sequence is owned.</remarks>
internal sealed class KeptSequence(ISequence inner) : ISequence
{
    private readonly List<int> _text = [];

    public int Length => inner.Length;

    /// <summary>Tokens at the beginning that its text shares with <paramref name="prompt"/>: at most all of the prompt but one, since a choice needs a token to follow.</summary>
    public int SharedWith(ReadOnlySpan<int> prompt)
    {
        int most = Math.Min(prompt.Length - 1, _text.Count), shared = 0;
        while (shared < most && _text[shared] == prompt[shared])
            shared++;

        return shared;
    }

    /// <summary>Takes the sequence back to what it shares with <paramref name="prompt"/>.</summary>
    /// <returns>Tokens kept: the prompt goes on with <c>prompt[kept..]</c>.</returns>
    public async ValueTask<int> ShareAsync(ReadOnlyMemory<int> prompt, CancellationToken cancellationToken = default)
    {
        int shared = SharedWith(prompt.Span);
        await RewindAsync(shared, cancellationToken).ConfigureAwait(false);
        return shared;
    }

    public async ValueTask StepAsync(ReadOnlyMemory<int> tokens, Memory<Pick> picks, CancellationToken cancellationToken = default)
    {
        await inner.StepAsync(tokens, picks, cancellationToken).ConfigureAwait(false);
        _text.AddRange(tokens.Span);
    }

    public async ValueTask RewindAsync(int length, CancellationToken cancellationToken = default)
    {
        await inner.RewindAsync(length, cancellationToken).ConfigureAwait(false);
        _text.RemoveRange(length, _text.Count - length);
    }

    public void Resample(SamplerSpec sampler) => inner.Resample(sampler);

    public ValueTask DisposeAsync() => inner.DisposeAsync();
}
