using EdgeSdk.Sampling;

namespace EdgeSdk.Routing;

/// <summary>
/// Whether a turn that the device has begun stays with it: the mean log-probability of its first tokens is compared with a threshold. Early in the
/// answer it tells an unsure model from a sure one, before anybody has seen a word.
/// </summary>
/// <param name="HoldTokens">Tokens that are held back, at least 1.</param>
/// <param name="MinLogProb">The turn stays where their mean log-probability is at least this, nats.</param>
internal readonly record struct HandOver(int HoldTokens, double MinLogProb)
{
    /// <summary>For a model whose folder names no thresholds.</summary>
    public static HandOver Default { get; } = new(4, -0.5);

    /// <summary>The mean log-probability of <paramref name="picks"/>.</summary>
    public static double Mean(IReadOnlyList<Pick> picks) => picks.Average(pick => (double)pick.LogProb);

    /// <summary>Whether the turn stays with the device.</summary>
    public bool Stays(IReadOnlyList<Pick> picks) => Mean(picks) >= MinLogProb;
}
