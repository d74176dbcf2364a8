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
    /// <summary>The most nodes of a grammar, and the most steps of building one.</summary>
    public const int MostNodes = 200_000;

    private const int Undefined = -1;
    private readonly List<GrammarNode> nodes = [];
    private readonly List<int> starts = [];
    private readonly List<string> symbols = [];
    private int spent;

    public IReadOnlyList<GrammarNode> Nodes => nodes;

    /// <summary>Each rule's first node.</summary>
    public IReadOnlyList<int> Starts => starts;

    /// <summary>Names of the special tokens; symbol 256 + i is the i-th.</summary>
    public IReadOnlyList<string> Symbols => symbols;

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
        int index = symbols.IndexOf(name);
        if (index < 0)
        {
            index = symbols.Count;
            symbols.Add(name);
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

    public Part Optional(Part part) => next => Add(new(NodeKind.Split, next, 0, part(next)));

    public Part Star(Part part) => next =>
    {
        int split = Add(default);
        nodes[split] = new(NodeKind.Split, next, 0, part(split));
        return split;
    };

    /// <summary>From <paramref name="least"/> to <paramref name="most"/> of a part; null: any number.</summary>
    public Part Repeat(Part part, int least, int? most)
    {
        if (least > MostNodes || most > MostNodes)
            throw TooLarge();

        var one = least + (most ?? 0) > 4 ? Call(Rule(part)) : part;
        return next =>
        {
            int start = next;
            if (most is null)
                start = Star(one)(next);

            for (int i = least; i < most; i++)
                start = Add(new(NodeKind.Split, next, 0, one(start)));

            for (int i = 0; i < least; i++)
            {
                Spend();
                start = one(start);
            }

            return start;
        };
    }

    public Part Call(int rule) => next => Add(new(NodeKind.Call, rule, 0, next));

    /// <summary>A rule yet to be defined.</summary>
    public int Declare()
    {
        Spend();
        starts.Add(Undefined);
        return starts.Count - 1;
    }

    public void Define(int rule, Part part) => starts[rule] = part(Add(new(NodeKind.Return, 0, 0, 0)));

    public int Rule(Part part)
    {
        int rule = Declare();
        Define(rule, part);
        return rule;
    }

    private int Add(GrammarNode node)
    {
        Spend();
        nodes.Add(node);
        return nodes.Count - 1;
    }

    private void Spend()
    {
        if (++spent > MostNodes)
            throw TooLarge();
    }

    private static EdgeException TooLarge() => new(
        EdgeErrorCode.InvalidArgument, $"The constraint is too large: it compiles to more than {MostNodes} nodes. Lower its counts, or nest them less.");
}
