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
    private readonly SamplerSpec _spec;
    private readonly ThoughtState? _thought;
    private readonly ConstraintState? _constraint;
    private readonly ulong[] _allowed = []; // a bit a token
    private readonly List<int> _text = [];
    private readonly List<int> _distinct = []; // in the order of their first place, so that going back removes from the end
    private readonly int[] _seen = [], _written = [];
    private readonly float[] _changed;

    private SampledText(SamplerSpec spec, int vocabulary)
    {
        _spec = spec;
        _changed = new float[vocabulary];
        if (spec.Penalises)
            (_seen, _written) = (new int[vocabulary], new int[vocabulary]);

        _thought = spec.Thought is { } limit ? new(limit) : null;
        _constraint = spec.Constrained?.Begin();
        if (_thought is not null || _constraint is not null)
            _allowed = new ulong[Math.Max((vocabulary + 63) / 64, spec.Constrained?.Vocabulary.MaskLength ?? 0)];
    }

    /// <summary>The empty text; null where the logits alone decide what a sampler chooses.</summary>
    public static SampledText? For(SamplerSpec spec, int vocabulary) => spec.ReadsText ? new(spec, vocabulary) : null;

    /// <summary>Goes back to the first <paramref name="length"/> tokens, where it holds more.</summary>
    public void Rewind(int length)
    {
        _thought?.RewindTo(length);
        _constraint?.RewindTo(length);
        while (_text.Count > length)
        {
            int token = _text[^1];
            _text.RemoveAt(_text.Count - 1);
            if (_text.Count >= _spec.WrittenFrom)
                _written[token]--;

            if (--_seen[token] == 0)
                _distinct.RemoveAt(_distinct.Count - 1);
        }
    }

    /// <summary>Chooses the token behind <paramref name="before"/>, which begins with the tokens that this holds.</summary>
    /// <param name="logits">One row: [vocabulary]. Not changed.</param>
    /// <param name="before">The whole text before the place.</param>
    public Pick Choose(ReadOnlySpan<float> logits, ReadOnlySpan<int> before)
    {
        Rewind(before.Length);
        logits.CopyTo(_changed);
        if (_spec.Penalises)
            Penalise(logits, before);

        _spec.Bias?.AddTo(_changed);
        _thought?.Follow(before);
        _constraint?.Follow(before, _thought);
        return Allow(before.Length)
            ? Sampler.Choose(logits, _changed, _spec, before.Length, _allowed)
            : Sampler.Choose(logits, _changed, _spec, before.Length);
    }

    /// <summary>Sets a bit for each token that may stand at <paramref name="place"/>; false where all may.</summary>
    private bool Allow(int place)
    {
        if (_thought is { IsInside: true })
            return AllowInThought();

        if (_constraint is { IsOpen: true })
        {
            _allowed.AsSpan().Clear();
            _constraint.Allowed(_allowed.AsSpan(0, _spec.Constrained!.Vocabulary.MaskLength));
            if (_thought is { IsSpent: false } && place == _spec.Thought!.From && !_constraint.IsPressed)
                Set(_spec.Thought.Begin);

            return true;
        }

        if (_thought is not { IsSpent: true })
            return false;

        _allowed.AsSpan().Fill(ulong.MaxValue);
        Clear(_spec.Thought!.Begin);
        return true;
    }

    /// <summary>A thought ends where its budget does, or where a constrained answer needs what room is left; and no text ends that owes an answer.</summary>
    private bool AllowInThought()
    {
        if (_thought!.IsSpent || _constraint is { IsPressed: true })
        {
            _allowed.AsSpan().Clear();
            Set(_spec.Thought!.End);
            return true;
        }

        if (_constraint is not { IsOpen: true })
            return false;

        _allowed.AsSpan().Fill(ulong.MaxValue);
        foreach (int end in _spec.Constrained!.Vocabulary.EndTokens)
            Clear(end);

        return true;
    }

    private void Set(int token) => _allowed[token >> 6] |= 1UL << token;

    private void Clear(int token) => _allowed[token >> 6] &= ~(1UL << token);

    private void Penalise(ReadOnlySpan<float> logits, ReadOnlySpan<int> before)
    {
        foreach (int token in before[_text.Count..])
            Append(token);

        foreach (int token in _distinct)
            _changed[token] = Penalised(logits[token], _written[token]);
    }

    private void Append(int token)
    {
        if (_seen[token]++ == 0)
            _distinct.Add(token);

        if (_text.Count >= _spec.WrittenFrom)
            _written[token]++;

        _text.Add(token);
    }

    private float Penalised(float logit, int times)
    {
        float repeated = logit > 0 ? logit / _spec.RepetitionPenalty : logit * _spec.RepetitionPenalty;
        return times == 0 ? repeated : repeated - _spec.FrequencyPenalty * times - _spec.PresencePenalty;
    }
}
