using EdgeSdk.Decoding;

namespace EdgeSdk.Tests.Decoding;

public class GateTests
{
    /// <summary>The least agreement at which free running gains a tenth, V(k) = S: from the closed form's published table.</summary>
    [Theory]
    [InlineData(0.010, 0.003, 0.010, 0.51)]
    [InlineData(0.010, 0.003, 0.040, 0.77)]
    [InlineData(0.020, 0.008, 0.020, 0.59)]
    [InlineData(0.040, 0.008, 0.080, 0.58)]
    [InlineData(0.040, 0.020, 0.200, 0.87)]
    public void The_gate_opens_at_the_published_agreement(double step, double draft, double roundTrip, double alpha)
    {
        var flat = Worlds.Linear(step, 0);

        // The table knows of no draft under way that a commit finds; hence a little lower and a little higher.
        Assert.True(SpeedUp(flat, roundTrip, draft, alpha - 0.03) < Gate.On);
        Assert.True(SpeedUp(flat, roundTrip, draft, alpha + 0.06) > Gate.On);
    }

    [Fact]
    public void A_device_slower_than_the_server_never_pays() => Assert.Equal(1, SpeedUp(Worlds.Linear(0.010, 0), 0.040, 0.020, 0.9), 0.01);

    [Fact]
    public void A_server_bound_by_computing_verifies_nothing() => Assert.Equal(0, FreeRun.BestDrafts(Worlds.Linear(0.040, 1), 0.9, 64));

    [Fact]
    public void The_most_drafts_are_those_of_best_tokens_per_second()
    {
        var cost = new StepCost([1f, 1.07f, 1.47f, 2.39f, 4.2f]);

        Assert.Equal(1, FreeRun.BestDrafts(cost, 0.4, 64));
        Assert.Equal(2, FreeRun.BestDrafts(cost, 0.6, 64));
        Assert.Equal(3, FreeRun.BestDrafts(cost, 0.8, 64));
        Assert.Equal(5, FreeRun.BestDrafts(cost, 0.9, 64));
        Assert.Equal(2, FreeRun.BestDrafts(cost, 0.9, 2));
    }

    [Fact]
    public void Between_its_thresholds_the_gate_stays_as_it_is()
    {
        var gate = new Gate();
        Assert.False(gate.Decide(Inputs(Between)).On);
        Assert.True(gate.Decide(Inputs(High)).On);
        Assert.True(gate.Decide(Inputs(Between)).On);
        Assert.False(gate.Decide(Inputs(Low)).On);
        Assert.False(gate.Decide(Inputs(Between)).On);
    }

    [Fact]
    public void A_decision_says_what_it_rests_on_and_what_was_assumed()
    {
        var decision = new Gate().Decide(new(default, double.NaN, 0.001, new Agreement()));

        Assert.Equal(GateUnknowns.Step | GateUnknowns.RoundTrip | GateUnknowns.Agreement, decision.Assumed);
        Assert.Contains("1 ms a draft", decision.Reason);
        Assert.Contains("not measured yet: Step, RoundTrip, Agreement", decision.Reason);
        Assert.StartsWith(decision.On ? "drafting on: " : "drafting off: ", decision.Reason);
    }

    [Fact]
    public void A_setting_overrules_the_prediction_and_is_named()
    {
        var on = new Gate(GateMode.AlwaysOn).Decide(Inputs(Low));
        var off = new Gate(GateMode.AlwaysOff).Decide(Inputs(High));

        Assert.True(on.On);
        Assert.StartsWith("drafting on by setting: ", on.Reason);
        Assert.False(off.On);
    }

    [Fact]
    public void The_window_ends_where_a_draft_is_hardly_ever_right()
    {
        var flat = Worlds.Linear(0.040, 0);
        double[] runs = [.. Enumerable.Range(0, 200).Select(n => Math.Pow(0.8, n))], sure = [.. Enumerable.Repeat(1.0, 200)];

        Assert.Equal(21, FreeRun.Window(flat, 64, 0.020, 0.0005, runs)); // .8 to the 21st is the first under .01
        Assert.InRange(FreeRun.Window(flat, 64, 0.020, 0.0005, sure), 100, 200);
        Assert.Equal(4, FreeRun.Window(flat, 1, 0.001, 0.1, runs)); // a slow device gets no further anyway
    }

    [Fact]
    public void The_prompt_waits_for_drafts_only_where_that_is_faster()
    {
        var cost = Worlds.Linear(0.040, 0.02);
        double[] good = [.. Enumerable.Range(0, 60).Select(n => Math.Pow(0.9, n))];
        double[] bad = [.. Enumerable.Range(0, 60).Select(n => Math.Pow(0.1, n))];

        Assert.InRange(FreeRun.DraftsBeforeOpen(cost, 10, 0.1, firstDraftSeconds: 0.001, draftSeconds: 0.001, good), 3, 10);
        Assert.Equal(0, FreeRun.DraftsBeforeOpen(cost, 10, 0.1, firstDraftSeconds: 0.2, draftSeconds: 0.001, good));
        Assert.Equal(0, FreeRun.DraftsBeforeOpen(cost, 10, 0.1, firstDraftSeconds: 0.01, draftSeconds: 0.01, bad));
    }

    // Agreement at which the prediction lies under, between and over the thresholds.
    private const double Low = 0.1, Between = 0.62, High = 0.9;

    private static double SpeedUp(StepCost cost, double roundTrip, double draft, double alpha)
    {
        double[] runs = [.. Enumerable.Range(0, 2000).Select(n => Math.Pow(alpha, n))];
        return FreeRun.SpeedUp(cost, FreeRun.BestDrafts(cost, alpha, 64), roundTrip, draft, runs);
    }

    private static GateInputs Inputs(double alpha)
    {
        var random = new Random(1);
        var agreement = new Agreement();
        for (int i = 0; i < 20_000; i++)
            agreement.Add(random.NextDouble() < alpha);

        return new(Worlds.Linear(0.040, 0.02), 0.090, 0.010, agreement);
    }
}
