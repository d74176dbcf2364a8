namespace EdgeSdk.Decoding;

/// <summary>What decides whether drafting pays. NaN or an unknown cost: not measured; <see cref="Gate"/> states what it takes then.</summary>
/// <param name="Cost">The server's passes: S = V(0), V(k).</param>
/// <param name="RoundTripSeconds">RTT.</param>
/// <param name="DraftSeconds">t_d: the device's time for one draft.</param>
/// <param name="Agreement">R(n) so far.</param>
internal readonly record struct GateInputs(StepCost Cost, double RoundTripSeconds, double DraftSeconds, Agreement Agreement);

/// <summary>Whether to draft, and why.</summary>
/// <param name="On">Whether drafts are sent.</param>
/// <param name="SpeedUp">Predicted: time of plain streaming over time together.</param>
/// <param name="MostDrafts">The most drafts that one pass of the server will verify.</param>
/// <param name="Window">How far ahead the device should draft.</param>
/// <param name="Reason">For people.</param>
internal readonly record struct GateDecision(bool On, double SpeedUp, int MostDrafts, int Window, string Reason);

/// <summary>Turns drafting on where it is predicted to pay: on from a speed-up of 1.10, off below 1.05.</summary>
internal sealed class Gate
{
    /// <summary>Whether drafts are being sent.</summary>
    public bool IsOn => throw new NotImplementedException();

    /// <summary>Weighs the inputs.</summary>
    public GateDecision Decide(in GateInputs inputs) => throw new NotImplementedException();
}
