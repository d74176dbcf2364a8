using System.Collections.Concurrent;
using EdgeSdk.Runtime;

namespace EdgeSdk.Tests.Runtime;

/// <summary>The golden models as a verifier loads them, each once for a chunk size and a class of tests.</summary>
public sealed class VerifierModels : IAsyncDisposable
{
    private readonly ConcurrentDictionary<(string, int), Lazy<Task<OnnxModel>>> models = new();

    public static TheoryData<string> Names => ["genai/llama-fp32", "genai/qwen2-fp32"];

    internal Task<OnnxModel> LoadAsync(string name, int chunk = 256) => models.GetOrAdd(
        (name, chunk), _ => new(() => OnnxModel.LoadAsync(Assets.Data(name), new OnnxModelOptions { MinimumRows = 2, PrefillChunk = chunk }))).Value;

    public async ValueTask DisposeAsync()
    {
        foreach (var model in models.Values)
            await (await model.Value).DisposeAsync();
    }
}
