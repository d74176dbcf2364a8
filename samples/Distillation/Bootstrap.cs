namespace EdgeSdk.Distillation;

/// <summary>An interval that holds a figure with 95 % confidence, by resampling the turns (percentiles of 10,000 resamples; Efron and Tibshirani, 1993).</summary>
internal static class Bootstrap
{
    private const int Resamples = 10_000, Seed = 1;

    /// <summary>
    /// The interval of sum(part) / sum(whole) over turns. For a paired comparison <paramref name="part"/> is the turn's difference between the two models.
    /// </summary>
    /// <returns>Both ends; NaN without turns.</returns>
    public static (double Low, double High) Interval(ReadOnlySpan<double> part, ReadOnlySpan<double> whole)
    {
        if (part.IsEmpty) return (double.NaN, double.NaN);
        var random = new Random(Seed);
        var ratios = new List<double>(Resamples);
        for (int i = 0; i < Resamples; i++)
        {
            double parts = 0, wholes = 0;
            for (int drawn = 0; drawn < part.Length; drawn++)
            {
                int turn = random.Next(part.Length);
                parts += part[turn];
                wholes += whole[turn];
            }

            if (wholes > 0) ratios.Add(parts / wholes);
        }

        if (ratios.Count == 0) return (double.NaN, double.NaN);
        ratios.Sort();
        return (ratios[(int)(0.025 * ratios.Count)], ratios[(int)(0.975 * (ratios.Count - 1))]);
    }
}
