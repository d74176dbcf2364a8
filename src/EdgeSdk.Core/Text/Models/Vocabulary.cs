using System.Numerics;
using System.Runtime.InteropServices;

namespace EdgeSdk.Text;

/// <summary>Byte strings by token id, in one block of memory.</summary>
internal sealed class TokenBytes
{
    private const int NotInUse = -1;

    private byte[] _block = [];
    private int _used;
    private int[] _starts = [];
    private int[] _lengths = [];

    public TokenBytes()
    {
    }

    /// <summary>A copy.</summary>
    public TokenBytes(TokenBytes other)
    {
        (_used, Count) = (other._used, other.Count);
        (_block, _starts, _lengths) = ([.. other._block], [.. other._starts], [.. other._lengths]);
    }

    /// <summary>One more than the highest id.</summary>
    public int Count { get; private set; }

    /// <summary>Strings, numbered in their order.</summary>
    public static TokenBytes Of(IEnumerable<byte[]> strings)
    {
        var all = new TokenBytes();
        foreach (byte[] bytes in strings)
            all.Add(bytes);

        return all;
    }

    /// <summary>The string of an id; empty where the id is not in use.</summary>
    public ReadOnlySpan<byte> this[int id] => Has(id) ? _block.AsSpan(_starts[id], _lengths[id]) : default;

    /// <summary>Whether the id is in use.</summary>
    public bool Has(int id) => (uint)id < (uint)Count && _lengths[id] != NotInUse;

    /// <summary>Gives the next id its string.</summary>
    public void Add(ReadOnlySpan<byte> bytes) => Set(Count, bytes);

    /// <summary>Gives an id its string.</summary>
    public void Set(int id, ReadOnlySpan<byte> bytes)
    {
        Reserve(id + 1, _used + bytes.Length);
        if (id >= Count)
        {
            _lengths.AsSpan(Count, id - Count).Fill(NotInUse);
            Count = id + 1;
        }

        bytes.CopyTo(_block.AsSpan(_used));
        (_starts[id], _lengths[id]) = (_used, bytes.Length);
        _used += bytes.Length;
    }

    /// <summary>Makes room for as many ids and bytes in all.</summary>
    public void Reserve(int count, int bytes)
    {
        if (count > _starts.Length)
        {
            Array.Resize(ref _starts, Math.Max(count, 2 * Count));
            Array.Resize(ref _lengths, _starts.Length);
        }

        if (bytes > _block.Length)
            Array.Resize(ref _block, Math.Max(bytes, 2 * _used));
    }
}

/// <summary>The model's tokens as its file writes them, and their ids, found without allocation.</summary>
internal sealed class Vocabulary
{
    private readonly int[] _slots;

    /// <param name="tokens">UTF-8 by id.</param>
    public Vocabulary(TokenBytes tokens)
    {
        Tokens = tokens;
        Size = Ids().Count();
        _slots = new int[BitOperations.RoundUpToPowerOf2((uint)Math.Max(Size, 4) * 2)];
        Array.Fill(_slots, -1);
        foreach (int id in Ids())
        {
            LongestToken = Math.Max(LongestToken, tokens[id].Length);
            _slots[Slot(tokens[id])] = id;
        }
    }

    /// <summary>The tokens by id.</summary>
    public TokenBytes Tokens { get; }

    /// <summary>How many tokens there are.</summary>
    public int Size { get; }

    /// <summary>Bytes of the longest token.</summary>
    public int LongestToken { get; }

    /// <summary>A token as the file writes it; empty where the id is not in use.</summary>
    public ReadOnlySpan<byte> this[int id] => Tokens[id];

    /// <summary>The id of a token; -1 where there is none.</summary>
    public int IdOf(ReadOnlySpan<byte> token) => token.Length > LongestToken ? -1 : _slots[Slot(token)];

    /// <summary>The ids in use, in order.</summary>
    public IEnumerable<int> Ids() => Enumerable.Range(0, Tokens.Count).Where(Tokens.Has);

    /// <summary>By byte, the id of the token that byte fallback writes for it (<c>&lt;0xC3&gt;</c>); -1 where there is none.</summary>
    public int[] FallbackIds() => [.. Enumerable.Range(0, 256).Select(value => IdOf(System.Text.Encoding.ASCII.GetBytes($"<0x{value:X2}>")))];

    /// <summary>Appends the fallback ids of all <paramref name="bytes"/>, or of none when one is missing.</summary>
    public static bool TryFallBack(ReadOnlySpan<byte> bytes, int[] fallbackIds, List<int> ids)
    {
        foreach (byte value in bytes)
        {
            if (fallbackIds[value] < 0)
                return false;
        }

        foreach (byte value in bytes)
            ids.Add(fallbackIds[value]);

        return true;
    }

    private int Slot(ReadOnlySpan<byte> token)
    {
        int mask = _slots.Length - 1;
        int slot = (int)Hash(token) & mask;
        while (_slots[slot] >= 0 && !Tokens[_slots[slot]].SequenceEqual(token))
            slot = (slot + 1) & mask;

        return slot;
    }

    /// <summary>A hash for tables in memory: eight bytes at a time, multiplied and folded.</summary>
    internal static uint Hash(ReadOnlySpan<byte> bytes)
    {
        const ulong Factor = 0x9E3779B97F4A7C15;
        ulong hash = (ulong)bytes.Length * Factor;
        while (bytes.Length >= 8)
        {
            hash = Mix(hash ^ MemoryMarshal.Read<ulong>(bytes));
            bytes = bytes[8..];
        }

        ulong rest = 0;
        foreach (byte value in bytes)
            rest = (rest << 8) | value;

        return (uint)(Mix(hash ^ rest) >> 32);

        static ulong Mix(ulong value)
        {
            value *= Factor;
            return value ^ (value >> 29);
        }
    }
}
