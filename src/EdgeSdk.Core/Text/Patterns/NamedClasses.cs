using System.Globalization;

namespace EdgeSdk.Text;

/// <summary>
/// The classes that patterns call by name, as Oniguruma has them: <c>\p{Lu}</c>, <c>\p{Uppercase_Letter}</c>, <c>\p{Han}</c>, <c>\p{Alpha}</c>, <c>[[:alpha:]]</c>.
/// </summary>
internal static class NamedClasses
{
    public static readonly CodePoints Digits = CodePoints.In(UnicodeCategory.DecimalDigitNumber);

    public static readonly CodePoints HexDigits = CodePoints.OfBounds('0', '9', 'A', 'F', 'a', 'f');

    /// <summary>General category N.</summary>
    public static readonly CodePoints Numbers = CodePoints.In(UnicodeCategory.DecimalDigitNumber, UnicodeCategory.LetterNumber, UnicodeCategory.OtherNumber);

    private static readonly CodePoints Letters = CodePoints.In(
        UnicodeCategory.UppercaseLetter, UnicodeCategory.LowercaseLetter, UnicodeCategory.TitlecaseLetter, UnicodeCategory.ModifierLetter, UnicodeCategory.OtherLetter);

    private static readonly CodePoints Marks = CodePoints.In(UnicodeCategory.NonSpacingMark, UnicodeCategory.SpacingCombiningMark, UnicodeCategory.EnclosingMark);

    private static readonly CodePoints Punctuation = CodePoints.In(
        UnicodeCategory.ConnectorPunctuation, UnicodeCategory.DashPunctuation, UnicodeCategory.OpenPunctuation, UnicodeCategory.ClosePunctuation,
        UnicodeCategory.InitialQuotePunctuation, UnicodeCategory.FinalQuotePunctuation, UnicodeCategory.OtherPunctuation);

    private static readonly CodePoints Symbols = CodePoints.In(
        UnicodeCategory.MathSymbol, UnicodeCategory.CurrencySymbol, UnicodeCategory.ModifierSymbol, UnicodeCategory.OtherSymbol);

    private static readonly CodePoints Separators = CodePoints.In(UnicodeCategory.SpaceSeparator, UnicodeCategory.LineSeparator, UnicodeCategory.ParagraphSeparator);

    /// <summary>Letters in circles and squares, capital and small: symbols that are alphabetic.</summary>
    private static readonly CodePoints
        CapitalSymbols = CodePoints.OfBounds(0x24B6, 0x24CF, 0x1F130, 0x1F149, 0x1F150, 0x1F169, 0x1F170, 0x1F189), SmallSymbols = CodePoints.OfBounds(0x24D0, 0x24E9);

    /// <summary>Latin-1's small numbers and fractions.</summary>
    private static readonly CodePoints LatinNumbers = CodePoints.OfBounds(0xB2, 0xB3, 0xB9, 0xB9, 0xBC, 0xBE);

    /// <summary><c>\w</c> in a class.</summary>
    public static readonly CodePoints Word = Letters.Or(Marks).Or(CapitalSymbols).Or(SmallSymbols).Or(
        CodePoints.In(UnicodeCategory.DecimalDigitNumber, UnicodeCategory.LetterNumber, UnicodeCategory.ConnectorPunctuation));

    /// <summary><c>\w</c> by itself, and what <c>\b</c> goes by: Oniguruma asks another table there, which has <see cref="LatinNumbers"/> too.</summary>
    public static readonly CodePoints WordAlone = Word.Or(LatinNumbers);

    /// <summary>What <c>\w</c> means by Unicode (UTS 18): alphabetic, marks, decimal digits, connectors, join controls.</summary>
    public static readonly CodePoints UnicodeWord = Word.Or(CodePoints.Of(0x200C, 0x200D));

    private static readonly CodePoints Alphabetic =
        Letters.Or(CodePoints.In(UnicodeCategory.LetterNumber)).Or(Marks.And(CodePoints.OfBounds(UnalphabeticMarks).Not())).Or(CapitalSymbols).Or(SmallSymbols);

    /// <summary>What leaves no ink, but for separators.</summary>
    private static readonly CodePoints Invisible = CodePoints.In(UnicodeCategory.Control, UnicodeCategory.OtherNotAssigned);

