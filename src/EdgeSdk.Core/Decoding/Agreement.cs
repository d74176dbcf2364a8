using System.Collections.Immutable;

namespace EdgeSdk.Decoding;

/// <summary>
/// R(n): how often the device's choices agree with the server's for n tokens in a row, counted on the server's own text, from a turn's start and from
/// each disagreement on. Places with fewer than n tokens behind them do not count.
/// </summary>
/// <remarks>Counts, so that turns add up. Not thread-safe.</remarks>
internal sealed class Agreement
{
    /// <summary>The longest run that is counted.</summary>
    public const int Depth = 64;

    /// <summary>The lengths that are reported: R(1) to R(8).</summary>
    public const int Reported = 8;

    /// <summary>Places compared.</summary>
    public long Places => throw new NotImplementedException();

    /// <summary>Places that agreed: another figure than R(1), over all positions of the text.</summary>
    public long Agreed => throw new NotImplementedException();

    /// <summary>A turn begins: its first place is a start.</summary>
    public void BeginTurn() => throw new NotImplementedException();

    /// <summary>The next place of the turn.</summary>
    public void Add(bool agrees) => throw new NotImplementedException();

    /// <summary>Adds the counts of <paramref name="other"/>.</summary>
    public void Merge(Agreement other) => throw new NotImplementedException();

    /// <summary>R(n) as counted, n in 1..<see cref="Depth"/>; NaN where no place counts.</summary>
    public double R(int n) => throw new NotImplementedException();

    /// <summary>R(1) to R(8).</summary>
    public ImmutableArray<double> Report() => throw new NotImplementedException();
}
