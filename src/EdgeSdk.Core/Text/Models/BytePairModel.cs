namespace EdgeSdk.Text;

/// <summary>What byte pair encoding does with a character that has no token.</summary>
/// <param name="ByteFallback">Write its bytes as <c>&lt;0xC3&gt;</c> tokens, where the vocabulary has them all.</param>
/// <param name="Token">Else write this; where it has no name, leave the character out.</param>
/// <param name="Fuse">One <paramref name="Token"/> for several such characters in a row.</param>
internal sealed record UnknownCharacters(bool ByteFallback, UnknownToken Token, bool Fuse);

/// <summary>How the symbols of a word show their place in it; empty where they do not.</summary>
/// <param name="Continuation">Put before every character but the first (<c>##</c>).</param>
/// <param name="End">Put after the last (<c>&lt;/w&gt;</c>).</param>
internal sealed record WordAffixes(byte[] Continuation, byte[] End);

/// <summary>
/// Byte pair encoding (Sennrich, Haddow, Birch, arXiv 1508.07909): a piece is cut into characters, or bytes, and the adjacent pair of the lowest rank is merged, the
/// leftmost first, until no pair is in the table: <see cref="Merger"/>.
/// </summary>
internal sealed class BytePairModel : TokenModel
{
    private readonly Vocabulary _vocabulary;
    private readonly MergeTable _merges;
    private readonly UnknownCharacters _unknown;
    private readonly WordAffixes? _affixes;
    private readonly bool _ignoreMerges;
    private readonly int[]? _byteIds;
    private readonly int[]? _fallbackIds;
    private readonly int[] _asciiIds;
    private readonly bool _wordsStandAlone;

    /// <param name="vocabulary">Tokens and ids.</param>
    /// <param name="merges">Pairs and their ranks.</param>
    /// <param name="unknown">What becomes of characters without a token.</param>
    /// <param name="affixes">Null where symbols carry none.</param>
    /// <param name="isByteLevel">Pieces are raw bytes and the vocabulary is written in <see cref="ByteAlphabet"/>; else both are UTF-8 text.</param>
    /// <param name="ignoreMerges">A piece that is a token needs no merges to become it.</param>
    public BytePairModel(Vocabulary vocabulary, MergeTable merges, UnknownCharacters unknown, WordAffixes? affixes, bool isByteLevel, bool ignoreMerges)
    {
        _vocabulary = vocabulary;
        _merges = merges;
        _unknown = unknown;
        _affixes = affixes;
        _ignoreMerges = ignoreMerges;
        _byteIds = isByteLevel ? ByteIds(vocabulary) : null;
        _fallbackIds = unknown.ByteFallback ? vocabulary.FallbackIds() : null;
        _wordsStandAlone = !isByteLevel && affixes is null && !ignoreMerges && unknown.Token.Name is not null && vocabulary.IdOf(WordStart) >= 0 && !merges.Joins(vocabulary, WordStart);
        _asciiIds = [.. Enumerable.Range(0, 128).Select(value => vocabulary.IdOf([(byte)value]))];
    }

    /// <summary>What SentencePiece writes for the space before a word.</summary>
    private static ReadOnlySpan<byte> WordStart => "▁"u8;

    protected override void EncodePiece(ReadOnlySpan<byte> piece, ModelWorkspace workspace, List<int> ids)
    {
        // A file without a pre-tokenizer gives whole texts. Where no merge goes from one word to the next, its words are pieces all the same, and most are in the cache.
        if (_wordsStandAlone && FirstWord(piece) is var first && first < piece.Length)
        {
            for (int length; !piece.IsEmpty; piece = piece[length..])
            {
                length = FirstWord(piece);
                Encode(piece[..length], workspace, ids);
            }

            return;
        }

        if (_ignoreMerges && WholeToken(piece) is >= 0 and int whole)
        {
            ids.Add(whole);
            return;
        }

        var merger = workspace.Merger;
        merger.Clear(piece.Length + (_affixes is null ? 0 : Utf8Text.CountCodePoints(piece) * _affixes.Continuation.Length + _affixes.End.Length));
        if (_byteIds is null)
            AddCharacters(piece, merger);
        else
            AddBytes(piece, merger);

        merger.Merge(_merges, ids);
    }

