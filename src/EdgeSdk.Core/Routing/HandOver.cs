using EdgeSdk.Sampling;

namespace EdgeSdk.Routing;

/// <summary>
/// Whether a turn that the device has begun stays with it: the log-probability of its first tokens together is compared with a threshold, before anybody has
/// seen a word. It only falls from token to token, so a turn that will not stay is often known early; and of two answers whose tokens are equally sure, the
/// longer one, which has more places to go wrong, is handed over first. On the shipped pair that routes far better than their mean
/// (docs/pair.md). A token that a constraint or a budget forces is nobody's choice and does not count.
/// </summary>
/// <param name="HoldTokens">Tokens of the model's choice that are held back, at least 1.</param>
/// <param name="MinLogProb">The turn stays where their log-probabilities add up to at least this, nats.</param>
/// <param name="CallToken">Begins a call of a tool, which never stays; -1 where calls are as good as any turn.</param>
internal readonly record struct HandOver(int HoldTokens, double MinLogProb, int CallToken = -1)
{
    /// <summary>For a model whose folder names no thresholds.</summary>
    public static HandOver Default { get; } = new(4, -2);

    /// <summary>Whether the turn stays with the device, as far as <paramref name="held"/> tells: once it does not, no further token changes that.</summary>
    public bool Stays(IReadOnlyList<Pick> held) => !Calls(held) && LogProb(held) >= MinLogProb;

    /// <summary>Whether as many tokens are held as the rule asks for.</summary>
    public bool IsDone(IReadOnlyList<Pick> held) => Choices(held) >= HoldTokens;

    /// <summary>What speaks for or against it.</summary>
    public string Reason(IReadOnlyList<Pick> held) => Calls(held)
        ? "the device began a call, and this model leaves calls to the server"
        : $"the log-probability of the device's first {Choices(held)} tokens is {LogProb(held):0.00}, {(Stays(held) ? "at least" : "below")} {MinLogProb:0.00}";

    private bool Calls(IReadOnlyList<Pick> held)
    {
        int begins = CallToken;
        return begins >= 0 && held.Any(pick => pick.Token == begins);
    }

    private static int Choices(IReadOnlyList<Pick> held) => held.Count(pick => !pick.IsForced);

    private static double LogProb(IReadOnlyList<Pick> held) => held.Sum(pick => pick.IsForced ? 0 : (double)pick.LogProb);
}
