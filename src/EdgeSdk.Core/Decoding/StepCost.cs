using System.Collections.Immutable;

namespace EdgeSdk.Decoding;

/// <summary>The measured time of one forward pass over 1, 2, 4, 8, ... tokens; V(k) is the time of a pass that verifies k drafts.</summary>
/// <param name="PassSeconds">Seconds of a pass over 2^i tokens at index i; empty: not measured.</param>
public readonly record struct StepCost(ImmutableArray<float> PassSeconds)
{
    /// <summary>Whether anything was measured.</summary>
    public bool IsKnown => !PassSeconds.IsDefaultOrEmpty;

    /// <summary>Seconds of a pass over <paramref name="tokens"/> tokens: linear between the measured widths and beyond the last two.</summary>
    public double Pass(int tokens)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(tokens, 1);
        if (!IsKnown)
        {
            return 0;
        }

        int upper = 1;
        while (upper < PassSeconds.Length - 1 && (1 << upper) < tokens)
        {
            upper++;
        }

        if (PassSeconds.Length == 1)
        {
            return PassSeconds[0] * (double)tokens;
        }

        double low = 1 << (upper - 1), high = 1 << upper;
        double share = (tokens - low) / (high - low);
        return PassSeconds[upper - 1] + share * (PassSeconds[upper] - (double)PassSeconds[upper - 1]);
    }

    /// <summary>V(k): seconds of a pass over one pending token and <paramref name="drafts"/> drafts.</summary>
    public double Verify(int drafts) => Pass(drafts + 1);

    /// <summary>Each pass padded to at least <paramref name="seconds"/>.</summary>
    public StepCost AtLeast(float seconds) => new([.. PassSeconds.Select(s => Math.Max(s, seconds))]);
}
