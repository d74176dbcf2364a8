namespace EdgeSdk.Text.Constraints;

/// <summary>The constraints that were asked for last: texts that ask for the same share what was compiled, and the masks that were met. Thread-safe.</summary>
internal static class RecentConstraints
{
    private const int Most = 8;
    private static readonly LinkedList<Constraint> Kept = [];
    private static readonly Lock Gate = new();

    /// <summary>The constraint of that kind and source, made by <paramref name="compile"/> where it is not among the last.</summary>
    public static Constraint Get(string kind, string source, Func<string, string, Constraint> compile)
    {
        if (Find(kind, source) is { } known)
            return known;

        var made = compile(kind, source);
        lock (Gate)
        {
            Kept.AddFirst(made);
            if (Kept.Count > Most)
                Kept.RemoveLast();
        }

        return made;
    }

    private static Constraint? Find(string kind, string source)
    {
        lock (Gate)
        {
            for (var node = Kept.First; node is not null; node = node.Next)
            {
                if (node.Value.Kind != kind || node.Value.Source != source)
                    continue;

                Kept.Remove(node);
                Kept.AddFirst(node);
                return node.Value;
            }

            return null;
        }
    }
}
