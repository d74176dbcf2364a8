using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace EdgeSdk.Text;

/// <summary>A set of code points: general categories and ranges, or all others. Immutable.</summary>
internal sealed class CodePointClass
{
    private const int LastCodePoint = 0x10FFFF;

    private readonly UInt128 _ascii;

    public CodePointClass(uint categories, ImmutableArray<(int First, int Last)> ranges, bool negated)
    {
        Categories = categories;
        Ranges = Merge(ranges);
        IsNegated = negated;
        for (int codePoint = 0; codePoint < 128; codePoint++)
        {
            if (Holds(codePoint))
                _ascii |= UInt128.One << codePoint;
        }
    }

    /// <summary>The set of one.</summary>
    public CodePointClass(int codePoint)
        : this(0, [(codePoint, codePoint)], negated: false)
    {
    }

    /// <summary>The general categories, one bit each.</summary>
    public uint Categories { get; }

    /// <summary>The ranges, ascending, none touching another.</summary>
    public ImmutableArray<(int First, int Last)> Ranges { get; }

    /// <summary>Whether the set is all that the categories and ranges do not hold.</summary>
    public bool IsNegated { get; }

    /// <summary>Every general category, one bit each.</summary>
    public const uint AllCategories = (1u << 30) - 1;

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
            mask |= 1u << (int)category;

        return mask;
    }

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

    /// <summary>The code points that are in both sets.</summary>
    public static CodePointClass Intersect(CodePointClass one, CodePointClass other) => new(0, RangesWhere(c => one.Contains(c) && other.Contains(c)), negated: false);

    /// <summary>The code points of the set that are not among <paramref name="others"/>.</summary>
    public CodePointClass Except(Func<int, bool> others) => new(0, RangesWhere(c => Contains(c) && !others(c)), negated: false);

    /// <summary>All that is not in the set.</summary>
    public CodePointClass Others() => Ranges.IsEmpty && !IsNegated ? new(AllCategories & ~Categories, [], negated: false) : new(Categories, Ranges, !IsNegated);

    /// <summary>The set as ranges alone.</summary>
    public ImmutableArray<(int First, int Last)> ToRanges() => RangesWhere(Contains);

    private static ImmutableArray<(int First, int Last)> RangesWhere(Func<int, bool> isIn)
    {
        var ranges = ImmutableArray.CreateBuilder<(int, int)>();
        int first = -1;
        for (int codePoint = 0; codePoint <= LastCodePoint + 1; codePoint++)
        {
            bool belongs = codePoint <= LastCodePoint && isIn(codePoint);
            if (belongs && first < 0)
            {
                first = codePoint;
            }
            else if (!belongs && first >= 0)
            {
                ranges.Add((first, codePoint - 1));
                first = -1;
            }
        }

        return ranges.ToImmutable();
    }

    /// <summary>Whether <paramref name="codePoint"/> is in the set.</summary>
    public bool Contains(int codePoint) => codePoint < 128 ? ((_ascii >> codePoint) & 1) != 0 : Holds(codePoint);

    private bool Holds(int codePoint)
    {
        if (Categories != 0 && ((Categories >> (int)CharUnicodeInfo.GetUnicodeCategory(codePoint)) & 1) != 0)
            return !IsNegated;

        int low = 0, high = Ranges.Length - 1;
        while (low < high)
        {
            int middle = (low + high + 1) / 2;
            (low, high) = Ranges[middle].First <= codePoint ? (middle, high) : (low, middle - 1);
        }

        bool isInRange = high >= 0 && codePoint >= Ranges[low].First && codePoint <= Ranges[low].Last;
        return isInRange != IsNegated;
    }

    /// <summary>Sorted, and those that touch joined.</summary>
    private static ImmutableArray<(int First, int Last)> Merge(ImmutableArray<(int First, int Last)> ranges)
    {
        var merged = new List<(int First, int Last)>();
        foreach (var range in ranges.Sort())
        {
            if (merged.Count > 0 && range.First <= merged[^1].Last + 1)
                merged[^1] = (merged[^1].First, Math.Max(merged[^1].Last, range.Last));
            else
                merged.Add(range);
        }

        return [.. merged];
    }
}
