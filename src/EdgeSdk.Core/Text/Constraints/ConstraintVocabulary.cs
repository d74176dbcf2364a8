using System.Runtime.CompilerServices;

namespace EdgeSdk.Text.Constraints;

/// <summary>A vocabulary as constraints see it: a trie of its tokens' bytes, in depth-first order. Immutable; made once a model.</summary>
internal sealed class ConstraintVocabulary
{
    private static readonly ConditionalWeakTable<Tokenizer, ConstraintVocabulary> Made = [];
    private readonly Func<string, int?> _idOf;
    private readonly int[] _sameBytes;
    private readonly ulong[][] _plain = new ulong[PlainText.MostCharacters + 1][];

    /// <param name="tokens">Each id's bytes; empty: an id without text, or a special token, which constraints know by its name.</param>
    /// <param name="endTokens">What ends a text.</param>
    /// <param name="idOf">A special token's id.</param>
    public ConstraintVocabulary(IReadOnlyList<byte[]> tokens, IEnumerable<int> endTokens, Func<string, int?> idOf)
    {
        _idOf = idOf;
        Count = tokens.Count;
        EndTokens = [.. endTokens.Where(id => (uint)id < (uint)Count)];
        Tokens = tokens;
        _sameBytes = new int[Count];
        Array.Fill(_sameBytes, -1);
        int[] order = [.. Enumerable.Range(0, Count).Where(id => tokens[id].Length > 0 && !EndTokens.Contains(id))];
        Array.Sort(order, (a, b) => tokens[a].AsSpan().SequenceCompareTo(tokens[b]) is var c and not 0 ? c : a.CompareTo(b));
        var nodes = new List<TrieNode>();
        var path = new Stack<int>();
        byte[] before = [];
        int last = -1;
        foreach (int id in order)
        {
            byte[] bytes = tokens[id];
            int shared = before.AsSpan().CommonPrefixLength(bytes);
            if (last >= 0 && shared == bytes.Length && shared == before.Length)
            {
                _sameBytes[last] = id;
                last = id;
                continue;
            }

            while (path.Count > shared)
                Close(nodes, path.Pop());

            for (int i = shared; i < bytes.Length; i++)
            {
                path.Push(nodes.Count);
                nodes.Add(new(bytes[i], 0, i, 0, i == bytes.Length - 1 ? id : -1));
            }

            if (bytes.Length == 1)
                Bytes[bytes[0]] = true;

            (before, last) = (bytes, id);
            LongestToken = Math.Max(LongestToken, bytes.Length);
        }

        while (path.TryPop(out int node))
            Close(nodes, node);

        Trie = [.. nodes];
        SortPlain();
    }

    public int Count { get; }

    /// <summary>Words of a mask with a bit an id.</summary>
    public int MaskLength => (Count + 63) / 64;

    public int[] EndTokens { get; }

    public IReadOnlyList<byte[]> Tokens { get; }

    /// <summary>By byte: whether it has a token of its own.</summary>
    public bool[] Bytes { get; } = new bool[256];

    public int LongestToken { get; }

    public TrieNode[] Trie { get; }

    /// <summary>The vocabulary of a tokenizer, made once.</summary>
    /// <param name="tokenizer">Its ids, bytes and special tokens.</param>
    /// <param name="endTokens">What ends a text.</param>
    /// <exception cref="EdgeException">InvalidArgument: its texts are more than the bytes of their tokens.</exception>
    public static ConstraintVocabulary Of(Tokenizer tokenizer, IEnumerable<int> endTokens)
    {
        int[] ends = [.. endTokens];
        if (Made.TryGetValue(tokenizer, out var made) && made.EndTokens.AsSpan().SequenceEqual(ends))
            return made;

        if (tokenizer.IsSpaced)
        {
            throw new EdgeException(
                EdgeErrorCode.InvalidArgument, "This model's tokenizer.json has no decoder, so that a space comes between any two tokens: no constraint can hold. Use a model with byte-level BPE or byte fallback.");
        }

        byte[][] tokens = new byte[tokenizer.VocabularySize][];
        for (int id = 0; id < tokens.Length; id++)
            tokens[id] = tokenizer.IsSpecial(id) ? [] : tokenizer.BytesOf(id).ToArray();

        made = new(tokens, ends, tokenizer.IdOf);
        Made.AddOrUpdate(tokenizer, made);
        return made;
    }

    /// <summary>A bit for each token of whole plain characters (<see cref="PlainText"/>), at most so many.</summary>
    public ReadOnlySpan<ulong> Plain(int characters) => _plain[characters];

    /// <summary>The next id with the same bytes; -1: none.</summary>
    public int SameBytes(int id) => _sameBytes[id];

    public int IdOf(string special) => _idOf(special) ?? throw new EdgeException(
        EdgeErrorCode.InvalidArgument, $"The constraint needs the special token {special}, which this model's tokenizer does not have.");

    private void SortPlain()
    {
        byte[] characters = [.. Tokens.Select(token => (byte)Math.Min(PlainText.Characters(token), PlainText.MostCharacters + 1))];
        for (int most = 0; most < _plain.Length; most++)
        {
            _plain[most] = new ulong[MaskLength];
            for (int id = 0; id < Count; id++)
            {
                if (characters[id] > 0 && characters[id] <= most && !EndTokens.Contains(id))
                    _plain[most][id >> 6] |= 1UL << id;
            }
        }

        // From the leaves up: a node is as long as the longest below it.
        Span<TrieNode> nodes = Trie;
        var open = new Stack<int>();
        for (int i = nodes.Length - 1; i >= 0; i--)
        {
            byte longest = nodes[i].Token < 0 ? (byte)0 : characters[nodes[i].Token] is 0 ? byte.MaxValue : characters[nodes[i].Token];
            while (open.TryPeek(out int child) && child < nodes[i].End)
                longest = Math.Max(longest, nodes[open.Pop()].PlainUpTo);

            nodes[i] = nodes[i] with { PlainUpTo = longest };
            open.Push(i);
        }
    }

    private static void Close(List<TrieNode> nodes, int node) => nodes[node] = nodes[node] with { End = nodes.Count };

    /// <summary>A node of the trie.</summary>
    /// <param name="Byte">Its last byte.</param>
    /// <param name="PlainUpTo">Characters of the longest token in its subtree; 255: not all of them are plain.</param>
    /// <param name="Depth">Bytes before that.</param>
    /// <param name="End">The first node behind its subtree.</param>
    /// <param name="Token">The least id with these bytes; -1: none.</param>
    public readonly record struct TrieNode(byte Byte, byte PlainUpTo, int Depth, int End, int Token);
}
