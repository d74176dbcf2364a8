using EdgeSdk.Cli;
using EdgeSdk.Decoding;
using EdgeSdk.Sampling;
using EdgeSdk.Tests.Decoding;

namespace EdgeSdk.Tests.Cli;

public sealed class TurnPredictorTests
{
    private const double Step = 0.040, RoundTrip = 0.020, Prompt = 0.100;

    [Fact]
    public void A_device_that_is_never_right_gains_nothing_and_costs_at_most_its_first_draft()
    {
        var turn = Turn(Enumerable.Repeat(false, 20));
        double plain = RoundTrip + Prompt + 19 * Step;

        Assert.InRange(Predictor(turn).Seconds(turn, Prompt), plain - 1e-6, plain + turn.DevicePromptSeconds + 1e-6);
    }

    [Fact]
    public void A_device_that_is_always_right_leaves_the_prompt_the_network_and_a_pass_or_two()
    {
        var turn = Turn(Enumerable.Repeat(true, 20));

        Assert.InRange(Predictor(turn).Seconds(turn, Prompt), RoundTrip + Prompt + Step, RoundTrip + Prompt + 2 * Step + 0.001);
    }

    [Fact]
    public async Task Where_the_device_agrees_is_measured_on_the_text_of_the_server()
    {
        for (int seed = 0; seed < 20; seed++)
        {
            var (info, random) = (Worlds.Info(32), new Random(seed));
            int[] prompt = [.. Enumerable.Range(0, 1 + seed).Select(_ => random.Next(32))];
            var table = TableModel.Random((ulong)seed, 32, 4);
            var (text, agrees) = Draw(prompt, table, tokens: 30, random);
            var device = new TableModel(info, new(8, 1, Worlds.Device(0.001)), table);
            var stop = StopRule.For(info, prompt.Length, 30);
            var turn = await BenchTurn.MeasureAsync(prompt, text, FinishReason.Length, SamplerSpec.Greedy, device, stop, TestContext.Current.CancellationToken);

            Assert.Equal(agrees, turn.Agrees);
        }
    }

    [Fact]
    public void Agreement_over_turns_starts_anew_with_each()
    {
        var agreement = BenchTurn.AgreementOf([Turn([true, true]), Turn([true, false])]);

        Assert.Equal(1, agreement.R(1));
        Assert.Equal(0.5, agreement.R(2));
        Assert.Equal(4, agreement.Places);
    }

    [Fact]
    public void What_a_step_takes_beside_its_pass_is_added_to_every_width()
    {
        var longer = TurnPredictor.Longer(Worlds.Linear(0.010, 0.5), 0.002);

        Assert.Equal(0.012, longer.Pass(1), 1e-6);
        Assert.Equal(0.017, longer.Pass(2), 1e-6);
    }

    [Fact]
    public void The_devices_passes_keep_their_proportion_to_a_draft()
    {
        var scaled = TurnPredictor.Scaled(Worlds.Linear(0.001, 0.5), 0.003);

        Assert.Equal(0.003, scaled.Pass(1), 1e-6);
        Assert.Equal(0.0045, scaled.Pass(2), 1e-6);
    }

    private static TurnPredictor Predictor(BenchTurn turn) =>
        new(default, Worlds.Linear(Step, 0), default, Worlds.Device(0.001), RoundTrip, BenchTurn.AgreementOf([turn]));

    private static BenchTurn Turn(IEnumerable<bool> agrees)
    {
        bool[] places = [.. agrees];
        return new(new int[50], new int[places.Length], FinishReason.Length, places, 0.010, 0.001);
    }

    /// <summary>A text that is the device's choice at two places of three or so, and where it is.</summary>
    private static (int[] Text, bool[] Agrees) Draw(int[] prompt, Table device, int tokens, Random random)
    {
        ulong hash = prompt.Aggregate(TableModel.Empty, TableModel.Extend);
        var (text, agrees) = (new int[tokens], new bool[tokens]);
        for (int i = 0; i < tokens; i++)
        {
            int choice = device(hash, prompt.Length + i, SamplerSpec.Greedy).Token;
            text[i] = random.Next(3) > 0 ? choice : random.Next(32);
            agrees[i] = text[i] == choice;
            hash = TableModel.Extend(hash, text[i]);
        }

        return (text, agrees);
    }
}
