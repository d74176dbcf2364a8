namespace EdgeSdk.Remote;

/// <summary>The round trip, as the least of the last measurements: what is above it is queueing, not distance.</summary>
/// <remarks>Thread-safe.</remarks>
internal sealed class RoundTrip
{
    private readonly double[] _last = new double[8];
    private readonly Lock _lock = new();
    private int _count;

    /// <summary>Seconds; NaN before the first measurement.</summary>
    public double Seconds
    {
        get
        {
            lock (_lock)
            {
                return _count == 0 ? double.NaN : _last.AsSpan(0, Math.Min(_count, _last.Length)).ToArray().Min();
            }
        }
    }

    /// <summary>Adds a measurement.</summary>
    public void Add(double seconds)
    {
        lock (_lock)
        {
            _last[_count++ % _last.Length] = seconds;
        }
    }
}
