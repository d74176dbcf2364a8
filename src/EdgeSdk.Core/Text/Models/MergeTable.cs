using System.Numerics;

namespace EdgeSdk.Text;

/// <summary>The pairs that may be merged: their rank (lower goes first) and the token they make.</summary>
internal sealed class MergeTable
{
    private readonly ulong[] _pairs;
    private readonly (int Rank, int Id)[] _results;

    public MergeTable(int count)
    {
        _pairs = new ulong[BitOperations.RoundUpToPowerOf2((uint)Math.Max(count, 4) * 2)];
        _results = new (int, int)[_pairs.Length];
        Array.Fill(_pairs, ulong.MaxValue);
    }

    /// <summary>Adds a pair; of two equal ones the later counts.</summary>
    public void Add(int left, int right, int rank, int id)
    {
        int slot = Slot(left, right);
        _pairs[slot] = Key(left, right);
        _results[slot] = (rank, id);
    }

    public bool TryGet(int left, int right, out int rank, out int id)
    {
        int slot = Slot(left, right);
        (rank, id) = _results[slot];
        return _pairs[slot] != ulong.MaxValue;
    }

    private static ulong Key(int left, int right) => ((ulong)(uint)left << 32) | (uint)right;

    private int Slot(int left, int right)
    {
        ulong key = Key(left, right);
        int mask = _pairs.Length - 1;
        int slot = (int)((key * 0x9E3779B97F4A7C15) >> 40) & mask;
        while (_pairs[slot] != ulong.MaxValue && _pairs[slot] != key)
        {
            slot = (slot + 1) & mask;
        }

        return slot;
    }
}
