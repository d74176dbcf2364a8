using System.Numerics;

namespace EdgeSdk.Text;

/// <summary>The symbols of one piece as a linked list, and the heap of its pairs. Reused from piece to piece; one thread at a time.</summary>
internal sealed class Merger
{
    private readonly PriorityQueue<int, long> _candidates = new();
    private Symbol[] _symbols = new Symbol[64];
    private int _count;

    private struct Symbol
    {
        public int Id;
        public int Previous;
        public int Next;
    }

    /// <summary>Begins a piece of at most <paramref name="capacity"/> symbols.</summary>
    public void Clear(int capacity)
    {
        _count = 0;
        if (capacity > _symbols.Length)
        {
            _symbols = new Symbol[BitOperations.RoundUpToPowerOf2((uint)capacity)];
        }
    }

    public void Add(int id)
    {
        _symbols[_count] = new Symbol { Id = id, Previous = _count - 1, Next = _count + 1 };
        _count++;
    }

    /// <summary>Merges until no pair is in the table, and appends what remains to <paramref name="ids"/>.</summary>
    public void Merge(MergeTable merges, List<int> ids)
    {
        for (int at = 0; at + 1 < _count; at++)
        {
            Propose(merges, at);
        }

        while (_candidates.TryDequeue(out int id, out long order))
        {
            int at = (int)order;
            ref var left = ref _symbols[at];

            // A candidate is stale when either side has been merged away since; then the pair there, if any, makes another token.
            if (left.Id < 0 || left.Next >= _count || !merges.TryGet(left.Id, _symbols[left.Next].Id, out _, out int current) || current != id)
            {
                continue;
            }

            ref var right = ref _symbols[left.Next];
            left.Id = id;
            left.Next = right.Next;
            right.Id = -1;
            if (left.Next < _count)
            {
                _symbols[left.Next].Previous = at;
                Propose(merges, at);
            }

            if (left.Previous >= 0)
            {
                Propose(merges, left.Previous);
            }
        }

        for (int at = 0; at < _count; at = _symbols[at].Next)
        {
            ids.Add(_symbols[at].Id);
        }
    }

    /// <summary>Lowest rank first, then leftmost.</summary>
    private void Propose(MergeTable merges, int at)
    {
        if (merges.TryGet(_symbols[at].Id, _symbols[_symbols[at].Next].Id, out int rank, out int id))
        {
            _candidates.Enqueue(id, ((long)rank << 32) | (uint)at);
        }
    }
}
