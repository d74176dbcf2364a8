using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using EdgeSdk.Decoding;
using EdgeSdk.Text;

namespace EdgeSdk.Models;

/// <summary>How much of a model's manifest is compared with its files when the folder is opened.</summary>
internal enum ModelVerification
{
    /// <summary>Sizes and hashes: every byte is read once.</summary>
    Hashes,

    /// <summary>Sizes alone.</summary>
    Sizes,
}

/// <summary>
/// A model on disk: a folder as onnxruntime-genai lays it out (<c>genai_config.json</c>, a graph, tokenizer files), as <c>edge convert</c> writes it
/// (<c>edge.json</c> beside those), or both. Opening it checks what its files say and, where there is a manifest, that they are the files it lists.
/// </summary>
/// <remarks>A folder is untrusted: no name in it may lead out of it, and it cannot name libraries to load.</remarks>
internal sealed record ModelFolder
{
    private ModelFolder()
    {
    }

    /// <summary>The folder.</summary>
    public required string Directory { get; init; }

    /// <summary>What the model is.</summary>
    public required ModelInfo Info { get; init; }

    /// <summary>Hugging Face's <c>model_type</c>.</summary>
    public required string Architecture { get; init; }

    /// <summary>fp32, int4 ...; null where the folder does not say.</summary>
    public string? Precision { get; init; }

    /// <summary>The decoder's graph, a full path.</summary>
    public required string GraphFile { get; init; }

    /// <summary>Names of the graph's inputs by role: tokens, mask or past_length, positions, first_logit, past_key.0, past_value.0 ...</summary>
    public required IReadOnlyDictionary<string, string> Inputs { get; init; }

    /// <summary>Names of the graph's outputs by role: logits, present_key.0, present_value.0 ...</summary>
    public required IReadOnlyDictionary<string, string> Outputs { get; init; }

    /// <summary>Layers, each with keys and values in the cache.</summary>
    public required int Layers { get; init; }

    /// <summary>Heads of the cache; 0 where the folder leaves it to the graph.</summary>
    public int KeyValueHeads { get; init; }

    /// <summary>The size of a head of the cache; 0 where the folder leaves it to the graph.</summary>
    public int HeadSize { get; init; }

    /// <summary>tokenizer.json, a full path; null: the model runs by token ids alone.</summary>
    public string? TokenizerFile { get; init; }

    /// <summary>When the device hands a turn over; null where nobody chose.</summary>
    public RoutingThresholds? Routing { get; init; }

    /// <summary>The manifest; null for a folder without one.</summary>
    public EdgeManifest? Manifest { get; init; }

    /// <summary>Opens a folder, checking its files against the manifest where it has one.</summary>
    /// <exception cref="EdgeException">A file is missing, damaged, or says what cannot be; the message names file, field, value and remedy.</exception>
    /// <exception cref="OperationCanceledException"><paramref name="cancellationToken"/> was signalled.</exception>
    public static ModelFolder Open(string path, ModelVerification verification = ModelVerification.Hashes, CancellationToken cancellationToken = default)
    {
        path = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        if (!System.IO.Directory.Exists(path))
            throw new EdgeException(EdgeErrorCode.InvalidModel, $"The model folder {path} does not exist. Check the path, or download the model.");

        var genai = ReadGenai(path);
        var manifest = ReadManifest(path);
        if (manifest is null)
            return genai is null ? throw NotAModel(path) : FromGenai(path, genai, cancellationToken);

        Verify(path, manifest, verification, cancellationToken);
        return FromManifest(path, manifest, genai);
    }

    /// <summary>The chat template with the special tokens that it may write; null without one.</summary>
    /// <exception cref="EdgeException">The template uses what is not supported, or a file cannot be read; the message names file, line and column.</exception>
    public ChatTemplate? ReadChatTemplate() => ChatTemplate.Find(Directory);

