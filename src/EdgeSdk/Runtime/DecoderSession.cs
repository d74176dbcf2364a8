using System.Collections.Immutable;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace EdgeSdk.Runtime;

/// <summary>A decoder's graph in ONNX Runtime: the session, what its inputs and outputs are called, and the shapes of its cache.</summary>
/// <remarks>
/// Shapes: tokens and positions int64 [1, rows]; mask int64 [1, capacity], ones up to the end of the pass; past length int64 [1]; first logit int64 [1],
/// the first row whose logits are computed; keys and values float32 [1, heads, capacity, head size], past and present the same buffer; logits float32
/// [1, rows - first logit, vocabulary]. Dense graphs have a mask, those with latent attention a past length.
/// </remarks>
internal sealed class DecoderSession : IDisposable
{
    private readonly IReadOnlyDictionary<string, string> inputs, outputs;

    /// <param name="session">The session; this object disposes it.</param>
    /// <param name="file">The graph's file, for messages.</param>
    /// <param name="inputs">Names of the graph's inputs by their roles.</param>
    /// <param name="outputs">Names of the graph's outputs by their roles.</param>
    /// <param name="vocabularySize">The vocabulary where the graph leaves it open.</param>
    /// <param name="cacheHeads">Heads of the cache where the graph leaves them open.</param>
    /// <param name="headSize">Their size where the graph leaves it open.</param>
    public DecoderSession(
        InferenceSession session,
        string file,
        IReadOnlyDictionary<string, string> inputs,
        IReadOnlyDictionary<string, string> outputs,
        int vocabularySize,
        int cacheHeads,
        int headSize)
    {
        Session = session;
        File = file;
        this.inputs = inputs;
        this.outputs = outputs;
        Tokens = Input("tokens") ?? throw Invalid("its description names no input for the tokens");
        Mask = Input("mask");
        PastLength = Input("past_length");
        Positions = Input("positions");
        FirstLogit = Input("first_logit");
        Logits = Output("logits");
        Cache = [.. Enumerable.Range(0, int.MaxValue).TakeWhile(i => inputs.ContainsKey($"past_key.{i}")).SelectMany(layer => new[] { CacheTensor("key", layer, cacheHeads, headSize), CacheTensor("value", layer, cacheHeads, headSize) })];
        VocabularySize = session.OutputMetadata[Logits].Dimensions is [.., > 0 and var rows] ? rows : vocabularySize;
        CheckNothingIsLeftUnfed();
    }

    public InferenceSession Session { get; }

    public string File { get; }

    public string Tokens { get; }

    public string? Mask { get; }

    public string? PastLength { get; }

    public string? Positions { get; }

    public string? FirstLogit { get; }

    public string Logits { get; }

    /// <summary>Keys and values of the layers, in order.</summary>
    public ImmutableArray<CacheTensor> Cache { get; }

    /// <summary>The logits' last dimension.</summary>
    public int VocabularySize { get; }

    /// <summary>Loads a graph from its file.</summary>
    public static InferenceSession Load(string path, int threads)
    {
        if (!System.IO.File.Exists(path))
            throw new EdgeException(EdgeErrorCode.InvalidModel, $"{path} does not exist. Download or convert the model again.");

        KeepTheRuntimeQuiet();
        try
        {
            using var options = Options(threads);
            return new InferenceSession(path, options);
        }
        catch (OnnxRuntimeException e)
        {
            throw new EdgeException(
                EdgeErrorCode.InvalidModel, $"{path}: ONNX Runtime cannot load it: {e.Message} Download or convert the model again.", e);
        }
    }

    public void Dispose() => Session.Dispose();

    private static SessionOptions Options(int threads)
    {
        var options = new SessionOptions
        {
            IntraOpNumThreads = threads,
            InterOpNumThreads = 1,
            ExecutionMode = ExecutionMode.ORT_SEQUENTIAL,
            GraphOptimizationLevel = GraphOptimizationLevel.ORT_ENABLE_ALL,
            LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL, // failures reach the caller as exceptions
        };
        options.AddSessionConfigEntry("session.intra_op.allow_spinning", "0");
        return options;
    }

    /// <summary>The runtime's environment is the process's: it belongs to whoever came first. Ours writes nothing to standard error by itself.</summary>
    private static void KeepTheRuntimeQuiet()
    {
        if (OrtEnv.IsCreated)
            return;

        var options = new EnvironmentCreationOptions { logId = "EdgeSdk", logLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL };
        OrtEnv.CreateInstanceWithOptions(ref options);
    }

    private string? Input(string role)
    {
        if (!inputs.TryGetValue(role, out var name))
            return null;

        if (!Session.InputMetadata.ContainsKey(name) && !Session.OverridableInitializerMetadata.ContainsKey(name))
            throw Invalid($"it has no input '{name}', which its description names as '{role}'");

        return name;
    }

    private string Output(string role)
    {
        if (!outputs.TryGetValue(role, out var name))
            throw Invalid($"its description names no output for '{role}'");

        return Session.OutputMetadata.ContainsKey(name) ? name : throw Invalid($"it has no output '{name}', which its description names as '{role}'");
    }

    private CacheTensor CacheTensor(string kind, int layer, int heads, int headSize)
    {
        string past = Input($"past_{kind}.{layer}") ?? throw Invalid($"its description names no input for 'past_{kind}.{layer}'");
        var metadata = Session.InputMetadata[past];
        if (metadata.ElementDataType != TensorElementType.Float)
            throw Invalid($"its input '{past}' is {metadata.ElementDataType}; this engine keeps keys and values in float32");

        if (metadata.Dimensions is not [_, var ownHeads, _, var ownSize])
            throw Invalid($"its input '{past}' has {metadata.Dimensions.Length} dimensions where [1, heads, capacity, head size] is wanted");

        heads = ownHeads > 0 ? ownHeads : heads;
        headSize = ownSize > 0 ? ownSize : headSize;
        return heads > 0 && headSize > 0
            ? new CacheTensor(past, Output($"present_{kind}.{layer}"), heads, headSize)
            : throw Invalid($"neither its input '{past}' nor its description says how many heads of which size the cache has");
    }

    private void CheckNothingIsLeftUnfed()
    {
        var fed = inputs.Values.ToHashSet();
        if (Session.InputNames.FirstOrDefault(name => !fed.Contains(name)) is { } name)
            throw Invalid($"it has an input '{name}' that its description does not name");
    }

    private EdgeException Invalid(string what) => new(EdgeErrorCode.InvalidModel, $"{File}: {what}. Convert the model again.");
}

/// <summary>The keys or the values of one layer.</summary>
internal readonly record struct CacheTensor(string Past, string Present, int Heads, int HeadSize);
