using System.Globalization;
using System.Text.Json;
using EdgeSdk.Models;
using EdgeSdk.Onnx;
using EdgeSdk.Text;

namespace EdgeSdk.Modeling;

/// <summary>Makes a model folder that runs (a graph, genai_config.json, edge.json, tokenizer files) from a Hugging Face checkpoint.</summary>
public static class Converter
{
    private const string GraphFile = "model.onnx";
    private const string SecondTokenFile = "mtp.onnx";
    private const string TokenizerFile = "tokenizer.json";
    private const string Licence = "LICENSE";

    /// <summary>What a conversion makes beside the manifest.</summary>
    private static readonly string[] Made = [GraphFile, SecondTokenFile, GenaiConfig.FileName];

    /// <summary>What is taken along from a checkpoint where it is there.</summary>
    private static readonly string[] Companions =
    [
        "config.json", "generation_config.json", TokenizerFile, "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
        "vocab.json", "merges.txt", "tokenizer.model", "chat_template.jinja", "chat_template.json", Licence,
    ];

    /// <summary>
    /// Converts the checkpoint in <paramref name="source"/>. The graph points into the checkpoint's own safetensors, which are linked or copied beside it;
    /// where <paramref name="destination"/> is <paramref name="source"/> itself, the graph and its description are added there.
    /// </summary>
    /// <param name="source">A folder with config.json and model.safetensors (or an index of several).</param>
    /// <param name="destination">The folder to make. It appears whole, by a rename, or not at all.</param>
    /// <param name="options">null: the defaults.</param>
    /// <param name="progress">Told of steps and of warnings (a checkpoint without a tokenizer, weights that no graph uses).</param>
    /// <param name="cancellationToken">Honoured between steps and while files are read.</param>
    /// <exception cref="EdgeException">The checkpoint is damaged, incomplete or of an architecture or a setting that is not supported
    /// (<see cref="EdgeErrorCode.InvalidModel"/>), or the destination exists or cannot be written (<see cref="EdgeErrorCode.InvalidArgument"/>).</exception>
    public static Task ConvertAsync(
        string source,
        string destination,
        ConvertOptions? options = null,
        IProgress<ConvertProgress>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(source);
        ArgumentException.ThrowIfNullOrEmpty(destination);
        source = Path.TrimEndingDirectorySeparator(Path.GetFullPath(source));
        destination = Path.TrimEndingDirectorySeparator(Path.GetFullPath(destination));
        return Task.Run(() => Convert(source, destination, options ?? new ConvertOptions(), progress, cancellationToken), cancellationToken);
    }

    private static void Convert(string source, string destination, ConvertOptions options, IProgress<ConvertProgress>? progress, CancellationToken cancellationToken)
    {
        using var checkpoint = Checkpoint.Open(source);
        RefuseToOverwrite(source, destination, options);

        progress?.Report(new($"Building the graph of {source}"));
        var graph = BuildGraph(checkpoint);
        var secondToken = checkpoint.Config.Text("model_type") == "deepseek_v3" ? LatentDecoder.BuildSecondToken(checkpoint) : null;
        Warn(checkpoint, progress);
        cancellationToken.ThrowIfCancellationRequested();

        bool inPlace = source == destination;
        string staging = StagingFolder(destination);
        try
        {
            Directory.CreateDirectory(staging);
            string[] taken = [.. checkpoint.WeightFiles, .. Companions.Where(f => File.Exists(Path.Combine(source, f)))];
            if (!inPlace)
            {
                progress?.Report(new("Linking the weights, copying the tokenizer"));
                TakeAlong(checkpoint, taken, staging);
            }

            OnnxFile.Write(graph.Model, Path.Combine(staging, GraphFile));
            if (secondToken is not null)
                OnnxFile.Write(secondToken.Model, Path.Combine(staging, SecondTokenFile));

            WriteGenaiConfig(staging, checkpoint, graph.Sizes);
            progress?.Report(new("Hashing the files"));
            var files = ModelFiles.Describe(inPlace ? source : staging, taken.Where(f => f != Licence), cancellationToken);
            files.AddRange(ModelFiles.Describe(staging, Made.Where(f => File.Exists(Path.Combine(staging, f))), cancellationToken));
            WriteManifest(staging, Path.GetFileName(destination), checkpoint, graph, secondToken, files);
            Publish(staging, destination, inPlace);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new EdgeException(EdgeErrorCode.InvalidArgument, $"{destination} cannot be written: {e.Message} Free space, or name another folder.", e);
        }
        finally
        {
            if (Directory.Exists(staging))
                Directory.Delete(staging, recursive: true);
        }
    }

    private static void TakeAlong(Checkpoint checkpoint, string[] files, string folder)
    {
        foreach (string file in files)
        {
            string from = Path.Combine(checkpoint.Folder, file), to = Path.Combine(folder, file);
            if (checkpoint.WeightFiles.Contains(file))
                HardLink.CreateOrCopy(from, to);
            else
                File.Copy(from, to);
        }
    }

    private static DecoderGraph BuildGraph(Checkpoint checkpoint) => checkpoint.Config.Text("model_type") switch
    {
        "llama" or "qwen2" or "qwen3" => GroupQueryDecoder.Build(checkpoint),
        "deepseek_v3" => LatentDecoder.Build(checkpoint),
        _ => throw checkpoint.Config.Invalid("model_type", "llama, qwen2, qwen3 and deepseek_v3 are supported"),
    };

