namespace EdgeSdk.Text.Constraints;

/// <summary>The fewest symbols that lead from each node to the end of its rule; and that a grammar can be run at all.</summary>
internal static class GrammarCosts
{
    /// <summary>No text leads to the end.</summary>
    public const int Never = 1 << 28;

    /// <summary>Knuth's generalisation of Dijkstra's algorithm (Information Processing Letters 6, 1977), by sweeps: nodes come after what follows them.</summary>
    /// <exception cref="EdgeException">InvalidArgument: no text fits the grammar, or a rule begins with itself.</exception>
    public static int[] Of(ByteGrammar grammar, int root)
    {
        RefuseLeftRecursion(grammar);
        int[] costs = new int[grammar.Nodes.Count];
        Array.Fill(costs, Never);
        for (bool changed = true; changed;)
        {
            changed = false;
            for (int i = 0; i < costs.Length; i++)
            {
                var node = grammar.Nodes[i];
                int cost = node.Kind switch
                {
                    NodeKind.Read => 1 + costs[node.Next],
                    NodeKind.Split => Math.Min(costs[node.Next], costs[node.A]),
                    NodeKind.Call => costs[grammar.Starts[node.A]] + costs[node.Next],
                    _ => 0,
                };
                if (cost < costs[i])
                {
                    costs[i] = cost;
                    changed = true;
                }
            }
        }

        return costs[grammar.Starts[root]] < Never ? costs
            : throw new EdgeException(EdgeErrorCode.InvalidArgument, $"No text of finite length, or none below {Never} bytes, fits the constraint: a rule never ends, or its counts are too large. Give its recursion a way out, or lower its counts.");
    }

    private static void RefuseLeftRecursion(ByteGrammar grammar)
    {
        bool[] nullable = Nullable(grammar);
        byte[] seen = new byte[grammar.Starts.Count];
        for (int rule = 0; rule < seen.Length; rule++)
        {
            if (seen[rule] == 0)
                Visit(grammar, nullable, seen, rule);
        }
    }

    private static bool[] Nullable(ByteGrammar grammar)
    {
        bool[] nullable = new bool[grammar.Nodes.Count];
        for (bool changed = true; changed;)
        {
            changed = false;
            for (int i = 0; i < nullable.Length; i++)
            {
                var node = grammar.Nodes[i];
                bool empty = node.Kind switch
                {
                    NodeKind.Read => false,
                    NodeKind.Split => nullable[node.Next] || nullable[node.A],
                    NodeKind.Call => nullable[grammar.Starts[node.A]] && nullable[node.Next],
                    _ => true,
                };
                changed |= empty && !nullable[i];
                nullable[i] |= empty;
            }
        }

        return nullable;
    }

    /// <summary>Walks the rules that can begin a rule, depth first; one that is met on the way to itself is left-recursive.</summary>
    private static void Visit(ByteGrammar grammar, bool[] nullable, byte[] seen, int root)
    {
        const byte Under = 1, Done = 2;
        var path = new Stack<(int Rule, IEnumerator<int> Firsts)>();
        seen[root] = Under;
        path.Push((root, Firsts(grammar, nullable, root).GetEnumerator()));
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
                throw new EdgeException(EdgeErrorCode.InvalidArgument, "The constraint is left-recursive: a rule begins with itself. Write it with a repetition.");

            if (seen[first] != 0)
                continue;

            seen[first] = Under;
            path.Push((first, Firsts(grammar, nullable, first).GetEnumerator()));
        }
    }

    private static IEnumerable<int> Firsts(ByteGrammar grammar, bool[] nullable, int rule)
    {
        var open = new Stack<int>([grammar.Starts[rule]]);
        var met = new HashSet<int>(open);
        while (open.TryPop(out int i))
        {
            var node = grammar.Nodes[i];
            if (node.Kind == NodeKind.Call)
                yield return node.A;

            if (node.Kind == NodeKind.Split && met.Add(node.A))
                open.Push(node.A);

            bool passes = node.Kind == NodeKind.Split || (node.Kind == NodeKind.Call && nullable[grammar.Starts[node.A]]);
            if (passes && met.Add(node.Next))
                open.Push(node.Next);
        }
    }
}
