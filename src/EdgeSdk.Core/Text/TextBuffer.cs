using System.Text;

namespace EdgeSdk.Text;

/// <summary>
/// What a tokenizer's steps may make of one text, so that a hostile tokenizer.json cannot keep them busy for ever: a step that replaces a letter by two doubles the text,
/// thirty of them make a thousand million of it.
/// </summary>
internal sealed class TextBudget
{
    /// <summary>A character's longest form is eleven times as long (U+FDFA in NFKC); marks of words add to that.</summary>
    private const int GrowthPerByte = 16;

    /// <summary>A short text may grow more than a long one.</summary>
    private const int LeastGrowth = 1 << 16;

    /// <summary>Known tokenizers take fewer than fifty, their patterns and their model together.</summary>
    private const int StepsPerByte = 200;

    /// <summary>Some patterns take the square of a number's digits, which are some thousands at most.</summary>
    private const int LeastSteps = 10_000_000;

    public TextBudget() => Reset();

    /// <summary>By how many bytes steps may still make the text longer.</summary>
    public long Growth { get; set; }

    /// <summary>How many steps patterns and models may still take.</summary>
    public long Steps { get; set; }

    /// <summary>Takes the steps of a model's search.</summary>
    public void SpendSteps(int steps)
    {
        if ((Steps -= steps) < 0)
            throw new EdgeException(EdgeErrorCode.InvalidModel, "The tokenizer's tokens take too many steps to find in this text: too many of them begin alike. Use a tokenizer without them.");
    }

    /// <summary>Begins with another text.</summary>
    public void Reset() => (Growth, Steps) = (LeastGrowth, LeastSteps);

    /// <summary>Grants what <paramref name="length"/> bytes of text may take.</summary>
    public void Add(long length)
    {
        Growth += GrowthPerByte * length;
        Steps += StepsPerByte * length;
    }
}

/// <summary>A text in UTF-8 that is being written. One thread at a time.</summary>
internal sealed class TextBuffer(TextBudget budget)
{
    private byte[] _bytes = [];
    private long _limit = long.MaxValue;
    private long _without;

    public TextBudget Budget { get; } = budget;

    /// <summary>How many bytes are written.</summary>
    public int Count { get; private set; }

    public ReadOnlySpan<byte> Written => _bytes.AsSpan(0, Count);

    public void Clear() => Count = 0;

    /// <summary>Takes back what was written after the first <paramref name="count"/> bytes.</summary>
    public void CutTo(int count) => Count = count;

    /// <summary>Takes the first <paramref name="count"/> bytes away.</summary>
    public void TakeFirst(int count)
    {
        _bytes.AsSpan(count, Count - count).CopyTo(_bytes);
        Count -= count;
    }

    public void Write(ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(GetSpan(bytes.Length));
        Count += bytes.Length;
    }

    public void Write(Rune character) => Count += character.EncodeToUtf8(GetSpan(4));

    /// <summary>Room for at least <paramref name="length"/> bytes, which <see cref="Advance"/> then counts as written.</summary>
    public Span<byte> GetSpan(int length)
    {
        if (length > _bytes.Length - Count)
            Grow(Count + (long)length);

        return _bytes.AsSpan(Count);
    }

    public void Advance(int length) => Count += length;

    /// <summary>Begins a step that rewrites <paramref name="length"/> bytes; what comes out may be longer by what the budget has.</summary>
    public void Begin(long length)
    {
        _without = Count + length;
        _limit = _without + Budget.Growth;
    }

    /// <summary>Ends the step.</summary>
    public void End()
    {
        Budget.Growth -= Math.Max(0, Count - _without);
        _limit = Budget.Growth < 0 ? throw GrowsTooLong() : long.MaxValue;
    }

    /// <summary>From a place on, puts <paramref name="other"/>, which is no longer, in the place of each <paramref name="pattern"/>.</summary>
    public void Replace(int from, ReadOnlySpan<byte> pattern, ReadOnlySpan<byte> other)
    {
        if (pattern.IsEmpty)
            return;

        var text = _bytes.AsSpan(from, Count - from);
        int read = 0, write = 0;
        for (int length; (length = text[read..].IndexOf(pattern)) >= 0; read += length + pattern.Length)
        {
            text.Slice(read, length).CopyTo(text[write..]);
            other.CopyTo(text[(write + length)..]);
            write += length + other.Length;
        }

        text[read..].CopyTo(text[write..]);
        Count -= read - write;
    }

    private void Grow(long length)
    {
        if (length > Math.Min(_limit, Array.MaxLength))
            throw GrowsTooLong();

        Array.Resize(ref _bytes, (int)Math.Min(Math.Max(length, Math.Max(64, 2L * _bytes.Length)), Array.MaxLength));
    }

    private static EdgeException GrowsTooLong() => new(
        EdgeErrorCode.InvalidModel, "The tokenizer's steps make a text many times as long. Leave out the steps of its normalizer, pre_tokenizer or decoder that multiply the text.");
}
