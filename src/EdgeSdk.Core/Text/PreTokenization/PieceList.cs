namespace EdgeSdk.Text;

/// <summary>A part of a text, in bytes.</summary>
internal readonly record struct Piece(int Start, int End)
{
    public int Length => End - Start;
}

/// <summary>Appends the pieces of <paramref name="text"/>, which itself lies at <paramref name="offset"/>.</summary>
internal delegate void PieceCutter(ReadOnlySpan<byte> text, int offset, List<Piece> pieces);

/// <summary>Appends what a piece becomes to <paramref name="output"/>, and gives how much of it comes from the start: as <see cref="Normalizer.Apply"/> does.</summary>
internal delegate int PieceRewriter(ReadOnlySpan<byte> piece, int start, TextBuffer output);

/// <summary>A text on its way to the model: its UTF-8 bytes and the pieces into which the pre-tokenizers have cut it. One thread at a time.</summary>
internal sealed class PieceList(TextBudget budget)
{
    private readonly Dictionary<Pattern, Pattern.Matcher> _matchers = [];
    private readonly List<(int Start, int End, bool IsDelimiter)> _spans = [];
    private TextBuffer _text = new(budget);
    private TextBuffer _nextText = new(budget);
    private List<Piece> _next = [];

    /// <summary>So many bytes at the beginning of the text come from the first character of the whole.</summary>
    private int _start;

    /// <summary>The text that the pieces are parts of.</summary>
    public ReadOnlySpan<byte> Text => _text.Written;

    /// <summary>In the text's order, none empty.</summary>
    public List<Piece> Pieces { get; private set; } = [];

    /// <summary>Begins with a text of one piece.</summary>
    /// <param name="text">The text.</param>
    /// <param name="start">How many bytes it begins with that come from the first character of the whole text.</param>
    public void Start(ReadOnlySpan<byte> text, int start)
    {
        _start = start;
        _text.Clear();
        _text.Write(text);
        Pieces.Clear();
        Add(Pieces, 0, text.Length);
    }

    /// <summary>Cuts each piece at the matches of <paramref name="pattern"/>, or at what lies between them (<paramref name="invert"/>).</summary>
    public void Split(Pattern pattern, bool invert, SplitBehavior behavior)
    {
        if (!_matchers.TryGetValue(pattern, out var matcher))
            _matchers.Add(pattern, matcher = new Pattern.Matcher(pattern));

        _next.Clear();
        foreach (var piece in Pieces)
        {
            ListSpans(Text[piece.Start..piece.End], matcher, invert);
            SplitBehaviors.Join(_spans, behavior, piece.Start, _next);
        }

        (Pieces, _next) = (_next, Pieces);
    }

    /// <summary>Cuts each piece at the code points that <paramref name="isDelimiter"/> names.</summary>
    public void Split(Func<int, bool> isDelimiter, SplitBehavior behavior)
    {
        _next.Clear();
        foreach (var piece in Pieces)
        {
            ListSpans(Text[piece.Start..piece.End], isDelimiter);
            SplitBehaviors.Join(_spans, behavior, piece.Start, _next);
        }

        (Pieces, _next) = (_next, Pieces);
    }

    /// <summary>Cuts each piece into others.</summary>
    public void Cut(PieceCutter cutter)
    {
        _next.Clear();
        foreach (var piece in Pieces)
            cutter(Text[piece.Start..piece.End], piece.Start, _next);

        (Pieces, _next) = (_next, Pieces);
    }

    /// <summary>Puts something else in the place of each piece.</summary>
    public void Rewrite(PieceRewriter rewriter)
    {
        int start = 0;
        _next.Clear();
        _nextText.Clear();
        _nextText.Begin(_text.Count);
        foreach (var piece in Pieces)
        {
            int before = _nextText.Count;
            int kept = rewriter(Text[piece.Start..piece.End], Math.Clamp(_start - piece.Start, 0, piece.Length), _nextText);
            start = kept > 0 ? before + kept : start;
            Add(_next, before, _nextText.Count);
        }

        _nextText.End();
        _start = start;
        (_text, _nextText) = (_nextText, _text);
        (Pieces, _next) = (_next, Pieces);
    }

    /// <summary>Lists a piece unless it is empty.</summary>
    public static void Add(List<Piece> pieces, int start, int end)
    {
        if (start < end)
            pieces.Add(new Piece(start, end));
    }

    private void ListSpans(ReadOnlySpan<byte> text, Pattern.Matcher matcher, bool invert)
    {
        _spans.Clear();
        int end = 0;
        matcher.Start(budget);
        while (matcher.TryNext(text, out int matchStart, out int matchEnd))
        {
            AddGap(end, matchStart, invert);
            _spans.Add((matchStart, matchEnd, !invert));
            end = matchEnd;
        }

        AddGap(end, text.Length, invert);
    }

    private void ListSpans(ReadOnlySpan<byte> text, Func<int, bool> isDelimiter)
    {
        _spans.Clear();
        int gap = 0;
        for (int at = 0, length; at < text.Length; at += length)
        {
            if (isDelimiter(Utf8Text.CodePointAt(text, at, out length)))
            {
                AddGap(gap, at, isDelimiter: false);
                _spans.Add((at, gap = at + length, true));
            }
        }

        AddGap(gap, text.Length, isDelimiter: false);
    }

    private void AddGap(int start, int end, bool isDelimiter)
    {
        if (start < end)
            _spans.Add((start, end, isDelimiter));
    }
}
