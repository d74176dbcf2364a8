namespace EdgeSdk.Text;

/// <summary>
/// Cuts where the script changes. Kana counts as Han; a space and what has no script go with what they follow. What of these stands before the first script is left out,
/// as the reference implementation does.
/// </summary>
internal sealed class UnicodeScripts : PreTokenizer
{
    private const int ProlongedSoundMark = 0x30FC;

    private static readonly int Han = ScriptTable.NumberOf("Han");
    private static readonly int Hiragana = ScriptTable.NumberOf("Hiragana");
    private static readonly int Katakana = ScriptTable.NumberOf("Katakana");
    private static readonly PieceCutter Cutter = Cut;

    public override void Apply(PieceList pieces) => pieces.Cut(Cutter);

    private static void Cut(ReadOnlySpan<byte> text, int offset, List<Piece> pieces)
    {
        int start = text.Length, last = ScriptTable.None;
        for (int at = 0, length; at < text.Length; at += length)
        {
            int script = ScriptOf(Utf8Text.CodePointAt(text, at, out length));
            if (script == ScriptTable.None || script == last)
                continue;

            PieceList.Add(pieces, offset + start, offset + at);
            (start, last) = (at, script);
        }

        PieceList.Add(pieces, offset + start, offset + text.Length);
    }

    private static int ScriptOf(int codePoint)
    {
        if (codePoint == ' ')
            return ScriptTable.None;

        int script = codePoint == ProlongedSoundMark ? Han : ScriptTable.LegacyScriptOf(codePoint);
        return script == Hiragana || script == Katakana ? Han : script;
    }
}
