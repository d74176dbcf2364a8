namespace EdgeSdk.Sampling;

/// <summary>How the next token is chosen. Equal on device and server, it makes their choices comparable (docs/sampling.md).</summary>
/// <param name="Temperature">0 is greedy; otherwise the logits are divided by it. Not negative, finite.</param>
/// <param name="Seed">The noise's key. With temperature 0 it has no effect.</param>
/// <param name="TopK">Keep the k best tokens; 0 keeps all.</param>
/// <param name="TopP">Keep the smallest set of best tokens whose probability reaches this; (0, 1], 1 keeps all.</param>
/// <param name="MinP">Drop tokens less likely than this share of the best one; [0, 1), 0 keeps all.</param>
/// <param name="Noise">The noise scheme, by its name in the protocol.</param>
public readonly record struct SamplerSpec(
    float Temperature = 0,
    ulong Seed = 0,
    int TopK = 0,
    float TopP = 1,
    float MinP = 0,
    NoiseScheme Noise = NoiseScheme.Edge1)
{
    /// <summary>Greedy decoding.</summary>
    public static SamplerSpec Greedy { get; } = new(0);

    /// <summary>Throws where a value lies outside its range.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Names the field, its value and its range.</exception>
    public void Validate()
    {
        if (!float.IsFinite(Temperature) || Temperature < 0)
        {
            throw new ArgumentOutOfRangeException(nameof(Temperature), Temperature, "Temperature must be finite and not negative (0 is greedy).");
        }

        ArgumentOutOfRangeException.ThrowIfNegative(TopK);

        if (!(TopP > 0 && TopP <= 1))
        {
            throw new ArgumentOutOfRangeException(nameof(TopP), TopP, "TopP must lie in (0, 1]; 1 keeps every token.");
        }

        if (!(MinP >= 0 && MinP < 1))
        {
            throw new ArgumentOutOfRangeException(nameof(MinP), MinP, "MinP must lie in [0, 1); 0 keeps every token.");
        }

        if (Noise != NoiseScheme.Edge1)
        {
            throw new ArgumentOutOfRangeException(nameof(Noise), Noise, "The only noise scheme known here is edge-1.");
        }
    }
}

/// <summary>Where the Gumbel noise comes from. A scheme is named in the protocol, so that both sides draw the same.</summary>
public enum NoiseScheme
{
    /// <summary>"edge-1": SplitMix64's finaliser over seed, place and token id; docs/sampling.md has the arithmetic and test vectors.</summary>
    Edge1 = 1,
}
