namespace EdgeSdk.Text.Constraints;

/// <summary>A part of a grammar: writes its nodes before <paramref name="next"/> and gives the first of them.</summary>
internal delegate int Part(int next);

/// <summary>What a node of a grammar does.</summary>
internal enum NodeKind : byte
{
    /// <summary>Reads a symbol in [A, B].</summary>
    Read,

    /// <summary>Goes on at Next or at A.</summary>
    Split,

    /// <summary>Reads rule A, then goes on at Next.</summary>
    Call,

    /// <summary>Reads rule A as often as count B says, then goes on at Next.</summary>
    Repeat,

    /// <summary>The end of a rule.</summary>
    Return,
}

/// <summary>A node of a grammar.</summary>
internal readonly record struct GrammarNode(NodeKind Kind, int A, int B, int Next);

/// <summary>
/// A context-free grammar over bytes, as a recursive transition network: the one form that JSON schemas, regular expressions and grammars compile to.
/// Symbols from 256 on are special tokens, by their names.
/// </summary>
internal sealed class ByteGrammar
{
    /// <summary>Nodes that any grammar may have.</summary>
    public const int FreeNodes = 10_000;

    /// <summary>Nodes more for each character of the source, so that memory stays within a hundred times what was sent.</summary>
    public const int NodesPerCharacter = 2;

    /// <summary>The most that a part is repeated by count.</summary>
    public const int MostCount = 1_000_000;

    private const int Undefined = -1;
    private readonly int _mostNodes;
    private readonly List<GrammarNode> _nodes = [];
    private readonly List<int> _starts = [];
    private readonly Dictionary<int, string> _names = [];
    private readonly List<string> _symbols = [];
    private readonly List<(int Least, int Most)> _counts = [];
    private readonly Dictionary<string, int> _shared = [];
    private int _spent;

    /// <param name="sourceLength">Characters of what is compiled.</param>
    public ByteGrammar(int sourceLength) => _mostNodes = FreeNodes + NodesPerCharacter * sourceLength;

    public IReadOnlyList<GrammarNode> Nodes => _nodes;

    /// <summary>Each rule's first node.</summary>
    public IReadOnlyList<int> Starts => _starts;

    /// <summary>Names of the special tokens; symbol 256 + i is the i-th.</summary>
    public IReadOnlyList<string> Symbols => _symbols;

    /// <summary>How often <see cref="NodeKind.Repeat"/> reads; any number from Least on where Most is <see cref="int.MaxValue"/>.</summary>
    public IReadOnlyList<(int Least, int Most)> Counts => _counts;

    /// <summary>What reads nothing.</summary>
    public static Part Empty { get; } = next => next;

    public static Part Sequence(params Part[] parts) => next =>
    {
        for (int i = parts.Length - 1; i >= 0; i--)
            next = parts[i](next);

        return next;
    };

    public Part Range(int low, int high) => next => Add(new(NodeKind.Read, low, high, next));

    public Part Token(string name)
    {
        int index = _symbols.IndexOf(name);
        if (index < 0)
        {
            index = _symbols.Count;
            _symbols.Add(name);
        }

        return Range(256 + index, 256 + index);
    }

    public Part Bytes(ReadOnlySpan<byte> bytes)
    {
        byte[] kept = bytes.ToArray();
        return next =>
        {
            for (int i = kept.Length - 1; i >= 0; i--)
                next = Add(new(NodeKind.Read, kept[i], kept[i], next));

            return next;
        };
    }

    public Part Text(string text) => Bytes(System.Text.Encoding.UTF8.GetBytes(text));

    public Part Any(IReadOnlyList<Part> parts) => next =>
    {
        int start = parts[^1](next);
        for (int i = parts.Count - 2; i >= 0; i--)
            start = Add(new(NodeKind.Split, start, 0, parts[i](next)));

        return start;
    };

