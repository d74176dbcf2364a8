namespace EdgeSdk.Sampling;

/// <summary>
/// A logarithm and an exponential made of additions, multiplications and one division, each rounded once: the same bits on every machine, which the
/// functions of the C libraries do not promise. Within 2 units in the last place of the true value. docs/sampling.md states them for other languages.
/// </summary>
internal static class Elementary
{
    /// <summary>ln 2 in two parts: the first has 21 trailing zero bits, so that its product with an exponent is exact.</summary>
    private const double Ln2High = 0.69314718036912382, Ln2Low = 1.9082149292705877e-10;

    private const double Log2OfE = 1.4426950408889634;

    /// <summary>The natural logarithm of a positive normal number.</summary>
    /// <remarks>With x = 2^e m, m in [sqrt(1/2), sqrt(2)) and s = (m-1)/(m+1): log x = e ln 2 + 2 artanh s, the series of artanh to s^21.</remarks>
    public static double Log(double x)
    {
        ulong bits = BitConverter.DoubleToUInt64Bits(x);
        int exponent = (int)(bits >> 52) - 1023;
        double mantissa = BitConverter.UInt64BitsToDouble((bits & 0x000F_FFFF_FFFF_FFFF) | 0x3FF0_0000_0000_0000);
        if (mantissa >= 1.4142135623730951)
        {
            mantissa *= 0.5;
            exponent++;
        }

        double s = (mantissa - 1) / (mantissa + 1);
        double z = s * s;
        double series = 1.0 / 21;
        series = series * z + 1.0 / 19;
        series = series * z + 1.0 / 17;
        series = series * z + 1.0 / 15;
        series = series * z + 1.0 / 13;
        series = series * z + 1.0 / 11;
        series = series * z + 1.0 / 9;
        series = series * z + 1.0 / 7;
        series = series * z + 1.0 / 5;
        series = series * z + 1.0 / 3;
        double twice = s + s;
        double tail = twice * (z * series);
        return exponent * Ln2High + (twice + (tail + exponent * Ln2Low));
    }

    /// <summary>e to the power of a number in [-708, 708]; 0 below.</summary>
    /// <remarks>With k = floor(x log2(e) + 1/2) and r = x - k ln 2: 2^k times Taylor's series of e^r to r^13.</remarks>
    public static double Exp(double x)
    {
        if (x < -708)
            return 0;

        double k = Math.Floor(x * Log2OfE + 0.5);
        double r = x - k * Ln2High - k * Ln2Low;
        double series = 1.0 / 6227020800;
        series = series * r + 1.0 / 479001600;
        series = series * r + 1.0 / 39916800;
        series = series * r + 1.0 / 3628800;
        series = series * r + 1.0 / 362880;
        series = series * r + 1.0 / 40320;
        series = series * r + 1.0 / 5040;
        series = series * r + 1.0 / 720;
        series = series * r + 1.0 / 120;
        series = series * r + 1.0 / 24;
        series = series * r + 1.0 / 6;
        series = series * r + 0.5;
        series = series * (r * r) + r;
        return (1 + series) * BitConverter.UInt64BitsToDouble((ulong)((long)k + 1023) << 52);
    }
}
