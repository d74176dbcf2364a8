namespace EdgeSdk.Text;

/// <summary>
/// Byte strings in a trie whose edges are as long as they can be without a branch, so that it is no larger than its strings and a long one is compared at one blow. Nodes
/// are numbered level by level: the children of a node lie side by side in the order of their first bytes. Immutable.
/// </summary>
internal sealed class ByteTrie
{
    /// <summary>No such node, no such value.</summary>
    public const int None = -1;

    private const int Root = 0;

    private const int BytesAtABlow = 256;

    /// <summary>Up to as many children are looked through one by one.</summary>
    private const int FewChildren = 8;

    private readonly byte[] _labels;
    private readonly TokenBytes _edges;
    private readonly int[] _firstChild;
    private readonly int[] _values;
    private readonly int[] _rootChildren = new int[256];

    /// <param name="strings">Where the strings are.</param>
    /// <param name="ids">Which of them, ascending; of equal ones the last counts, and one that is empty is left out. They are the values.</param>
    /// <param name="from">How many bytes of each are left out.</param>
    public ByteTrie(TokenBytes strings, IEnumerable<int> ids, int from = 0)
    {
        int[] sorted = [.. ids.Where(id => strings[id].Length > from)];
        Array.Sort(sorted, (a, b) => strings[a].SequenceCompareTo(strings[b]) is var difference && difference != 0 ? difference : a.CompareTo(b));

        // A branch more needs a string more.
        var labels = new List<byte>(sorted.Length) { 0 };
        var values = new List<int>(sorted.Length) { None };
        var firstChild = new List<int>(sorted.Length);
        _edges = new TokenBytes();
        _edges.Add([]);
        var open = new Queue<(int Start, int End, int Depth)>([(0, sorted.Length, from)]);
        while (open.TryDequeue(out var range))
        {
            firstChild.Add(labels.Count);
            for (int at = range.Start, next; at < range.End; at = next)
            {
                var first = strings[sorted[at]];
                next = at + 1;
                while (next < range.End && strings[sorted[next]][range.Depth] == first[range.Depth])
                    next++;

                int depth = first.CommonPrefixLength(strings[sorted[next - 1]]);
                int value = None;
                int start = at;
                for (; start < next && strings[sorted[start]].Length == depth; start++)
                    value = sorted[start];

                labels.Add(first[range.Depth]);
                _edges.Add(first[(range.Depth + 1)..depth]);
                values.Add(value);
                open.Enqueue((start, next, depth));
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

    /// <summary>The strings that <paramref name="text"/> has at <paramref name="at"/>, the shortest first.</summary>
    public Walk From(ReadOnlySpan<byte> text, int at) => new(this, text, at);

    /// <summary>The longest string that <paramref name="text"/> has at <paramref name="at"/>; gives its value and where it ends, or <see cref="None"/>.</summary>
    public int LongestAt(ReadOnlySpan<byte> text, int at, TextBudget budget, out int end)
    {
        int longest = None;
        end = at;
        var walk = From(text, at);
        while (walk.MoveNext())
            (longest, end) = (walk.Value, walk.End);

        budget.SpendSteps(walk.Steps);
        return longest;
    }

    /// <summary>The node that <paramref name="label"/> leads to, or <see cref="None"/>.</summary>
    private int Child(int node, byte label)
    {
        if (node == Root)
            return _rootChildren[label];

        int start = _firstChild[node], count = _firstChild[node + 1] - start;
        if (count == 1)
            return _labels[start] == label ? start : None;

        var labels = _labels.AsSpan(start, count);
        int place = count <= FewChildren ? labels.IndexOf(label) : labels.BinarySearch(label);
        return place < 0 ? None : start + place;
    }

    /// <summary>Goes down from string to string.</summary>
    public ref struct Walk(ByteTrie trie, ReadOnlySpan<byte> text, int at)
    {
        private readonly ReadOnlySpan<byte> _text = text;
        private int _node = Root;

        /// <summary>How many nodes were passed, and long edges for more.</summary>
        public int Steps { get; private set; }

        /// <summary>Where the string ends in the text.</summary>
        public int End { get; private set; } = at;

        /// <summary>The string's value.</summary>
        public int Value { get; private set; } = None;

        public bool MoveNext()
        {
            while (End < _text.Length && (_node = trie.Child(_node, _text[End])) != None)
            {
                End++;
                Steps++;
                var edge = trie._edges[_node];
                if (!edge.IsEmpty)
                {
                    Steps += edge.Length / BytesAtABlow;
                    if (!_text[End..].StartsWith(edge))
                        return false;

                    End += edge.Length;
                }

                Value = trie._values[_node];
                if (Value != None)
                    return true;
            }

            return false;
        }
    }
}
