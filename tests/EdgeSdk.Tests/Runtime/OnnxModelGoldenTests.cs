using System.Numerics.Tensors;
using EdgeSdk.Runtime;

namespace EdgeSdk.Tests.Runtime;

public sealed class OnnxModelGoldenTests(VerifierModels models) : IClassFixture<VerifierModels>
{
    public static MatrixTheoryData<string, int> NamesAndRows => new(VerifierModels.Float32Names.Select(n => n.Data), [1, 2]);

    [Theory]
    [MemberData(nameof(NamesAndRows))]
    public async Task A_model_continues_every_golden_prompt_as_transformers_does(string name, int minimumRows)
    {
        var cancel = TestContext.Current.CancellationToken;
        var model = await models.LoadAsync(name, new OnnxModelOptions { MinimumRows = minimumRows });

        foreach (var golden in Golden.Read(name).Cases)
        {
            var logits = await model.PromptLogitsAsync(golden.Prompt, cancel);
            Assert.All(golden.LastLogits.Zip(logits), p => Assert.Equal(p.First, p.Second, 1e-3));
            Assert.Equal(golden.Greedy, await Continuation.GreedyAsync(model, golden.Prompt, golden.Greedy.Length, cancel));
        }
    }

    [Fact]
    public async Task A_quantized_model_whose_export_was_faulty_is_mended_and_resembles_float32()
    {
        var cancel = TestContext.Current.CancellationToken;
        var model = await models.LoadAsync("genai/qwen2-int4");

        foreach (var golden in Golden.Read("hf/qwen2").Cases)
        {
            var logits = await model.PromptLogitsAsync(golden.Prompt, cancel);
            Assert.InRange(TensorPrimitives.CosineSimilarity<float>(golden.LastLogits, logits), 0.75f, 1);
        }
    }

    [Theory]
    [MemberData(nameof(VerifierModels.Names), MemberType = typeof(VerifierModels))]
    public async Task The_self_test_finds_a_verifier_exact_and_knows_what_passes_cost(string name)
    {
        var model = await models.LoadAsync(name);

        Assert.Equal(2, model.Traits.ExactFrom);
        Assert.Equal(5, model.Traits.Cost.PassSeconds.Length);
        Assert.All(model.Traits.Cost.PassSeconds, s => Assert.True(s > 0));
    }
}
