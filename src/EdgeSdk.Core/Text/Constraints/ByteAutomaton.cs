using System.Runtime.InteropServices;

namespace EdgeSdk.Text.Constraints;

/// <summary>
/// Runs a grammar: a state is the set of all places in the grammar that its text can have reached, each with the stack of the rules above it. States and
/// stacks are shared where they are equal, so that a text in a known state costs a look-up a byte. Not thread-safe.
/// </summary>
internal sealed class ByteAutomaton
{
    private const int MostPlaces = 20_000;
    private const int Top = -1;
    private readonly ByteGrammar grammar;
    private readonly int[] costs;
    private readonly List<Frame> frames = [];
    private readonly Dictionary<(int Node, int Parent), int> frameIds = [];
    private readonly Dictionary<StateKey, State> states = [];
    private readonly Stack<(int Node, int Frame)> open = new();
    private readonly HashSet<(int Node, int Frame)> met = [];

    public ByteAutomaton(ByteGrammar grammar, int root)
    {
        this.grammar = grammar;
        costs = GrammarCosts.Of(grammar, root);
        Dead = new([], false, GrammarCosts.Never, 0, 0);
        Reach(grammar.Starts[root], Top);
        Start = Settle();
    }

    /// <summary>Before any text.</summary>
    public State Start { get; }

    /// <summary>Behind a text that does not fit.</summary>
    public State Dead { get; }

    /// <summary>States met so far.</summary>
    public int StateCount => states.Count;

    /// <summary>The state behind one more byte or special token.</summary>
    public State Step(State from, int symbol)
    {
        if (from.Places.Length == 0)
            return Dead;

        from.Next ??= new State?[256 + grammar.Symbols.Count];
        if (from.Next[symbol] is { } known)
            return known;

        foreach (var (node, frame) in from.Places)
        {
            var read = grammar.Nodes[node];
            if (symbol >= read.A && symbol <= read.B)
                Reach(read.Next, frame);
        }

        return from.Next[symbol] = Settle();
    }

    private void Reach(int node, int frame)
    {
        if (costs[node] < GrammarCosts.Never && met.Add((node, frame)))
            open.Push((node, frame));
    }

    /// <summary>Follows what reads nothing, from the places reached, and gives the state of what is left.</summary>
    private State Settle()
    {
        var places = new List<(int, int)>();
        bool ends = false;
        while (open.TryPop(out var place))
        {
            if (met.Count > MostPlaces)
            {
                open.Clear();
                met.Clear();
                throw new EdgeException(EdgeErrorCode.InvalidArgument, $"The constraint is too ambiguous: a text can stand at more than {MostPlaces} places of it. Nest its repetitions less.");
            }

            var (at, frame) = place;
            var node = grammar.Nodes[at];
            switch (node.Kind)
            {
                case NodeKind.Read:
                    places.Add(place);
                    break;
                case NodeKind.Split:
                    Reach(node.Next, frame);
                    Reach(node.A, frame);
                    break;
                case NodeKind.Call:
                    Reach(grammar.Starts[node.A], Under(node.Next, frame));
                    break;
                case NodeKind.Return when frame == Top:
                    ends = true;
                    break;
                default:
                    Reach(frames[frame].Node, frames[frame].Parent);
                    break;
            }
        }

        met.Clear();
        return places.Count == 0 && !ends ? Dead : Share(places, ends);
    }

    /// <summary>The stack with a rule more, which returns to <paramref name="node"/>; none where it would return only to return again.</summary>
    private int Under(int node, int parent)
    {
        if (grammar.Nodes[node].Kind == NodeKind.Return)
            return parent;

        ref int id = ref CollectionsMarshal.GetValueRefOrAddDefault(frameIds, (node, parent), out bool known);
        if (!known)
        {
            var above = parent == Top ? default : frames[parent];
            id = frames.Count;
            frames.Add(new(node, parent, Math.Min(GrammarCosts.Never, above.Cost + costs[node]), above.Depth + 1));
        }

        return id;
    }

    private State Share(List<(int Node, int Frame)> places, bool ends)
    {
        places.Sort();
        var key = new StateKey([.. places], ends);
        if (states.TryGetValue(key, out var known))
            return known;

        int distance = ends ? 0 : GrammarCosts.Never, depth = ends ? 0 : int.MaxValue;
        foreach (var (node, frame) in places)
        {
            var above = frame == Top ? default : frames[frame];
            distance = Math.Min(distance, costs[node] + above.Cost);
            depth = Math.Min(depth, above.Depth);
        }

        var state = new State(key.Places, ends, distance, depth, states.Count + 1);
        states.Add(key, state);
        return state;
    }

    private readonly record struct Frame(int Node, int Parent, int Cost, int Depth);

    private readonly struct StateKey((int Node, int Frame)[] places, bool ends) : IEquatable<StateKey>
    {
        public (int Node, int Frame)[] Places => places;

        private bool Ends => ends;

        public bool Equals(StateKey other) => ends == other.Ends && places.AsSpan().SequenceEqual(other.Places);

        public override bool Equals(object? obj) => obj is StateKey other && Equals(other);

        public override int GetHashCode()
        {
            var hash = default(HashCode);
            hash.AddBytes(MemoryMarshal.AsBytes(places.AsSpan()));
            hash.Add(ends);
            return hash.ToHashCode();
        }
    }

    /// <summary>What a text has reached.</summary>
    /// <param name="places">Nodes that read, each with its stack.</param>
    /// <param name="ends">The text may end here.</param>
    /// <param name="distance">The fewest bytes and special tokens to an end.</param>
    /// <param name="depth">The lowest of the stacks.</param>
    /// <param name="id">0: dead.</param>
    internal sealed class State((int Node, int Frame)[] places, bool ends, int distance, int depth, int id)
    {
        public (int Node, int Frame)[] Places => places;

        public bool Ends => ends;

        public int Distance => distance;

        public int Depth => depth;

        public int Id => id;

        public State?[]? Next { get; set; }
    }
}
