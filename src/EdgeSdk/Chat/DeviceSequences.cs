using EdgeSdk.Decoding;
using EdgeSdk.Sampling;

namespace EdgeSdk.Chat;

/// <summary>The device's sequences between turns: a conversation's next turn takes up the one that shares most of its prompt.</summary>
/// <remarks>Thread-safe. A leased sequence is the lessee's alone until it is disposed, which puts it back.</remarks>
internal sealed class DeviceSequences(ILanguageModel model, int capacity) : IAsyncDisposable
{
    private readonly LinkedList<(SamplerSpec Sampler, KeptSequence Sequence)> _idle = [];
    private readonly Lock _lock = new();
    private bool _disposed;

    /// <summary>A sequence that holds the beginning of <paramref name="prompt"/>, at most all of it but one token.</summary>
    /// <remarks>Where the sampler penalises, a sequence counts from its own prompt's end and serves no later turn.</remarks>
    public async ValueTask<LeasedSequence> LeaseAsync(SamplerSpec sampler, ReadOnlyMemory<int> prompt, CancellationToken cancellationToken)
    {
        sampler = sampler.Behind(prompt.Length);
        var sequence = TakeBest(sampler, prompt.Span) ?? new KeptSequence(await model.OpenAsync(sampler, cancellationToken).ConfigureAwait(false));
        int cached = await sequence.ShareAsync(prompt, cancellationToken).ConfigureAwait(false);
        return new LeasedSequence(this, sampler, sequence, cached);
    }

    /// <summary>Puts a sequence back, the one left unused longest making room.</summary>
    internal async ValueTask ReturnAsync(SamplerSpec sampler, KeptSequence sequence)
    {
        KeptSequence? surplus = null;
        lock (_lock)
        {
            _idle.AddFirst((sampler, sequence));
            if (_disposed || _idle.Count > capacity)
            {
                surplus = _idle.Last!.Value.Sequence;
                _idle.RemoveLast();
            }
        }

        if (surplus is not null)
        {
            await surplus.DisposeAsync().ConfigureAwait(false);
        }
    }

    public async ValueTask DisposeAsync()
    {
        KeptSequence[] idle;
        lock (_lock)
        {
            _disposed = true;
            idle = [.. _idle.Select(kept => kept.Sequence)];
            _idle.Clear();
        }

        foreach (var sequence in idle)
        {
            await sequence.DisposeAsync().ConfigureAwait(false);
        }
    }

    private KeptSequence? TakeBest(SamplerSpec sampler, ReadOnlySpan<int> prompt)
    {
        lock (_lock)
        {
            LinkedListNode<(SamplerSpec Sampler, KeptSequence Sequence)>? best = null;
            int most = 0;
            for (var node = _idle.First; node is not null; node = node.Next)
            {
                int shared = node.Value.Sampler == sampler ? node.Value.Sequence.SharedWith(prompt) : 0;
                if (shared > most)
                {
                    (best, most) = (node, shared);
                }
            }

            if (best is null)
            {
                return null;
            }

            _idle.Remove(best);
            return best.Value.Sequence;
        }
    }
}

/// <summary>A sequence on loan; disposing it gives it back with its text.</summary>
internal sealed class LeasedSequence(DeviceSequences owner, SamplerSpec sampler, KeptSequence sequence, int cached) : ISequence
{
    private bool _returned;

    /// <summary>Tokens of the prompt that it held already.</summary>
    public int Cached => cached;

    public int Length => sequence.Length;

    public ValueTask StepAsync(ReadOnlyMemory<int> tokens, Memory<Pick> picks, CancellationToken cancellationToken = default) =>
        sequence.StepAsync(tokens, picks, cancellationToken);

    public ValueTask RewindAsync(int length, CancellationToken cancellationToken = default) => sequence.RewindAsync(length, cancellationToken);

    public ValueTask DisposeAsync()
    {
        if (_returned)
        {
            return ValueTask.CompletedTask;
        }

        _returned = true;
        return owner.ReturnAsync(sampler, sequence);
    }
}