    private static ModelFolder FromManifest(string path, EdgeManifest manifest, GenaiConfig? genai)
    {
        var graph = manifest.Graphs.FirstOrDefault(g => g.Role == "step")
            ?? throw Invalid(path, EdgeManifest.FileName, "graphs", "none has the role 'step'");
        return new()
        {
            Directory = path,
            Info = new(manifest.Name, manifest.Identity, manifest.VocabularyFingerprint, manifest.VocabularySize, manifest.ContextLength, [.. manifest.EndTokens]),
            Architecture = manifest.Architecture,
            Precision = manifest.Precision,
            GraphFile = Path.Combine(path, graph.File),
            Inputs = graph.Inputs,
            Outputs = graph.Outputs,
            Layers = CountLayers(path, graph),
            KeyValueHeads = genai?.Model.Decoder.NumKeyValueHeads ?? 0,
            HeadSize = genai?.Model.Decoder.HeadSize ?? 0,
            TokenizerFile = Existing(path, "tokenizer.json"),
            Routing = manifest.Routing,
            Manifest = manifest,
        };
    }

    private static ModelFolder FromGenai(string path, GenaiConfig genai, CancellationToken cancellationToken)
    {
        var decoder = genai.Model.Decoder;
        string graph = Path.Combine(path, decoder.Filename);
        if (!File.Exists(graph))
            throw Invalid(path, GenaiConfig.FileName, "model.decoder.filename", $"{graph} does not exist");

        string? tokenizer = Existing(path, "tokenizer.json");
        return new()
        {
            Directory = path,
            Info = new(
                Path.GetFileName(path),
                ModelFiles.Identity(ModelFiles.Describe(path, ModelFiles.Find(path), cancellationToken)),
                tokenizer is null ? null : Tokenizer.Load(tokenizer).Fingerprint,
                genai.Model.VocabSize,
                genai.Model.ContextLength,
                EndTokens(path, genai.Model)),
            Architecture = genai.Model.Type,
            GraphFile = graph,
            Inputs = InputNames(decoder),
            Outputs = OutputNames(decoder),
            Layers = decoder.NumHiddenLayers,
            KeyValueHeads = decoder.NumKeyValueHeads,
            HeadSize = decoder.HeadSize,
            TokenizerFile = tokenizer,
        };
    }

    private static EdgeManifest? ReadManifest(string path)
    {
        string file = Path.Combine(path, EdgeManifest.FileName);
        if (!File.Exists(file))
            return null;

        using var json = ModelJson.Parse(file);
        var manifest = ModelJson.Read(json, ModelJson.EdgeManifest, file);
        if (manifest.Format != EdgeManifest.CurrentFormat)
            throw Invalid(path, EdgeManifest.FileName, "format", $"it is {manifest.Format} where this version reads {EdgeManifest.CurrentFormat}", "Update EdgeSdk, or convert the model again.");

        Positive(path, EdgeManifest.FileName, "context_length", manifest.ContextLength);
        Positive(path, EdgeManifest.FileName, "vocabulary_size", manifest.VocabularySize);
        CheckEndTokens(path, EdgeManifest.FileName, "end_tokens", manifest.EndTokens, manifest.VocabularySize);
        if (manifest.VocabularyFingerprint is { } fingerprint)
            CheckHash(path, "vocabulary_fingerprint", fingerprint);

        if (manifest.Routing is { } routing && (routing.Tokens < 1 || !(routing.Threshold <= 0)))
            throw Invalid(path, EdgeManifest.FileName, "routing", $"tokens {routing.Tokens} and threshold {routing.Threshold} are not at least 1 and at most 0");

        CheckFiles(path, manifest);
        return manifest;
    }

    private static void CheckFiles(string path, EdgeManifest manifest)
    {
        if (manifest.Files.Any(f => f is null) || manifest.Graphs.Any(g => g is null || g.Inputs.Concat(g.Outputs).Any(name => string.IsNullOrEmpty(name.Value))))
            throw Invalid(path, EdgeManifest.FileName, "files, graphs", "an entry or a name in them is null or empty");

        string source = Path.Combine(path, EdgeManifest.FileName);
        var listed = new HashSet<string>(StringComparer.Ordinal);
        foreach (var file in manifest.Files)
        {
            ModelFiles.Resolve(path, source, "files[].path", file.Path);
            CheckHash(path, $"files[].sha256 of {file.Path}", file.Sha256);
            if (!listed.Add(file.Path))
                throw Invalid(path, EdgeManifest.FileName, "files[].path", $"it lists '{file.Path}' twice");
        }

        if (manifest.Graphs.FirstOrDefault(g => !listed.Contains(g.File)) is { } graph)
            throw Invalid(path, EdgeManifest.FileName, "graphs[].file", $"'{graph.File}' is not among its files");

        string identity = ModelFiles.Identity(manifest.Files);
        if (manifest.Identity != identity)
            throw Invalid(path, EdgeManifest.FileName, "identity", $"it is {manifest.Identity} where its files give {identity}");
    }

