using EdgeSdk.Decoding;
using EdgeSdk.Sampling;

namespace EdgeSdk.Tests.Server;

/// <summary>A scripted model for the server's tests, and the texts that it writes alone.</summary>
internal static class ServedModel
{
    public const int Vocabulary = 64;
    public const int Context = 4096;
    public const int EndToken = 1;

    public static readonly ModelInfo Info = new("table", "identity-of-table", "vocabulary-of-table", Vocabulary, Context, [EndToken]);

    public static TableModel Create(Func<TablePass, ValueTask>? pace = null, ModelInfo? info = null) =>
        new(info ?? Info, new StepTraits(MaxStep: 64, ExactFrom: 1, Cost: default), TableModel.Random(seed: 7, Vocabulary, spread: 6), pace);

    /// <summary>What the model writes behind <paramref name="prompt"/> with nobody's help.</summary>
    public static async Task<int[]> AloneAsync(int[] prompt, int maxTokens, SamplerSpec sampler, bool ignoreEnd = false)
    {
        var model = Create();
        await using var sequence = await model.OpenAsync(sampler);
        var text = new List<int>();
        await foreach (var pick in new Generation(sequence, StopRule.For(Info, prompt.Length, maxTokens, ignoreEnd)).RunAsync(prompt))
            text.Add(pick.Token);

        return [.. text];
    }
}
