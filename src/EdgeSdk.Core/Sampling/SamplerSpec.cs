using EdgeSdk.Text;
using EdgeSdk.Text.Constraints;

namespace EdgeSdk.Sampling;

/// <summary>How the next token is chosen. Equal on device and server, it makes their choices comparable (docs/sampling.md).</summary>
/// <param name="Temperature">0 is greedy; otherwise the logits are divided by it. Not negative, finite.</param>
/// <param name="Seed">The noise's key. With temperature 0 it has no effect.</param>
/// <param name="TopK">Keep the k best tokens; 0 keeps all.</param>
/// <param name="TopP">Keep the smallest set of best tokens whose probability reaches this; (0, 1], 1 keeps all.</param>
/// <param name="MinP">Drop tokens less likely than this share of the best one; [0, 1), 0 keeps all.</param>
/// <param name="Noise">The noise scheme, by its name in the protocol.</param>
/// <param name="FrequencyPenalty">Taken off a token's logit for each time it was written; [-2, 2], 0 is off.</param>
/// <param name="PresencePenalty">Taken off a token's logit once if it was written; [-2, 2], 0 is off.</param>
/// <param name="RepetitionPenalty">A token of the text, prompt included, has its logit divided by this where positive, multiplied where not; (0, 10], 1 is off.</param>
/// <param name="WrittenFrom">The place from which tokens count as written: the prompt's length.</param>
public readonly record struct SamplerSpec(
    float Temperature = 0,
    ulong Seed = 0,
    int TopK = 0,
    float TopP = 1,
    float MinP = 0,
    NoiseScheme Noise = NoiseScheme.Edge1,
    float FrequencyPenalty = 0,
    float PresencePenalty = 0,
    float RepetitionPenalty = 1,
    int WrittenFrom = 0)
{
    /// <summary>Whether a penalty is on.</summary>
    internal bool Penalises => FrequencyPenalty != 0 || PresencePenalty != 0 || RepetitionPenalty != 1;

    /// <summary>The same for a text of which <paramref name="prompt"/> tokens are the prompt.</summary>
    internal SamplerSpec Behind(int prompt) => Penalises ? this with { WrittenFrom = prompt } : this;

    /// <summary>Greedy decoding.</summary>
    public static SamplerSpec Greedy { get; } = new(0);

    /// <summary>What the text must look like, and where in it; null: anything. Comes behind the penalties and before the filters.</summary>
    internal ConstrainedText? Constrained { get; init; }

    /// <summary>How long the text may think; null: where nothing limits it and no constraint asks which tokens are thoughts.</summary>
    internal ThoughtLimit? Thought { get; init; }

    /// <summary>Whether a choice depends on more than the logits and the place.</summary>
    internal bool ReadsText => Penalises || Bias is not null || Constrained is not null || Thought is not null;

    /// <summary>What is added to some tokens' logits, behind the penalties; null: nothing.</summary>
    internal LogitBias? Bias { get; init; }

    /// <summary>Throws where a value lies outside its range.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Names the field, its value and its range.</exception>
    public void Validate()
    {
        if (!float.IsFinite(Temperature) || Temperature < 0)
            throw new ArgumentOutOfRangeException(nameof(Temperature), Temperature, "Temperature must be finite and not negative (0 is greedy).");

        ArgumentOutOfRangeException.ThrowIfNegative(TopK);

        if (!(TopP > 0 && TopP <= 1))
            throw new ArgumentOutOfRangeException(nameof(TopP), TopP, "TopP must lie in (0, 1]; 1 keeps every token.");

        if (!(MinP >= 0 && MinP < 1))
            throw new ArgumentOutOfRangeException(nameof(MinP), MinP, "MinP must lie in [0, 1); 0 keeps every token.");

        ThrowUnlessPenalty(FrequencyPenalty, nameof(FrequencyPenalty));
        ThrowUnlessPenalty(PresencePenalty, nameof(PresencePenalty));
        if (!(RepetitionPenalty > 0 && RepetitionPenalty <= 10))
            throw new ArgumentOutOfRangeException(nameof(RepetitionPenalty), RepetitionPenalty, "RepetitionPenalty must lie in (0, 10]; 1 is off.");

        ArgumentOutOfRangeException.ThrowIfNegative(WrittenFrom);
        if (Noise != NoiseScheme.Edge1)
            throw new ArgumentOutOfRangeException(nameof(Noise), Noise, "The only noise scheme known here is edge-1.");
    }

    private static void ThrowUnlessPenalty(float value, string name)
    {
        if (!(value >= -2 && value <= 2))
            throw new ArgumentOutOfRangeException(name, value, $"{name} must lie in [-2, 2]; 0 is off.");
    }
}

/// <summary>Where the Gumbel noise comes from. A scheme is named in the protocol, so that both sides draw the same.</summary>
public enum NoiseScheme
{
    /// <summary>"edge-1": SplitMix64's finaliser over seed, place and token id; docs/sampling.md has the arithmetic and test vectors.</summary>
    Edge1 = 1,
}
