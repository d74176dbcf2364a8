using System.Globalization;

namespace EdgeSdk.Text.Constraints;

/// <summary>An end of a range of numbers.</summary>
/// <param name="Value">Of magnitude up to <see cref="NumberRange.Most"/>.</param>
/// <param name="IsOpen">The value itself is outside.</param>
internal readonly record struct Bound(decimal Value, bool IsOpen);

/// <summary>Numbers between bounds, in decimal.</summary>
internal static class NumberRange
{
    /// <summary>Magnitudes end here: 15 digits are exact in double precision.</summary>
    public const long Most = 999_999_999_999_999;

    /// <summary>Digits before a point, and behind it.</summary>
    public const int Digits = 15;

    /// <summary>Integers; null where there is none.</summary>
    public static Part? Integers(ByteGrammar grammar, Bound least, Bound most)
    {
        long low = (long)decimal.Ceiling(least.Value), high = (long)decimal.Floor(most.Value);
        low += least.IsOpen && low == least.Value ? 1 : 0;
        high -= most.IsOpen && high == most.Value ? 1 : 0;
        return low > high ? null : Whole(grammar, low, high);
    }

    /// <summary>Numbers with a fraction or none; null where there are none, or only such as need more digits.</summary>
    public static Part? Numbers(ByteGrammar grammar, Bound least, Bound most)
    {
        var parts = new List<Part>();
        if (most.Value >= 0)
            AddMagnitudes(grammar, least.Value < 0 ? new(0, false) : least, most, "", parts);

        if (least.Value < 0)
            AddMagnitudes(grammar, most.Value >= 0 ? new(0, true) : new(-most.Value, most.IsOpen), new(-least.Value, least.IsOpen), "-", parts);

        return parts.Count == 0 ? null : grammar.Any(parts);
    }

    private static Part Whole(ByteGrammar grammar, long least, long most)
    {
        var parts = new List<Part>();
        if (most >= 0)
            AddWhole(grammar, Math.Max(0, least), most, "", parts);

        if (least < 0)
            AddWhole(grammar, Math.Max(1, -most), -least, "-", parts);

        return grammar.Any(parts);
    }

    private static void AddWhole(ByteGrammar grammar, long least, long most, string sign, List<Part> parts)
    {
        while (least <= most)
        {
            // The widest block that begins here: a prefix, a digit's range, and any digits behind it.
            long unit = 1;
            while (least != 0 && least % (unit * 10) == 0 && least + unit * 10 - 1 <= most)
                unit *= 10;

            long digit = least / unit % 10;
            long last = digit;
            while (last < 9 && least + (last - digit + 2) * unit - 1 <= most && least > 0)
                last++;

            string prefix = sign + (least / unit >= 10 ? (least / unit / 10).ToString(CultureInfo.InvariantCulture) : "");
            int free = unit.ToString(CultureInfo.InvariantCulture).Length - 1;
            parts.Add(ByteGrammar.Sequence(grammar.Text(prefix), grammar.Range('0' + (int)digit, '0' + (int)last), grammar.Repeat(grammar.Range('0', '9'), free, free)));
            least += (last - digit + 1) * unit;
        }
    }

    /// <summary>Not negative: the whole parts at both ends with the fractions that they bear, those between with any.</summary>
    private static void AddMagnitudes(ByteGrammar grammar, Bound least, Bound most, string sign, List<Part> parts)
    {
        long first = (long)decimal.Floor(least.Value), last = (long)decimal.Floor(most.Value);
        var (low, high) = (new Fraction(least), new Fraction(most));
        if (first == last)
        {
            Add(first, low, high);
            return;
        }

        Add(first, low, null);
        Add(last, null, high);
        if (last - first > 1)
        {
            var between = new List<Part>();
            AddWhole(grammar, first + 1, last - 1, sign, between);
            parts.Add(ByteGrammar.Sequence(grammar.Any(between), Fractions(grammar, null, null)!));
        }

        void Add(long whole, Fraction? from, Fraction? to)
        {
            if (Fractions(grammar, from, to) is { } fractions)
                parts.Add(ByteGrammar.Sequence(grammar.Text(sign + whole.ToString(CultureInfo.InvariantCulture)), fractions));
        }
    }

    /// <summary>A point and digits, or none, between two fractions; null where there are none.</summary>
    private static Part? Fractions(ByteGrammar grammar, Fraction? low, Fraction? high)
    {
        var digits = Rest(grammar, 0, low, high);
        var some = digits is null ? null : ByteGrammar.Sequence(grammar.Text("."), digits);
        return !MayEnd(0, low, high) ? some : some is null ? ByteGrammar.Empty : grammar.Optional(some);
    }

    /// <summary>One digit or more behind <paramref name="at"/> ones that are those of the bounds which still bind.</summary>
    private static Part? Rest(ByteGrammar grammar, int at, Fraction? low, Fraction? high)
    {
        if (low is null && high is null)
            return at == Digits ? null : grammar.Repeat(grammar.Range('0', '9'), 1, Digits - at);

        if (at == Digits)
            return null;

        var parts = new List<Part>();
        int least = low?.Digit(at) ?? 0, most = high?.Digit(at) ?? 9;
        for (int digit = least; digit <= most; digit++)
        {
            // A run of digits that leave both bounds behind is one range.
            int to = digit;
            var (nextLow, nextHigh) = (Binds(low, least, digit, at), digit == most ? high : null);
            while (nextLow is null && nextHigh is null && to + 1 <= most && (to + 1 < most || high is null))
                to++;

            if (Behind(grammar, at + 1, nextLow, nextHigh) is { } rest)
                parts.Add(ByteGrammar.Sequence(grammar.Range('0' + digit, '0' + to), rest));

            digit = to;
        }

        return parts.Count == 0 ? null : grammar.Any(parts);
    }

    private static Fraction? Binds(Fraction? low, int least, int digit, int at) => digit > least || low is null || (at + 1 >= low.Length && !low.IsOpen) ? null : low;

    private static Part? Behind(ByteGrammar grammar, int at, Fraction? low, Fraction? high)
    {
        var more = Rest(grammar, at, low, high);
        return !MayEnd(at, low, high) ? more : more is null ? ByteGrammar.Empty : grammar.Optional(more);
    }

    private static bool MayEnd(int at, Fraction? low, Fraction? high) =>
        (low is null || (at >= low.Length && !low.IsOpen)) && (high is null || at < high.Length || !high.IsOpen);

    /// <summary>A bound's digits behind the point, without zeros at their end.</summary>
    private sealed class Fraction(Bound bound)
    {
        private readonly string _digits = (bound.Value % 1).ToString("F" + Digits, CultureInfo.InvariantCulture)[2..].TrimEnd('0');

        public int Length => _digits.Length;

        public bool IsOpen => bound.IsOpen;

        public int Digit(int at) => at < _digits.Length ? _digits[at] - '0' : 0;
    }
}
