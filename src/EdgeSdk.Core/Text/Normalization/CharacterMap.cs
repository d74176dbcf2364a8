using System.Buffers;
using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace EdgeSdk.Text;

/// <summary>
/// SentencePiece's compiled normalization rules (<c>precompiled_charsmap</c>): a double-array trie from a text to the place of its replacement in a block of texts, each
/// ended by a zero byte. As in the reference implementation a short grapheme is replaced as a whole by what its shortest known beginning stands for, else code point by
/// code point.
/// </summary>
internal sealed class CharacterMap : Normalizer
{
    /// <summary>Longer graphemes, in bytes, are looked up by code point only.</summary>
    private const int LongestGrapheme = 5;

    private readonly uint[] _units;
    private readonly byte[] _replacements;
    private readonly SearchValues<byte> _changing;

    private CharacterMap(uint[] units, byte[] replacements)
    {
        _units = units;
        _replacements = replacements;
        var changing = Enumerable.Range(0, 256).Select(b => (byte)b).Where(b => b is >= 128 or (byte)'\r' || TryMap([b], out _));
        _changing = SearchValues.Create([.. changing]);
    }

    /// <summary>Reads the rules.</summary>
    /// <param name="bytes">The trie's size in bytes as little-endian uint32, the trie's units, the replacements.</param>
    /// <exception cref="FormatException">The sizes do not fit, or the replacements are not UTF-8.</exception>
    public static CharacterMap Read(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < sizeof(uint))
            throw new FormatException("is too short to be a map");

        uint size = BinaryPrimitives.ReadUInt32LittleEndian(bytes);
        bytes = bytes[sizeof(uint)..];
        if (size > bytes.Length || size % sizeof(uint) != 0 || size == 0)
            throw new FormatException($"tells of a trie of {size} bytes where {bytes.Length} are there");

        var replacements = bytes[(int)size..].ToArray();
        if (!System.Text.Unicode.Utf8.IsValid(replacements))
            throw new FormatException("has replacements that are not UTF-8");

        var units = MemoryMarshal.Cast<byte, uint>(bytes[..(int)size]).ToArray();
        if (!BitConverter.IsLittleEndian)
            BinaryPrimitives.ReverseEndianness(units, units);

        return new CharacterMap(units, replacements);
    }

    protected override int Rewrite(ReadOnlySpan<byte> text, int start, TextBuffer output)
    {
        if (!text.ContainsAny(_changing))
        {
            output.Write(text);
            return start;
        }

        int before = output.Count;
        var beginning = new Beginning(Utf8Text.CountCodePoints(text[..start]));

        char[] rented = ArrayPool<char>.Shared.Rent(text.Length);
        ReadOnlySpan<char> characters = rented.AsSpan(0, Encoding.UTF8.GetChars(text, rented));
        while (!text.IsEmpty)
        {
            var (length, count) = NextGrapheme(text, characters);
            Map(text[..length], ref beginning, output);
            text = text[length..];
            characters = characters[count..];
        }

        ArrayPool<char>.Shared.Return(rented);
        return beginning.LengthIn(output.Written[before..]);
    }

    /// <summary>Its length in bytes of UTF-8 and in characters of UTF-16.</summary>
    private static (int Length, int Count) NextGrapheme(ReadOnlySpan<byte> text, ReadOnlySpan<char> characters)
    {
        if (text[0] < 0x80 && text[0] != '\r' && (text.Length == 1 || text[1] < 0x80))
            return (1, 1);

        int count = StringInfo.GetNextTextElementLength(characters);
        return (Encoding.UTF8.GetByteCount(characters[..count]), count);
    }

    private void Map(ReadOnlySpan<byte> grapheme, ref Beginning beginning, TextBuffer output)
    {
        if (grapheme.Length <= LongestGrapheme && TryMap(grapheme, out var replacement))
        {
            beginning.Replace(grapheme, replacement);
            output.Write(replacement);
            return;
        }

        for (int at = 0, length; at < grapheme.Length; at += length)
        {
            length = Utf8Text.LengthAt(grapheme, at);
            var character = grapheme.Slice(at, length);
            replacement = TryMap(character, out replacement) ? replacement : character;
            beginning.Replace(character, replacement);
            output.Write(replacement);
        }
    }

    /// <summary>
    /// Counts the characters of the result that come from the text's start as the reference implementation does: those of a replacement stand for those that it replaces, one
    /// by one, those beyond their number for the last. What is left out at the very beginning is not counted, so that what follows stands for it.
    /// </summary>
    /// <param name="left">How many characters the text's start has.</param>
    private struct Beginning(int left)
    {
        private bool _isWritten;
        private int _characters;

        public void Replace(ReadOnlySpan<byte> characters, ReadOnlySpan<byte> replacement)
        {
            if (left <= 0 || (replacement.IsEmpty && !_isWritten))
                return;

            int replaced = Utf8Text.CountCodePoints(characters), written = Utf8Text.CountCodePoints(replacement);
            _isWritten = true;
            _characters += replaced <= left ? written : Math.Min(left, written);
            left -= replaced;
        }

        public readonly int LengthIn(ReadOnlySpan<byte> result)
        {
            int length = 0;
            for (int i = 0; i < _characters; i++)
                length += Utf8Text.LengthAt(result, length);

            return length;
        }
    }

    /// <summary>Looks for the shortest beginning of <paramref name="text"/> that has a replacement (the layout is that of the darts-clone library).</summary>
    private bool TryMap(ReadOnlySpan<byte> text, out ReadOnlySpan<byte> replacement)
    {
        uint place = OffsetOf(_units[0]);
        foreach (byte value in text)
        {
            place ^= value;
            if (value == 0 || place >= _units.Length || LabelOf(_units[place]) != value)
                break;

            uint unit = _units[place];
            place ^= OffsetOf(unit);
            if (HasValue(unit) && place < _units.Length)
                return TryGetReplacement(_units[place] & 0x7FFF_FFFF, out replacement);
        }

        replacement = default;
        return false;
    }

    private bool TryGetReplacement(uint start, out ReadOnlySpan<byte> replacement)
    {
        if (start >= _replacements.Length)
        {
            replacement = default;
            return start == _replacements.Length;
        }

        replacement = _replacements.AsSpan((int)start);
        int end = replacement.IndexOf((byte)0);
        replacement = end < 0 ? replacement : replacement[..end];
        return true;
    }

    private static uint OffsetOf(uint unit) => (unit >> 10) << (int)((unit & (1 << 9)) >> 6);

    private static uint LabelOf(uint unit) => unit & 0x8000_00FF;

    private static bool HasValue(uint unit) => ((unit >> 8) & 1) != 0;
}