    /// <summary><c>\p{name}</c>; null for a name that is none. Case, spaces, hyphens and underlines do not count.</summary>
    /// <param name="name">The name.</param>
    /// <param name="inClass">It stands within brackets.</param>
    public static CodePoints? Property(string name, bool inClass)
    {
        string key = Key(name);
        return Category(key) ?? key switch
        {
            "word" => inClass ? Word : WordAlone,
            "punct" => Punctuation,
            "alphabetic" => Bracket("alpha"),
            "uppercase" => Bracket("upper"),
            "lowercase" => Bracket("lower"),
            "whitespace" => Bracket("space"),
            "any" => CodePoints.All,
            "assigned" => CodePoints.In(UnicodeCategory.OtherNotAssigned).Not(),
            _ => Bracket(key) ?? Script(key),
        };
    }

    /// <summary><c>[:name:]</c>; null for a name that is none.</summary>
    public static CodePoints? Bracket(string name) => name switch
    {
        "alpha" => Alphabetic,
        "alnum" => Alphabetic.Or(Digits),
        "upper" => CodePoints.In(UnicodeCategory.UppercaseLetter).Or(CapitalSymbols).Or(CodePoints.OfBounds(0x2160, 0x216F)),
        "lower" => CodePoints.In(UnicodeCategory.LowercaseLetter).Or(SmallSymbols).Or(CodePoints.OfBounds(OtherLowercase)),
        "digit" => Digits,
        "punct" => Punctuation.Or(Symbols),
        "space" => CodePoints.WhiteSpace,
        "blank" => CodePoints.In(UnicodeCategory.SpaceSeparator).Or(CodePoints.Of('\t')),
        "cntrl" => CodePoints.In(UnicodeCategory.Control),
        "graph" => Separators.Or(Invisible).Not(),
        "print" => CodePoints.In(UnicodeCategory.LineSeparator, UnicodeCategory.ParagraphSeparator).Or(Invisible).Not(),
        "word" => Word,
        "xdigit" => HexDigits,
        "ascii" => CodePoints.OfBounds(0, 0x7F),
        _ => null,
    };

    private static CodePoints? Script(string key) => ScriptTable.NumberOf(key, Key) is var script && script != ScriptTable.None ? CodePoints.Of(ScriptTable.RangesOf(script)) : null;

    private static CodePoints? Category(string key) => key switch
    {
        "l" or "letter" => Letters,
        "lu" or "uppercaseletter" => CodePoints.In(UnicodeCategory.UppercaseLetter),
        "ll" or "lowercaseletter" => CodePoints.In(UnicodeCategory.LowercaseLetter),
        "lt" or "titlecaseletter" => CodePoints.In(UnicodeCategory.TitlecaseLetter),
        "lc" or "casedletter" => CodePoints.In(UnicodeCategory.UppercaseLetter, UnicodeCategory.LowercaseLetter, UnicodeCategory.TitlecaseLetter),
        "lm" or "modifierletter" => CodePoints.In(UnicodeCategory.ModifierLetter),
        "lo" or "otherletter" => CodePoints.In(UnicodeCategory.OtherLetter),
        "m" or "mark" or "combiningmark" => Marks,
        "mn" or "nonspacingmark" => CodePoints.In(UnicodeCategory.NonSpacingMark),
        "mc" or "spacingmark" => CodePoints.In(UnicodeCategory.SpacingCombiningMark),
        "me" or "enclosingmark" => CodePoints.In(UnicodeCategory.EnclosingMark),
        "n" or "number" => Numbers,
        "nd" or "decimalnumber" => Digits,
        "nl" or "letternumber" => CodePoints.In(UnicodeCategory.LetterNumber),
        "no" or "othernumber" => CodePoints.In(UnicodeCategory.OtherNumber),
        "p" or "punctuation" => Punctuation,
        "pc" or "connectorpunctuation" => CodePoints.In(UnicodeCategory.ConnectorPunctuation),
        "pd" or "dashpunctuation" => CodePoints.In(UnicodeCategory.DashPunctuation),
        "ps" or "openpunctuation" => CodePoints.In(UnicodeCategory.OpenPunctuation),
        "pe" or "closepunctuation" => CodePoints.In(UnicodeCategory.ClosePunctuation),
        "pi" or "initialpunctuation" => CodePoints.In(UnicodeCategory.InitialQuotePunctuation),
        "pf" or "finalpunctuation" => CodePoints.In(UnicodeCategory.FinalQuotePunctuation),
        "po" or "otherpunctuation" => CodePoints.In(UnicodeCategory.OtherPunctuation),
        "s" or "symbol" => Symbols,
        "sm" or "mathsymbol" => CodePoints.In(UnicodeCategory.MathSymbol),
        "sc" or "currencysymbol" => CodePoints.In(UnicodeCategory.CurrencySymbol),
        "sk" or "modifiersymbol" => CodePoints.In(UnicodeCategory.ModifierSymbol),
        "so" or "othersymbol" => CodePoints.In(UnicodeCategory.OtherSymbol),
        "z" or "separator" => Separators,
        "zs" or "spaceseparator" => CodePoints.In(UnicodeCategory.SpaceSeparator),
        "zl" or "lineseparator" => CodePoints.In(UnicodeCategory.LineSeparator),
        "zp" or "paragraphseparator" => CodePoints.In(UnicodeCategory.ParagraphSeparator),
        "c" or "other" => Letters.Or(Marks).Or(Numbers).Or(Punctuation).Or(Symbols).Or(Separators).Not(),
        "cc" or "control" => CodePoints.In(UnicodeCategory.Control),
        "cf" or "format" => CodePoints.In(UnicodeCategory.Format),
        "co" or "privateuse" => CodePoints.In(UnicodeCategory.PrivateUse),
        "cn" or "unassigned" => CodePoints.In(UnicodeCategory.OtherNotAssigned),
        "cs" or "surrogate" => CodePoints.In(UnicodeCategory.Surrogate),
        _ => null,
    };

