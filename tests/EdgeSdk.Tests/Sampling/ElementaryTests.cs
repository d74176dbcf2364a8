using EdgeSdk.Sampling;

namespace EdgeSdk.Tests.Sampling;

public class ElementaryTests
{
    [Fact]
    public void Log_and_exp_have_the_bits_of_the_specification()
    {
        foreach (string[] row in SpecificationPage.Table("function", "x", "result"))
        {
            double x = SpecificationPage.Double(row[1]);
            Assert.Equal(SpecificationPage.Double(row[2]), row[0] == "log" ? Elementary.Log(x) : Elementary.Exp(x));
        }
    }

    /// <summary>The library's own error is under one unit, the specification's under two.</summary>
    [Fact]
    public void Log_is_within_three_units_in_the_last_place_of_the_library()
    {
        var random = new Random(1);
        for (int i = 0; i < 200_000; i++)
        {
            // Half of them as the noise sees them (u, then -log u), half anywhere.
            double u = GumbelNoise.Uniform((ulong)random.NextInt64(long.MinValue, long.MaxValue));
            double x = (i % 4) switch { 0 => u, 1 => -Math.Log(u), 2 => 1 - Math.ScaleB(u, -random.Next(40)), _ => Math.ScaleB(u, random.Next(-900, 900)) };
            AssertClose(Math.Log(x), Elementary.Log(x), x);
        }
    }

    [Fact]
    public void Exp_is_within_three_units_in_the_last_place_of_the_library()
    {
        var random = new Random(2);
        for (int i = 0; i < 200_000; i++)
        {
            double x = (i % 3) switch { 0 => -random.NextDouble(), 1 => -40 * random.NextDouble(), _ => 1416 * random.NextDouble() - 708 };
            AssertClose(Math.Exp(x), Elementary.Exp(x), x);
        }
    }

    [Fact]
    public void Exp_falls_to_zero_before_it_loses_precision() => Assert.Equal(0, Elementary.Exp(-708.0001));

    private static void AssertClose(double expected, double actual, double x)
    {
        long units = Math.Abs(BitConverter.DoubleToInt64Bits(expected) - BitConverter.DoubleToInt64Bits(actual));
        Assert.True(units <= 3, $"x = {x:R}: {actual:R} is {units} units in the last place away from {expected:R}");
    }
}
