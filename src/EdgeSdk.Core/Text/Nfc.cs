using System.Buffers;
using System.Text;

namespace EdgeSdk.Text;

/// <summary>
/// Unicode's normalization form C (UAX 15), with tables of our own: under InvariantGlobalization <see cref="string.Normalize()"/> returns its input, and without it a
/// native binary needs ICU on the machine.
/// </summary>
internal static class Nfc
{
    // Hangul syllables are composed by arithmetic (The Unicode Standard, 3.12).
    private const int SyllableBase = 0xAC00, SyllableCount = 11172;
    private const int LeadBase = 0x1100, LeadCount = 19;
    private const int VowelBase = 0x1161, VowelCount = 21;
    private const int TrailBase = 0x11A7, TrailCount = 28;

    /// <summary>Below this every code point is a starter that nothing composes with and nothing decomposes.</summary>
    private const int FirstOfInterest = 0x300;

    private static readonly Dictionary<int, (int First, int Second)> Decompositions = [];
    private static readonly Dictionary<(int First, int Second), int> Compositions = [];
    private static readonly Dictionary<int, byte> Classes = [];

    /// <summary>Code points that a normalised text does not hold, or holds in places only.</summary>
    private static readonly HashSet<int> Suspects = [];

    /// <summary>By the code point's upper bits: whether the 256 hold anything of interest.</summary>
    private static readonly bool[] Pages = new bool[0x1100];

    static Nfc()
    {
        var composites = NfcTables.Composites;
        for (int i = 0; i < composites.Length; i += 3)
        {
            Decompositions.Add(composites[i], (composites[i + 1], composites[i + 2]));
            Compositions.Add((composites[i + 1], composites[i + 2]), composites[i]);
            Suspects.Add(composites[i + 2]);
        }

        var excluded = NfcTables.Excluded;
        for (int i = 0; i < excluded.Length; i += 3)
        {
            Decompositions.Add(excluded[i], (excluded[i + 1], excluded[i + 2]));
            Suspects.Add(excluded[i]);
        }

        var singletons = NfcTables.Singletons;
        for (int i = 0; i < singletons.Length; i += 2)
        {
            Decompositions.Add(singletons[i], (singletons[i + 1], 0));
            Suspects.Add(singletons[i]);
        }

        var classes = NfcTables.CombiningClasses;
        for (int i = 0; i < classes.Length; i += 3)
        {
            for (int codePoint = classes[i]; codePoint <= classes[i + 1]; codePoint++)
            {
                Classes.Add(codePoint, (byte)classes[i + 2]);
            }
        }

        // A composite may give its first part away to what stands before it (U+16D68 after U+16D63).
        Suspects.UnionWith(Decompositions.Keys.Where(c => Suspects.Contains(FirstPart(c))).ToArray());
        Suspects.UnionWith(Enumerable.Range(VowelBase, VowelCount));
        Suspects.UnionWith(Enumerable.Range(TrailBase + 1, TrailCount - 1));
        foreach (int codePoint in Suspects.Concat(Classes.Keys))
        {
            Pages[codePoint >> 8] = true;
        }
    }

    /// <summary>Appends the normalised <paramref name="text"/> to <paramref name="output"/>.</summary>
    public static void Normalize(ReadOnlySpan<byte> text, ArrayBufferWriter<byte> output)
    {
        if (IsNormalized(text))
        {
            output.Write(text);
            return;
        }

        var codePoints = Decompose(text);
        Order(codePoints);
        Compose(codePoints);
        foreach (int codePoint in codePoints)
        {
            output.Advance(new Rune(codePoint).EncodeToUtf8(output.GetSpan(4)));
        }
    }

    /// <summary>The quick check of UAX 15, where "maybe" counts as no.</summary>
    private static bool IsNormalized(ReadOnlySpan<byte> text)
    {
        int lastClass = 0;
        for (int at = 0, length; at < text.Length; at += length)
        {
            int codePoint = Utf8Text.CodePointAt(text, at, out length);
            if (codePoint < FirstOfInterest || !Pages[codePoint >> 8])
            {
                lastClass = 0;
                continue;
            }

            int combiningClass = ClassOf(codePoint);
            if ((combiningClass != 0 && combiningClass < lastClass) || Suspects.Contains(codePoint))
            {
                return false;
            }

            lastClass = combiningClass;
        }

        return true;
    }

