namespace EdgeSdk.Text;

/// <summary>What becomes of the delimiters at which a text is cut.</summary>
internal enum SplitBehavior
{
    /// <summary>Left out.</summary>
    Removed,

    /// <summary>A piece each.</summary>
    Isolated,

    /// <summary>The end of the piece before.</summary>
    MergedWithPrevious,

    /// <summary>The start of the piece after.</summary>
    MergedWithNext,

    /// <summary>Adjacent ones are one piece.</summary>
    Contiguous,
}

internal static class SplitBehaviors
{
    /// <summary>Appends the pieces that <paramref name="behavior"/> makes of delimiters and what lies between them.</summary>
    public static void Join(List<(int Start, int End, bool IsDelimiter)> spans, SplitBehavior behavior, int offset, List<Piece> pieces)
    {
        int start = -1;
        for (int i = 0; i < spans.Count; i++)
        {
            var span = spans[i];
            if (behavior == SplitBehavior.Removed && span.IsDelimiter)
                continue;

            start = start < 0 ? span.Start : start;
            if (i + 1 < spans.Count && JoinsNext(spans, i, behavior))
                continue;

            PieceList.Add(pieces, offset + start, offset + span.End);
            start = -1;
        }
    }

    /// <summary>A delimiter joins one neighbour; a second delimiter in a row stands alone, as the reference implementation has it.</summary>
    private static bool JoinsNext(List<(int Start, int End, bool IsDelimiter)> spans, int i, SplitBehavior behavior) => behavior switch
    {
        SplitBehavior.Contiguous => spans[i].IsDelimiter == spans[i + 1].IsDelimiter,
        SplitBehavior.MergedWithPrevious => spans[i + 1].IsDelimiter && !spans[i].IsDelimiter,
        SplitBehavior.MergedWithNext => spans[i].IsDelimiter && !spans[i + 1].IsDelimiter,
        _ => false,
    };
}
