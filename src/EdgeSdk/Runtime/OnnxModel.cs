using EdgeSdk.Decoding;
using EdgeSdk.Sampling;

namespace EdgeSdk.Runtime;

/// <summary>A decoder in ONNX format, run by ONNX Runtime on this machine.</summary>
/// <remarks>
/// Thread-safe. A step runs on the thread that calls it and completes synchronously unless it waits for its turn: at most
/// <see cref="OnnxModelOptions.ConcurrentPasses"/> passes run at a time, in order of arrival. Sequences keep their memory until they are disposed;
/// disposing the model waits for the passes that run and ends all sequences.
/// </remarks>
public sealed class OnnxModel : ILanguageModel
{
    private OnnxModel()
    {
    }

    /// <inheritdoc/>
    public ModelInfo Info => throw new NotImplementedException();

    /// <inheritdoc/>
    public StepTraits Traits => throw new NotImplementedException();

    /// <summary>Loads the model of <paramref name="folder"/>: a genai folder or one that <c>edge convert</c> wrote. The caller disposes it.</summary>
    /// <exception cref="EdgeException">A file is missing, damaged or not what it should be.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option lies outside its range.</exception>
    public static Task<OnnxModel> LoadAsync(
        string folder,
        OnnxModelOptions? options = null,
        IProgress<LoadProgress>? progress = null,
        CancellationToken cancellationToken = default) => throw new NotImplementedException();

    /// <inheritdoc/>
    public ValueTask<ISequence> OpenAsync(SamplerSpec sampler, CancellationToken cancellationToken = default) => throw new NotImplementedException();

    /// <summary>The logits that follow a prompt, [vocabulary]: what the sampler would see. For tools; generation never needs them.</summary>
    /// <exception cref="ContextOverflowException">The prompt does not fit into the model's context.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The prompt is empty or an id lies outside the vocabulary.</exception>
    public ValueTask<float[]> PromptLogitsAsync(ReadOnlyMemory<int> prompt, CancellationToken cancellationToken = default) =>
        throw new NotImplementedException();

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => throw new NotImplementedException();
}
