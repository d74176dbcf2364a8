namespace EdgeSdk.Text.Constraints;

/// <summary>Tokens' bytes, or those behind a run of characters, as a trie in depth-first order. Immutable.</summary>
internal sealed class TokenTrie
{
    private readonly Entry[] _entries;
    private readonly Node[] _nodes;

    /// <param name="tokens">Each id's bytes.</param>
    /// <param name="entries">What to hold, none of it without bytes.</param>
    public TokenTrie(IReadOnlyList<byte[]> tokens, Entry[] entries)
    {
        ReadOnlySpan<byte> Bytes(Entry entry) => tokens[entry.Token].AsSpan(entry.Skip);
        Array.Sort(entries, (a, b) => Bytes(a).SequenceCompareTo(Bytes(b)) is var c and not 0 ? c : a.Token.CompareTo(b.Token));
        _entries = entries;
        var nodes = new List<Node>();
        var path = new Stack<int>();
        ReadOnlySpan<byte> before = [];
        for (int i = 0; i < entries.Length; i++)
        {
            var bytes = Bytes(entries[i]);
            int shared = before.CommonPrefixLength(bytes);
            while (path.Count > shared)
                Close(nodes, path);

            for (int depth = shared; depth < bytes.Length; depth++)
            {
                path.Push(nodes.Count);
                nodes.Add(new(bytes[depth], depth, 0, i, 0));
            }

            nodes[path.Peek()] = nodes[path.Peek()] with { Runs = nodes[path.Peek()].Runs | 1u << entries[i].Run };
            before = bytes;
        }

        while (path.Count > 0)
            Close(nodes, path);

        _nodes = [.. nodes, new(0, 0, 0, entries.Length, 0)];
    }

    /// <summary>The nodes, each before those below it.</summary>
    public ReadOnlySpan<Node> Nodes => _nodes.AsSpan(0, _nodes.Length - 1);

    /// <summary>What ends at a node.</summary>
    public ReadOnlySpan<Entry> At(int node) => _entries.AsSpan(_nodes[node].First.._nodes[node + 1].First);

    private static void Close(List<Node> nodes, Stack<int> path)
    {
        int closed = path.Pop();
        nodes[closed] = nodes[closed] with { End = nodes.Count };
        if (path.TryPeek(out int parent))
            nodes[parent] = nodes[parent] with { Runs = nodes[parent].Runs | nodes[closed].Runs };
    }

    /// <summary>A token, or the rest of one.</summary>
    /// <param name="Token">Its id.</param>
    /// <param name="Run">Characters before the rest, below 32.</param>
    /// <param name="Skip">Bytes of those.</param>
    public readonly record struct Entry(int Token, byte Run, byte Skip);

    /// <summary>A node of the trie.</summary>
    /// <param name="Byte">Its last byte.</param>
    /// <param name="Depth">Bytes before that.</param>
    /// <param name="End">The first node behind its subtree.</param>
    /// <param name="First">The first entry in its subtree.</param>
    /// <param name="Runs">A bit for each <see cref="Entry.Run"/> in its subtree.</param>
    public readonly record struct Node(byte Byte, int Depth, int End, int First, uint Runs);
}
