using EdgeSdk.Decoding;
using EdgeSdk.Sampling;

namespace EdgeSdk.Chat;

/// <summary>The device's sequences between turns: a conversation's next turn takes up the one that shares most of its prompt, whatever its sampler was.</summary>
/// <remarks>Thread-safe. A leased sequence is the lessee's alone until it is disposed, which puts it back.</remarks>
internal sealed class DeviceSequences(ILanguageModel model, int capacity) : IAsyncDisposable
{
    private readonly LinkedList<KeptSequence> _idle = [];
    private readonly Lock _lock = new();
    private bool _disposed;

    /// <summary>A sequence that holds the beginning of <paramref name="prompt"/>, at most all of it but one token.</summary>
    public async ValueTask<LeasedSequence> LeaseAsync(SamplerSpec sampler, ReadOnlyMemory<int> prompt, CancellationToken cancellationToken)
    {
        sampler = sampler.Behind(prompt.Length);
        if (TakeBest(prompt.Span) is not { } kept)
            return new LeasedSequence(this, new KeptSequence(await model.OpenAsync(sampler, cancellationToken).ConfigureAwait(false)), 0);

        try
        {
            kept.Resample(sampler);
            int cached = await kept.ShareAsync(prompt, cancellationToken).ConfigureAwait(false);
            return new LeasedSequence(this, kept, cached);
        }
        catch
        {
            await ReturnAsync(kept).ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Puts a sequence back, the one left unused longest making room.</summary>
    internal async ValueTask ReturnAsync(KeptSequence sequence)
    {
        KeptSequence? surplus = null;
        lock (_lock)
        {
            _idle.AddFirst(sequence);
            if (_disposed || _idle.Count > capacity)
            {
                surplus = _idle.Last!.Value;
                _idle.RemoveLast();
            }
        }

        if (surplus is not null)
            await surplus.DisposeAsync().ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        KeptSequence[] idle;
        lock (_lock)
        {
            _disposed = true;
            idle = [.. _idle];
            _idle.Clear();
        }

        foreach (var sequence in idle)
            await sequence.DisposeAsync().ConfigureAwait(false);
    }

    private KeptSequence? TakeBest(ReadOnlySpan<int> prompt)
    {
        lock (_lock)
        {
            LinkedListNode<KeptSequence>? best = null;
            int most = 0;
            for (var node = _idle.First; node is not null; node = node.Next)
            {
                int shared = node.Value.SharedWith(prompt);
                if (shared > most)
                    (best, most) = (node, shared);
            }

            if (best is null)
                return null;

            _idle.Remove(best);
            return best.Value;
        }
    }
}

/// <summary>A sequence on loan; disposing it gives it back with its text.</summary>
internal sealed class LeasedSequence(DeviceSequences owner, KeptSequence sequence, int cached) : ISequence
{
    private bool _returned;

    /// <summary>Tokens of the prompt that it held already.</summary>
    public int Cached => cached;

    public int Length => sequence.Length;

    public ValueTask StepAsync(ReadOnlyMemory<int> tokens, Memory<Pick> picks, CancellationToken cancellationToken = default) =>
        sequence.StepAsync(tokens, picks, cancellationToken);

    public ValueTask RewindAsync(int length, CancellationToken cancellationToken = default) => sequence.RewindAsync(length, cancellationToken);

    public void Resample(SamplerSpec sampler) => sequence.Resample(sampler);

    public ValueTask DisposeAsync()
    {
        if (_returned)
            return ValueTask.CompletedTask;

        _returned = true;
        return owner.ReturnAsync(sequence);
    }
}
