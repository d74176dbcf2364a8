using EdgeSdk.Text.Constraints;

namespace EdgeSdk.Sampling;

/// <summary>
/// A text and what it makes of the logits behind it (docs/sampling.md): penalties by its counted tokens, a constraint by how far it has come. It follows the
/// text forwards and back; after the text has grown as long as it ever gets, penalties allocate nothing.
/// </summary>
/// <remarks>For one sequence, one caller at a time.</remarks>
internal sealed class SampledText
{
    private readonly SamplerSpec spec;
    private readonly ConstraintState? constraint;
    private readonly ulong[] allowed = [];
    private readonly List<int> text = [];
    private readonly List<int> distinct = []; // in the order of their first place, so that going back removes from the end
    private readonly int[] seen = [], written = [];
    private readonly float[] changed;

    private SampledText(SamplerSpec spec, int vocabulary)
    {
        this.spec = spec;
        changed = new float[vocabulary];
        if (spec.Penalises)
            (seen, written) = (new int[vocabulary], new int[vocabulary]);

        if (spec.Constrained is { } constrained)
        {
            constraint = constrained.Begin();
            allowed = new ulong[constrained.Vocabulary.MaskLength];
        }
    }

    /// <summary>The empty text; null where the logits alone decide what a sampler chooses.</summary>
    public static SampledText? For(SamplerSpec spec, int vocabulary) => spec.Penalises || spec.Constrained is not null ? new(spec, vocabulary) : null;

    /// <summary>Goes back to the first <paramref name="length"/> tokens, where it holds more.</summary>
    public void Rewind(int length)
    {
        constraint?.RewindTo(length);
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
        logits.CopyTo(changed);
        if (spec.Penalises)
            Penalise(logits, before);

        if (constraint is null)
            return Sampler.Choose(logits, changed, spec, before.Length);

        constraint.Follow(before);
        return constraint.IsOpen ? ChooseAllowed(logits, before.Length) : Sampler.Choose(logits, changed, spec, before.Length);
    }

    private Pick ChooseAllowed(ReadOnlySpan<float> logits, int place)
    {
        constraint!.Allowed(allowed);
        return Sampler.Choose(logits, changed, spec, place, allowed);
    }

    private void Penalise(ReadOnlySpan<float> logits, ReadOnlySpan<int> before)
    {
        foreach (int token in before[text.Count..])
            Append(token);

        foreach (int token in distinct)
            changed[token] = Penalised(logits[token], written[token]);
    }

    private void Append(int token)
    {
        if (seen[token]++ == 0)
            distinct.Add(token);

        if (text.Count >= spec.WrittenFrom)
            written[token]++;

        text.Add(token);
    }

    private float Penalised(float logit, int times)
    {
        float repeated = logit > 0 ? logit / spec.RepetitionPenalty : logit * spec.RepetitionPenalty;
        return times == 0 ? repeated : repeated - spec.FrequencyPenalty * times - spec.PresencePenalty;
    }
}
