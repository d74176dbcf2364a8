namespace EdgeSdk.Sampling;

/// <summary>Chooses the next token from the logits: a pure function, bit for bit the same on every machine (docs/sampling.md).</summary>
internal static class Sampler
{
    /// <summary>Chooses the token at <paramref name="place"/>.</summary>
    /// <param name="logits">One row: [vocabulary].</param>
    /// <param name="spec">How to choose; valid (<see cref="SamplerSpec.Validate"/>).</param>
    /// <param name="place">The absolute index of the token that is drawn; the prompt's first token is 0.</param>
    /// <exception cref="EdgeException">Engine: the logits hold NaN or an infinity, or there are none.</exception>
    public static Pick Choose(ReadOnlySpan<float> logits, in SamplerSpec spec, int place) => throw new NotImplementedException();
}
