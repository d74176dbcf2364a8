namespace EdgeSdk.Sampling;

/// <summary>
/// The tokens of a text, counted, and what their penalties make of the logits behind them (docs/sampling.md). It follows the text forwards and back; after
/// the text has grown as long as it ever gets, it allocates nothing.
/// </summary>
/// <remarks>For one sequence, one caller at a time.</remarks>
internal sealed class PenalisedText(SamplerSpec spec, int vocabulary)
{
    private readonly List<int> text = [];
    private readonly List<int> distinct = []; // in the order of their first place, so that going back removes from the end
    private readonly int[] seen = new int[vocabulary], written = new int[vocabulary];
    private readonly float[] penalised = new float[vocabulary];

    /// <summary>Goes back to the first <paramref name="length"/> tokens, where it holds more.</summary>
    public void Rewind(int length)
    {
        while (text.Count > length)
        {
            int token = text[^1];
            text.RemoveAt(text.Count - 1);
            if (text.Count >= spec.WrittenFrom)
                written[token]--;

            if (--seen[token] == 0)
                distinct.RemoveAt(distinct.Count - 1);
        }
    }

    /// <summary>Chooses the token behind <paramref name="before"/>, which begins with the tokens that this holds.</summary>
    /// <param name="logits">One row: [vocabulary]. Not changed.</param>
    /// <param name="before">The whole text before the place.</param>
    public Pick Choose(ReadOnlySpan<float> logits, ReadOnlySpan<int> before)
    {
        Rewind(before.Length);
        foreach (int token in before[text.Count..])
            Append(token);

        logits.CopyTo(penalised);
        foreach (int token in distinct)
            penalised[token] = Penalise(logits[token], written[token]);

        return Sampler.Choose(logits, penalised, spec, before.Length);
    }

    private void Append(int token)
    {
        if (seen[token]++ == 0)
            distinct.Add(token);

        if (text.Count >= spec.WrittenFrom)
            written[token]++;

        text.Add(token);
    }

    private float Penalise(float logit, int times)
    {
        float repeated = logit > 0 ? logit / spec.RepetitionPenalty : logit * spec.RepetitionPenalty;
        return times == 0 ? repeated : repeated - spec.FrequencyPenalty * times - spec.PresencePenalty;
    }
}