    private static void Verify(string path, EdgeManifest manifest, ModelVerification verification, CancellationToken cancellationToken)
    {
        foreach (var entry in manifest.Files)
        {
            string file = Path.Combine(path, entry.Path);
            if (!File.Exists(file))
                throw Differs(file, "does not exist", $"{entry.Bytes} bytes");

            if (ModelFiles.Length(file) is var bytes && bytes != entry.Bytes)
                throw Differs(file, $"has {bytes} bytes", $"{entry.Bytes}");

            if (verification == ModelVerification.Hashes && ModelFiles.Hash(file, cancellationToken) is var hash && hash != entry.Sha256)
                throw Differs(file, $"has the SHA-256 {hash}", entry.Sha256);
        }
    }

    private static EdgeException Differs(string file, string found, string expected) => new(
        EdgeErrorCode.InvalidModel,
        $"{file} {found}; {EdgeManifest.FileName} expects {expected}. Download the model again, or convert it again where the change was meant.");

    private static GenaiConfig? ReadGenai(string path)
    {
        string file = Path.Combine(path, GenaiConfig.FileName);
        if (!File.Exists(file))
            return null;

        using var json = ModelJson.Parse(file);
        RefuseWhatReachesOut(path, file, json.RootElement, "");
        var config = ModelJson.Read(json, ModelJson.GenaiConfig, file);
        var decoder = config.Model.Decoder;
        if (decoder.Pipeline is not null)
            throw Invalid(path, GenaiConfig.FileName, "model.decoder.pipeline", "decoders in several parts are not supported", "Take the model's CPU build.");

        if (decoder.SlidingWindow is { ValueKind: not JsonValueKind.Null })
            throw Invalid(path, GenaiConfig.FileName, "model.decoder.sliding_window", "caches that forget are not supported", "Take another build of the model.");

        Positive(path, GenaiConfig.FileName, "model.context_length", config.Model.ContextLength);
        Positive(path, GenaiConfig.FileName, "model.vocab_size", config.Model.VocabSize);
        Positive(path, GenaiConfig.FileName, "model.decoder.num_hidden_layers", decoder.NumHiddenLayers);
        return config;
    }

    /// <summary>No field may name a library, and no file outside the folder.</summary>
    private static void RefuseWhatReachesOut(string path, string file, JsonElement element, string at)
    {
        if (element.ValueKind == JsonValueKind.Array)
        {
            foreach (var item in element.EnumerateArray())
                RefuseWhatReachesOut(path, file, item, at + "[]");
        }

        if (element.ValueKind != JsonValueKind.Object)
            return;

        foreach (var property in element.EnumerateObject())
        {
            string field = at.Length == 0 ? property.Name : $"{at}.{property.Name}";
            if (property.Name is "custom_ops_library")
                throw Invalid(path, GenaiConfig.FileName, field, $"it is '{property.Value}': a model folder may not name libraries to load", "Remove the field.");

            if (property.Name.EndsWith("filename", StringComparison.Ordinal) && property.Value.ValueKind == JsonValueKind.String)
                ModelFiles.Resolve(path, file, field, property.Value.GetString()!);

            RefuseWhatReachesOut(path, file, property.Value, field);
        }
    }

    private static ImmutableArray<int> EndTokens(string path, GenaiConfig.ModelSection model)
    {
        var tokens = ImmutableArray.CreateBuilder<int>();
        var id = model.EosTokenId;
        foreach (var item in id.ValueKind == JsonValueKind.Array ? [.. id.EnumerateArray()] : new[] { id })
        {
            tokens.Add(item.ValueKind == JsonValueKind.Number && item.TryGetInt32(out int token)
                ? token
                : throw Invalid(path, GenaiConfig.FileName, "model.eos_token_id", $"it is '{id}', neither an id nor a list of ids"));
        }

        CheckEndTokens(path, GenaiConfig.FileName, "model.eos_token_id", tokens, model.VocabSize);
        return tokens.ToImmutable();
    }

