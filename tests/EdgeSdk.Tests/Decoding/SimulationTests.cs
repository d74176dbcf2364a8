using EdgeSdk.Decoding;

namespace EdgeSdk.Tests.Decoding;

public class SimulationTests
{
    private const int Long = 5000;

    /// <summary>Single stream, independent agreement, V(k)/S = 1 + .03k: what an earlier simulation of the same protocol gave.</summary>
    [Theory]
    [InlineData(0.040, 0.020, 0.008, 0.6, 1.34)]
    [InlineData(0.040, 0.020, 0.008, 0.8, 1.85)]
    [InlineData(0.040, 0.020, 0.008, 0.9, 2.59)]
    [InlineData(0.040, 0.020, 0.003, 0.8, 2.18)]
    [InlineData(0.040, 0.020, 0.020, 0.8, 1.34)]
    [InlineData(0.040, 0.200, 0.008, 0.8, 1.14)]
    [InlineData(0.040, 0.200, 0.008, 0.9, 1.50)]
    public void Gains_of_free_running_are_those_published(double step, double roundTrip, double draft, double alpha, double published)
    {
        var world = Worlds.Independent(alpha, step, 0.03, roundTrip, draft, Long, seed: 1);
        double speedUp = world.PlainSeconds(Long) / Simulation.Run(world).Seconds;

        Assert.InRange(speedUp, published * 0.94, published * 1.06);
    }

    [Theory]
    [InlineData(0.010, 0.002)]
    [InlineData(0.010, 0.020)]
    [InlineData(0.040, 0.002)]
    [InlineData(0.040, 0.020)]
    [InlineData(0.040, 0.200)]
    [InlineData(0.100, 0.020)]
    [InlineData(0.100, 0.200)]
    public void The_gates_formula_agrees_with_the_simulation_within_five_percent(double step, double roundTrip)
    {
        int seed = 0;
        foreach (double draft in new[] { 0.001, 0.008, 0.020 })
        {
            foreach (double slope in new[] { 0.02, 0.2 })
            {
                double alpha = 0.5 + 0.2 * (seed++ % 3);
                var world = Worlds.Independent(alpha, step, slope, roundTrip, draft, Long, seed);
                var turn = Simulation.Run(world);
                double[] runs = turn.Agreement.Runs();
                int cap = FreeRun.BestDrafts(world.ServerCost, FreeRun.MeanAgreement(runs), Verifier.MostPerOffer);
                double predicted = FreeRun.SpeedUp(world.ServerCost, cap, roundTrip, draft, runs);
                double simulated = world.PlainSeconds(Long) / turn.Seconds;

                Assert.True(
                    Math.Abs(predicted / simulated - 1) <= 0.05,
                    $"S {step}, RTT {roundTrip}, t_d {draft}, V slope {slope}, alpha {alpha}: predicted {predicted:0.000}, simulated {simulated:0.000}");
            }
        }
    }

    [Fact]
    public void One_world_has_one_outcome()
    {
        for (int seed = 0; seed < 50; seed++)
        {
            var first = Simulation.Run(Worlds.Any(seed));
            var second = Simulation.Run(Worlds.Any(seed));

            Assert.Equal(first.Seconds, second.Seconds);
            Assert.Equal(first.Server, second.Server);
            Assert.Equal(first.Tokens, second.Tokens);
        }
    }

    /// <summary>The gate measures on, so that it finds out by itself, within its hysteresis and what it costs to find out.</summary>
    [Theory]
    [InlineData(0.010, 0.040, 0.008, 0.8)]
    [InlineData(0.010, 0.200, 0.003, 0.7)]
    [InlineData(0.010, 0.020, 0.020, 0.9)]
    [InlineData(0.040, 0.200, 0.020, 0.5)]
    public void With_the_gate_a_turn_is_not_slower_than_plain_streaming(double step, double roundTrip, double draft, double alpha)
    {
        var world = Worlds.Independent(alpha, step, 0.1, roundTrip, draft, 400, seed: 3) with { GateMode = GateMode.Auto };
        var turn = Simulation.Run(world);

        Assert.InRange(turn.Seconds / world.PlainSeconds(400), 0, 1.02);
    }

    [Fact]
    public void While_the_gate_is_off_agreement_is_measured_at_every_place_and_nothing_is_sent()
    {
        var world = Worlds.Independent(0.7, 0.010, 0.02, 0.2, 0.008, 300, seed: 5) with { GateMode = GateMode.AlwaysOff };
        var turn = Simulation.Run(world);

        Assert.Equal(300, turn.Agreement.Places);
        Assert.InRange(turn.Sent, 1, 40); // during the prompt
    }

    [Fact]
    public void Drafts_made_during_the_prompt_are_verified_in_its_own_pass_or_right_after()
    {
        bool[] agrees = [.. Enumerable.Repeat(true, 12)];
        var world = SimulatedWorld.Scripted(100, agrees, Worlds.Linear(0.040, 0.02), Worlds.Device(0.004)) with
        {
            ServerPromptSeconds = 0.3,
            DevicePromptSeconds = 0.02,
            RoundTripSeconds = 0.2,
            GateMode = GateMode.AlwaysOff,
        };
        var turn = Simulation.Run(world);

        Assert.InRange(turn.Server.Passes, 1, 3);
        Assert.True(turn.Seconds < 0.75 * world.PlainSeconds(12), turn.ToString());
    }

    [Fact]
    public void A_gate_that_was_told_of_slow_drafts_finds_out_with_the_first_commit()
    {
        var world = Worlds.Independent(0.8, 0.040, 0.02, 0.02, 0.001, 30, seed: 6) with { GateMode = GateMode.Auto, DeviceStated = Worlds.Device(0.5) };
        var told = Simulation.Run(world);

        Assert.True(told.Decision.On, told.Decision.Reason);
        Assert.InRange(told.Seconds, 0, 0.75 * world.PlainSeconds(30));
    }

    [Fact]
    public void A_drawn_script_has_the_runs_that_it_was_drawn_from()
    {
        double[] runs = [1, 0.57, 0.40, 0.31, 0.24, 0.19, 0.16, 0.13, 0.11, 0];
        var agreement = new Agreement();
        foreach (bool agrees in FreeRun.Draw(runs, 200_000, new Random(4)))
            agreement.Add(agrees);

        for (int n = 1; n <= 8; n++)
            Assert.Equal(runs[n], agreement.R(n), 0.01);
    }
}
