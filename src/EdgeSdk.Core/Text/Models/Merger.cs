using System.Numerics;

namespace EdgeSdk.Text;

/// <summary>
/// The symbols of one piece as a linked list, and the pairs that may be merged in a heap, lowest rank first, then leftmost: O(n log n) for a piece of any length. Reused
/// from piece to piece; one thread at a time.
/// </summary>
internal sealed class Merger
{
    private readonly CandidateHeap _candidates = new();
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
            _symbols = new Symbol[BitOperations.RoundUpToPowerOf2((uint)capacity)];
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
            if (merges.TryGet(_symbols[at].Id, _symbols[at + 1].Id, out int rank, out _))
                _candidates.Append(rank, at);
        }

        _candidates.Order();
        while (_candidates.TryTake(out int rank, out int at))
        {
            ref var left = ref _symbols[at];

            // A candidate is stale when either side has been merged away since; then the pair there, if any, has another rank.
            if (left.Id < 0 || left.Next >= _count || !merges.TryGet(left.Id, _symbols[left.Next].Id, out int current, out int id) || current != rank)
                continue;

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
                Propose(merges, left.Previous);
        }

        for (int at = 0; at < _count; at = _symbols[at].Next)
            ids.Add(_symbols[at].Id);
    }

    private void Propose(MergeTable merges, int at)
    {
        if (merges.TryGet(_symbols[at].Id, _symbols[_symbols[at].Next].Id, out int rank, out _))
            _candidates.Add(rank, at);
    }
}

/// <summary>A heap of ranks and places, each four children wide, which is kinder to the cache than two.</summary>
internal sealed class CandidateHeap
{
    private const int Width = 4;

    /// <summary>Rank in the upper half, place in the lower: the order wanted is that of the numbers.</summary>
    private ulong[] _items = new ulong[64];
    private int _count;

    /// <summary>Adds one without regard to order; <see cref="Order"/> must follow.</summary>
    public void Append(int rank, int place)
    {
        if (_count == _items.Length)
            Array.Resize(ref _items, _count * 2);

        _items[_count++] = ((ulong)(uint)rank << 32) | (uint)place;
    }

    /// <summary>Makes a heap of what was appended.</summary>
    public void Order()
    {
        for (int at = (_count - 2) / Width; at >= 0 && _count > 1; at--)
            Sink(at, _items[at]);
    }

    public void Add(int rank, int place)
    {
        Append(rank, place);
        ulong item = _items[_count - 1];
        int at = _count - 1;
        for (int parent; at > 0 && item < _items[parent = (at - 1) / Width]; at = parent)
            _items[at] = _items[parent];

        _items[at] = item;
    }

    /// <summary>Takes the lowest rank out, of equal ones the leftmost.</summary>
    public bool TryTake(out int rank, out int place)
    {
        if (_count == 0)
        {
            rank = place = 0;
            return false;
        }

        ulong first = _items[0];
        (rank, place) = ((int)(first >> 32), (int)(uint)first);
        _count--;
        if (_count > 0)
            Sink(0, _items[_count]);

        return true;
    }

    private void Sink(int at, ulong item)
    {
        while (true)
        {
            int child = at * Width + 1;
            if (child >= _count)
                break;

            int least = child;
            for (int other = child + 1; other < Math.Min(child + Width, _count); other++)
                least = _items[other] < _items[least] ? other : least;

            if (_items[least] >= item)
                break;

            _items[at] = _items[least];
            at = least;
        }

        _items[at] = item;
    }
}
