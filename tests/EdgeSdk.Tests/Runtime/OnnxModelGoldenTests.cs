using EdgeSdk.Runtime;
using EdgeSdk.Sampling;

namespace EdgeSdk.Tests.Runtime;

public class OnnxModelGoldenTests
{
    [Theory]
    [InlineData("llama", 1)]
    [InlineData("llama", 2)]
    [InlineData("qwen2", 1)]
    [InlineData("qwen2", 2)]
    public async Task A_genai_folder_continues_every_golden_prompt_as_transformers_does(string model, int minimumRows)
    {
        var cancel = TestContext.Current.CancellationToken;
        await using var loaded = await OnnxModel.LoadAsync(
            Assets.Data($"genai/{model}-fp32"), new OnnxModelOptions { MinimumRows = minimumRows, SelfTest = false }, cancellationToken: cancel);

        foreach (var golden in Golden.Read(model).Cases)
        {
            var logits = await loaded.PromptLogitsAsync(golden.Prompt, cancel);
            Assert.True(golden.LastLogits.Zip(logits).All(p => Math.Abs(p.First - p.Second) < 1e-3));
            Assert.Equal(golden.Greedy, await ContinueAsync(loaded, golden.Prompt, golden.Greedy.Length, cancel));
        }
    }

    private static async Task<int[]> ContinueAsync(OnnxModel model, int[] prompt, int count, CancellationToken cancellationToken)
    {
        await using var sequence = await model.OpenAsync(SamplerSpec.Greedy, cancellationToken);
        var text = new int[count];
        var pick = new Pick[1];
        ReadOnlyMemory<int> next = prompt;
        for (int i = 0; i < count; i++)
        {
            await sequence.StepAsync(next, pick, cancellationToken);
            text[i] = pick[0].Token;
            next = text.AsMemory(i, 1);
        }

        return text;
    }
}
