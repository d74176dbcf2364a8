using System.Text;

namespace EdgeSdk.Text;

/// <summary>Which code points differ in case alone (Unicode's simple case folding): k, K and the Kelvin sign. Ligatures and ß, which fold to two letters, are not matched by those.</summary>
internal static class CaseFolding
{
    /// <summary>Nothing above has case.</summary>
    private const int End = 0x20000;

    private static readonly Lazy<int[][]> Families = new(() =>
    [
        .. Enumerable.Range(0, End).Where(Rune.IsValid).GroupBy(Fold).Select(family => family.ToArray()).Where(family => family.Length > 1),
    ]);

    /// <summary>The set, and what differs from one of it in case alone.</summary>
    public static CodePoints Close(CodePoints set) => set.Or(CodePoints.Of([.. Families.Value.Where(family => family.Any(set.Contains)).SelectMany(family => family)]));

    /// <summary>By way of the upper case, which final and other variants share. .NET leaves the long s alone.</summary>
    private static int Fold(int codePoint) => codePoint == 0x17F ? 's' : Rune.ToLowerInvariant(Rune.ToUpperInvariant(new Rune(codePoint))).Value;
}
