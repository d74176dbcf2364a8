using System.Text;

namespace EdgeSdk.Text;

/// <summary>Where <see cref="Metaspace"/> puts a space that the text does not have.</summary>
internal enum PrependScheme
{
    /// <summary>Before each piece.</summary>
    Always,

    /// <summary>Before each piece that begins with what comes from the first character of the whole text.</summary>
    First,

    /// <summary>Nowhere.</summary>
    Never,
}

/// <summary>SentencePiece's: a space is written as a character of its own (<c>▁</c>), and a word begins with it.</summary>
internal sealed class Metaspace : PreTokenizer
{
    private readonly byte[] _replacement;
    private readonly PrependScheme _scheme;
    private readonly PieceRewriter _rewriter;
    private readonly PieceCutter? _cutter;

    /// <param name="replacement">What a space is written as.</param>
    /// <param name="scheme">Where one is put before.</param>
    /// <param name="split">Cuts before each.</param>
    public Metaspace(Rune replacement, PrependScheme scheme, bool split)
    {
        _replacement = Encoding.UTF8.GetBytes(replacement.ToString());
        _scheme = scheme;
        _rewriter = Write;
        _cutter = split ? Cut : null;
    }

    public override void Apply(PieceList pieces)
    {
        pieces.Rewrite(_rewriter);
        if (_cutter is not null)
            pieces.Cut(_cutter);
    }

    private int Write(ReadOnlySpan<byte> piece, int start, TextBuffer output)
    {
        int before = output.Count;
        bool wantsOne = _scheme == PrependScheme.Always || (_scheme == PrependScheme.First && start > 0);
        output.Write(wantsOne && piece[0] != ' ' && !piece.StartsWith(_replacement) ? _replacement : []);
        WriteSpaces(piece[..start], output);
        int kept = start > 0 ? output.Count - before : 0;
        WriteSpaces(piece[start..], output);
        return kept;
    }

    private void WriteSpaces(ReadOnlySpan<byte> text, TextBuffer output)
    {
        for (int space; (space = text.IndexOf((byte)' ')) >= 0; text = text[(space + 1)..])
        {
            output.Write(text[..space]);
            output.Write(_replacement);
        }

        output.Write(text);
    }

    private void Cut(ReadOnlySpan<byte> text, int offset, List<Piece> pieces)
    {
        int start = 0, at = 0;
        for (int next; (next = text[at..].IndexOf(_replacement)) >= 0; at = start + _replacement.Length)
        {
            PieceList.Add(pieces, offset + start, offset + at + next);
            start = at + next;
        }

        PieceList.Add(pieces, offset + start, offset + text.Length);
    }
}
