using System.Collections.Immutable;
using System.Numerics;

namespace EdgeSdk.Decoding;

/// <summary>
/// R(n): how often the device's choices agree with the server's for n tokens in a row, counted on the server's own text, from a turn's start and from
/// each disagreement on. Places with fewer than n tokens behind them do not count.
/// </summary>
/// <remarks>Counts, so that turns add up. Not thread-safe: turns that run side by side count apart and are merged.</remarks>
internal sealed class Agreement
{
    /// <summary>The longest run that is counted.</summary>
    public const int Depth = 64;

    /// <summary>The lengths that are reported: R(1) to R(8).</summary>
    public const int Reported = 8;

    /// <summary>What is taken for the agreement of a token where nothing was measured, and how many places that assumption weighs.</summary>
    public const double Assumed = 0.7, AssumedWeight = 4;

    private const double MostSure = 0.995;

    // By the run's length n: starts with n tokens behind them, those of them whose n tokens all agree, and runs that broke at their n-th token.
    private readonly long[] _counted = new long[Depth + 1], _whole = new long[Depth + 1], _broken = new long[Depth + 1];

    private ulong _starts; // bit i: the place i before the last one was a start
    private int _run;      // agreeing tokens since the last start
    private bool _atStart = true;

    /// <summary>Places compared.</summary>
    public long Places { get; private set; }

    /// <summary>Places that agreed: over all positions of the text, another figure than R(1).</summary>
    public long Agreed { get; private set; }

    /// <summary>The counts of both.</summary>
    public static Agreement operator +(Agreement left, Agreement right)
    {
        var sum = new Agreement();
        sum.Merge(left);
        sum.Merge(right);
        return sum;
    }

    /// <summary>A turn begins: its first place is a start, and no run reaches into it from the turn before.</summary>
    public void BeginTurn() => (_starts, _run, _atStart) = (0, 0, true);

    /// <summary>The next place of the turn.</summary>
    public void Add(bool agrees)
    {
        _starts = (_starts << 1) | (_atStart ? 1UL : 0);
        for (ulong left = _starts; left != 0; left &= left - 1)
            _counted[BitOperations.TrailingZeroCount(left) + 1]++;

        // Only the last start can have a whole run: every earlier one ends at the disagreement that made the next.
        int length = ++_run;
        if (length <= Depth)
            (agrees ? _whole : _broken)[length]++;

        if (!agrees)
            _run = 0;

        _atStart = !agrees;
        Places++;
        Agreed += agrees ? 1 : 0;
    }

    /// <summary>Adds the counts of <paramref name="other"/>.</summary>
    public void Merge(Agreement other)
    {
        for (int n = 1; n <= Depth; n++)
        {
            _counted[n] += other._counted[n];
            _whole[n] += other._whole[n];
            _broken[n] += other._broken[n];
        }

        Places += other.Places;
        Agreed += other.Agreed;
    }

    /// <summary>R(n) as counted, n in 1 to <see cref="Depth"/>; NaN where no place counts.</summary>
    public double R(int n) => _counted[n] == 0 ? double.NaN : (double)_whole[n] / _counted[n];

    /// <summary>R(1) to R(8).</summary>
    public ImmutableArray<double> Report() => [.. Enumerable.Range(1, Reported).Select(R)];

    /// <summary>
    /// R(0) = 1, R(1), ... for predictions: smooth, down to where it hardly counts. Built from the chance that a run goes on after n - 1 tokens, each
    /// leaning on the one before by <see cref="AssumedWeight"/> places, so that runs that a short text cuts off, and lengths never seen, are counted fairly.
    /// </summary>
    public double[] Runs()
    {
        var runs = new List<double> { 1 };
        double goesOn = Assumed;
        for (int n = 1; runs[^1] > 1e-4; n++)
        {
            if (n <= Depth)
                goesOn = Math.Min(MostSure, (_whole[n] + AssumedWeight * goesOn) / (_whole[n] + _broken[n] + AssumedWeight));

            runs.Add(runs[^1] * goesOn);
        }

        return [.. runs];
    }
}
