using EdgeSdk.Decoding;

namespace EdgeSdk.Cli;

/// <summary>What the simulation says a turn takes together, under what was measured of both sides and of the network.</summary>
/// <param name="ServerStated">What the server states of its passes.</param>
/// <param name="ServerCost">V: the server's passes as measured.</param>
/// <param name="DeviceStated">What the device's model states of its passes.</param>
/// <param name="DeviceCost">The device's passes as measured; one token's is a draft's time.</param>
/// <param name="RoundTripSeconds">RTT.</param>
/// <param name="Earlier">The agreement that the gate knows of at the turn's start.</param>
internal sealed record TurnPredictor(
    StepCost ServerStated, StepCost ServerCost, StepCost DeviceStated, StepCost DeviceCost, double RoundTripSeconds, Agreement Earlier)
{
    /// <summary>Seconds from the turn's start to its last token at the device.</summary>
    /// <param name="turn">Gives the length of prompt and text, the device's time for the prompt, and the places at which it agrees.</param>
    /// <param name="serverPromptSeconds">The server's time for the prompt, its first token included.</param>
    public double Seconds(BenchTurn turn, double serverPromptSeconds) =>
        Simulation.Run(SimulatedWorld.Scripted(turn.Prompt.Length, turn.Agrees, ServerCost, DeviceCost) with
        {
            ServerStated = ServerStated,
            DeviceStated = DeviceStated,
            ServerPromptSeconds = serverPromptSeconds,
            DevicePromptSeconds = turn.DevicePromptSeconds,
            RoundTripSeconds = RoundTripSeconds,
            Earlier = Earlier,
        }).Seconds;

    /// <summary>A model's passes, each taking <paramref name="seconds"/> more: what a step costs beside the pass.</summary>
    public static StepCost Longer(StepCost cost, double seconds) => new([.. cost.PassSeconds.Select(s => (float)Math.Max(0, s + seconds))]);

    /// <summary>A model's passes in proportion, one over a single token taking <paramref name="seconds"/>.</summary>
    public static StepCost Scaled(StepCost cost, double seconds) =>
        cost.IsKnown ? new([.. cost.PassSeconds.Select(s => (float)(s * seconds / cost.Pass(1)))]) : new([(float)seconds]);
}
