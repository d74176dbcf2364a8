using System.Text;

namespace EdgeSdk.Text;

/// <summary>
/// Unicode's normalization forms (UAX 15), with tables of our own: under InvariantGlobalization <see cref="string.Normalize()"/> returns its input, and without it a
/// native binary needs ICU on the machine.
/// </summary>
internal static class UnicodeNormalization
{
    // Hangul syllables are composed by arithmetic (The Unicode Standard, 3.12).
    private const int SyllableBase = 0xAC00, SyllableCount = 11172;
    private const int LeadBase = 0x1100, LeadCount = 19;
    private const int VowelBase = 0x1161, VowelCount = 21;
    private const int TrailBase = 0x11A7, TrailCount = 28;

    private static readonly Dictionary<int, (int First, int Second)> Decompositions = [];
    private static readonly Dictionary<int, int[]> CompatibilityDecompositions = [];
    private static readonly Dictionary<(int First, int Second), int> Compositions = [];
    private static readonly Dictionary<int, byte> Classes = [];

    /// <summary>By the code point's upper bits, the traits of 256 of them; null where none has any.</summary>
    private static readonly Trait[]?[] Pages = new Trait[]?[0x1100];

    [Flags]
    private enum Trait : byte
    {
        None = 0,

        /// <summary>Has a combining class.</summary>
        Mark = 1,

        /// <summary>Has a canonical decomposition.</summary>
        Decomposes = 2,

        /// <summary>Has a compatibility decomposition, or a part that has one.</summary>
        IsCompatibility = 4,

        /// <summary>A text in form C does not hold it, or in places only.</summary>
        MayCompose = 8,
    }

    static UnicodeNormalization()
    {
        var suspects = new HashSet<int>();
        var composites = CanonicalTables.Composites;
        for (int i = 0; i < composites.Length; i += 3)
        {
            Decompositions.Add(composites[i], (composites[i + 1], composites[i + 2]));
            Compositions.Add((composites[i + 1], composites[i + 2]), composites[i]);
            suspects.Add(composites[i + 2]);
        }

        var excluded = CanonicalTables.Excluded;
        for (int i = 0; i < excluded.Length; i += 3)
        {
            Decompositions.Add(excluded[i], (excluded[i + 1], excluded[i + 2]));
            suspects.Add(excluded[i]);
        }

        var singletons = CanonicalTables.Singletons;
        for (int i = 0; i < singletons.Length; i += 2)
        {
            Decompositions.Add(singletons[i], (singletons[i + 1], 0));
            suspects.Add(singletons[i]);
        }

        var classes = CanonicalTables.CombiningClasses;
        for (int i = 0; i < classes.Length; i += 3)
        {
            for (int codePoint = classes[i]; codePoint <= classes[i + 1]; codePoint++)
                Classes.Add(codePoint, (byte)classes[i + 2]);
        }

        var compatibility = CompatibilityTable.Decompositions;
        for (int i = 0; i < compatibility.Length; i += 2 + compatibility[i + 1])
            CompatibilityDecompositions.Add(compatibility[i], compatibility.Slice(i + 2, compatibility[i + 1]).ToArray());

        // A composite may give its first part away to what stands before it (U+16D68 after U+16D63).
        suspects.UnionWith(Decompositions.Keys.Where(c => suspects.Contains(FirstPart(c))).ToArray());
        suspects.UnionWith(Enumerable.Range(VowelBase, VowelCount));
        suspects.UnionWith(Enumerable.Range(TrailBase + 1, TrailCount - 1));
        Mark(suspects, Trait.MayCompose);
        Mark(Classes.Keys, Trait.Mark);
        Mark(Decompositions.Keys.Concat(Enumerable.Range(SyllableBase, SyllableCount)), Trait.Decomposes);
        Mark(CompatibilityDecompositions.Keys, Trait.IsCompatibility);
        Mark(Decompositions.Keys.Where(HasCompatibilityPart).ToArray(), Trait.IsCompatibility);
    }

