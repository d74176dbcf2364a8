using EdgeSdk.Decoding;
using EdgeSdk.Models;
using EdgeSdk.Sampling;

namespace EdgeSdk.Runtime;

/// <summary>A decoder in ONNX format, run by ONNX Runtime on this machine.</summary>
/// <remarks>
/// Thread-safe. A step runs on the thread that calls it and completes synchronously unless it waits for its turn: at most
/// <see cref="OnnxModelOptions.ConcurrentPasses"/> passes run at a time, in order of arrival. Sequences keep their memory until they are disposed;
/// disposing the model waits for the steps under way and ends all sequences.
/// </remarks>
public sealed class OnnxModel : ILanguageModel
{
    /// <summary>Narrower than any block of rows in the runtime's attention.</summary>
    private const int WidestOddPass = 15;

    private readonly DecoderSession _session;
    private readonly SemaphoreSlim _turns;
    private readonly TaskCompletionSource _left = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _users = 1; // the steps under way, and the model itself until it is disposed
    private int _disposed;

    private OnnxModel(DecoderSession session, ModelInfo info, OnnxModelOptions options)
    {
        _session = session;
        Info = info;
        Options = options;
        _turns = new SemaphoreSlim(options.ConcurrentPasses);
        int rows = options.PrefillChunk;
        int logitRows = session.FirstLogit is null ? rows : Math.Min(rows, PassRows(Math.Max(options.MaxStep, SelfTest.Rows)));
        Caches = new KeyValueCachePool(session, info.ContextLength, rows, logitRows);
        Traits = new StepTraits(options.MaxStep, 0, default);
    }

    /// <inheritdoc/>
    public ModelInfo Info { get; }

    /// <inheritdoc/>
    public StepTraits Traits { get; private set; }

    internal OnnxModelOptions Options { get; }

    internal KeyValueCachePool Caches { get; }

    /// <summary>Loads the model of <paramref name="folder"/>: a genai folder or one that <c>edge convert</c> wrote. The caller disposes it.</summary>
    /// <exception cref="EdgeException">A file is missing, damaged or not what it should be.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An option lies outside its range.</exception>
    public static Task<OnnxModel> LoadAsync(
        string folder,
        OnnxModelOptions? options = null,
        IProgress<LoadProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(folder);
        options ??= new OnnxModelOptions();
        options.Validate();
        return Task.Run(() => LoadModelAsync(folder, options, progress, cancellationToken), cancellationToken);
    }

    /// <inheritdoc/>
    public ValueTask<ISequence> OpenAsync(SamplerSpec sampler, CancellationToken cancellationToken = default)
    {
        sampler.Validate();
        ObjectDisposedException.ThrowIf(_disposed != 0, this);
        return new(new OnnxSequence(this, sampler));
    }

    /// <summary>The logits that follow a prompt, [vocabulary]: what the sampler would see. For tools; generation never needs them.</summary>
    /// <exception cref="ContextOverflowException">The prompt does not fit into the model's context.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The prompt is empty or an id lies outside the vocabulary.</exception>
    public async ValueTask<float[]> PromptLogitsAsync(ReadOnlyMemory<int> prompt, CancellationToken cancellationToken = default)
    {
        var sequence = new OnnxSequence(this, SamplerSpec.Greedy);
        await using var _ = sequence.ConfigureAwait(false);
        var logits = new float[Info.VocabularySize];
        await sequence.StepAsync(prompt, logits, cancellationToken).ConfigureAwait(false);
        return logits;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;

        Leave();
        await _left.Task.ConfigureAwait(false);
        Caches.Dispose();
        _session.Dispose();
    }

    /// <summary>Rows of a pass over <paramref name="tokens"/> tokens.</summary>
    /// <remarks>
    /// The runtime's attention walks a wide pass in blocks of rows (an even number, twice the head size or so) and treats a last block of one row as it
    /// does a pass of one row: with other bits. So wide passes have an even number of rows.
    /// </remarks>
    internal int PassRows(int tokens)
    {
        int rows = Math.Max(tokens, Options.MinimumRows);
        return rows <= WidestOddPass ? rows : rows + (rows & 1);
    }

    /// <summary>Keeps the model from being disposed until <see cref="Leave"/>; false where it already is.</summary>
    internal bool TryEnter()
    {
        Interlocked.Increment(ref _users);
        if (_disposed == 0)
            return true;

        Leave();
        return false;
    }

    internal void Leave()
    {
        if (Interlocked.Decrement(ref _users) == 0)
            _left.TrySetResult();
    }

    /// <summary>Takes a turn to run one pass where nobody has to be waited for.</summary>
    internal bool TryTakeTurn(CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        return _turns.Wait(0, CancellationToken.None);
    }

    /// <summary>Waits for a turn to run one pass; turns come in the order in which they were asked for.</summary>
    internal Task TakeTurnAsync(CancellationToken cancellationToken) => _turns.WaitAsync(cancellationToken);

    internal void EndTurn() => _turns.Release();

    private static async Task<OnnxModel> LoadModelAsync(
        string path, OnnxModelOptions options, IProgress<LoadProgress>? progress, CancellationToken cancellationToken)
    {
        options = Resolve(options);
        progress?.Report(new(path, LoadStage.Verifying));
        var folder = ModelFolder.Open(path, cancellationToken: cancellationToken);
        var info = folder.Info;
        if (options.ContextLength > 0)
            info = info with { ContextLength = Math.Min(info.ContextLength, options.ContextLength) };

        progress?.Report(new(info.Name, LoadStage.Loading));
        var model = new OnnxModel(DecoderSession.Load(folder, options.Threads), info, options);
        try
        {
            if (options.SelfTest)
            {
                progress?.Report(new(info.Name, LoadStage.Testing));
                model.Traits = await SelfTest.RunAsync(model, cancellationToken).ConfigureAwait(false);
            }

            cancellationToken.ThrowIfCancellationRequested();
        }
        catch
        {
            await model.DisposeAsync().ConfigureAwait(false);
            throw;
        }

        progress?.Report(new(info.Name, LoadStage.Ready));
        return model;
    }

    private static OnnxModelOptions Resolve(OnnxModelOptions options)
    {
        int threads = options.Threads > 0 ? options.Threads : Math.Min(Environment.ProcessorCount, 8);
        return options with
        {
            Threads = threads,
            ConcurrentPasses = options.ConcurrentPasses > 0 ? options.ConcurrentPasses : threads,
            PrefillChunk = options.PrefillChunk & ~1, // see PassRows: no chunk but the last is padded
        };
    }
}
