namespace EdgeSdk.Text.Constraints;

/// <summary>A set of Unicode scalar values, as ranges in order.</summary>
internal sealed class CodePoints
{
    private const int Last = 0x10FFFF;

    private CodePoints(IEnumerable<(int Low, int High)> ranges)
    {
        var merged = new List<(int Low, int High)>();
        foreach (var (low, high) in ranges.Where(r => r.Low <= r.High).Order())
        {
            if (merged.Count > 0 && low <= merged[^1].High + 1)
                merged[^1] = (merged[^1].Low, Math.Max(merged[^1].High, high));
            else
                merged.Add((low, high));
        }

        Ranges = merged;
    }

    public IReadOnlyList<(int Low, int High)> Ranges { get; }

    public static CodePoints All { get; } = Of((0, Last));

    /// <summary>The ranges, without the surrogates, which no UTF-8 text has.</summary>
    public static CodePoints Of(params IEnumerable<(int Low, int High)> ranges) => new(ranges.SelectMany(r => new[]
    {
        (r.Low, Math.Min(r.High, 0xD7FF)), (Math.Max(r.Low, 0xE000), Math.Min(r.High, Last)),
    }));

    public static CodePoints Of(params ReadOnlySpan<int> points) => Of(points.ToArray().Select(p => (p, p)));

    public CodePoints Or(CodePoints other) => Of(Ranges.Concat(other.Ranges));

    public CodePoints Not()
    {
        var gaps = new List<(int, int)>();
        int next = 0;
        foreach (var (low, high) in Ranges)
        {
            gaps.Add((next, low - 1));
            next = high + 1;
        }

        gaps.Add((next, Last));
        return Of(gaps);
    }

    public CodePoints And(CodePoints other) => Not().Or(other.Not()).Not();

    public bool Contains(int point) => Ranges.Any(r => r.Low <= point && point <= r.High);

    /// <summary>Reads one of them in UTF-8; those beyond ASCII by a rule that equal sets share.</summary>
    public Part Utf8(ByteGrammar grammar)
    {
        var parts = Ranges.Where(r => r.Low < 0x80).Select(r => grammar.Range(r.Low, Math.Min(r.High, 0x7F))).ToList();
        var beyond = Ranges.Where(r => r.High >= 0x80).Select(r => (Low: Math.Max(r.Low, 0x80), r.High)).ToList();
        if (beyond.Count > 0)
            parts.Add(grammar.Shared("utf-8 " + string.Join(' ', beyond), () => Beyond(grammar, beyond)));

        return parts.Count > 0 ? grammar.Any(parts) : throw new EdgeException(EdgeErrorCode.InvalidArgument, "The constraint has a character class without characters.");
    }

    private static Part Beyond(ByteGrammar grammar, List<(int Low, int High)> ranges)
    {
        var parts = new List<Part>();
        foreach (var (low, high) in ranges)
            Split(grammar, low, high, parts);

        return grammar.Any(parts);
    }

    /// <summary>Cuts a range where the length of its UTF-8 changes, and where a leading byte would go with part of the trailing ones only.</summary>
    private static void Split(ByteGrammar grammar, int low, int high, List<Part> parts)
    {
        foreach (int last in (ReadOnlySpan<int>)[0x7F, 0x7FF, 0xFFFF])
        {
            if (low <= last && high > last)
            {
                Split(grammar, low, last, parts);
                Split(grammar, last + 1, high, parts);
                return;
            }
        }

        for (int bits = 6; high > 0x7F && bits <= 18; bits += 6)
        {
            int tail = (1 << bits) - 1;
            if ((low & ~tail) == (high & ~tail))
                continue;

            int cut = (low & tail) != 0 ? low | tail : (high & tail) != tail ? (high & ~tail) - 1 : -1;
            if (cut < 0)
                continue;

            Split(grammar, low, cut, parts);
            Split(grammar, cut + 1, high, parts);
            return;
        }

        Span<byte> from = stackalloc byte[4], to = stackalloc byte[4];
        int length = new System.Text.Rune(low).EncodeToUtf8(from);
        new System.Text.Rune(high).EncodeToUtf8(to);
        var bytes = new Part[length];
        for (int i = 0; i < length; i++)
            bytes[i] = grammar.Range(from[i], to[i]);

        parts.Add(ByteGrammar.Sequence(bytes));
    }
}
