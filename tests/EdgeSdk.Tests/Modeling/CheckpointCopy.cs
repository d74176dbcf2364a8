using System.Text.Json.Nodes;
using EdgeSdk.Modeling;

namespace EdgeSdk.Tests.Modeling;

/// <summary>A golden checkpoint copied into a folder, to be changed and written there.</summary>
internal sealed class CheckpointCopy
{
    private readonly string _folder;

    public CheckpointCopy(string model, string folder)
    {
        _folder = folder;
        Directory.CreateDirectory(folder);
        foreach (string file in Directory.GetFiles(Assets.Data($"hf/{model}")).Where(f => Path.GetFileName(f) is not ("golden.json" or "model.safetensors")))
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)), overwrite: true);

        Config = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "config.json")))!.AsObject();
        using var weights = SafetensorsFile.Open(Assets.Data($"hf/{model}/model.safetensors"));
        Tensors = weights.Tensors.ToDictionary(t => t.Key, t => (t.Value.Shape, weights.ReadSingles(t.Key)));
    }

    public JsonObject Config { get; }

    public Dictionary<string, (IReadOnlyList<long> Shape, float[] Values)> Tensors { get; }

    /// <summary>Rewrites a matrix's rows in another order.</summary>
    public void ReorderRows(string name, Func<int, int> source)
    {
        var (shape, values) = Tensors[name];
        int width = (int)shape[1];
        Tensors[name] = (shape, [.. Enumerable.Range(0, (int)shape[0]).SelectMany(row => values.AsSpan(source(row) * width, width).ToArray())]);
    }

    /// <summary>Rewrites a matrix value by value.</summary>
    public void Change(string name, Func<int, int, float, float> change)
    {
        var (shape, values) = Tensors[name];
        int width = (int)shape[1];
        Tensors[name] = (shape, [.. values.Select((value, i) => change(i / width, i % width, value))]);
    }

    /// <summary>Keeps some of a matrix's rows.</summary>
    public void TakeRows(string name, Func<int, bool> taken) => Take(name, (row, _) => taken(row));

    /// <summary>Keeps some of a matrix's columns.</summary>
    public void TakeColumns(string name, Func<int, bool> taken) => Take(name, (_, column) => taken(column));

    private void Take(string name, Func<int, int, bool> taken)
    {
        var (shape, values) = Tensors[name];
        int width = (int)shape[1];
        long rows = Enumerable.Range(0, (int)shape[0]).Count(row => Enumerable.Range(0, width).Any(column => taken(row, column)));
        float[] kept = [.. values.Where((_, i) => taken(i / width, i % width))];
        Tensors[name] = ([rows, kept.Length / rows], kept);
    }

    /// <summary>Writes the weights, in one file or in several under an index.</summary>
    public string Write(SafetensorsType type = SafetensorsType.F32, int shards = 1)
    {
        File.WriteAllText(Path.Combine(_folder, "config.json"), Config.ToJsonString());
        var tensors = Tensors.OrderBy(t => t.Key, StringComparer.Ordinal).Select(t => (t.Key, t.Value.Shape, (ReadOnlyMemory<float>)t.Value.Values)).ToArray();
        if (shards == 1)
        {
            SafetensorsWriter.Write(Path.Combine(_folder, "model.safetensors"), tensors, type);
            return _folder;
        }

        var map = new JsonObject();
        for (int i = 0; i < shards; i++)
        {
            string name = $"model-{i + 1:D5}-of-{shards:D5}.safetensors";
            var part = tensors.Where((_, index) => index % shards == i).ToArray();
            SafetensorsWriter.Write(Path.Combine(_folder, name), part, type);
            foreach (var (tensor, _, _) in part)
                map[tensor] = name;
        }

        File.WriteAllText(Path.Combine(_folder, "model.safetensors.index.json"), new JsonObject { ["weight_map"] = map }.ToJsonString());
        return _folder;
    }
}