    /// <summary>Appends the normalised <paramref name="text"/> to <paramref name="output"/>.</summary>
    public static void Normalize(ReadOnlySpan<byte> text, NormalizationForm form, TextBuffer output)
    {
        bool composes = form is NormalizationForm.FormC or NormalizationForm.FormKC;
        bool isCompatibility = form is NormalizationForm.FormKC or NormalizationForm.FormKD;
        if (IsNormalized(text, (composes ? Trait.MayCompose : Trait.Decomposes) | (isCompatibility ? Trait.IsCompatibility : Trait.None)))
        {
            output.Write(text);
            return;
        }

        var codePoints = Decompose(text, isCompatibility);
        Order(codePoints);
        if (composes)
            Compose(codePoints);

        foreach (int codePoint in codePoints)
            output.Write(new Rune(codePoint));
    }

    private static void Mark(IEnumerable<int> codePoints, Trait trait)
    {
        foreach (int codePoint in codePoints)
            (Pages[codePoint >> 8] ??= new Trait[256])[codePoint & 0xFF] |= trait;
    }

    private static Trait TraitOf(int codePoint) => Pages[codePoint >> 8] is { } page ? page[codePoint & 0xFF] : Trait.None;

    /// <summary>The quick check of UAX 15, where "maybe" counts as no: nothing <paramref name="unwanted"/>, and marks in order.</summary>
    private static bool IsNormalized(ReadOnlySpan<byte> text, Trait unwanted)
    {
        int lastClass = 0;
        for (int at = 0, length; at < text.Length; at += length)
        {
            length = text[at..].IndexOfAnyExceptInRange((byte)0, (byte)0x7F);
            if (length != 0)
            {
                lastClass = 0;
                length = length < 0 ? text.Length - at : length;
                continue;
            }

            int codePoint = Utf8Text.CodePointAt(text, at, out length);
            var trait = TraitOf(codePoint);
            int combiningClass = (trait & Trait.Mark) != 0 ? Classes[codePoint] : 0;
            if ((trait & unwanted) != 0 || (combiningClass != 0 && combiningClass < lastClass))
                return false;

            lastClass = combiningClass;
        }

        return true;
    }

    private static bool HasCompatibilityPart(int codePoint) =>
        CompatibilityDecompositions.ContainsKey(codePoint) ||
        (Decompositions.TryGetValue(codePoint, out var parts) && (HasCompatibilityPart(parts.First) || HasCompatibilityPart(parts.Second)));

    private static int FirstPart(int codePoint)
    {
        while (Decompositions.TryGetValue(codePoint, out var parts))
            codePoint = parts.First;

        return codePoint;
    }

    private static int ClassOf(int codePoint) => (TraitOf(codePoint) & Trait.Mark) != 0 ? Classes[codePoint] : 0;

    private static List<int> Decompose(ReadOnlySpan<byte> text, bool isCompatibility)
    {
        var codePoints = new List<int>(text.Length);
        for (int at = 0, length; at < text.Length; at += length)
            Decompose(Utf8Text.CodePointAt(text, at, out length), isCompatibility, codePoints);

        return codePoints;
    }

    private static void Decompose(int codePoint, bool isCompatibility, List<int> codePoints)
    {
        var trait = TraitOf(codePoint);
        int syllable = codePoint - SyllableBase;
        if (syllable is >= 0 and < SyllableCount)
        {
            codePoints.Add(LeadBase + syllable / (VowelCount * TrailCount));
            codePoints.Add(VowelBase + syllable / TrailCount % VowelCount);
            if (syllable % TrailCount != 0)
                codePoints.Add(TrailBase + syllable % TrailCount);
        }
        else if ((trait & Trait.Decomposes) != 0)
        {
            var (first, second) = Decompositions[codePoint];
            Decompose(first, isCompatibility, codePoints);
            if (second != 0)
                Decompose(second, isCompatibility, codePoints);
        }
        else if (isCompatibility && (trait & Trait.IsCompatibility) != 0)
        {
            codePoints.AddRange(CompatibilityDecompositions[codePoint].AsSpan());
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
                    codePoints[i - run.Count + j] = run[j].CodePoint;
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
