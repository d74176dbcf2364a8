using EdgeSdk.Modeling;
using EdgeSdk.Models;
using EdgeSdk.Tests.Runtime;

namespace EdgeSdk.Tests.Modeling;

public sealed class ConverterTests : IDisposable
{
    private readonly string root = Directory.CreateTempSubdirectory("edge-convert-").FullName;

    public static TheoryData<string> Models => ["llama", "qwen2", "qwen3", "deepseek_v3"];

    private string Out => Path.Combine(root, "out");

    public void Dispose() => Directory.Delete(root, recursive: true);

    [Theory]
    [MemberData(nameof(Models))]
    public async Task A_converted_checkpoint_continues_every_golden_prompt_as_transformers_does(string model)
    {
        var folder = await ConvertAsync(Assets.Data($"hf/{model}"));
        foreach (var golden in Golden.Read(model).Cases)
        {
            using var run = new DecoderRun(folder, capacity: 256);
            float[] logits = run.Step(golden.Prompt);
            Assert.All(golden.LastLogits.Zip(logits), pair => Assert.Equal(pair.First, pair.Second, 1e-3));
            run.Length = 0;
            Assert.Equal(golden.Greedy, run.Greedy(golden.Prompt, golden.Greedy.Length));
        }
    }

    private async Task<ModelFolder> ConvertAsync(string source, ConvertOptions? options = null, IProgress<ConvertProgress>? progress = null)
    {
        var cancel = TestContext.Current.CancellationToken;
        await Converter.ConvertAsync(source, Out, options, progress, cancel);
        return ModelFolder.Open(Out, cancellationToken: cancel);
    }
}
