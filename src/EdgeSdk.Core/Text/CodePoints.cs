using System.Collections.Immutable;
using System.Globalization;

namespace EdgeSdk.Text;

/// <summary>A set of Unicode scalar values, as ranges in order. The surrogates, which no UTF-8 text has, are in none. Immutable.</summary>
internal sealed class CodePoints
{
    private const int Last = 0x10FFFF;

    /// <summary>Beyond the basic plane, ranges are looked through: what is there is rare.</summary>
    private const int BasicPlane = 0x10000;

    /// <summary>Up to as many ranges are looked through; more get a bit for each code point of the basic plane.</summary>
    private const int FewRanges = 8;

    /// <summary>The general categories in runs.</summary>
    private static readonly Lazy<ImmutableArray<(int Low, int High, UnicodeCategory Category)>> Categories = new(ListCategories);

    private ulong[]? _basicPlane;

    private CodePoints(IEnumerable<(int Low, int High)> ranges)
    {
        var merged = ImmutableArray.CreateBuilder<(int Low, int High)>();
        foreach (var (low, high) in ranges.Where(r => r.Low <= r.High).Order())
        {
            if (merged.Count > 0 && low <= merged[^1].High + 1)
                merged[^1] = (merged[^1].Low, Math.Max(merged[^1].High, high));
            else
                merged.Add((low, high));
        }

        Ranges = merged.ToImmutable();
        FirstBytes = ListFirstBytes();
    }

    /// <summary>None touches another.</summary>
    public ImmutableArray<(int Low, int High)> Ranges { get; }

    /// <summary>The bytes that the UTF-8 of one of them begins with, a bit each: below 128, and above.</summary>
    public (UInt128 Ascii, UInt128 Leads) FirstBytes { get; }

    public static CodePoints All { get; } = Of((0, Last));

    /// <summary>Unicode's White_Space.</summary>
    public static CodePoints WhiteSpace { get; } =
        OfBounds(0x09, 0x0D, 0x20, 0x20, 0x85, 0x85, 0xA0, 0xA0, 0x1680, 0x1680, 0x2000, 0x200A, 0x2028, 0x2029, 0x202F, 0x202F, 0x205F, 0x205F, 0x3000, 0x3000);

    /// <summary>The ranges, without the surrogates.</summary>
    public static CodePoints Of(params IEnumerable<(int Low, int High)> ranges)
    {
        var scalars = new List<(int Low, int High)>();
        foreach (var (low, high) in ranges)
        {
            if (low <= 0xD7FF)
                scalars.Add((low, Math.Min(high, 0xD7FF)));

            if (high >= 0xE000)
                scalars.Add((Math.Max(low, 0xE000), Math.Min(high, Last)));
        }

        return new(scalars);
    }

    public static CodePoints Of(params ReadOnlySpan<int> points) => Of(points.ToArray().Select(p => (p, p)));

    /// <summary>Those of the general categories.</summary>
    public static CodePoints In(params UnicodeCategory[] categories) => Of(Categories.Value.Where(r => categories.Contains(r.Category)).Select(r => (r.Low, r.High)));

    /// <summary>First and last of each range.</summary>
    public static CodePoints OfBounds(params int[] bounds) => Of(bounds.Chunk(2).Select(b => (b[0], b[1])));

    public CodePoints Or(CodePoints other) => new(Ranges.Concat(other.Ranges));

    public CodePoints Not()
    {
        var gaps = new List<(int, int)>();
        int next = 0;
        foreach (var (low, high) in Ranges)
        {
            gaps.Add((next, low - 1));
            next = high + 1;
        }

        gaps.Add((next, Last));
        return Of(gaps);
    }

    public CodePoints And(CodePoints other) => Not().Or(other.Not()).Not();

    public bool Contains(int codePoint)
    {
        if (codePoint < 0x80)
            return ((FirstBytes.Ascii >> codePoint) & 1) != 0;

        if (codePoint >= BasicPlane || Ranges.Length <= FewRanges)
            return IsInRange(codePoint);

        var bits = _basicPlane ??= ListBasicPlane();
        return ((bits[codePoint >> 6] >> codePoint) & 1) != 0;
    }

    private (UInt128 Ascii, UInt128 Leads) ListFirstBytes()
    {
        UInt128 ascii = 0, leads = 0;
        foreach (var (low, high) in Ranges)
        {
            for (int codePoint = low; codePoint <= Math.Min(high, 0x7F); codePoint++)
                ascii |= UInt128.One << codePoint;

            for (int lead = LeadOf(Math.Max(low, 0x80)); high >= 0x80 && lead <= LeadOf(high); lead++)
                leads |= UInt128.One << (lead - 0x80);
        }

        return (ascii, leads);
    }

    private static int LeadOf(int codePoint) => codePoint switch
    {
        < 0x800 => 0xC0 | (codePoint >> 6),
        < BasicPlane => 0xE0 | (codePoint >> 12),
        _ => 0xF0 | (codePoint >> 18),
    };

    private bool IsInRange(int codePoint)
    {
        int low = 0, high = Ranges.Length - 1;
        while (low < high)
        {
            int middle = (low + high + 1) / 2;
            (low, high) = Ranges[middle].Low <= codePoint ? (middle, high) : (low, middle - 1);
        }

        return high >= 0 && codePoint >= Ranges[low].Low && codePoint <= Ranges[low].High;
    }

    private ulong[] ListBasicPlane()
    {
        var bits = new ulong[BasicPlane / 64];
        foreach (var (low, high) in Ranges)
        {
            for (int codePoint = low; codePoint <= Math.Min(high, BasicPlane - 1); codePoint++)
                bits[codePoint >> 6] |= 1UL << codePoint;
        }

        return bits;
    }

    private static ImmutableArray<(int Low, int High, UnicodeCategory Category)> ListCategories()
    {
        var runs = ImmutableArray.CreateBuilder<(int, int, UnicodeCategory)>();
        int low = 0;
        for (int codePoint = 1; codePoint <= Last + 1; codePoint++)
        {
            var category = CharUnicodeInfo.GetUnicodeCategory(low);
            if (codePoint > Last || CharUnicodeInfo.GetUnicodeCategory(codePoint) != category)
            {
                runs.Add((low, codePoint - 1, category));
                low = codePoint;
            }
        }

        return runs.ToImmutable();
    }
}
