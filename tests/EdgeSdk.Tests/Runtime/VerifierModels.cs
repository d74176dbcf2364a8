using System.Collections.Concurrent;
using EdgeSdk.Modeling;
using EdgeSdk.Runtime;

namespace EdgeSdk.Tests.Runtime;

/// <summary>The golden models as a verifier loads them: each converted once, and loaded once for a chunk size, in a class of tests.</summary>
public sealed class VerifierModels : IAsyncDisposable
{
    private readonly string _converted = Directory.CreateTempSubdirectory("edge-converted-").FullName;
    private readonly ConcurrentDictionary<string, Lazy<Task<string>>> _folders = new();
    private readonly ConcurrentDictionary<(string, OnnxModelOptions), Lazy<Task<OnnxModel>>> _models = new();

    /// <summary>Folders under tests/data whose models compute in float32; those under hf/ are checkpoints.</summary>
    public static TheoryData<string> Float32Names => ["genai/llama-fp32", "genai/qwen2-fp32", "hf/llama", "hf/qwen2", "hf/qwen3", "hf/deepseek_v3"];

    /// <summary>Those and the ones of fewer bits.</summary>
    public static TheoryData<string> Names => [.. Float32Names.Select(n => n.Data), "genai/qwen2-int4"];

    internal Task<OnnxModel> LoadAsync(string name, int chunk = 256) => LoadAsync(name, new OnnxModelOptions { MinimumRows = 2, PrefillChunk = chunk });

    internal Task<OnnxModel> LoadAsync(string name, OnnxModelOptions options) => _models.GetOrAdd(
        (name, options), _ => new(async () => await OnnxModel.LoadAsync(await FolderAsync(name), options))).Value;

    internal Task<string> FolderAsync(string name) => _folders.GetOrAdd(name, _ => new(async () =>
    {
        if (!name.StartsWith("hf/", StringComparison.Ordinal))
            return Assets.Data(name);

        var folder = Path.Combine(_converted, Path.GetFileName(name));
        await Converter.ConvertAsync(Assets.Data(name), folder);
        return folder;
    })).Value;

    public async ValueTask DisposeAsync()
    {
        foreach (var model in _models.Values)
            await (await model.Value).DisposeAsync();

        Directory.Delete(_converted, recursive: true);
    }
}
