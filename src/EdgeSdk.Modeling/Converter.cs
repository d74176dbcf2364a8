using System.Globalization;
using System.Text.Json;
using EdgeSdk.Models;
using EdgeSdk.Onnx;

namespace EdgeSdk.Modeling;

/// <summary>Makes a model folder that runs (a graph, genai_config.json, edge.json, tokenizer files) from a Hugging Face checkpoint.</summary>
public static class Converter
{
    private const string GraphFile = "model.onnx";

    /// <summary>What is taken along from a checkpoint where it is there.</summary>
    private static readonly string[] Companions =
    [
        "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
        "vocab.json", "merges.txt", "tokenizer.model", "chat_template.jinja", "LICENSE",
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
        Warn(checkpoint, progress);
        cancellationToken.ThrowIfCancellationRequested();

        string staging = StagingFolder(destination);
        try
        {
            Directory.CreateDirectory(staging);
            progress?.Report(new("Linking the weights, copying the tokenizer"));
            foreach (string file in checkpoint.WeightFiles)
                HardLink.CreateOrCopy(Path.Combine(source, file), Path.Combine(staging, file));

            foreach (string file in Companions.Where(f => File.Exists(Path.Combine(source, f))))
                File.Copy(Path.Combine(source, file), Path.Combine(staging, file));

            cancellationToken.ThrowIfCancellationRequested();
            OnnxFile.Write(graph.Model, Path.Combine(staging, GraphFile));
            WriteGenaiConfig(staging, checkpoint, graph.Sizes);
            progress?.Report(new("Hashing the files"));
            WriteManifest(staging, Path.GetFileName(destination), Path.GetFileName(source), checkpoint, graph, cancellationToken);
            Publish(staging, destination, inPlace: source == destination);
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

    private static DecoderGraph BuildGraph(Checkpoint checkpoint) => checkpoint.Config.Text("model_type") switch
    {
        "llama" or "qwen2" or "qwen3" => GroupQueryDecoder.Build(checkpoint),
        "deepseek_v3" => LatentDecoder.Build(checkpoint),
        _ => throw checkpoint.Config.Invalid("model_type", "llama, qwen2, qwen3 and deepseek_v3 are supported"),
    };

    private static void RefuseToOverwrite(string source, string destination, ConvertOptions options)
    {
        if (options.Force)
            return;

        string[] taken = source == destination
            ? [Path.Combine(destination, GraphFile), Path.Combine(destination, GenaiConfig.FileName), Path.Combine(destination, EdgeManifest.FileName)]
            : [destination];
        if (taken.FirstOrDefault(Path.Exists) is { } path)
            throw new EdgeException(EdgeErrorCode.InvalidArgument, $"{path} exists. Name another folder, or replace it with --force.");
    }

    private static void Warn(Checkpoint checkpoint, IProgress<ConvertProgress>? progress)
    {
        if (!File.Exists(Path.Combine(checkpoint.Folder, "tokenizer.json")))
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
                BosTokenId = config.Ids("bos_token_id").Cast<int?>().FirstOrDefault(),
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
                PadTokenId = config.Ids("pad_token_id").Cast<int?>().FirstOrDefault() ?? endTokens.Cast<int?>().FirstOrDefault(),
                Type = config.Text("model_type"),
                VocabSize = sizes.Vocabulary,
            },
            Search = new() { MaxLength = sizes.Context, PastPresentShareBuffer = true },
        };
        ModelJson.Write(Path.Combine(folder, GenaiConfig.FileName), genai, ModelJson.GenaiConfig);
    }

    private static void WriteManifest(string folder, string name, string source, Checkpoint checkpoint, DecoderGraph graph, CancellationToken cancellationToken)
    {
        var files = ModelFiles.List(folder, cancellationToken);
        var manifest = new EdgeManifest
        {
            Format = EdgeManifest.CurrentFormat,
            Name = name,
            Architecture = checkpoint.Config.Text("model_type"),
            ContextLength = graph.Sizes.Context,
            VocabularySize = graph.Sizes.Vocabulary,
            VocabularyFingerprint = null,
            EndTokens = checkpoint.EndTokens,
            Precision = "fp32",
            Graphs = [new(GraphFile, "step", graph.Inputs, graph.Outputs)],
            Files = files,
            Identity = ModelFiles.Identity(files),
            Source = source,
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
            foreach (string file in (ReadOnlySpan<string>)[GraphFile, GenaiConfig.FileName, EdgeManifest.FileName])
                File.Move(Path.Combine(staging, file), Path.Combine(destination, file), overwrite: true);

            return;
        }

        string replaced = staging + ".old";
        if (Directory.Exists(destination))
            Directory.Move(destination, replaced);

        Directory.Move(staging, destination);
        if (Directory.Exists(replaced))
            Directory.Delete(replaced, recursive: true);
    }
}
