using System.Collections.Immutable;
using EdgeSdk.Models;
using EdgeSdk.Onnx;
using Google.Protobuf;
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
    /// <summary>A pass padded to the most <see cref="OnnxModelOptions.MinimumRows"/> must fit.</summary>
    private const int ShortestContext = 16;

    /// <summary>Bytes; a larger graph holds its weights itself and is loaded as it is.</summary>
    private const long LargestEdited = 512L << 20;

    private readonly ModelFolder _folder;

    private DecoderSession(InferenceSession session, ModelFolder folder)
    {
        Session = session;
        _folder = folder;
        Tokens = Input("tokens") ?? throw Invalid("its folder names no input for 'tokens'");
        Mask = Input("mask");
        PastLength = Input("past_length");
        Positions = Input("positions");
        FirstLogit = Input("first_logit");
        Logits = Output("logits");
        Cache = [.. CacheTensors()];
        if (folder.Info.ContextLength < ShortestContext)
            throw Invalid($"its folder gives it a context of {folder.Info.ContextLength} tokens; {ShortestContext} is the least");

        CheckVocabulary();
        CheckNothingIsLeftUnfed();
    }

    public InferenceSession Session { get; }

    /// <summary>The graph's file, for messages.</summary>
    public string File => _folder.GraphFile;

    public string Tokens { get; }

    public string? Mask { get; }

    public string? PastLength { get; }

    public string? Positions { get; }

    public string? FirstLogit { get; }

    public string Logits { get; }

    /// <summary>Keys and values of the layers, in order.</summary>
    public ImmutableArray<CacheTensor> Cache { get; }

    /// <summary>The logits' last dimension.</summary>
    public int VocabularySize => _folder.Info.VocabularySize;

    /// <summary>Loads the graph and checks it against what its folder says of it.</summary>
    /// <exception cref="EdgeException">The file is missing or damaged, or is not what its folder says.</exception>
    public static DecoderSession Load(ModelFolder folder, int threads)
    {
        byte[]? edited = null;
        if (!folder.Inputs.ContainsKey("first_logit"))
            (folder, edited) = Edit(folder);

        var session = Open(folder, edited, threads);
        try
        {
            return new DecoderSession(session, folder);
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    public void Dispose() => Session.Dispose();

    /// <summary>A graph of another exporter, with what it lacks to run here and to compute no more logits than are wanted.</summary>
    private static (ModelFolder Folder, byte[]? Graph) Edit(ModelFolder folder)
    {
        if (new FileInfo(folder.GraphFile) is not { Exists: true, Length: <= LargestEdited })
            return (folder, null);

        var model = OnnxFile.Read(folder.GraphFile);
        int mended = DecoderEdits.ShapeFlatScales(model);
        if (folder.Outputs.TryGetValue("logits", out var logits) && DecoderEdits.SliceBeforeHead(model, logits))
            folder = folder with { Inputs = new Dictionary<string, string>(folder.Inputs) { ["first_logit"] = DecoderEdits.FirstLogit } };
        else if (mended == 0)
            return (folder, null);

        return (folder, model.ToByteArray());
    }

    private static InferenceSession Open(ModelFolder folder, byte[]? edited, int threads)
    {
        string path = folder.GraphFile;
        if (!System.IO.File.Exists(path))
            throw new EdgeException(EdgeErrorCode.InvalidModel, $"{path} does not exist. Download or convert the model again.");

        KeepTheRuntimeQuiet();
        try
        {
            using var options = Options(threads);
            if (edited is null)
                return new InferenceSession(path, options);

            options.AddSessionConfigEntry("session.model_external_initializers_file_folder_path", folder.Directory);
            return new InferenceSession(edited, options);
        }
        catch (OnnxRuntimeException e)
        {
            string why = OnnxFile.MissingData(path) is { } missing ? missing + "." : $"{path}: ONNX Runtime cannot load it: {e.Message}";
            throw new EdgeException(EdgeErrorCode.InvalidModel, $"{why} Download or convert the model again.", e);
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
        if (!_folder.Inputs.TryGetValue(role, out var name))
            return null;

        if (!Session.InputMetadata.ContainsKey(name) && !Session.OverridableInitializerMetadata.ContainsKey(name))
            throw Invalid($"it has no input '{name}', which its folder names as '{role}'");

        return name;
    }

    private string Output(string role)
    {
        if (!_folder.Outputs.TryGetValue(role, out var name))
            throw Invalid($"its folder names no output for '{role}'");

        return Session.OutputMetadata.ContainsKey(name) ? name : throw Invalid($"it has no output '{name}', which its folder names as '{role}'");
    }

    private IEnumerable<CacheTensor> CacheTensors()
    {
        for (int layer = 0; layer < _folder.Layers; layer++)
        {
            yield return CacheTensor($"key.{layer}");
            yield return CacheTensor($"value.{layer}");
        }
    }

    private CacheTensor CacheTensor(string role)
    {
        string past = Input($"past_{role}") ?? throw Invalid($"its folder names no input for 'past_{role}'");
        var metadata = Session.InputMetadata[past];
        if (metadata.ElementDataType != TensorElementType.Float)
            throw Invalid($"its input '{past}' is {metadata.ElementDataType}; this engine keeps keys and values in float32");

        if (metadata.Dimensions is not [_, var heads, _, var headSize])
            throw Invalid($"its input '{past}' has {metadata.Dimensions.Length} dimensions where [1, heads, capacity, head size] is wanted");

        heads = heads > 0 ? heads : _folder.KeyValueHeads;
        headSize = headSize > 0 ? headSize : _folder.HeadSize;
        return heads > 0 && headSize > 0
            ? new CacheTensor(past, Output($"present_{role}"), heads, headSize)
            : throw Invalid($"neither its input '{past}' nor its folder says how many heads of which size the cache has");
    }

    private void CheckVocabulary()
    {
        int rows = Session.OutputMetadata[Logits].Dimensions[^1];
        if (rows > 0 && rows != VocabularySize)
            throw Invalid($"its output '{Logits}' has {rows} entries a token, its folder a vocabulary of {VocabularySize}");
    }

    private void CheckNothingIsLeftUnfed()
    {
        var fed = _folder.Inputs.Values.ToHashSet();
        if (Session.InputNames.FirstOrDefault(name => !fed.Contains(name)) is { } name)
            throw Invalid($"it has an input '{name}' that its folder does not name");
    }

    private EdgeException Invalid(string what) => new(EdgeErrorCode.InvalidModel, $"{File}: {what}. Convert the model again.");
}

/// <summary>The keys or the values of one layer.</summary>
internal readonly record struct CacheTensor(string Past, string Present, int Heads, int HeadSize);