    private static void RefuseToOverwrite(string source, string destination, ConvertOptions options)
    {
        if (source.StartsWith(destination + Path.DirectorySeparatorChar, StringComparison.Ordinal))
            throw new EdgeException(EdgeErrorCode.InvalidArgument, $"{destination} holds the checkpoint {source}, which it would replace. Name another folder.");

        if (options.Force)
            return;

        string[] taken = source == destination
            ? [.. Made.Append(EdgeManifest.FileName).Select(f => Path.Combine(destination, f))]
            : [destination];
        if (taken.FirstOrDefault(Path.Exists) is { } path)
            throw new EdgeException(EdgeErrorCode.InvalidArgument, $"{path} exists. Name another folder, or replace it with --force.");
    }

    private static void Warn(Checkpoint checkpoint, IProgress<ConvertProgress>? progress)
    {
        if (!File.Exists(Path.Combine(checkpoint.Folder, TokenizerFile)))
            progress?.Report(new($"{checkpoint.Folder} has no tokenizer.json: the model will run by token ids alone.", IsWarning: true));

        string[] unused = [.. checkpoint.Unused];
        if (unused.Length > 0)
            progress?.Report(new($"{unused.Length} tensors of the checkpoint are not used, '{unused[0]}' for one.", IsWarning: true));
    }

    /// <summary>As onnxruntime-genai reads it. It knows no latent attention: there the file states the sizes, and edge.json the names.</summary>
    private static void WriteGenaiConfig(string folder, Checkpoint checkpoint, DecoderSizes sizes)
    {
        var config = checkpoint.Config;
        bool isDense = config.Text("model_type") != "deepseek_v3";
        var endTokens = checkpoint.EndTokens;
        using var end = JsonDocument.Parse(endTokens.Count == 1 ? $"{endTokens[0]}" : $"[{string.Join(", ", endTokens)}]");
        var genai = new GenaiConfig
        {
            Model = new()
            {
                BosTokenId = First(config.Ids("bos_token_id")),
                ContextLength = sizes.Context,
                Decoder = new()
                {
                    SessionOptions = new() { LogId = "onnxruntime-genai", ProviderOptions = [] },
                    Filename = GraphFile,
                    HeadSize = sizes.HeadSize,
                    HiddenSize = sizes.Hidden,
                    Inputs = new() { AttentionMask = isDense ? "attention_mask" : null },
                    NumAttentionHeads = sizes.Heads,
                    NumHiddenLayers = sizes.Layers,
                    NumKeyValueHeads = sizes.KeyValueHeads,
                },
                EosTokenId = end.RootElement,
                PadTokenId = First(config.Ids("pad_token_id")) ?? First(endTokens),
                Type = config.Text("model_type"),
                VocabSize = sizes.Vocabulary,
            },
            Search = new() { MaxLength = sizes.Context, PastPresentShareBuffer = true },
        };
        ModelJson.Write(Path.Combine(folder, GenaiConfig.FileName), genai, ModelJson.GenaiConfig);

        static int? First(IReadOnlyList<int> ids) => ids.Count > 0 ? ids[0] : null;
    }

    private static void WriteManifest(string folder, string name, Checkpoint checkpoint, DecoderGraph graph, DecoderGraph? secondToken, List<EdgeManifest.FileEntry> files)
    {
        var manifest = new EdgeManifest
        {
            Format = EdgeManifest.CurrentFormat,
            Name = name,
            Architecture = checkpoint.Config.Text("model_type"),
            ContextLength = graph.Sizes.Context,
            VocabularySize = graph.Sizes.Vocabulary,
            VocabularyFingerprint = files.Any(f => f.Path == TokenizerFile) ? Tokenizer.Load(Path.Combine(checkpoint.Folder, TokenizerFile)).Fingerprint : null,
            EndTokens = checkpoint.EndTokens,
            Precision = "fp32",
            Graphs = secondToken is null
                ? [new(GraphFile, "step", graph.Inputs, graph.Outputs)]
                : [new(GraphFile, "step", graph.Inputs, graph.Outputs), new(SecondTokenFile, "mtp", secondToken.Inputs, secondToken.Outputs)],
            Files = [.. files.OrderBy(f => f.Path, StringComparer.Ordinal)],
            Identity = ModelFiles.Identity(files),
            Source = Path.GetFileName(checkpoint.Folder),
        };
        ModelJson.Write(Path.Combine(folder, EdgeManifest.FileName), manifest, ModelJson.EdgeManifest);
    }

    private static string StagingFolder(string destination)
    {
        string parent = Path.GetDirectoryName(destination) ?? destination;
        return Path.Combine(parent, $".{Path.GetFileName(destination)}.{Environment.ProcessId.ToString(CultureInfo.InvariantCulture)}.partial");
    }

    private static void Publish(string staging, string destination, bool inPlace)
    {
        if (inPlace)
        {
            // The manifest last: until it is there, or while it is the old one, the folder is no model that verifies.
            foreach (string file in Made.Append(EdgeManifest.FileName).Where(f => File.Exists(Path.Combine(staging, f))))
                File.Move(Path.Combine(staging, file), Path.Combine(destination, file), overwrite: true);

            return;
        }

        string replaced = staging + ".old";
        bool replaces = Directory.Exists(destination);
        if (replaces)
            Directory.Move(destination, replaced);

        try
        {
            Directory.Move(staging, destination);
        }
        catch when (replaces)
        {
            Directory.Move(replaced, destination);
            throw;
        }

        if (replaces)
            Directory.Delete(replaced, recursive: true);
    }
}
