namespace EdgeSdk.Text.Constraints;

/// <summary>The fewest symbols that lead from each node to the end of its rule, 0 where it can read nothing; and that a grammar can be run at all.</summary>
internal static class GrammarCosts
{
    /// <summary>No text leads to the end.</summary>
    public const int Never = 1 << 28;

    /// <summary>Knuth's generalisation of Dijkstra's algorithm (Information Processing Letters 6, 1977): the cheapest node that is not yet known is known next.</summary>
    /// <param name="grammar">The grammar.</param>
    /// <param name="root">The rule of the whole text.</param>
    /// <param name="bytes">By byte: whether the way to the end may take it; null: any.</param>
    /// <exception cref="EdgeException">InvalidArgument: no text fits the grammar, or a rule begins with itself.</exception>
    public static int[] Of(ByteGrammar grammar, int root, bool[]? bytes = null)
    {
        var nodes = grammar.Nodes;
        var users = new Users(grammar);
        int[] costs = new int[nodes.Count];
        Array.Fill(costs, Never);
        var open = new PriorityQueue<int, int>();
        for (int i = 0; i < costs.Length; i++)
        {
            if (nodes[i].Kind == NodeKind.Return)
                open.Enqueue(i, 0);
        }

        while (open.TryDequeue(out int known, out int cost))
        {
            if (costs[known] < Never)
                continue;

            costs[known] = cost;
            foreach (int user in users.Of(known))
            {
                if (costs[user] == Never && Cost(grammar, costs, bytes, nodes[user]) is < Never and var least)
                    open.Enqueue(user, least);
            }
        }

        RefuseLeftRecursion(grammar, costs);
        return costs[grammar.Starts[root]] < Never ? costs
            : throw new EdgeException(EdgeErrorCode.InvalidArgument, $"No text of finite length, or none below {Never} bytes, fits the constraint: a rule never ends, or its counts are too large. Give its recursion a way out, or lower its counts.");
    }

    private static int Cost(ByteGrammar grammar, int[] costs, bool[]? bytes, GrammarNode node) => (int)Math.Min(Never, node.Kind switch
    {
        NodeKind.Read when bytes is not null && node.A < bytes.Length && Array.IndexOf(bytes, true, node.A, node.B - node.A + 1) < 0 => Never,
        NodeKind.Read => 1L + costs[node.Next],
        NodeKind.Split => Math.Min(costs[node.Next], costs[node.A]),
        NodeKind.Call => (long)costs[grammar.Starts[node.A]] + costs[node.Next],
        NodeKind.Repeat => (long)costs[grammar.Starts[node.A]] * grammar.Counts[node.B].Least + costs[node.Next],
        _ => 0,
    });

    private static void RefuseLeftRecursion(ByteGrammar grammar, int[] costs)
    {
        byte[] seen = new byte[grammar.Starts.Count];
        for (int rule = 0; rule < seen.Length; rule++)
        {
            if (seen[rule] == 0)
                Visit(grammar, costs, seen, rule);
        }
    }

    /// <summary>Walks the rules that can begin a rule, depth first; one that is met on the way to itself is left-recursive.</summary>
    private static void Visit(ByteGrammar grammar, int[] costs, byte[] seen, int root)
    {
        const byte Under = 1, Done = 2;
        var path = new Stack<(int Rule, IEnumerator<int> Firsts)>();
        seen[root] = Under;
        path.Push((root, Firsts(grammar, costs, root).GetEnumerator()));
        while (path.TryPeek(out var top))
        {
            if (!top.Firsts.MoveNext())
            {
                seen[top.Rule] = Done;
                path.Pop();
                continue;
            }

            int first = top.Firsts.Current;
            if (seen[first] == Under)
                throw new EdgeException(EdgeErrorCode.InvalidArgument, $"The constraint is left-recursive: the rule{grammar.NameOf(first)} begins with itself, before it reads anything. Write it with a repetition.");

            if (seen[first] != 0)
                continue;

            seen[first] = Under;
            path.Push((first, Firsts(grammar, costs, first).GetEnumerator()));
        }
    }

    private static IEnumerable<int> Firsts(ByteGrammar grammar, int[] costs, int rule)
    {
        var open = new Stack<int>([grammar.Starts[rule]]);
        var met = new HashSet<int>(open);
        while (open.TryPop(out int i))
        {
            var node = grammar.Nodes[i];
            bool calls = node.Kind is NodeKind.Call or NodeKind.Repeat;
            if (calls)
                yield return node.A;

            if (node.Kind == NodeKind.Split && met.Add(node.A))
                open.Push(node.A);

            bool passes = node.Kind == NodeKind.Split || (calls && costs[grammar.Starts[node.A]] == 0) || (node.Kind == NodeKind.Repeat && grammar.Counts[node.B].Least == 0);
            if (passes && met.Add(node.Next))
                open.Push(node.Next);
        }
    }

    /// <summary>The nodes whose cost depends on a node's, as linked lists in arrays.</summary>
    private sealed class Users
    {
        private readonly int[] _first, _following;

        public Users(ByteGrammar grammar)
        {
            int count = grammar.Nodes.Count;
            (_first, _following) = (new int[count], new int[2 * count]);
            Array.Fill(_first, -1);
            for (int i = 0; i < count; i++)
            {
                var node = grammar.Nodes[i];
                if (node.Kind != NodeKind.Return)
                    Add(2 * i, node.Next);

                if (node.Kind == NodeKind.Split)
                    Add(2 * i + 1, node.A);
                else if (node.Kind is NodeKind.Call or NodeKind.Repeat)
                    Add(2 * i + 1, grammar.Starts[node.A]);
            }
        }

        public IEnumerable<int> Of(int node)
        {
            for (int edge = _first[node]; edge >= 0; edge = _following[edge])
                yield return edge / 2;
        }

        private void Add(int edge, int node) => (_following[edge], _first[node]) = (_first[node], edge);
    }
}
