namespace EdgeSdk.Text.Constraints;

/// <summary>The constraints that were asked for last: texts that ask for the same share what was compiled, and the masks that were met. Bounded; thread-safe.</summary>
internal static class RecentConstraints
{
    private const int MostCount = 32;
    private const long MostBytes = 128 << 20;
    private static readonly LinkedList<Constraint> Kept = [];
    private static readonly Dictionary<(string Kind, string Source), LinkedListNode<Constraint>> Known = [];
    private static readonly Lock Gate = new();

    /// <summary>The constraint of that kind and source, made by <paramref name="compile"/> where it is not among the last.</summary>
    public static Constraint Get(string kind, string source, Func<string, string, Constraint> compile)
    {
        if (Find(kind, source) is { } known)
            return known;

        var made = compile(kind, source);
        lock (Gate)
        {
            if (!Known.TryAdd((kind, source), new(made)))
                return Known[(kind, source)].Value;

            Kept.AddFirst(Known[(kind, source)]);
            Shrink();
        }

        return made;
    }

    private static Constraint? Find(string kind, string source)
    {
        lock (Gate)
        {
            if (!Known.TryGetValue((kind, source), out var node))
                return null;

            Kept.Remove(node);
            Kept.AddFirst(node);
            return node.Value;
        }
    }

    /// <summary>They grow with use, so that all are weighed; the latest stays whatever it weighs.</summary>
    private static void Shrink()
    {
        long bytes = Kept.Sum(constraint => constraint.Bytes);
        while (Kept.Count > 1 && (Kept.Count > MostCount || bytes > MostBytes))
        {
            var last = Kept.Last!.Value;
            bytes -= last.Bytes;
            Known.Remove((last.Kind, last.Source));
            Kept.RemoveLast();
        }
    }
}
