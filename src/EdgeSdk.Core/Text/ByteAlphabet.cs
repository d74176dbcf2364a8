using System.Text;

namespace EdgeSdk.Text;

/// <summary>
/// GPT-2's way of writing bytes as visible characters: printable Latin-1 stands for itself, the other 68 bytes for U+0100 and on, so a space reads 'Ġ'.
/// Vocabularies of byte-level tokenizers are written in it.
/// </summary>
internal static class ByteAlphabet
{
    private static readonly int[] CodePoints = MakeCodePoints();
    private static readonly Dictionary<int, byte> Bytes = Enumerable.Range(0, 256).ToDictionary(b => CodePoints[b], b => (byte)b);

    /// <summary>The longest UTF-8 form of one byte.</summary>
    public const int MostBytes = 2;

    /// <summary>Writes <paramref name="bytes"/> in the alphabet, as UTF-8; gives the length.</summary>
    public static int Write(ReadOnlySpan<byte> bytes, Span<byte> utf8)
    {
        int length = 0;
        foreach (byte value in bytes)
            length += new Rune(CodePoints[value]).EncodeToUtf8(utf8[length..]);

        return length;
    }

    /// <summary>Appends <paramref name="bytes"/>, written in the alphabet, to <paramref name="utf8"/>; gives the length.</summary>
    public static int Write(ReadOnlySpan<byte> bytes, TextBuffer utf8)
    {
        int length = Write(bytes, utf8.GetSpan(bytes.Length * MostBytes));
        utf8.Advance(length);
        return length;
    }

    /// <summary>Appends the bytes that a vocabulary entry stands for: its own UTF-8 where it has a character outside the alphabet, as added tokens may.</summary>
    public static void Read(ReadOnlySpan<byte> utf8, TextBuffer bytes)
    {
        var room = bytes.GetSpan(utf8.Length);
        int count = 0;
        for (int at = 0, length; at < utf8.Length; at += length)
        {
            if (!Bytes.TryGetValue(Utf8Text.CodePointAt(utf8, at, out length), out room[count++]))
            {
                bytes.Write(utf8);
                return;
            }
        }

        bytes.Advance(count);
    }

    private static int[] MakeCodePoints()
    {
        var codePoints = new int[256];
        int next = 256;
        for (int value = 0; value < 256; value++)
        {
            bool visible = value is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF);
            codePoints[value] = visible ? value : next++;
        }

        return codePoints;
    }
}
