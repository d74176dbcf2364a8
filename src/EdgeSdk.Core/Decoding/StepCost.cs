using System.Collections.Immutable;

namespace EdgeSdk.Decoding;

/// <summary>The measured time of one forward pass over 1, 2, 4, 8, ... tokens; V(k) is the time of a pass that verifies k drafts.</summary>
/// <param name="PassSeconds">Seconds of a pass over 2^i tokens at index i; empty: not measured.</param>
public readonly record struct StepCost(ImmutableArray<float> PassSeconds)
{
    /// <summary>Whether anything was measured.</summary>
    public bool IsKnown => !PassSeconds.IsDefaultOrEmpty;

    /// <summary>
    /// Seconds of a pass over <paramref name="tokens"/> tokens: linear between the measured widths and beyond the last two. A wider pass never counts as cheaper
    /// than a narrower one, whatever a busy machine measured: else the widest would seem to cost nothing.
    /// </summary>
    public double Pass(int tokens)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(tokens, 1);
        if (!IsKnown)
            return 0;

        if (PassSeconds.Length == 1)
            return PassSeconds[0] * (double)tokens;

        int upper = 1;
        double lower = PassSeconds[0], higher = Math.Max(lower, PassSeconds[1]);
        while (upper < PassSeconds.Length - 1 && (1 << upper) < tokens)
        {
            upper++;
            (lower, higher) = (higher, Math.Max(higher, PassSeconds[upper]));
        }

        double low = 1 << (upper - 1), high = 1 << upper;
        return lower + (tokens - low) / (high - low) * (higher - lower);
    }

    /// <summary>V(k): seconds of a pass over one pending token and <paramref name="drafts"/> drafts.</summary>
    public double Verify(int drafts) => Pass(drafts + 1);

    /// <summary>Each pass padded to at least <paramref name="seconds"/>.</summary>
    public StepCost AtLeast(float seconds) => new([.. PassSeconds.Select(s => Math.Max(s, seconds))]);
}
