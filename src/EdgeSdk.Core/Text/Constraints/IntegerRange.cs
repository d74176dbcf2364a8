using System.Globalization;

namespace EdgeSdk.Text.Constraints;

/// <summary>Integers between bounds, in decimal.</summary>
internal static class IntegerRange
{
    /// <summary>Magnitudes end here: 15 digits are exact in double precision.</summary>
    public const long Most = 999_999_999_999_999;

    /// <summary>Digits of <see cref="Most"/>.</summary>
    public const int Digits = 15;

    public static Part Of(ByteGrammar grammar, long least, long most)
    {
        var parts = new List<Part>();
        if (most >= 0)
            AddMagnitudes(grammar, Math.Max(0, least), most, "", parts);

        if (least < 0)
            AddMagnitudes(grammar, Math.Max(1, -most), -least, "-", parts);

        return grammar.Any(parts);
    }

    private static void AddMagnitudes(ByteGrammar grammar, long least, long most, string sign, List<Part> parts)
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
}
