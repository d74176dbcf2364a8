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
    private readonly DecoderDescription description;

    private DecoderSession(InferenceSession session, DecoderDescription description)
    {
        Session = session;
        this.description = description;
        Tokens = Input("tokens") ?? throw Invalid("its description names no input for 'tokens'");
        Mask = Input("mask");
        PastLength = Input("past_length");
        Positions = Input("positions");
        FirstLogit = Input("first_logit");
        Logits = Output("logits");
        Cache = [.. CacheTensors()];
        CheckVocabulary();
        CheckNothingIsLeftUnfed();
    }

    public InferenceSession Session { get; }

    /// <summary>The graph's file, for messages.</summary>
    public string File => description.Path;

    public string Tokens { get; }

    public string? Mask { get; }

    public string? PastLength { get; }

    public string? Positions { get; }

    public string? FirstLogit { get; }

    public string Logits { get; }

    /// <summary>Keys and values of the layers, in order.</summary>
    public ImmutableArray<CacheTensor> Cache { get; }

    /// <summary>The logits' last dimension.</summary>
    public int VocabularySize => description.VocabularySize;

    /// <summary>Loads the graph and checks it against its description.</summary>
    /// <exception cref="EdgeException">The file is missing or damaged, or is not what its description says.</exception>
    public static DecoderSession Load(DecoderDescription description, int threads)
    {
        var session = Open(description.Path, threads);
        try
        {
            return new DecoderSession(session, description);
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    public void Dispose() => Session.Dispose();

    private static InferenceSession Open(string path, int threads)
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
        options.AddSessionConfigEntry("session.intra_op.allow_spinning", "0"); // a fifth faster alone, half as fast beside another busy process
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
        if (!description.Inputs.TryGetValue(role, out var name))
            return null;

        if (!Session.InputMetadata.ContainsKey(name) && !Session.OverridableInitializerMetadata.ContainsKey(name))
            throw Invalid($"it has no input '{name}', which its description names as '{role}'");

        return name;
    }

    private string Output(string role)
    {
        if (!description.Outputs.TryGetValue(role, out var name))
            throw Invalid($"its description names no output for '{role}'");

        return Session.OutputMetadata.ContainsKey(name) ? name : throw Invalid($"it has no output '{name}', which its description names as '{role}'");
    }

    private IEnumerable<CacheTensor> CacheTensors()
    {
        for (int layer = 0; description.Inputs.ContainsKey($"past_key.{layer}"); layer++)
        {
            yield return CacheTensor($"key.{layer}");
            yield return CacheTensor($"value.{layer}");
        }
    }

    private CacheTensor CacheTensor(string role)
    {
        string past = Input($"past_{role}") ?? throw Invalid($"its description names no input for 'past_{role}'");
        var metadata = Session.InputMetadata[past];
        if (metadata.ElementDataType != TensorElementType.Float)
            throw Invalid($"its input '{past}' is {metadata.ElementDataType}; this engine keeps keys and values in float32");

        if (metadata.Dimensions is not [_, var heads, _, var headSize])
            throw Invalid($"its input '{past}' has {metadata.Dimensions.Length} dimensions where [1, heads, capacity, head size] is wanted");

        heads = heads > 0 ? heads : description.CacheHeads;
        headSize = headSize > 0 ? headSize : description.HeadSize;
        return heads > 0 && headSize > 0
            ? new CacheTensor(past, Output($"present_{role}"), heads, headSize)
            : throw Invalid($"neither its input '{past}' nor its description says how many heads of which size the cache has");
    }

    private void CheckVocabulary()
    {
        int rows = Session.OutputMetadata[Logits].Dimensions[^1];
        if (rows > 0 && rows != VocabularySize)
            throw Invalid($"its output '{Logits}' has {rows} entries a token, its description a vocabulary of {VocabularySize}");
    }

    private void CheckNothingIsLeftUnfed()
    {
        var fed = description.Inputs.Values.ToHashSet();
        if (Session.InputNames.FirstOrDefault(name => !fed.Contains(name)) is { } name)
            throw Invalid($"it has an input '{name}' that its description does not name");
    }

    private EdgeException Invalid(string what) => new(EdgeErrorCode.InvalidModel, $"{File}: {what}. Convert the model again.");
}

/// <summary>What a model's folder says of its decoder's graph.</summary>
/// <param name="Path">The ONNX file.</param>
/// <param name="Inputs">Names of the graph's inputs by their roles: tokens, mask, past_length, positions, first_logit, past_key.0, past_value.0, ...</param>
/// <param name="Outputs">Names of the graph's outputs by their roles: logits, present_key.0, present_value.0, ...</param>
/// <param name="VocabularySize">Entries of a token's logits.</param>
/// <param name="CacheHeads">Heads of the cache where the graph leaves them open.</param>
/// <param name="HeadSize">Their size where the graph leaves it open.</param>
internal sealed record DecoderDescription(
    string Path,
    IReadOnlyDictionary<string, string> Inputs,
    IReadOnlyDictionary<string, string> Outputs,
    int VocabularySize,
    int CacheHeads,
    int HeadSize);

/// <summary>The keys or the values of one layer.</summary>
internal readonly record struct CacheTensor(string Past, string Present, int Heads, int HeadSize);
