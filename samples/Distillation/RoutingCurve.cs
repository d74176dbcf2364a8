using System.Text.Json.Nodes;
using EdgeSdk.Sampling;

namespace EdgeSdk.Distillation;

/// <summary>
/// What Auto keeps on the device and what that costs, at every threshold of the log-probability of the device's first tokens together. A turn's loss is the
/// server's worth minus the device's; where both wrote the same it is 0 whatever the worth.
/// </summary>
internal sealed class RoutingCurve
{
    /// <summary>The numbers of first tokens that are tried. More tell more, and the user waits longer for the first word of a turn that stays.</summary>
    public static readonly int[] HeldBack = [1, 4, 8, 16, 24, 32];

    private readonly double[] _sureness, _lost, _kept, _smooth;

    /// <param name="turns">How sure the device was of each turn, the loss where it keeps the turn, and what the server's answer is worth.</param>
    private RoutingCurve(IEnumerable<(double Sureness, double Loss, double ServerWorth)> turns)
    {
        (double Sureness, double Loss, double ServerWorth)[] surest = [.. turns.OrderByDescending(turn => turn.Sureness)];
        double worth = surest.Sum(turn => turn.ServerWorth);
        _sureness = [.. surest.Select(turn => turn.Sureness)];
        _kept = [.. surest.Select((_, i) => (i + 1.0) / surest.Length)];
        _lost = Cumulated(surest.Select(turn => turn.Loss / worth));
        _smooth = Cumulated(Rising(surest.Select(turn => turn.Loss / worth)).Select(loss => Math.Max(0, loss)));
    }

    /// <summary>The curve of a number of first tokens, worth measured by <paramref name="worth"/>.</summary>
    /// <param name="calls">Whether a turn that begins a call may stay.</param>
    public static RoutingCurve Of(IReadOnlyList<Answered> answers, int tokens, bool calls, Func<Turn, Answer, double> worth) =>
        new(answers.Select(a => (Sureness(a, tokens, calls), Loss(a, worth), worth(a.Turn, a.ServerAnswer))));

    /// <summary>The curve of a router that knows every loss: no rule can do better.</summary>
    public static RoutingCurve Oracle(IReadOnlyList<Answered> answers, Func<Turn, Answer, double> worth) =>
        new(answers.Select(a => (-Loss(a, worth), Loss(a, worth), worth(a.Turn, a.ServerAnswer))));

    /// <summary>What it costs to keep a turn on the device.</summary>
    public static double Loss(Answered answer, Func<Turn, Answer, double> worth) =>
        answer.Equal ? 0 : worth(answer.Turn, answer.ServerAnswer) - worth(answer.Turn, answer.DeviceAnswer);

    /// <summary>The log-probability of the device's first tokens; minus infinity where they begin a call that may not stay.</summary>
    public static double Sureness(Answered answer, int tokens, bool calls)
    {
        Pick[] first = [.. answer.Device.Take(tokens)];
        return !calls && first.Any(pick => pick.Token == Vocabulary.Call) ? double.NegativeInfinity : first.Sum(pick => (double)pick.LogProb);
    }

    /// <summary>
    /// The lowest threshold at which the loss stays within a budget, and the share kept. Single losses are noise, so they are smoothed first: to the closest
    /// losses that only rise as the device gets less sure (isotonic regression; Barlow et al., 1972), and none of them under 0, so that turns which the device
    /// happened to answer better buy nothing.
    /// </summary>
    public (double Threshold, double Kept) Within(double budget)
    {
        int most = -1;
        for (int i = 0; i < _smooth.Length && _smooth[i] <= budget && double.IsFinite(_sureness[i]); i++)
        {
            if (i + 1 == _smooth.Length || Rounded(i) > _sureness[i + 1]) most = i;
        }

        return most < 0 ? (0, 0) : (Math.Min(0, Rounded(most)), _kept[most]);
    }

    /// <summary>Share of turns kept and share of the server's worth lost, at every 20th part of the turns, as far as a threshold reaches.</summary>
    public JsonObject ToJson()
    {
        int[] at = [.. Enumerable.Range(1, 20).Select(i => Math.Max(0, (_kept.Length * i / 20) - 1)).TakeWhile(i => double.IsFinite(_sureness[i]))];
        return new JsonObject
        {
            ["kept"] = Figure.Row(at.Select(i => _kept[i])),
            ["lost"] = Figure.Row(at.Select(i => _lost[i])),
        };
    }

    // Rounded down, as the rule is written into edge.json: the turn it was taken from stays within.
    private double Rounded(int i) => Math.Floor(_sureness[i] * 1e4) / 1e4;

    private static double[] Cumulated(IEnumerable<double> values)
    {
        double sum = 0;
        return [.. values.Select(value => sum += value)];
    }

    /// <summary>The non-decreasing sequence closest to the values, by pooling neighbours that fall.</summary>
    private static IEnumerable<double> Rising(IEnumerable<double> values)
    {
        var pools = new Stack<(double Sum, int Count)>();
        foreach (double value in values)
        {
            (double sum, int count) = (value, 1);
            while (pools.TryPeek(out var before) && before.Sum / before.Count >= sum / count)
            {
                pools.Pop();
                (sum, count) = (sum + before.Sum, count + before.Count);
            }

            pools.Push((sum, count));
        }

        return pools.Reverse().SelectMany(pool => Enumerable.Repeat(pool.Sum / pool.Count, pool.Count));
    }
}
