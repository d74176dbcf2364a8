namespace EdgeSdk.Chat;

/// <summary>Ends a text at its stop sequences, wherever the borders of its pieces fall: text is held back only as far as it may begin one of them.</summary>
/// <remarks>The sequence that is whole first ends the text; of those that end together, the longest. Compared by code unit.</remarks>
internal sealed class StopText(IReadOnlyList<string> sequences)
{
    private string _held = "";

    /// <summary>Whether a stop sequence was written; what follows it is dropped.</summary>
    public bool IsMet { get; private set; }

    /// <summary>Takes in a piece; gives what is certain to stand before any stop sequence.</summary>
    public string Append(string piece)
    {
        if (IsMet || sequences.Count == 0)
            return IsMet ? "" : piece;

        string text = _held + piece;
        if (Find(text) is { } stop)
        {
            IsMet = true;
            _held = "";
            return text[..stop];
        }

        int kept = MayBegin(text);
        _held = text[^kept..];
        return text[..^kept];
    }

    /// <summary>The text ends, or another begins: what was held back is certain now.</summary>
    public string Flush()
    {
        string held = _held;
        _held = "";
        return held;
    }

    /// <summary>Where the first sequence to be whole begins.</summary>
    private int? Find(string text)
    {
        int? start = null;
        int end = int.MaxValue;
        foreach (string sequence in sequences)
        {
            int at = text.IndexOf(sequence, StringComparison.Ordinal);
            if (at >= 0 && (at + sequence.Length < end || (at + sequence.Length == end && at < start)))
                (start, end) = (at, at + sequence.Length);
        }

        return start;
    }

    /// <summary>Length of the longest end of <paramref name="text"/> that begins a sequence.</summary>
    private int MayBegin(string text)
    {
        int longest = 0;
        foreach (string sequence in sequences)
        {
            int length = Math.Min(sequence.Length - 1, text.Length);
            while (length > longest && !text.AsSpan(text.Length - length).SequenceEqual(sequence.AsSpan(0, length)))
                length--;

            longest = Math.Max(longest, length);
        }

        return longest;
    }
}
