using System.Collections.Immutable;
using System.Text.Json;

namespace EdgeSdk.Tests.Runtime;

/// <summary>What transformers computed for a model of random weights: tests/data/hf/*/golden.json.</summary>
internal sealed record Golden(ImmutableArray<Golden.Case> Cases)
{
    /// <param name="model">A folder under tests/data: hf/qwen2, genai/qwen2-fp32 ...</param>
    public static Golden Read(string model)
    {
        var checkpoint = Path.GetFileName(model).Split('-')[0];
        using var json = JsonDocument.Parse(File.ReadAllBytes(Assets.Data($"hf/{checkpoint}/golden.json")));
        return new([.. json.RootElement.GetProperty("cases").EnumerateArray().Select(c => new Case(
            [.. c.GetProperty("prompt").EnumerateArray().Select(t => t.GetInt32())],
            [.. c.GetProperty("last_logits").EnumerateArray().Select(t => t.GetSingle())],
            [.. c.GetProperty("greedy").EnumerateArray().Select(t => t.GetInt32())]))]);
    }

    /// <param name="Prompt">Token ids.</param>
    /// <param name="LastLogits">The logits behind the prompt.</param>
    /// <param name="Greedy">The 48 tokens that follow greedily.</param>
    internal sealed record Case(int[] Prompt, float[] LastLogits, int[] Greedy);
}
