using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace EdgeSdk.Text;

/// <summary>A set of code points: general categories and ranges, or all others. Immutable.</summary>
internal sealed class CodePointClass
{
    private readonly uint _categories;
    private readonly ImmutableArray<(int First, int Last)> _ranges;
    private readonly bool _negated;
    private readonly UInt128 _ascii;

    public CodePointClass(uint categories, ImmutableArray<(int First, int Last)> ranges, bool negated)
    {
        _categories = categories;
        _ranges = ranges;
        _negated = negated;
        for (int codePoint = 0; codePoint < 128; codePoint++)
        {
            if (Holds(codePoint))
            {
                _ascii |= UInt128.One << codePoint;
            }
        }
    }

    /// <summary>Every general category, one bit each.</summary>
    public const uint AllCategories = (1u << 30) - 1;

    /// <summary><c>\p{L}</c>.</summary>
    public static readonly uint Letters = Mask(
        UnicodeCategory.UppercaseLetter, UnicodeCategory.LowercaseLetter, UnicodeCategory.TitlecaseLetter, UnicodeCategory.ModifierLetter, UnicodeCategory.OtherLetter);

    /// <summary><c>\p{N}</c>.</summary>
    public static readonly uint Numbers = Mask(UnicodeCategory.DecimalDigitNumber, UnicodeCategory.LetterNumber, UnicodeCategory.OtherNumber);

    /// <summary><c>\p{Z}</c>; with <see cref="WhiteSpaceControls"/> Unicode's White_Space.</summary>
    public static readonly uint Separators = Mask(UnicodeCategory.SpaceSeparator, UnicodeCategory.LineSeparator, UnicodeCategory.ParagraphSeparator);

    /// <summary>The control characters among Unicode's White_Space.</summary>
    public static readonly ImmutableArray<(int First, int Last)> WhiteSpaceControls = [(0x09, 0x0D), (0x85, 0x85)];

    /// <summary>The control characters that are not white space.</summary>
    public static readonly ImmutableArray<(int First, int Last)> OtherControls = [(0x00, 0x08), (0x0E, 0x1F), (0x7F, 0x84), (0x86, 0x9F)];

    /// <summary>One bit for each of <paramref name="categories"/>.</summary>
    public static uint Mask(params ReadOnlySpan<UnicodeCategory> categories)
    {
        uint mask = 0;
        foreach (var category in categories)
        {
            mask |= 1u << (int)category;
        }

        return mask;
    }

    /// <summary>The categories that <c>\p{name}</c> means, by Unicode's short names; null for a name that is none.</summary>
    public static uint? CategoriesOf(string name) => name switch
    {
        "L" => Letters,
        "Lu" => Mask(UnicodeCategory.UppercaseLetter),
        "Ll" => Mask(UnicodeCategory.LowercaseLetter),
        "Lt" => Mask(UnicodeCategory.TitlecaseLetter),
        "Lm" => Mask(UnicodeCategory.ModifierLetter),
        "Lo" => Mask(UnicodeCategory.OtherLetter),
        "M" => Mask(UnicodeCategory.NonSpacingMark, UnicodeCategory.SpacingCombiningMark, UnicodeCategory.EnclosingMark),
        "Mn" => Mask(UnicodeCategory.NonSpacingMark),
        "Mc" => Mask(UnicodeCategory.SpacingCombiningMark),
        "Me" => Mask(UnicodeCategory.EnclosingMark),
        "N" => Numbers,
        "Nd" => Mask(UnicodeCategory.DecimalDigitNumber),
        "Nl" => Mask(UnicodeCategory.LetterNumber),
        "No" => Mask(UnicodeCategory.OtherNumber),
        "P" => Mask(
            UnicodeCategory.ConnectorPunctuation, UnicodeCategory.DashPunctuation, UnicodeCategory.OpenPunctuation, UnicodeCategory.ClosePunctuation,
            UnicodeCategory.InitialQuotePunctuation, UnicodeCategory.FinalQuotePunctuation, UnicodeCategory.OtherPunctuation),
        "Pc" => Mask(UnicodeCategory.ConnectorPunctuation),
        "Pd" => Mask(UnicodeCategory.DashPunctuation),
        "Ps" => Mask(UnicodeCategory.OpenPunctuation),
        "Pe" => Mask(UnicodeCategory.ClosePunctuation),
        "Pi" => Mask(UnicodeCategory.InitialQuotePunctuation),
        "Pf" => Mask(UnicodeCategory.FinalQuotePunctuation),
        "Po" => Mask(UnicodeCategory.OtherPunctuation),
        "S" => Mask(UnicodeCategory.MathSymbol, UnicodeCategory.CurrencySymbol, UnicodeCategory.ModifierSymbol, UnicodeCategory.OtherSymbol),
        "Sm" => Mask(UnicodeCategory.MathSymbol),
        "Sc" => Mask(UnicodeCategory.CurrencySymbol),
        "Sk" => Mask(UnicodeCategory.ModifierSymbol),
        "So" => Mask(UnicodeCategory.OtherSymbol),
        "Z" => Separators,
        "Zs" => Mask(UnicodeCategory.SpaceSeparator),
        "Zl" => Mask(UnicodeCategory.LineSeparator),
        "Zp" => Mask(UnicodeCategory.ParagraphSeparator),
        "C" => AllCategories & ~(Letters | Numbers | Separators | CategoriesOf("M")!.Value | CategoriesOf("P")!.Value | CategoriesOf("S")!.Value),
        "Cc" => Mask(UnicodeCategory.Control),
        "Cf" => Mask(UnicodeCategory.Format),
        "Co" => Mask(UnicodeCategory.PrivateUse),
        "Cn" => Mask(UnicodeCategory.OtherNotAssigned),
        _ => null,
    };

    /// <summary>Unicode's White_Space.</summary>
    public static bool IsWhiteSpace(int codePoint) => Rune.IsWhiteSpace(new Rune(codePoint));

    /// <summary>What <c>\w</c> means by Unicode (UTS 18): alphabetic, marks, decimal digits, connectors, join controls.</summary>
    public static bool IsWord(int codePoint) => CharUnicodeInfo.GetUnicodeCategory(codePoint) switch
    {
        <= UnicodeCategory.LetterNumber or UnicodeCategory.ConnectorPunctuation => true,
        UnicodeCategory.OtherSymbol => codePoint is (>= 0x24B6 and <= 0x24E9) or (>= 0x1F130 and <= 0x1F149) or (>= 0x1F150 and <= 0x1F169) or (>= 0x1F170 and <= 0x1F189),
        UnicodeCategory.Format => codePoint is 0x200C or 0x200D,
        _ => false,
    };

    /// <summary>Whether <paramref name="codePoint"/> is in the set.</summary>
    public bool Contains(int codePoint) => codePoint < 128 ? ((_ascii >> codePoint) & 1) != 0 : Holds(codePoint);

    private bool Holds(int codePoint)
    {
        if (_categories != 0 && ((_categories >> (int)CharUnicodeInfo.GetUnicodeCategory(codePoint)) & 1) != 0)
        {
            return !_negated;
        }

        foreach (var (first, last) in _ranges)
        {
            if (codePoint >= first && codePoint <= last)
            {
                return !_negated;
            }
        }

        return _negated;
    }
}