    private static int FirstPart(int codePoint)
    {
        while (Decompositions.TryGetValue(codePoint, out var parts))
        {
            codePoint = parts.First;
        }

        return codePoint;
    }

    private static int ClassOf(int codePoint) => codePoint >= FirstOfInterest && Classes.TryGetValue(codePoint, out byte combiningClass) ? combiningClass : 0;

    private static List<int> Decompose(ReadOnlySpan<byte> text)
    {
        var codePoints = new List<int>(text.Length);
        for (int at = 0, length; at < text.Length; at += length)
        {
            Decompose(Utf8Text.CodePointAt(text, at, out length), codePoints);
        }

        return codePoints;
    }

    private static void Decompose(int codePoint, List<int> codePoints)
    {
        int syllable = codePoint - SyllableBase;
        if (syllable is >= 0 and < SyllableCount)
        {
            codePoints.Add(LeadBase + syllable / (VowelCount * TrailCount));
            codePoints.Add(VowelBase + syllable / TrailCount % VowelCount);
            if (syllable % TrailCount != 0)
            {
                codePoints.Add(TrailBase + syllable % TrailCount);
            }
        }
        else if (Decompositions.TryGetValue(codePoint, out var parts))
        {
            Decompose(parts.First, codePoints);
            if (parts.Second != 0)
            {
                Decompose(parts.Second, codePoints);
            }
        }
        else
        {
            codePoints.Add(codePoint);
        }
    }

    /// <summary>Sorts each run of marks by class, equal ones in their order: a sort by (class, place), so that a run of any length is cheap.</summary>
    private static void Order(List<int> codePoints)
    {
        var run = new List<(int Class, int Place, int CodePoint)>();
        for (int i = 0; i <= codePoints.Count; i++)
        {
            int combiningClass = i < codePoints.Count ? ClassOf(codePoints[i]) : 0;
            if (combiningClass != 0)
            {
                run.Add((combiningClass, i, codePoints[i]));
                continue;
            }

            if (run.Count > 1)
            {
                run.Sort();
                for (int j = 0; j < run.Count; j++)
                {
                    codePoints[i - run.Count + j] = run[j].CodePoint;
                }
            }

            run.Clear();
        }
    }

    /// <summary>Composes in place: each mark with the last starter, unless a mark of its class or a higher one stands between.</summary>
    private static void Compose(List<int> codePoints)
    {
        const int Adjacent = -1;
        int count = 0, starter = -1, lastClass = Adjacent;
        foreach (int codePoint in codePoints.ToArray())
        {
            int combiningClass = ClassOf(codePoint);
            if (starter >= 0 && lastClass < combiningClass && TryCompose(codePoints[starter], codePoint, out int composed))
            {
                codePoints[starter] = composed;
                continue;
            }

            if (combiningClass == 0)
            {
                starter = count;
                lastClass = Adjacent;
            }
            else
            {
                lastClass = combiningClass;
            }

            codePoints[count++] = codePoint;
        }

        codePoints.RemoveRange(count, codePoints.Count - count);
    }

    private static bool TryCompose(int first, int second, out int composed)
    {
        int lead = first - LeadBase, vowel = second - VowelBase;
        if (lead is >= 0 and < LeadCount && vowel is >= 0 and < VowelCount)
        {
            composed = SyllableBase + (lead * VowelCount + vowel) * TrailCount;
            return true;
        }

        int syllable = first - SyllableBase, trail = second - TrailBase;
        if (syllable is >= 0 and < SyllableCount && syllable % TrailCount == 0 && trail is > 0 and < TrailCount)
        {
            composed = first + trail;
            return true;
        }

        return Compositions.TryGetValue((first, second), out composed);
    }
}
