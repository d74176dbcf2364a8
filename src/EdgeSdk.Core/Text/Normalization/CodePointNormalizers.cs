using System.Buffers;
using System.Text;

namespace EdgeSdk.Text;

/// <summary>Rewrites each code point by itself. Stretches of ASCII that stay as they are are copied whole.</summary>
internal abstract class CodePointNormalizer : Normalizer
{
    private readonly SearchValues<byte> _changing;

    /// <param name="changingAscii">The ASCII characters that do not stay as they are.</param>
    protected CodePointNormalizer(IEnumerable<byte> changingAscii) =>
        _changing = SearchValues.Create([.. changingAscii, .. Enumerable.Range(128, 128).Select(b => (byte)b)]);

    protected sealed override int Rewrite(ReadOnlySpan<byte> text, int start, TextBuffer output)
    {
        int before = output.Count;
        MapAll(text[..start], output);
        int kept = output.Count - before;
        MapAll(text[start..], output);
        return kept;
    }

    private void MapAll(ReadOnlySpan<byte> text, TextBuffer output)
    {
        for (int at = 0, length; at < text.Length; at += length)
        {
            length = text[at..].IndexOfAny(_changing);
            if (length != 0)
            {
                length = length < 0 ? text.Length - at : length;
                output.Write(text.Slice(at, length));
                continue;
            }

            int codePoint = Utf8Text.CodePointAt(text, at, out length);
            Map(codePoint, text.Slice(at, length), output);
        }
    }

    /// <summary>Appends what <paramref name="codePoint"/> becomes; nothing where it is left out.</summary>
    protected abstract void Map(int codePoint, ReadOnlySpan<byte> utf8, TextBuffer output);

    /// <summary>Lower case, each code point by itself: no final sigma.</summary>
    public sealed class Lowercase() : CodePointNormalizer("ABCDEFGHIJKLMNOPQRSTUVWXYZ"u8.ToArray())
    {
        private const int CapitalIWithDot = 0x130;

        protected override void Map(int codePoint, ReadOnlySpan<byte> utf8, TextBuffer output)
        {
            if (codePoint == CapitalIWithDot)
            {
                output.Write("i\u0307"u8);
                return;
            }

            output.Write(Rune.ToLowerInvariant(new Rune(codePoint)));
        }
    }

    /// <summary>Leaves the code points of a class out.</summary>
    public sealed class LeaveOut(CodePoints leftOut) : CodePointNormalizer([])
    {
        protected override void Map(int codePoint, ReadOnlySpan<byte> utf8, TextBuffer output) => output.Write(leftOut.Contains(codePoint) ? [] : utf8);
    }

    /// <summary>The cleaning of translation corpora that SentencePiece calls nmt: some controls are left out, some spaces and marks become a space.</summary>
    public sealed class Nmt() : CodePointNormalizer(Enumerable.Range(0, 128).Where(b => b is < 32 or 127).Select(b => (byte)b))
    {
        protected override void Map(int codePoint, ReadOnlySpan<byte> utf8, TextBuffer output)
        {
            switch (codePoint)
            {
                case (>= 0x01 and <= 0x08) or 0x0B or (>= 0x0E and <= 0x1F) or 0x7F or 0x8F or 0x9F:
                    break;
                case 0x09 or 0x0A or 0x0C or 0x0D or 0x1680 or (>= 0x200B and <= 0x200F) or 0x2028 or 0x2029 or 0x2581 or 0xFEFF or 0xFFFD:
                    output.Write(" "u8);
                    break;
                default:
                    output.Write(utf8);
                    break;
            }
        }
    }

    /// <summary>BERT's cleaning: controls and U+FFFD are left out, white space becomes a space.</summary>
    public sealed class BertClean() : CodePointNormalizer(Enumerable.Range(0, 128).Where(b => b is < 32 or 127).Select(b => (byte)b))
    {
        protected override void Map(int codePoint, ReadOnlySpan<byte> utf8, TextBuffer output)
        {
            bool isLeftOut = codePoint is 0 or 0xFFFD || LegacyClasses.Controls.Contains(codePoint);
            output.Write(isLeftOut ? [] : CodePoints.WhiteSpace.Contains(codePoint) ? " "u8 : utf8);
        }
    }

    /// <summary>BERT's: a space on either side of each Chinese character. The blocks are the reference implementation's, one bound of which differs from Unicode's.</summary>
    public sealed class BertSpaceChinese() : CodePointNormalizer([])
    {
        protected override void Map(int codePoint, ReadOnlySpan<byte> utf8, TextBuffer output)
        {
            bool isChinese = codePoint is (>= 0x3400 and <= 0x4DBF) or (>= 0x4E00 and <= 0x9FFF) or (>= 0xF900 and <= 0xFAFF) or (>= 0x20000 and <= 0x2A6DF)
                or (>= 0x2A700 and <= 0x2B81F) or (>= 0x2B920 and <= 0x2CEAF) or (>= 0x2F800 and <= 0x2FA1F);
            output.Write(isChinese ? " "u8 : []);
            output.Write(utf8);
            output.Write(isChinese ? " "u8 : []);
        }
    }
}
