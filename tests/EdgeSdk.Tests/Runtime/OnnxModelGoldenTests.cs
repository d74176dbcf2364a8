using EdgeSdk.Runtime;

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
            Assert.Equal(golden.Greedy, await Continuation.GreedyAsync(loaded, golden.Prompt, golden.Greedy.Length, cancel));
        }
    }

    [Theory]
    [InlineData("llama")]
    [InlineData("qwen2")]
    public async Task The_self_test_finds_a_verifier_exact_and_knows_what_passes_cost(string model)
    {
        await using var loaded = await OnnxModel.LoadAsync(
            Assets.Data($"genai/{model}-fp32"), new OnnxModelOptions { MinimumRows = 2 }, cancellationToken: TestContext.Current.CancellationToken);

        Assert.Equal(2, loaded.Traits.ExactFrom);
        Assert.Equal(5, loaded.Traits.Cost.PassSeconds.Length);
        Assert.All(loaded.Traits.Cost.PassSeconds, s => Assert.True(s > 0));
    }
}
