using System.Text.Json;
using EdgeSdk.Models;

namespace EdgeSdk.Modeling;

/// <summary>A Hugging Face checkpoint: a folder with config.json and its weights in one safetensors file, or in several under an index.</summary>
internal sealed class Checkpoint : IDisposable
{
    private const string SingleFile = "model.safetensors";
    private const string IndexFile = "model.safetensors.index.json";

    private readonly List<SafetensorsFile> _files = [];
    private readonly Dictionary<string, (SafetensorsFile File, SafetensorsTensor Tensor)> _tensors = new(StringComparer.Ordinal);
    private readonly HashSet<string> _used = new(StringComparer.Ordinal);

    private Checkpoint(string folder, CheckpointConfig config, CheckpointConfig? generation)
    {
        Folder = folder;
        Config = config;
        EndTokens = generation?.Ids("eos_token_id") is { Count: > 0 } ids ? ids : config.Ids("eos_token_id");
    }

    public string Folder { get; }

    public CheckpointConfig Config { get; }

    /// <summary>Tokens that end a text: generation_config.json's, else config.json's.</summary>
    public IReadOnlyList<int> EndTokens { get; }

    /// <summary>Names of the weights' files in the folder.</summary>
    public IEnumerable<string> WeightFiles => _files.Select(f => Path.GetFileName(f.Path));

    /// <summary>Tensors that nobody asked for.</summary>
    public IEnumerable<string> Unused => _tensors.Keys.Where(name => !_used.Contains(name)).Order(StringComparer.Ordinal);

    /// <summary>Opens a checkpoint and checks its files' headers. The caller disposes it.</summary>
    /// <exception cref="EdgeException">A file is missing or damaged.</exception>
    public static Checkpoint Open(string folder)
    {
        if (!Directory.Exists(folder))
            throw new EdgeException(EdgeErrorCode.InvalidModel, $"The checkpoint {folder} does not exist. Check the path.");

        string generation = Path.Combine(folder, "generation_config.json");
        var checkpoint = new Checkpoint(folder, ReadConfig(Path.Combine(folder, "config.json")), File.Exists(generation) ? ReadConfig(generation) : null);
        try
        {
            foreach (string name in checkpoint.FindWeightFiles())
                checkpoint.Add(SafetensorsFile.Open(Path.Combine(folder, name)));

            return checkpoint;
        }
        catch
        {
            checkpoint.Dispose();
            throw;
        }
    }

    public bool Has(string tensor) => _tensors.ContainsKey(tensor);

    /// <summary>A tensor of the shape that the configuration asks for.</summary>
    /// <exception cref="EdgeException">It is missing, of another shape, or of a type that holds no weights.</exception>
    public (SafetensorsTensor Tensor, string File) Find(string name, params ReadOnlySpan<long> shape)
    {
        if (!_tensors.TryGetValue(name, out var found))
            throw Invalid($"{Folder} has no tensor '{name}', which config.json asks for");

        _used.Add(name);
        var (file, tensor) = found;
        if (!tensor.Shape.SequenceEqual(shape.ToArray()))
            throw Invalid($"{file.Path}: '{name}' is [{string.Join(", ", tensor.Shape)}] where config.json asks for [{string.Join(", ", shape.ToArray())}]");

        if (tensor.Type == SafetensorsType.Other)
            throw Invalid($"{file.Path}: '{name}' is {tensor.TypeName}; F32, BF16 and F16 are taken");

        return (tensor, Path.GetFileName(file.Path));
    }

    public void Dispose() => _files.ForEach(f => f.Dispose());

    private static CheckpointConfig ReadConfig(string path)
    {
        using var json = ModelJson.Parse(path);
        return new CheckpointConfig(path, json.RootElement.Clone());
    }

    private string[] FindWeightFiles()
    {
        if (File.Exists(Path.Combine(Folder, SingleFile)))
            return [SingleFile];

        string index = Path.Combine(Folder, IndexFile);
        if (!File.Exists(index))
            throw Invalid($"{Folder} has neither {SingleFile} nor {IndexFile}");

        using var json = ModelJson.Parse(index);
        if (!json.RootElement.TryGetProperty("weight_map", out var map) || map.ValueKind != JsonValueKind.Object)
            throw Invalid($"{index} has no weight_map");

        var names = map.EnumerateObject().Select(entry => entry.Value.ToString()).Distinct().Order(StringComparer.Ordinal).ToArray();
        foreach (string name in names)
        {
            ModelFiles.Resolve(Folder, index, "weight_map", name);
            if (name.Contains('/', StringComparison.Ordinal))
                throw Invalid($"{index}: weight_map names '{name}', which lies in another folder");
        }

        return names;
    }

    private void Add(SafetensorsFile file)
    {
        _files.Add(file);
        foreach (var (name, tensor) in file.Tensors)
        {
            if (!_tensors.TryAdd(name, (file, tensor)))
                throw Invalid($"{file.Path} holds '{name}', which {_tensors[name].File.Path} holds too");
        }
    }

    private static EdgeException Invalid(string what) => new(EdgeErrorCode.InvalidModel, $"{what}. Download the checkpoint again, or take the config.json that belongs to it.");
}
