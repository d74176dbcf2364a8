using EdgeSdk.Protocol;
using EdgeSdk.Sampling;
using EdgeSdk.Text.Constraints;
using Google.Protobuf;

namespace EdgeSdk.Remote;

/// <summary>The first frame of a stream, as far as the text decides it; the stream fills in the rest.</summary>
internal static class OpenFrame
{
    /// <summary>A text whose prompt is tokens of the vocabulary that both sides have.</summary>
    /// <param name="prompt">At least one id.</param>
    /// <param name="vocabularyFingerprint">Of the device's tokenizer; null where neither side has one.</param>
    /// <param name="sampler">How tokens are chosen.</param>
    /// <param name="maxTokens">How many tokens may be written.</param>
    public static Open For(ReadOnlySpan<int> prompt, string? vocabularyFingerprint, in SamplerSpec sampler, int maxTokens)
    {
        var open = For(sampler, maxTokens);
        open.VocabularyFingerprint = vocabularyFingerprint ?? "";
        open.Prompt = TokensOf(prompt);
        Constrain(open, sampler.Constrained?.Constraint);
        Limit(open, sampler.Thought is { Budget: < int.MaxValue } thought ? thought.Budget : null);
        return open;
    }

    /// <summary>A text whose prompt is whole turns, which the server renders.</summary>
    /// <param name="turns">Messages and tools.</param>
    /// <param name="sampler">How tokens are chosen.</param>
    /// <param name="constraint">What the text must look like; the server knows in which tokens. Null: anything.</param>
    /// <param name="thinkingBudget">Tokens that the text may think; null: as many as the model likes.</param>
    /// <param name="maxTokens">How many tokens may be written.</param>
    public static Open For(Turns turns, in SamplerSpec sampler, Constraint? constraint, int? thinkingBudget, int maxTokens)
    {
        var open = For(sampler, maxTokens);
        open.Turns = turns;
        Constrain(open, constraint);
        Limit(open, thinkingBudget);
        return open;
    }

    /// <summary>Ids as a frame carries them.</summary>
    public static Tokens TokensOf(ReadOnlySpan<int> ids)
    {
        var tokens = new Tokens();
        tokens.Ids.AddRange(ids);
        return tokens;
    }

    private static void Constrain(Open open, Constraint? constraint) =>
        (open.Sampler.ConstraintKind, open.Sampler.Constraint) = (constraint?.Kind ?? "", constraint?.Source ?? "");

    private static void Limit(Open open, int? thinkingBudget)
    {
        if (thinkingBudget is { } budget)
            open.Sampler.ThinkingBudget = budget;
    }

    private static Open For(in SamplerSpec sampler, int maxTokens)
    {
        var message = new Protocol.Sampler
        {
            Temperature = sampler.Temperature,
            Seed = sampler.Seed,
            TopK = sampler.TopK,
            TopP = sampler.TopP,
            MinP = sampler.MinP,
            Noise = "edge-1",
            FrequencyPenalty = sampler.FrequencyPenalty,
            PresencePenalty = sampler.PresencePenalty,
            RepetitionPenalty = sampler.RepetitionPenalty,
        };
        if (sampler.Bias is { } bias)
        {
            message.BiasIds.AddRange(bias.Ids);
            message.Biases.AddRange(bias.Values);
        }

        return new() { Sampler = message, MaxTokens = maxTokens };
    }
}