    /// <summary>One of many texts, by a trie of their bytes: however many there are, a state is at few places.</summary>
    public Part OneOf(IEnumerable<string> texts)
    {
        byte[][] sorted = [.. texts.Distinct().Select(System.Text.Encoding.UTF8.GetBytes).Order(Comparer<byte[]>.Create((a, b) => a.AsSpan().SequenceCompareTo(b)))];
        return OneOf(sorted, 0);
    }

    public Part Optional(Part part) => next => Add(new(NodeKind.Split, next, 0, part(next)));

    public Part Star(Part part) => next =>
    {
        int split = Add(default);
        _nodes[split] = new(NodeKind.Split, next, 0, part(split));
        return split;
    };

    /// <summary>From <paramref name="least"/> to <paramref name="most"/> of a part; null: any number. One node, however many.</summary>
    public Part Repeat(Part part, int least, int? most)
    {
        if (least > MostCount || most > MostCount)
            throw new EdgeException(EdgeErrorCode.InvalidArgument, $"The constraint repeats a part more than {MostCount} times by count. Lower its counts, or leave the upper one out.");

        switch (least, most)
        {
            case (_, 0): return Empty;
            case (1, 1): return part;
            case (0, 1): return Optional(part);
            case (0, null): return Star(part);
            case (1, null): return Plus(part);
        }

        int rule = Rule(part), count = _counts.Count;
        _counts.Add((least, most ?? int.MaxValue));
        return next => Add(new(NodeKind.Repeat, rule, count, next));
    }

    /// <summary>A part that is written once and called wherever its name stands.</summary>
    public Part Shared(string name, Func<Part> part)
    {
        if (!_shared.TryGetValue(name, out int rule))
            _shared.Add(name, rule = Rule(part()));

        return Call(rule);
    }

    /// <summary>A rule's name as its source has it, with a space before; nothing where it has none.</summary>
    public string NameOf(int rule) => _names.TryGetValue(rule, out string? name) ? " " + Constraint.Brief(name) : "";

    public Part Call(int rule) => next => Add(new(NodeKind.Call, rule, 0, next));

    /// <summary>A rule yet to be defined.</summary>
    /// <param name="name">What its source calls it; null: nothing.</param>
    public int Declare(string? name = null)
    {
        Spend();
        if (name is not null)
            _names.Add(_starts.Count, name);

        _starts.Add(Undefined);
        return _starts.Count - 1;
    }

    public void Define(int rule, Part part) => _starts[rule] = part(Add(new(NodeKind.Return, 0, 0, 0)));

    public int Rule(Part part)
    {
        int rule = Declare();
        Define(rule, part);
        return rule;
    }

    private Part OneOf(ReadOnlyMemory<byte[]> sorted, int from)
    {
        var texts = sorted.Span;
        int shared = from + texts[0].AsSpan(from).CommonPrefixLength(texts[^1].AsSpan(from));
        var prefix = Bytes(texts[0].AsSpan(from, shared - from));
        if (texts.Length == 1)
            return prefix;

        var parts = new List<Part>();
        int start = 0;
        if (texts[0].Length == shared)
        {
            parts.Add(Empty);
            start = 1;
        }

        for (int end = start; start < texts.Length; start = end)
        {
            while (end < texts.Length && texts[end][shared] == texts[start][shared])
                end++;

            parts.Add(OneOf(sorted[start..end], shared));
        }

        return Sequence(prefix, Any(parts));
    }

    private Part Plus(Part part) => next =>
    {
        int split = Add(default);
        int start = part(split);
        _nodes[split] = new(NodeKind.Split, next, 0, start);
        return start;
    };

    private int Add(GrammarNode node)
    {
        Spend();
        _nodes.Add(node);
        return _nodes.Count - 1;
    }

    private void Spend()
    {
        if (++_spent > _mostNodes)
            throw new EdgeException(EdgeErrorCode.InvalidArgument, $"The constraint is too large for its length: it compiles to more than {_mostNodes} nodes. Make it simpler.");
    }
}
