using EdgeSdk.Decoding;

namespace EdgeSdk.Tests.Decoding;

public class AgreementTests
{
    [Fact]
    public void R_counts_runs_from_the_turns_start_and_after_each_disagreement()
    {
        // Starts: 0 (agrees twice, then not), 3 (never), 4 (agrees twice, and the turn ends).
        var agreement = Of(true, true, false, false, true, true);

        Assert.Equal(2.0 / 3, agreement.R(1));
        Assert.Equal(2.0 / 3, agreement.R(2)); // all three have two tokens behind them
        Assert.Equal(0, agreement.R(3));       // the last has not
        Assert.True(double.IsNaN(agreement.R(7)));
        Assert.Equal(4, agreement.Agreed);
    }

    [Fact]
    public void R_is_that_of_the_definition()
    {
        for (int seed = 0; seed < 200; seed++)
        {
            var random = new Random(seed);
            var turns = Enumerable.Range(0, random.Next(1, 6)).Select(_ => RandomTurn(random)).ToArray();
            var agreement = new Agreement();
            foreach (bool[] turn in turns)
            {
                agreement.BeginTurn();
                foreach (bool agrees in turn)
                    agreement.Add(agrees);
            }

            for (int n = 1; n <= Agreement.Depth; n++)
                Assert.True(ByDefinition(turns, n).Equals(agreement.R(n)), $"seed {seed}: R({n}) is {agreement.R(n)}, by definition {ByDefinition(turns, n)}");
        }
    }

    [Fact]
    public void Turns_counted_apart_add_up()
    {
        var random = new Random(9);
        bool[] first = RandomTurn(random), second = RandomTurn(random);
        var together = Of(first);
        together.BeginTurn();
        foreach (bool agrees in second)
            together.Add(agrees);

        Assert.Equal(together.Report(), (Of(first) + Of(second)).Report());
    }

    [Fact]
    public void Without_measurements_runs_are_as_assumed()
    {
        double[] runs = new Agreement().Runs();

        Assert.Equal(1, runs[0]);
        Assert.Equal(Agreement.Assumed, runs[1], 1e-12);
        Assert.Equal(Math.Pow(Agreement.Assumed, 5), runs[5], 1e-12);
    }

    [Fact]
    public void Runs_follow_the_measurements_and_fall()
    {
        var random = new Random(2);
        double[] runs = Of([.. Enumerable.Range(0, 100_000).Select(_ => random.NextDouble() < 0.8)]).Runs();

        for (int n = 1; n < 15; n++)
            Assert.Equal(Math.Pow(0.8, n), runs[n], 0.01);

        Assert.Equal(runs, runs.OrderDescending());
        Assert.Equal(0.8, FreeRun.MeanAgreement(runs), 0.01);
    }

    private static bool[] RandomTurn(Random random)
    {
        double alpha = random.NextDouble();
        return [.. Enumerable.Range(0, random.Next(0, 150)).Select(_ => random.NextDouble() < Math.Sqrt(alpha))];
    }

    private static Agreement Of(params bool[] turn)
    {
        var agreement = new Agreement();
        agreement.BeginTurn();
        foreach (bool agrees in turn)
            agreement.Add(agrees);

        return agreement;
    }

    private static double ByDefinition(bool[][] turns, int n)
    {
        int counted = 0, whole = 0;
        foreach (bool[] turn in turns)
        {
            for (int start = 0; start + n <= turn.Length; start++)
            {
                if (start > 0 && turn[start - 1])
                    continue;

                counted++;
                whole += turn.AsSpan(start, n).Contains(false) ? 0 : 1;
            }
        }

        return counted == 0 ? double.NaN : (double)whole / counted;
    }
}
