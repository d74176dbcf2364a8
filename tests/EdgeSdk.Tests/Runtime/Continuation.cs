using EdgeSdk.Decoding;
using EdgeSdk.Sampling;

namespace EdgeSdk.Tests.Runtime;

internal static class Continuation
{
    /// <summary>The tokens that follow a prompt greedily, one step each.</summary>
    public static async Task<int[]> GreedyAsync(ILanguageModel model, int[] prompt, int count, CancellationToken cancellationToken)
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
