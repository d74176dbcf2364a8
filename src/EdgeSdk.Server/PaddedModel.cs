using System.Diagnostics;
using EdgeSdk.Decoding;
using EdgeSdk.Sampling;

namespace EdgeSdk.Server;

/// <summary>A stand-in for a larger model: every pass, a prompt's too, takes at least a given time. The text is the inner model's.</summary>
/// <remarks>The inner model is not owned.</remarks>
internal sealed class PaddedModel(ILanguageModel inner, TimeSpan pass) : ILanguageModel
{
    public ModelInfo Info => inner.Info;

    public StepTraits Traits => inner.Traits with { Cost = inner.Traits.Cost.AtLeast((float)pass.TotalSeconds) };

    public async ValueTask<ISequence> OpenAsync(SamplerSpec sampler, CancellationToken cancellationToken = default) =>
        new PaddedSequence(await inner.OpenAsync(sampler, cancellationToken).ConfigureAwait(false), pass);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private sealed class PaddedSequence(ISequence inner, TimeSpan pass) : ISequence
    {
        private readonly long _ticks = (long)(pass.TotalSeconds * Stopwatch.Frequency);

        public int Length => inner.Length;

        public async ValueTask StepAsync(ReadOnlyMemory<int> tokens, Memory<Pick> picks, CancellationToken cancellationToken = default)
        {
            long due = Stopwatch.GetTimestamp() + _ticks;
            await inner.StepAsync(tokens, picks, cancellationToken).ConfigureAwait(false);
            // The step is done and its result stands: a cancellation ends the padding, it does not fail the step.
            await PreciseTimer.Shared.WaitUntilAsync(due, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        public ValueTask RewindAsync(int length, CancellationToken cancellationToken = default) => inner.RewindAsync(length, cancellationToken);

        public void Resample(SamplerSpec sampler) => inner.Resample(sampler);

        public ValueTask DisposeAsync() => inner.DisposeAsync();
    }
}