    private static string Key(string name) => string.Concat(name.Where(c => c is not (' ' or '-' or '_'))).ToLowerInvariant();

    /// <summary>Unicode's Other_Lowercase but <see cref="SmallSymbols"/>, first and last of each range: modifier letters, Roman numerals.</summary>
    private static int[] OtherLowercase =>
    [
        0xAA, 0xAA, 0xBA, 0xBA, 0x2B0, 0x2B8, 0x2C0, 0x2C1, 0x2E0, 0x2E4, 0x345, 0x345, 0x37A, 0x37A, 0x10FC, 0x10FC, 0x1D2C, 0x1D6A, 0x1D78, 0x1D78, 0x1D9B, 0x1DBF,
        0x2071, 0x2071, 0x207F, 0x207F, 0x2090, 0x209C, 0x2170, 0x217F, 0x2C7C, 0x2C7D, 0xA69C, 0xA69D, 0xA770, 0xA770, 0xA7F2, 0xA7F4, 0xA7F8, 0xA7F9, 0xAB5C, 0xAB5F,
        0xAB69, 0xAB69, 0x10780, 0x10780, 0x10783, 0x10785, 0x10787, 0x107B0, 0x107B2, 0x107BA, 0x1E030, 0x1E06D,
    ];

    /// <summary>The marks that are not Other_Alphabetic, first and last of each range.</summary>
    private static int[] UnalphabeticMarks =>
    [
        0x300, 0x344, 0x346, 0x362, 0x483, 0x489, 0x591, 0x5AF, 0x658, 0x658, 0x6DF, 0x6E0, 0x6EA, 0x6EC, 0x740, 0x74A, 0x7EB, 0x7F3, 0x7FD, 0x7FD, 0x818, 0x819,
        0x82D, 0x82D, 0x859, 0x85B, 0x898, 0x89F, 0x8CA, 0x8D3, 0x8E0, 0x8E1, 0x8EA, 0x8EF, 0x93C, 0x93C, 0x94D, 0x94D, 0x951, 0x954, 0x9BC, 0x9BC, 0x9CD, 0x9CD,
        0x9FE, 0x9FE, 0xA3C, 0xA3C, 0xA4D, 0xA4D, 0xABC, 0xABC, 0xACD, 0xACD, 0xAFD, 0xAFF, 0xB3C, 0xB3C, 0xB4D, 0xB4D, 0xB55, 0xB55, 0xBCD, 0xBCD, 0xC3C, 0xC3C,
        0xC4D, 0xC4D, 0xCBC, 0xCBC, 0xCCD, 0xCCD, 0xD3B, 0xD3C, 0xD4D, 0xD4D, 0xDCA, 0xDCA, 0xE47, 0xE4C, 0xE4E, 0xE4E, 0xEBA, 0xEBA, 0xEC8, 0xECC, 0xECE, 0xECE,
        0xF18, 0xF19, 0xF35, 0xF35, 0xF37, 0xF37, 0xF39, 0xF39, 0xF3E, 0xF3F, 0xF84, 0xF84, 0xF86, 0xF87, 0xFC6, 0xFC6, 0x1037, 0x1037, 0x1039, 0x103A, 0x135D,
        0x135F, 0x1714, 0x1715, 0x1734, 0x1734, 0x17B4, 0x17B5, 0x17C9, 0x17D3, 0x17DD, 0x17DD, 0x180B, 0x180D, 0x180F, 0x180F, 0x1939, 0x193B, 0x1A60, 0x1A60,
        0x1A75, 0x1A7C, 0x1A7F, 0x1A7F, 0x1AB0, 0x1ABE, 0x1AC1, 0x1ACB, 0x1B34, 0x1B34, 0x1B44, 0x1B44, 0x1B6B, 0x1B73, 0x1BAA, 0x1BAB, 0x1BE6, 0x1BE6, 0x1BF2,
        0x1BF3, 0x1C37, 0x1C37, 0x1CD0, 0x1CD2, 0x1CD4, 0x1CE8, 0x1CED, 0x1CED, 0x1CF4, 0x1CF4, 0x1CF7, 0x1CF9, 0x1DC0, 0x1DD2, 0x1DF5, 0x1DFF, 0x20D0, 0x20F0,
        0x2CEF, 0x2CF1, 0x2D7F, 0x2D7F, 0x302A, 0x302F, 0x3099, 0x309A, 0xA66F, 0xA672, 0xA67C, 0xA67D, 0xA6F0, 0xA6F1, 0xA806, 0xA806, 0xA82C, 0xA82C, 0xA8C4,
        0xA8C4, 0xA8E0, 0xA8F1, 0xA92B, 0xA92D, 0xA953, 0xA953, 0xA9B3, 0xA9B3, 0xA9C0, 0xA9C0, 0xAABF, 0xAABF, 0xAAC1, 0xAAC1, 0xAAF6, 0xAAF6, 0xABEC, 0xABED,
        0xFE00, 0xFE0F, 0xFE20, 0xFE2F, 0x101FD, 0x101FD, 0x102E0, 0x102E0, 0x10A38, 0x10A3A, 0x10A3F, 0x10A3F, 0x10AE5, 0x10AE6, 0x10D6A, 0x10D6D, 0x10EFD,
        0x10EFF, 0x10F46, 0x10F50, 0x10F82, 0x10F85, 0x11046, 0x11046, 0x11070, 0x11070, 0x1107F, 0x1107F, 0x110B9, 0x110BA, 0x11133, 0x11134, 0x11173, 0x11173,
        0x111C0, 0x111C0, 0x111C9, 0x111CC, 0x11235, 0x11236, 0x112E9, 0x112EA, 0x1133B, 0x1133C, 0x1134D, 0x1134D, 0x11366, 0x1136C, 0x11370, 0x11374, 0x113CE,
        0x113D0, 0x113D2, 0x113D2, 0x113E1, 0x113E2, 0x11442, 0x11442, 0x11446, 0x11446, 0x1145E, 0x1145E, 0x114C2, 0x114C3, 0x115BF, 0x115C0, 0x1163F, 0x1163F,
        0x116B6, 0x116B7, 0x1172B, 0x1172B, 0x11839, 0x1183A, 0x1193D, 0x1193E, 0x11943, 0x11943, 0x119E0, 0x119E0, 0x11A33, 0x11A34, 0x11A47, 0x11A47, 0x11A98,
        0x11A99, 0x11C3F, 0x11C3F, 0x11D42, 0x11D42, 0x11D44, 0x11D45, 0x11D97, 0x11D97, 0x11F41, 0x11F42, 0x11F5A, 0x11F5A, 0x13440, 0x13440, 0x13447, 0x13455,
        0x1612F, 0x1612F, 0x16AF0, 0x16AF4, 0x16B30, 0x16B36, 0x16FE4, 0x16FE4, 0x1BC9D, 0x1BC9D, 0x1CF00, 0x1CF2D, 0x1CF30, 0x1CF46, 0x1D165, 0x1D169, 0x1D16D,
        0x1D172, 0x1D17B, 0x1D182, 0x1D185, 0x1D18B, 0x1D1AA, 0x1D1AD, 0x1D242, 0x1D244, 0x1DA00, 0x1DA36, 0x1DA3B, 0x1DA6C, 0x1DA75, 0x1DA75, 0x1DA84, 0x1DA84,
        0x1DA9B, 0x1DA9F, 0x1DAA1, 0x1DAAF, 0x1E130, 0x1E136, 0x1E2AE, 0x1E2AE, 0x1E2EC, 0x1E2EF, 0x1E4EC, 0x1E4EF, 0x1E5EE, 0x1E5EF, 0x1E8D0, 0x1E8D6, 0x1E944,
        0x1E946, 0x1E948, 0x1E94A, 0xE0100, 0xE01EF,
    ];
}