    /// <summary>The length of the first word: up to the next word start that does not follow another.</summary>
    private static int FirstWord(ReadOnlySpan<byte> piece)
    {
        int at = 0;
        while (piece[at..].StartsWith(WordStart))
            at += WordStart.Length;

        int next = piece[at..].IndexOf(WordStart);
        return next < 0 ? piece.Length : at + next;
    }

    private int WholeToken(ReadOnlySpan<byte> piece)
    {
        if (_byteIds is null || piece.Length > _vocabulary.LongestToken)
            return _vocabulary.IdOf(piece);

        Span<byte> written = stackalloc byte[512];
        if (piece.Length * ByteAlphabet.MostBytes > written.Length)
            written = new byte[piece.Length * ByteAlphabet.MostBytes];

        return _vocabulary.IdOf(written[..ByteAlphabet.Write(piece, written)]);
    }

    private void AddBytes(ReadOnlySpan<byte> piece, Merger merger)
    {
        int pending = None;
        for (int at = 0; at < piece.Length; at++)
        {
            int id = _byteIds![piece[at]];
            if (id >= 0)
            {
                FlushUnknown(merger, ref pending);
                merger.Add(id);
            }
            else
            {
                AddUnknown(piece.Slice(at, 1), merger, ref pending);
            }
        }

        FlushUnknown(merger, ref pending);
    }

    private void AddCharacters(ReadOnlySpan<byte> piece, Merger merger)
    {
        int pending = None;
        for (int at = 0, length; at < piece.Length; at += length)
        {
            length = Utf8Text.LengthAt(piece, at);
            var symbol = piece.Slice(at, length);
            if (_affixes is not null)
                symbol = (byte[])[.. at == 0 ? [] : _affixes.Continuation, .. symbol, .. at + length < piece.Length ? [] : _affixes.End];

            int id = symbol.Length == 1 ? _asciiIds[symbol[0]] : _vocabulary.IdOf(symbol);
            if (id >= 0)
            {
                FlushUnknown(merger, ref pending);
                merger.Add(id);
            }
            else if (!TryAddFallback(symbol, merger))
            {
                AddUnknown(symbol, merger, ref pending);
            }
        }

        FlushUnknown(merger, ref pending);
    }

    /// <summary>An unknown character that still waits is written after the bytes: so the reference implementation has it.</summary>
    private bool TryAddFallback(ReadOnlySpan<byte> symbol, Merger merger)
    {
        if (_fallbackIds is null)
            return false;

        foreach (byte value in symbol)
        {
            if (_fallbackIds[value] < 0)
                return false;
        }

        foreach (byte value in symbol)
            merger.Add(_fallbackIds[value]);

        return true;
    }

    private const int None = -1;

    /// <summary>Unknown characters are written when the next known one comes, so that a row of them can be fused.</summary>
    private void AddUnknown(ReadOnlySpan<byte> symbol, Merger merger, ref int pending)
    {
        if (_unknown.Token.Name is null)
            return;

        if (!_unknown.Fuse)
            FlushUnknown(merger, ref pending);

        pending = _unknown.Token.IdFor(symbol);
    }

    private static void FlushUnknown(Merger merger, ref int pending)
    {
        if (pending != None)
            merger.Add(pending);

        pending = None;
    }

    private static int[] ByteIds(Vocabulary vocabulary)
    {
        var ids = new int[256];
        Span<byte> written = stackalloc byte[ByteAlphabet.MostBytes];
        for (int value = 0; value < 256; value++)
            ids[value] = vocabulary.IdOf(written[..ByteAlphabet.Write([(byte)value], written)]);

        return ids;
    }
}