    private static Dictionary<string, string> InputNames(GenaiConfig.DecoderSection decoder)
    {
        var names = new Dictionary<string, string> { ["tokens"] = decoder.Inputs.InputIds };
        if (decoder.Inputs.AttentionMask is { } mask)
            names["mask"] = mask;

        if (decoder.Inputs.PositionIds is { } positions)
            names["positions"] = positions;

        AddPerLayer(names, decoder.NumHiddenLayers, "past", decoder.Inputs.PastKeyNames, decoder.Inputs.PastValueNames);
        return names;
    }

    private static Dictionary<string, string> OutputNames(GenaiConfig.DecoderSection decoder)
    {
        var names = new Dictionary<string, string> { ["logits"] = decoder.Outputs.Logits };
        AddPerLayer(names, decoder.NumHiddenLayers, "present", decoder.Outputs.PresentKeyNames, decoder.Outputs.PresentValueNames);
        return names;
    }

    private static void AddPerLayer(Dictionary<string, string> names, int layers, string role, string keys, string values)
    {
        for (int i = 0; i < layers; i++)
        {
            string layer = i.ToString(CultureInfo.InvariantCulture);
            names[$"{role}_key.{layer}"] = keys.Replace("%d", layer, StringComparison.Ordinal);
            names[$"{role}_value.{layer}"] = values.Replace("%d", layer, StringComparison.Ordinal);
        }
    }

    private static int CountLayers(string path, EdgeManifest.GraphEntry graph)
    {
        int layers = graph.Inputs.Keys.Count(role => role.StartsWith("past_key.", StringComparison.Ordinal));
        for (int i = 0; i < layers; i++)
        {
            if (!graph.Inputs.ContainsKey($"past_key.{i}") || !graph.Inputs.ContainsKey($"past_value.{i}")
                || !graph.Outputs.ContainsKey($"present_key.{i}") || !graph.Outputs.ContainsKey($"present_value.{i}"))
                throw Invalid(path, EdgeManifest.FileName, "graphs[].inputs", $"the cache of layer {i} lacks a name among past_key.{i}, past_value.{i}, present_key.{i}, present_value.{i}");
        }

        if (layers == 0 || !graph.Inputs.ContainsKey("tokens") || !graph.Outputs.ContainsKey("logits"))
            throw Invalid(path, EdgeManifest.FileName, "graphs[].inputs", "the roles tokens, past_key.0 and (outputs) logits must have names");

        return layers;
    }

    private static void CheckEndTokens(string path, string file, string field, IReadOnlyCollection<int> tokens, int vocabulary)
    {
        foreach (int token in tokens)
        {
            if (token < 0 || token >= vocabulary)
                throw Invalid(path, file, field, $"{token} lies outside the vocabulary of {vocabulary}");
        }
    }

    private static void CheckHash(string path, string field, string hash)
    {
        if (hash.Length != 64 || !hash.All(char.IsAsciiHexDigitLower))
            throw Invalid(path, EdgeManifest.FileName, field, $"'{hash}' is no SHA-256 in lower-case hex");
    }

    private static void Positive(string path, string file, string field, int value)
    {
        if (value < 1)
            throw Invalid(path, file, field, $"it is {value} where at least 1 is wanted");
    }

    private static string? Existing(string folder, string name) => Path.Combine(folder, name) is var path && File.Exists(path) ? path : null;

    private static EdgeException Invalid(string folder, string file, string field, string what, string remedy = "Download or convert the model again.") =>
        new(EdgeErrorCode.InvalidModel, $"{Path.Combine(folder, file)}: {field}: {what}. {remedy}");

    private static EdgeException NotAModel(string path) => new(
        EdgeErrorCode.InvalidModel,
        File.Exists(Path.Combine(path, "config.json"))
            ? $"{path} holds a checkpoint, but no {GenaiConfig.FileName} or {EdgeManifest.FileName}. Convert it: edge convert {path} OUT --to onnx."
            : $"{path} holds neither {GenaiConfig.FileName} nor {EdgeManifest.FileName}. Name a model folder, or convert a checkpoint with edge convert.");
}
