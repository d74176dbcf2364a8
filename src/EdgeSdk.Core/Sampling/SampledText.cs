using EdgeSdk.Text;
using EdgeSdk.Text.Constraints;

namespace EdgeSdk.Sampling;

/// <summary>
/// A text and what it makes of the logits behind it (docs/sampling.md): penalties by its counted tokens, a bias, a budget for thinking by what is spent, a constraint by
/// how far it has come. It follows the text forwards and back; after the text has grown as long as it ever gets, penalties and budgets allocate nothing.
/// </summary>
/// <remarks>For one sequence, one caller at a time.</remarks>
internal sealed class SampledText
{
    private readonly SamplerSpec spec;
    private readonly ThoughtState? thought;
    private readonly ConstraintState? constraint;
    private readonly ulong[] allowed = []; // a bit a token
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

        thought = spec.Thought is { } limit ? new(limit) : null;
        constraint = spec.Constrained?.Begin();
        if (thought is not null || constraint is not null)
            allowed = new ulong[Math.Max((vocabulary + 63) / 64, spec.Constrained?.Vocabulary.MaskLength ?? 0)];
    }

    /// <summary>The empty text; null where the logits alone decide what a sampler chooses.</summary>
    public static SampledText? For(SamplerSpec spec, int vocabulary) => spec.ReadsText ? new(spec, vocabulary) : null;

    /// <summary>Goes back to the first <paramref name="length"/> tokens, where it holds more.</summary>
    public void Rewind(int length)
    {
        thought?.RewindTo(length);
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

        spec.Bias?.AddTo(changed);
        thought?.Follow(before);
        constraint?.Follow(before, thought);
        return Allow(before.Length)
            ? Sampler.Choose(logits, changed, spec, before.Length, allowed)
            : Sampler.Choose(logits, changed, spec, before.Length);
    }

    /// <summary>Sets a bit for each token that may stand at <paramref name="place"/>; false where all may.</summary>
    private bool Allow(int place)
    {
        if (thought is { IsInside: true })
            return AllowInThought();

        if (constraint is { IsOpen: true })
        {
            allowed.AsSpan().Clear();
            constraint.Allowed(allowed.AsSpan(0, spec.Constrained!.Vocabulary.MaskLength));
            if (thought is { IsSpent: false } && place == spec.Thought!.From && !constraint.IsPressed)
                Set(spec.Thought.Begin);

            return true;
        }

        if (thought is not { IsSpent: true })
            return false;

        allowed.AsSpan().Fill(ulong.MaxValue);
        Clear(spec.Thought!.Begin);
        return true;
    }

    /// <summary>A thought ends where its budget does, or where a constrained answer needs what room is left; and no text ends that owes an answer.</summary>
    private bool AllowInThought()
    {
        if (thought!.IsSpent || constraint is { IsPressed: true })
        {
            allowed.AsSpan().Clear();
            Set(spec.Thought!.End);
            return true;
        }

        if (constraint is not { IsOpen: true })
            return false;

        allowed.AsSpan().Fill(ulong.MaxValue);
        foreach (int end in spec.Constrained!.Vocabulary.EndTokens)
            Clear(end);

        return true;
    }

    private void Set(int token) => allowed[token >> 6] |= 1UL << token;

    private void Clear(int token) => allowed[token >> 6] &= ~(1UL << token);

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
