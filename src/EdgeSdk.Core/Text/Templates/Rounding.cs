using System.Globalization;
using System.Numerics;

namespace EdgeSdk.Text.Templates;

/// <summary>Decimal rounding of floats, exact as Python's: the float's own value counts, and half goes to the even digit.</summary>
internal static class Rounding
{
    /// <summary>More digits than a float has behind its point.</summary>
    public const int MaxDigits = 1100;

    /// <summary>The filter <c>round</c>.</summary>
    public static object? Round(Call call)
    {
        int digits = Math.Clamp(call.Integer("precision", 0), -MaxDigits, MaxDigits);
        call.Meter.Step(10 + (Math.Abs(digits) / 4));
        var number = Operators.Number(call.Subject) ?? throw new TemplateFault(
            call.Subject is Undefined undefined ? undefined.Problem + "." : $"'round' works on a number, not on {Operators.KindOf(call.Subject)}.");
        return (call.Value("method", "common"), number) switch
        {
            ("common", BigInteger whole) => digits >= 0 ? whole : Tens(whole, -digits),
            ("common", double real) => Round(real, digits),
            ("floor", _) => Scaled(number, digits, Math.Floor),
            ("ceil", _) => Scaled(number, digits, Math.Ceiling),
            _ => throw call.Misfit("method", "'common', 'ceil' or 'floor'"),
        };
    }

    /// <summary>A float's digits with <paramref name="places"/> behind the point, without a sign.</summary>
    public static string Digits(double value, int places)
    {
        string digits = Scale(Math.Abs(value), places).ToString(CultureInfo.InvariantCulture).PadLeft(places + 1, '0');
        return places == 0 ? digits : $"{digits[..^places]}.{digits[^places..]}";
    }

    private static double Round(double value, int digits)
    {
        // No float has digits beyond these, or any at all.
        if (!double.IsFinite(value) || value == 0 || digits > 330)
            return value;

        string text = Scale(Math.Abs(value), digits).ToString(CultureInfo.InvariantCulture) + "e" + (-digits).ToString(CultureInfo.InvariantCulture);
        double rounded = double.Parse(text, CultureInfo.InvariantCulture);
        return double.IsNegative(value) ? -rounded : rounded;
    }

    private static object Scaled(object number, int digits, Func<double, double> round)
    {
        double scale = Math.Pow(10, digits), value = number is BigInteger whole ? (double)whole : (double)number;
        double rounded = round(value * scale);
        return double.IsFinite(rounded) ? rounded / scale : throw new TemplateFault("the number is too large to be rounded.");
    }

    private static BigInteger Tens(BigInteger value, int digits)
    {
        var unit = BigInteger.Pow(10, digits);
        return ToEven(value, unit) * unit;
    }

    /// <summary>The whole number nearest to value · 10^digits; the value is not negative.</summary>
    private static BigInteger Scale(double value, int digits)
    {
        long bits = BitConverter.DoubleToInt64Bits(value);
        int exponent = (int)(bits >> 52) & 0x7FF;
        BigInteger mantissa = (bits & 0xFFFFFFFFFFFFF) | (exponent == 0 ? 0 : 1L << 52);
        exponent = Math.Max(exponent, 1) - 1075;

        var numerator = mantissa * BigInteger.Pow(10, Math.Max(digits, 0)) * BigInteger.Pow(2, Math.Max(exponent, 0));
        return ToEven(numerator, BigInteger.Pow(10, Math.Max(-digits, 0)) * BigInteger.Pow(2, Math.Max(-exponent, 0)));
    }

    private static BigInteger ToEven(BigInteger numerator, BigInteger denominator)
    {
        var quotient = BigInteger.DivRem(numerator, denominator, out var rest);
        if (rest.Sign < 0)
            (quotient, rest) = (quotient - 1, rest + denominator);

        int half = (2 * rest).CompareTo(denominator);
        return half > 0 || (half == 0 && !quotient.IsEven) ? quotient + 1 : quotient;
    }
}
