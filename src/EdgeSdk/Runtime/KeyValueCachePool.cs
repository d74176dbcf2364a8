
namespace EdgeSdk.Runtime;

/// <summary>
/// The caches of a model, in buckets of capacity that double. What a text gives back serves the next one: touching fresh memory costs more than a short
/// text's passes. What lies idle is bounded.
/// </summary>
/// <remarks>Thread-safe.</remarks>
internal sealed class KeyValueCachePool(DecoderSession graph, int contextLength, int maxRows, int maxLogitRows) : IDisposable
{
    /// <summary>The first bucket, in tokens.</summary>
    public const int SmallestCapacity = 256;

    private const int MaxIdle = 16;
    private const long MaxIdleBytes = 512L << 20;

    private readonly Lock _gate = new();
    private readonly List<KeyValueCache> _idle = []; // oldest first
    private readonly HashSet<KeyValueCache> _all = [];
    private bool _disposed;

    /// <summary>A cache of at least <paramref name="slots"/> slots, at most the context's length. Its slots hold another text's leftovers.</summary>
    public KeyValueCache Rent(int slots)
    {
        int capacity = Math.Min(contextLength, Math.Max(SmallestCapacity, (int)Math.Min(1u << 30, System.Numerics.BitOperations.RoundUpToPowerOf2((uint)slots))));
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, typeof(OnnxModel));
            int found = _idle.FindLastIndex(c => c.Capacity == capacity);
            if (found >= 0)
            {
                var cache = _idle[found];
                _idle.RemoveAt(found);
                return cache;
            }

            var fresh = new KeyValueCache(graph, capacity, maxRows, maxLogitRows);
            _all.Add(fresh);
            return fresh;
        }
    }

    /// <summary>Gives a cache back.</summary>
    public void Return(KeyValueCache cache)
    {
        lock (_gate)
        {
            if (_disposed)
                return;

            _idle.Add(cache);
            while (_idle.Count > MaxIdle || _idle.Sum(c => c.Bytes) > MaxIdleBytes)
            {
                _all.Remove(_idle[0]);
                _idle[0].Dispose();
                _idle.RemoveAt(0);
            }
        }
    }

    /// <summary>Frees all caches, those in use too; the caller has seen to it that no pass runs.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_disposed)
                return;

            _disposed = true;
            foreach (var cache in _all)
                cache.Dispose();
        }
    }
}
