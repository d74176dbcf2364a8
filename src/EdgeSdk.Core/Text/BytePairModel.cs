using System.Numerics;
using System.Runtime.InteropServices;

namespace EdgeSdk.Text;

/// <summary>What byte pair encoding does with a character that has no token.</summary>
/// <param name="ByteFallback">Write its bytes as <c>&lt;0xC3&gt;</c> tokens, where the vocabulary has them all.</param>
/// <param name="Token">Else write this id; null: leave the character out.</param>
/// <param name="Fuse">One <paramref name="Token"/> for several such characters in a row.</param>
internal sealed record UnknownCharacters(bool ByteFallback, int? Token, bool Fuse);

/// <summary>
/// Byte pair encoding (Sennrich, Haddow, Birch, arXiv 1508.07909): a piece is cut into characters, or bytes, and the adjacent pair of the lowest rank is merged, the
/// leftmost first, until no pair is in the table. A heap over a linked list makes that O(n log n) for a piece of any length. Immutable but for its cache, which is safe
/// for concurrent use.
/// </summary>
internal sealed class BytePairModel
{
    /// <summary>Longer pieces are rare and not worth the memory.</summary>
    private const int LongestCached = 48;

    private const int CacheSize = 1 << 14;

    private readonly Vocabulary _vocabulary;
    private readonly MergeTable _merges;
    private readonly UnknownCharacters _unknown;
    private readonly bool _ignoreMerges;
    private readonly int[]? _byteIds;
    private readonly int[]? _fallbackIds;
    private readonly CachedPiece?[] _cache = new CachedPiece?[CacheSize];

    /// <param name="vocabulary">Tokens and ids.</param>
    /// <param name="merges">Pairs and their ranks.</param>
    /// <param name="unknown">What becomes of characters without a token.</param>
    /// <param name="isByteLevel">Pieces are raw bytes and the vocabulary is written in <see cref="ByteAlphabet"/>; else both are UTF-8 text.</param>
    /// <param name="ignoreMerges">A piece that is a token needs no merges to become it.</param>
    public BytePairModel(Vocabulary vocabulary, MergeTable merges, UnknownCharacters unknown, bool isByteLevel, bool ignoreMerges)
    {
        _vocabulary = vocabulary;
        _merges = merges;
        _unknown = unknown;
        _ignoreMerges = ignoreMerges;
        _byteIds = isByteLevel ? ByteIds(vocabulary) : null;
        _fallbackIds = unknown.ByteFallback ? [.. Enumerable.Range(0, 256).Select(b => vocabulary.IdOf(FallbackToken((byte)b)))] : null;
    }

    /// <summary>The token that byte fallback writes for a byte, as UTF-8.</summary>
    public static ReadOnlySpan<byte> FallbackToken(byte value) => System.Text.Encoding.ASCII.GetBytes($"<0x{value:X2}>");

    /// <summary>Appends the ids of <paramref name="piece"/> to <paramref name="ids"/>.</summary>
    public void Encode(ReadOnlySpan<byte> piece, Merger merger, List<int> ids)
    {
        if (piece.Length > LongestCached)
        {
            EncodeUncached(piece, merger, ids);
            return;
        }

        ref var slot = ref _cache[Vocabulary.Hash(piece) & (CacheSize - 1)];
        var cached = Volatile.Read(ref slot);
        if (cached is null || !piece.SequenceEqual(cached.Piece))
        {
            int before = ids.Count;
            EncodeUncached(piece, merger, ids);
            Volatile.Write(ref slot, new CachedPiece(piece.ToArray(), CollectionsMarshal.AsSpan(ids)[before..].ToArray()));
            return;
        }

        ids.AddRange(cached.Ids.AsSpan());
    }

    private void EncodeUncached(ReadOnlySpan<byte> piece, Merger merger, List<int> ids)
    {
        if (_ignoreMerges && WholeToken(piece) is >= 0 and int whole)
        {
            ids.Add(whole);
            return;
        }

        merger.Clear(piece.Length);
        if (_byteIds is null)
        {
            AddCharacters(piece, merger);
        }
        else
        {
            AddBytes(piece, merger);
        }

        merger.Merge(_merges, ids);
    }

    private int WholeToken(ReadOnlySpan<byte> piece)
    {
        if (_byteIds is null || piece.Length > _vocabulary.LongestToken)
        {
            return _vocabulary.IdOf(piece);
        }

        Span<byte> written = stackalloc byte[512];
        if (piece.Length * ByteAlphabet.MostBytes > written.Length)
        {
            written = new byte[piece.Length * ByteAlphabet.MostBytes];
        }

        return _vocabulary.IdOf(written[..ByteAlphabet.Write(piece, written)]);
    }

    private void AddBytes(ReadOnlySpan<byte> piece, Merger merger)
    {
        bool pending = false;
        foreach (byte value in piece)
        {
            int id = _byteIds![value];
            if (id >= 0)
            {
                FlushUnknown(merger, ref pending);
                merger.Add(id);
            }
            else
            {
                AddUnknown(merger, ref pending);
            }
        }

        FlushUnknown(merger, ref pending);
    }

    private void AddCharacters(ReadOnlySpan<byte> piece, Merger merger)
    {
        bool pending = false;
        for (int at = 0, length; at < piece.Length; at += length)
        {
            length = Utf8Text.LengthAt(piece, at);
            var character = piece.Slice(at, length);
            int id = _vocabulary.IdOf(character);
            if (id >= 0)
            {
                FlushUnknown(merger, ref pending);
                merger.Add(id);
            }
            else if (!TryAddFallback(character, merger))
            {
                AddUnknown(merger, ref pending);
            }
        }

        FlushUnknown(merger, ref pending);
    }

    private bool TryAddFallback(ReadOnlySpan<byte> character, Merger merger)
    {
        if (_fallbackIds is null)
        {
            return false;
        }

        foreach (byte value in character)
        {
            if (_fallbackIds[value] < 0)
            {
                return false;
            }
        }

        foreach (byte value in character)
        {
            merger.Add(_fallbackIds[value]);
        }

        return true;
    }

    /// <summary>Unknown characters are written when the next known one comes, so that a row of them can be fused.</summary>
    private void AddUnknown(Merger merger, ref bool pending)
    {
        if (!_unknown.Fuse)
        {
            FlushUnknown(merger, ref pending);
        }

        pending = true;
    }

    private void FlushUnknown(Merger merger, ref bool pending)
    {
        if (pending && _unknown.Token is { } token)
        {
            merger.Add(token);
        }

        pending = false;
    }

    private static int[] ByteIds(Vocabulary vocabulary)
    {
        var ids = new int[256];
        Span<byte> written = stackalloc byte[ByteAlphabet.MostBytes];
        for (int value = 0; value < 256; value++)
        {
            ids[value] = vocabulary.IdOf(written[..ByteAlphabet.Write([(byte)value], written)]);
        }

        return ids;
    }

    private sealed record CachedPiece(byte[] Piece, int[] Ids);
}

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
