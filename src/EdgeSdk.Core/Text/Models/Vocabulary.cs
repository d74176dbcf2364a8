using System.Numerics;
using System.Runtime.InteropServices;

namespace EdgeSdk.Text;

/// <summary>Byte strings by token id, in one block of memory.</summary>
internal sealed class TokenBytes
{
    private readonly byte[] _block;
    private readonly int[] _ends;

    /// <param name="tokens">By id; null where an id is not in use, which reads as empty.</param>
    public TokenBytes(IReadOnlyList<byte[]?> tokens)
    {
        _block = new byte[tokens.Sum(t => t?.Length ?? 0)];
        _ends = new int[tokens.Count];
        int end = 0;
        for (int id = 0; id < tokens.Count; id++)
        {
            if (tokens[id] is { } bytes)
            {
                bytes.CopyTo(_block, end);
                end += bytes.Length;
            }

            _ends[id] = end;
        }
    }

    public int Count => _ends.Length;

    public ReadOnlySpan<byte> this[int id]
    {
        get
        {
            if ((uint)id >= (uint)_ends.Length)
                return default;

            int start = id == 0 ? 0 : _ends[id - 1];
            return _block.AsSpan(start, _ends[id] - start);
        }
    }
}

/// <summary>The model's tokens as its file writes them, and their ids, found without allocation.</summary>
internal sealed class Vocabulary
{
    private readonly TokenBytes _tokens;
    private readonly int[] _slots;

    /// <param name="tokens">UTF-8 by id; null where an id is not in use.</param>
    public Vocabulary(IReadOnlyList<byte[]?> tokens)
    {
        _tokens = new TokenBytes(tokens);
        _slots = new int[BitOperations.RoundUpToPowerOf2((uint)Math.Max(tokens.Count, 4) * 2)];
        Array.Fill(_slots, -1);
        for (int id = 0; id < tokens.Count; id++)
        {
            if (tokens[id] is { } token)
            {
                LongestToken = Math.Max(LongestToken, token.Length);
                _slots[Slot(token)] = id;
            }
        }
    }

    /// <summary>One more than the highest id.</summary>
    public int Count => _tokens.Count;

    /// <summary>Bytes of the longest token.</summary>
    public int LongestToken { get; }

    /// <summary>A token as the file writes it; empty where the id is not in use.</summary>
    public ReadOnlySpan<byte> this[int id] => _tokens[id];

    /// <summary>The id of a token; -1 where there is none.</summary>
    public int IdOf(ReadOnlySpan<byte> token) => token.Length > LongestToken ? -1 : _slots[Slot(token)];

    /// <summary>All tokens with their ids.</summary>
    public IEnumerable<(byte[] Token, int Id)> Entries()
    {
        for (int id = 0; id < Count; id++)
        {
            if (!_tokens[id].IsEmpty)
                yield return (_tokens[id].ToArray(), id);
        }
    }

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
        while (_slots[slot] >= 0 && !_tokens[_slots[slot]].SequenceEqual(token))
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
