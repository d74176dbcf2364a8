namespace EdgeSdk.Text;

/// <summary>
/// Byte strings in a trie, nodes numbered level by level, so that the children of a node lie side by side in the order of their bytes and nine bytes a node suffice. Immutable.
/// </summary>
internal sealed class ByteTrie
{
    /// <summary>Where every string begins.</summary>
    public const int Root = 0;

    /// <summary>No such node, no such value.</summary>
    public const int None = -1;

    /// <summary>Up to as many children are looked through one by one.</summary>
    private const int FewChildren = 8;

    private readonly byte[] _labels;
    private readonly int[] _firstChild;
    private readonly int[] _values;
    private readonly int[] _rootChildren = new int[256];

    /// <param name="entries">Strings and their values; of equal strings the last counts, unless <paramref name="keepsFirst"/>. An empty string is no entry.</param>
    /// <param name="keepsFirst">Of equal strings the first counts.</param>
    public ByteTrie(IEnumerable<(byte[] Key, int Value)> entries, bool keepsFirst = false)
    {
        var sorted = entries.Where(e => e.Key.Length > 0).OrderBy(e => e.Key, Comparer<byte[]>.Create((a, b) => a.AsSpan().SequenceCompareTo(b))).ToArray();
        var labels = new List<byte> { 0 };
        var values = new List<int> { None };
        var firstChild = new List<int>();
        var open = new Queue<(int Start, int End, int Depth)>([(0, sorted.Length, 0)]);
        while (open.TryDequeue(out var range))
        {
            firstChild.Add(labels.Count);
            for (int at = range.Start, next; at < range.End; at = next)
            {
                byte label = sorted[at].Key[range.Depth];
                int value = None;
                int childStart = at;
                for (next = at; next < range.End && sorted[next].Key[range.Depth] == label; next++)
                {
                    if (sorted[next].Key.Length == range.Depth + 1)
                    {
                        value = keepsFirst && value != None ? value : sorted[next].Value;
                        childStart = next + 1;
                    }
                }

                labels.Add(label);
                values.Add(value);
                open.Enqueue((childStart, next, range.Depth + 1));
            }
        }

        firstChild.Add(labels.Count);
        _labels = [.. labels];
        _values = [.. values];
        _firstChild = [.. firstChild];
        Array.Fill(_rootChildren, None);
        for (int child = _firstChild[Root]; child < _firstChild[Root + 1]; child++)
            _rootChildren[_labels[child]] = child;
    }

    /// <summary>The node that <paramref name="label"/> leads to, or <see cref="None"/>.</summary>
    public int Child(int node, byte label)
    {
        if (node == Root)
            return _rootChildren[label];

        int start = _firstChild[node], count = _firstChild[node + 1] - start;
        var labels = _labels.AsSpan(start, count);
        int place = count <= FewChildren ? labels.IndexOf(label) : labels.BinarySearch(label);
        return place < 0 ? None : start + place;
    }

    /// <summary>The node at the end of <paramref name="path"/>, or <see cref="None"/>.</summary>
    public int Find(ReadOnlySpan<byte> path)
    {
        int node = Root;
        for (int i = 0; i < path.Length && node != None; i++)
            node = Child(node, path[i]);

        return node;
    }

    /// <summary>The value of the string that ends at <paramref name="node"/>, or <see cref="None"/>.</summary>
    public int ValueAt(int node) => _values[node];

    /// <summary>The longest string that <paramref name="text"/> has at <paramref name="at"/>; gives its value and where it ends, or <see cref="None"/>.</summary>
    public int LongestAt(ReadOnlySpan<byte> text, int at, int node, out int end)
    {
        int longest = None;
        end = at;
        while (at < text.Length && (node = Child(node, text[at])) != None)
        {
            at++;
            if (_values[node] != None)
            {
                longest = _values[node];
                end = at;
            }
        }

        return longest;
    }
}
