namespace EdgeSdk.Text.Constraints;

/// <summary>How a grammar over bytes reads one of a set of characters.</summary>
internal static class CodePointsInUtf8
{
    /// <summary>Reads one of them in UTF-8; those beyond ASCII by a rule that equal sets share.</summary>
    public static Part Utf8(this CodePoints set, ByteGrammar grammar)
    {
        var parts = set.Ranges.Where(r => r.Low < 0x80).Select(r => grammar.Range(r.Low, Math.Min(r.High, 0x7F))).ToList();
        var beyond = set.Ranges.Where(r => r.High >= 0x80).Select(r => (Low: Math.Max(r.Low, 0x80), r.High)).ToList();
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
