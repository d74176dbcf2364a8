using System.Buffers;
using System.Collections.Immutable;

namespace EdgeSdk.Text;

/// <summary>A part of a text, in bytes.</summary>
internal readonly record struct Piece(int Start, int End)
{
    public int Length => End - Start;
}

/// <summary>A text on its way to the model: its UTF-8 bytes and the pieces into which the pre-tokenizers have cut it. One thread at a time.</summary>
internal sealed class PieceList
{
    private readonly Dictionary<Pattern, Pattern.Matcher> _matchers = [];
    private readonly List<(int Start, int End, bool IsDelimiter)> _spans = [];
    private ArrayBufferWriter<byte> _text = new();
    private ArrayBufferWriter<byte> _nextText = new();
    private List<Piece> _next = [];

    /// <summary>The text that the pieces are parts of.</summary>
    public ReadOnlySpan<byte> Text => _text.WrittenSpan;

    /// <summary>In the text's order, none empty.</summary>
    public List<Piece> Pieces { get; private set; } = [];

    /// <summary>Begins with a text of one piece.</summary>
    public void Start(ReadOnlySpan<byte> text)
    {
        _text.ResetWrittenCount();
        _text.Write(text);
        Pieces.Clear();
        Add(Pieces, 0, text.Length);
    }

    /// <summary>Cuts each piece at the matches of <paramref name="pattern"/>, or at what lies between them (<paramref name="invert"/>).</summary>
    public void Split(Pattern pattern, bool invert, SplitBehavior behavior)
    {
        if (!_matchers.TryGetValue(pattern, out var matcher))
        {
            _matchers.Add(pattern, matcher = new Pattern.Matcher(pattern));
        }

        _next.Clear();
        foreach (var piece in Pieces)
        {
            ListSpans(Text[piece.Start..piece.End], matcher, invert);
            SplitBehaviors.Join(_spans, behavior, piece.Start, _next);
        }

        (Pieces, _next) = (_next, Pieces);
    }

    /// <summary>Puts a space before each piece that does not begin with one.</summary>
    public void PrefixSpaces()
    {
        _nextText.ResetWrittenCount();
        _next.Clear();
        foreach (var piece in Pieces)
        {
            int start = _nextText.WrittenCount;
            if (Text[piece.Start] != ' ')
            {
                _nextText.Write(" "u8);
            }

            _nextText.Write(Text[piece.Start..piece.End]);
            Add(_next, start, _nextText.WrittenCount);
        }

        (_text, _nextText) = (_nextText, _text);
        (Pieces, _next) = (_next, Pieces);
    }

    /// <summary>Lists a piece unless it is empty.</summary>
    public static void Add(List<Piece> pieces, int start, int end)
    {
        if (start < end)
        {
            pieces.Add(new Piece(start, end));
        }
    }

    private void ListSpans(ReadOnlySpan<byte> text, Pattern.Matcher matcher, bool invert)
    {
        _spans.Clear();
        int end = 0;
        matcher.Start(text.Length);
        while (matcher.TryNext(text, out int matchStart, out int matchEnd))
        {
            AddGap(end, matchStart, invert);
            _spans.Add((matchStart, matchEnd, !invert));
            end = matchEnd;
        }

        AddGap(end, text.Length, invert);
    }

    private void AddGap(int start, int end, bool isDelimiter)
    {
        if (start < end)
        {
            _spans.Add((start, end, isDelimiter));
        }
    }
}

/// <summary>Cuts a text into pieces that no merge of the model crosses. Immutable.</summary>
internal abstract class PreTokenizer
{
    public abstract void Apply(PieceList pieces);

    /// <summary>Several, one after another.</summary>
    public sealed class Sequence(ImmutableArray<PreTokenizer> steps) : PreTokenizer
    {
        public override void Apply(PieceList pieces)
        {
            foreach (var step in steps)
            {
                step.Apply(pieces);
            }
        }
    }

    /// <summary>Cuts at the matches of a pattern, or at what lies between them (<paramref name="invert"/>).</summary>
    public sealed class Split(Pattern pattern, bool invert, SplitBehavior behavior) : PreTokenizer
    {
        public override void Apply(PieceList pieces) => pieces.Split(pattern, invert, behavior);
    }

    /// <summary>Cuts numbers (<c>\p{N}</c>) from the rest, and their digits from each other where <paramref name="individually"/>.</summary>
    public sealed class Digits(bool individually) : PreTokenizer
    {
        private readonly Split _split = new(Pattern.Parse(@"\p{N}"), invert: false, individually ? SplitBehavior.Isolated : SplitBehavior.Contiguous);

        public override void Apply(PieceList pieces) => _split.Apply(pieces);
    }

    /// <summary>GPT-2's: the model reads raw bytes. What it writes in <see cref="ByteAlphabet"/> stays bytes here.</summary>
    public sealed class ByteLevel(bool addPrefixSpace, bool useRegex) : PreTokenizer
    {
        private static readonly Split Words = new(
            Pattern.Parse(@"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"), invert: false, SplitBehavior.Isolated);

        public override void Apply(PieceList pieces)
        {
            if (addPrefixSpace)
            {
                pieces.PrefixSpaces();
            }

            if (useRegex)
            {
                Words.Apply(pieces);
            }
        }
    }
}

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
            {
                continue;
            }

            start = start < 0 ? span.Start : start;
            if (i + 1 < spans.Count && JoinsNext(spans, i, behavior))
            {
                continue;
            }

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
