namespace EdgeSdk.Decoding;

/// <summary>What decides whether drafting pays. NaN or an unknown cost: not measured yet; <see cref="Gate"/> states what it takes then.</summary>
/// <param name="Cost">The server's passes: S = V(0), V(k).</param>
/// <param name="RoundTripSeconds">RTT.</param>
/// <param name="DraftSeconds">t_d: the device's time for one draft.</param>
/// <param name="Agreement">R(n) so far.</param>
internal readonly record struct GateInputs(StepCost Cost, double RoundTripSeconds, double DraftSeconds, Agreement Agreement);

/// <summary>Whether to draft, and why.</summary>
/// <param name="On">Whether drafts are sent.</param>
/// <param name="Mode">Whether the prediction decided, or a setting.</param>
/// <param name="SpeedUp">Predicted: time of plain streaming over time together, on long texts.</param>
/// <param name="MostDrafts">The most drafts that one pass of the server should verify.</param>
/// <param name="Window">How far ahead of the commits the device should draft.</param>
/// <param name="StepSeconds">S as taken.</param>
/// <param name="RoundTripSeconds">RTT as taken.</param>
/// <param name="DraftSeconds">t_d as taken.</param>
/// <param name="R1">R(1) as taken.</param>
/// <param name="R4">R(4) as taken.</param>
/// <param name="Assumed">Which of these were assumed, not measured.</param>
internal readonly record struct GateDecision(
    bool On, GateMode Mode, double SpeedUp, int MostDrafts, int Window,
    double StepSeconds, double RoundTripSeconds, double DraftSeconds, double R1, double R4, GateUnknowns Assumed)
{
    /// <summary>One sentence for people.</summary>
    public string Reason
    {
        get
        {
            string setting = Mode == GateMode.Auto ? "" : " by setting";
            string assumed = Assumed == GateUnknowns.None ? "" : $" (assumed, not measured yet: {Assumed})";
            return $"drafting {(On ? "on" : "off")}{setting}: {SpeedUp:0.00}x predicted at a server step of {StepSeconds * 1000:0.#} ms, a round trip of "
                + $"{RoundTripSeconds * 1000:0.#} ms, {DraftSeconds * 1000:0.##} ms a draft, agreement R(1) {R1:0.00} and R(4) {R4:0.00}, "
                + $"at most {MostDrafts} drafts a pass{assumed}";
        }
    }
}

/// <summary>Inputs of a decision that were not measured.</summary>
[Flags]
internal enum GateUnknowns
{
    /// <summary>All were.</summary>
    None = 0,

    /// <summary>The server's passes: taken as <see cref="FreeRun.AssumedCost"/>, 40 ms a token.</summary>
    Step = 1,

    /// <summary>The round trip: taken as 50 ms.</summary>
    RoundTrip = 2,

    /// <summary>The device's draft: taken as 10 ms.</summary>
    Draft = 4,

    /// <summary>Agreement: taken as <see cref="Decoding.Agreement.Assumed"/> a token.</summary>
    Agreement = 8,
}

/// <summary>Who decides whether drafts are sent.</summary>
internal enum GateMode
{
    /// <summary>The prediction.</summary>
    Auto,

    /// <summary>Drafts are always sent: to measure, and to test.</summary>
    AlwaysOn,

    /// <summary>Never, but for those made during the prompt.</summary>
    AlwaysOff,
}

/// <summary>
/// Turns drafting on where it is predicted to pay (<see cref="FreeRun.SpeedUp"/>): on from a speed-up of 1.10, off below 1.05. What was not measured yet is
/// assumed (<see cref="GateUnknowns"/>).
/// </summary>
/// <remarks>Thread-safe: turns that run side by side may ask one gate.</remarks>
internal sealed class Gate(GateMode mode = GateMode.Auto)
{
    /// <summary>Predicted speed-ups from which drafting starts and below which it stops.</summary>
    public const double On = 1.10, Off = 1.05;

    private const double AssumedRoundTrip = 0.050, AssumedDraft = 0.010;

    private volatile bool _isOn = mode == GateMode.AlwaysOn;

    /// <summary>Whether drafts are being sent, by the last decision.</summary>
    public bool IsOn => _isOn;

    /// <summary>Weighs the inputs.</summary>
    public GateDecision Decide(in GateInputs inputs)
    {
        var unknown = UnknownOf(inputs);
        var cost = unknown.HasFlag(GateUnknowns.Step) ? FreeRun.AssumedCost : inputs.Cost;
        double roundTrip = unknown.HasFlag(GateUnknowns.RoundTrip) ? AssumedRoundTrip : inputs.RoundTripSeconds;
        double draft = unknown.HasFlag(GateUnknowns.Draft) ? AssumedDraft : inputs.DraftSeconds;
        double[] runs = inputs.Agreement.Runs();

        int most = FreeRun.BestDrafts(cost, FreeRun.MeanAgreement(runs), Verifier.MostPerOffer);
        double speedUp = FreeRun.SpeedUp(cost, most, roundTrip, draft, runs);
        bool on = mode == GateMode.Auto ? speedUp >= (_isOn ? Off : On) : mode == GateMode.AlwaysOn;
        _isOn = on;

        int window = FreeRun.Window(cost, most, roundTrip, draft, runs);
        return new(on, mode, speedUp, most, window, cost.Verify(0), roundTrip, draft, runs[1], runs.Length > 4 ? runs[4] : 0, unknown);
    }

    private static GateUnknowns UnknownOf(in GateInputs inputs) =>
        (inputs.Cost.IsKnown ? 0 : GateUnknowns.Step)
        | (double.IsNaN(inputs.RoundTripSeconds) ? GateUnknowns.RoundTrip : 0)
        | (double.IsNaN(inputs.DraftSeconds) ? GateUnknowns.Draft : 0)
        | (inputs.Agreement.Places > 0 ? 0 : GateUnknowns.Agreement);
}
