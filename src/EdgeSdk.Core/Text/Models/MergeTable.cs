using System.Numerics;

namespace EdgeSdk.Text;

/// <summary>The pairs that may be merged: their rank (lower goes first) and the token they make.</summary>
internal sealed class MergeTable
{
    private readonly Entry[] _entries;

    private struct Entry
    {
        public ulong Pair;
        public int Rank;
        public int Id;
    }

    public MergeTable(int count)
    {
        _entries = new Entry[BitOperations.RoundUpToPowerOf2((uint)Math.Max(count, 4) * 2)];
        Array.Fill(_entries, new Entry { Pair = ulong.MaxValue });
    }

    /// <summary>Adds a pair; of two equal ones the later counts.</summary>
    public void Add(int left, int right, int rank, int id) => Find(left, right) = new Entry { Pair = Key(left, right), Rank = rank, Id = id };

    public bool TryGet(int left, int right, out int rank, out int id)
    {
        ref var entry = ref Find(left, right);
        (rank, id) = (entry.Rank, entry.Id);
        return entry.Pair != ulong.MaxValue;
    }

    /// <summary>Whether a pair has a right token that begins with <paramref name="start"/> and a left one that does not end with it.</summary>
    public bool Joins(Vocabulary vocabulary, ReadOnlySpan<byte> start)
    {
        foreach (var entry in _entries)
        {
            if (entry.Pair != ulong.MaxValue && vocabulary[(int)(uint)entry.Pair].StartsWith(start) && !vocabulary[(int)(entry.Pair >> 32)].EndsWith(start))
                return true;
        }

        return false;
    }

    private static ulong Key(int left, int right) => ((ulong)(uint)left << 32) | (uint)right;

    /// <summary>Where the pair is, or would be.</summary>
    private ref Entry Find(int left, int right)
    {
        ulong key = Key(left, right);
        int mask = _entries.Length - 1;
        int slot = (int)((key * 0x9E3779B97F4A7C15) >> 40) & mask;
        while (_entries[slot].Pair != ulong.MaxValue && _entries[slot].Pair != key)
            slot = (slot + 1) & mask;

        return ref _entries[slot];
    }
}
