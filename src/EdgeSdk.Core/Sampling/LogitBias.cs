namespace EdgeSdk.Sampling;

/// <summary>What is added to the logits of some tokens, wherever they might stand. Immutable; equal where ids and values are.</summary>
internal sealed class LogitBias : IEquatable<LogitBias>
{
    private const int MostTokens = 1024, Most = 100;

    private readonly int[] _ids;
    private readonly float[] _values;

    private LogitBias(int[] ids, float[] values) => (_ids, _values) = (ids, values);

    /// <summary>The tokens, ascending; at least one.</summary>
    public ReadOnlySpan<int> Ids => _ids;

    /// <summary>What is added to each.</summary>
    public ReadOnlySpan<float> Values => _values;

    /// <summary>A bias; null where there is no token.</summary>
    /// <exception cref="ArgumentException">An id is negative or comes twice, a value lies outside [-100, 100], or there are more than 1,024.</exception>
    public static LogitBias? Of(IEnumerable<KeyValuePair<int, float>> biases)
    {
        KeyValuePair<int, float>[] sorted = [.. biases.OrderBy(bias => bias.Key)];
        if (sorted.Length > MostTokens)
            throw new ArgumentException($"The logit bias names {sorted.Length} tokens; at most {MostTokens} are taken.", nameof(biases));

        for (int i = 0; i < sorted.Length; i++)
        {
            var (id, value) = sorted[i];
            if (id < 0 || !(Math.Abs(value) <= Most) || (i > 0 && sorted[i - 1].Key == id))
                throw new ArgumentException($"The logit bias of token {id} is {value}; ids are not negative and come once, values lie in [-{Most}, {Most}].", nameof(biases));
        }

        return sorted.Length == 0 ? null : new([.. sorted.Select(bias => bias.Key)], [.. sorted.Select(bias => bias.Value)]);
    }

    /// <summary>Adds it to a row of logits, in single precision.</summary>
    public void AddTo(Span<float> logits)
    {
        for (int i = 0; i < _ids.Length; i++)
            logits[_ids[i]] += _values[i];
    }

    public bool Equals(LogitBias? other) => other is not null && _ids.AsSpan().SequenceEqual(other._ids) && _values.AsSpan().SequenceEqual(other._values);

    public override bool Equals(object? obj) => Equals(obj as LogitBias);

    public override int GetHashCode() => HashCode.Combine(_ids.Length, _ids[0], _values[0]);
}
