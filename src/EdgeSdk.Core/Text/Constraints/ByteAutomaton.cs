using System.Runtime.InteropServices;

namespace EdgeSdk.Text.Constraints;

/// <summary>
/// Runs a grammar: a state is the set of all places in the grammar that its text can have reached, each with the stack of the rules above it. States and
/// stacks are made when they are met and shared where they are equal, so that a text in a known state costs a look-up a byte. Not thread-safe.
/// </summary>
internal sealed class ByteAutomaton
{
    private const int MostPlaces = 20_000;

    /// <summary>Places that may be followed for one token: a fraction of a second, where a grammar that real texts are written by follows some thousands.</summary>
    private const int MostWork = 1_000_000;

    /// <summary>What the states that are known may hold together, bytes; then they are forgotten, those that texts stand in excepted.</summary>
    private const long MostBytes = 16 << 20;

    private readonly ByteGrammar _grammar;
    private readonly int[] _costs;
    private readonly int _sight;
    private readonly byte[] _classes;
    private readonly int[] _symbolOfClass;
    private readonly Dictionary<(int Node, int Count, Frame? Parent), Frame> _frames = [];
    private readonly Dictionary<StateKey, State> _states = [];
    private readonly Stack<Place> _open = new();
    private readonly HashSet<Place> _met = [];
    private int _framesMade, _work;

    /// <param name="grammar">What it runs.</param>
    /// <param name="root">The rule of the whole text.</param>
    /// <param name="costs">The nodes' <see cref="GrammarCosts"/>.</param>
    /// <param name="sight">How many bytes ahead <see cref="AlikeInSight(State)"/> looks: those of the longest token.</param>
    public ByteAutomaton(ByteGrammar grammar, int root, int[] costs, int sight)
    {
        (_grammar, _costs, _sight) = (grammar, costs, sight);
        (_classes, _symbolOfClass) = Classes(grammar);
        Dead = new([], false, GrammarCosts.Never, 0);
        Reach(grammar.Starts[root], null);
        Start = Settle();
    }

    /// <summary>Before any text.</summary>
    public State Start { get; }

    /// <summary>Behind a text that does not fit.</summary>
    public State Dead { get; }

    /// <summary>About what the known states take.</summary>
    public long Bytes { get; private set; }

    /// <summary>How often all known states were forgotten, and with them their masks.</summary>
    public int TimesForgotten { get; private set; }

    /// <summary>Bytes of one class are not told apart by the grammar.</summary>
    public ReadOnlySpan<byte> ClassOfByte => _classes;

    /// <summary>The bytes that are followed from here on belong to another token.</summary>
    public void BeginToken() => _work = 0;

    /// <summary>The state behind one more byte.</summary>
    /// <exception cref="AmbiguousConstraintException">The grammar is so ambiguous that this takes too long.</exception>
    public State Step(State from, byte b) => StepClass(from, _classes[b]);

    /// <summary>The state behind a special token, by its index in <see cref="ByteGrammar.Symbols"/>.</summary>
    public State StepSpecial(State from, int index) => StepClass(from, _classes[255] + 1 + index);

    /// <summary>The state behind any byte of a class.</summary>
    public State StepClass(State from, int symbolClass) => from.Next is { } next && next[symbolClass] is { } known ? known : Make(from, symbolClass);

    /// <summary>
    /// A state that the same bytes lead on from, and as near to an end, as far as the automaton sees: the same one for all places of a long text of
    /// limited length but the last.
    /// </summary>
    public State AlikeInSight(State state)
    {
        if (state.Alike is { } known)
            return known;

        var places = new List<Place>(state.Places.Length);
        bool isOther = false;
        foreach (var (node, frame) in state.Places)
        {
            var alike = AlikeInSight(frame);
            isOther |= alike != frame;
            places.Add(new(node, alike));
        }

        return state.Alike = isOther ? Share([.. places.Distinct()], state.Ends) : state;
    }

    /// <summary>A round reads a byte at least: rounds with more to follow than bytes are seen are not told apart, where none of those is required.</summary>
    private Frame? AlikeInSight(Frame? frame)
    {
        if (frame is null || frame.Alike is not null)
            return frame?.Alike;

        int count = frame.Count;
        if (count > 0)
        {
            var (least, most) = _grammar.Counts[_grammar.Nodes[frame.Node].B];
            if (most < int.MaxValue && count >= least)
                count = Math.Max(count, most - _sight);
        }

        var parent = AlikeInSight(frame.Parent);
        return frame.Alike = count == frame.Count && parent == frame.Parent ? frame : Under(frame.Node, count, parent);
    }

    private State Make(State from, int symbolClass)
    {
        if (from.IsDead)
            return Dead;

        int symbol = _symbolOfClass[symbolClass];
        foreach (var (node, frame) in from.Places)
        {
            var read = _grammar.Nodes[node];
            if (symbol >= read.A && symbol <= read.B)
                Reach(read.Next, frame);
        }

        var made = Settle();
        if (from.Next is null)
        {
            from.Next = new State?[_symbolOfClass.Length];
            Bytes += 8 * _symbolOfClass.Length;
        }

        // Whatever the same places read leads to the same state: it is made once for all such classes.
        for (int other = 0; other < _symbolOfClass.Length; other++)
        {
            if (other == symbolClass || (from.Next[other] is null && AreReadAlike(from.Places, symbol, _symbolOfClass[other])))
                from.Next[other] = made;
        }

        return made;
    }

    private bool AreReadAlike(Place[] places, int one, int other)
    {
        foreach (var (node, _) in places)
        {
            var read = _grammar.Nodes[node];
            if ((one >= read.A && one <= read.B) != (other >= read.A && other <= read.B))
                return false;
        }

        return true;
    }

    private void Reach(int node, Frame? frame)
    {
        if (_costs[node] < GrammarCosts.Never && _met.Add(new(node, frame)))
            _open.Push(new(node, frame));
    }

    /// <summary>Follows what reads nothing, from the places reached, and gives the state of what is left.</summary>
    private State Settle()
    {
        var places = new List<Place>();
        bool ends = false;
        while (_open.TryPop(out var place))
        {
            if (_met.Count > MostPlaces)
                throw TooAmbiguous($"a text can stand at more than {MostPlaces} places of it");

            if (++_work > MostWork)
                throw TooAmbiguous($"a token leads through more than {MostWork} places of it");

            var (at, frame) = place;
            var node = _grammar.Nodes[at];
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
                    Reach(_grammar.Starts[node.A], Under(node.Next, 0, frame));
                    break;
                case NodeKind.Repeat:
                    Repeat(at, 0, frame);
                    break;
                case NodeKind.Return when frame is null:
                    ends = true;
                    break;
                default:
                    Return(frame!);
                    break;
            }
        }

        _met.Clear();
        return places.Count == 0 && !ends ? Dead : Share(places, ends);
    }

    private AmbiguousConstraintException TooAmbiguous(string how)
    {
        _open.Clear();
        _met.Clear();
        return new(how);
    }

    private void Return(Frame from)
    {
        if (from.Count > 0)
            Repeat(from.Node, from.Count, from.Parent);
        else
            Reach(from.Node, from.Parent);
    }

    /// <summary>Goes on behind <paramref name="done"/> readings of a repeated rule. Without an upper count those beyond the lower one are not told apart.</summary>
    private void Repeat(int at, int done, Frame? frame)
    {
        var node = _grammar.Nodes[at];
        var (least, most) = _grammar.Counts[node.B];
        if (done >= least)
            Reach(node.Next, frame);

        if (done < most)
            Reach(_grammar.Starts[node.A], Under(at, most == int.MaxValue ? Math.Min(done + 1, Math.Max(1, least)) : done + 1, frame));
    }

    /// <summary>The stack with a rule more, which returns to <paramref name="node"/>; none where it would return only to return again.</summary>
    private Frame? Under(int node, int count, Frame? parent)
    {
        if (_grammar.Nodes[node].Kind == NodeKind.Return)
            return parent;

        ref var frame = ref CollectionsMarshal.GetValueRefOrAddDefault(_frames, (node, count, parent), out bool known);
        if (!known)
        {
            frame = new(node, count, parent, (int)Math.Min(GrammarCosts.Never, (parent?.Cost ?? 0) + Left(node, count)), _framesMade++);
            Bytes += Frame.Size;
        }

        return frame;
    }

    /// <summary>The fewest symbols from where a rule returns to the end of the rule above.</summary>
    private long Left(int node, int count)
    {
        var (_, rule, counts, next) = _grammar.Nodes[node];
        return count == 0 ? _costs[node]
            : _costs[next] + (long)_costs[_grammar.Starts[rule]] * Math.Max(0, _grammar.Counts[counts].Least - count);
    }

    private State Share(List<Place> places, bool ends)
    {
        places.Sort();
        var key = new StateKey([.. places], ends);
        if (_states.TryGetValue(key, out var known))
            return known;

        int distance = ends ? 0 : GrammarCosts.Never, depth = ends ? 0 : int.MaxValue;
        foreach (var (node, frame) in places)
        {
            distance = (int)Math.Min(distance, _costs[node] + (long)(frame?.Cost ?? 0));
            depth = Math.Min(depth, frame?.Depth ?? 0);
        }

        if (Bytes > MostBytes)
            Forget();

        var state = new State(key.Places, ends, distance, depth);
        _states.Add(key, state);
        Bytes += State.Size + 16 * places.Count;
        return state;
    }

    /// <summary>States that texts stand in live on, and find their way anew.</summary>
    private void Forget()
    {
        foreach (var state in _states.Values)
            (state.Next, state.Alike, state.Step, state.Mask) = (null, null, null, null);

        (Start.Next, Start.Alike, Start.Step) = (null, null, null);
        _states.Clear();
        _frames.Clear();
        Bytes = 0;
        TimesForgotten++;
    }

    /// <summary>Bytes that every node reads or does not read alike get one class; each special token has its own.</summary>
    private static (byte[] OfByte, int[] Symbols) Classes(ByteGrammar grammar)
    {
        bool[] begins = new bool[257];
        begins[0] = true;
        foreach (var node in grammar.Nodes)
        {
            if (node is { Kind: NodeKind.Read, A: < 256 })
                begins[node.A] = begins[Math.Min(256, node.B + 1)] = true;
        }

        byte[] ofByte = new byte[256];
        var symbols = new List<int>();
        for (int b = 0; b < 256; b++)
        {
            if (begins[b])
                symbols.Add(b);

            ofByte[b] = (byte)(symbols.Count - 1);
        }

        symbols.AddRange(Enumerable.Range(256, grammar.Symbols.Count));
        return (ofByte, [.. symbols]);
    }

    /// <summary>A rule that is being read: where it returns to, and in which of how many rounds.</summary>
    /// <param name="node">Where it goes on; with a count, the repetition that it is a round of.</param>
    /// <param name="count">Which round, from 1; 0: a plain call.</param>
    /// <param name="parent">The rule above.</param>
    /// <param name="cost">The fewest symbols from its return to the end of the text.</param>
    /// <param name="id">In the order of making.</param>
    internal sealed class Frame(int node, int count, Frame? parent, int cost, int id)
    {
        public const int Size = 120; // with its entry in the dictionary

        public int Node => node;

        public int Count => count;

        public Frame? Parent => parent;

        public int Cost => cost;

        public int Id => id;

        public int Depth { get; } = (parent?.Depth ?? 0) + 1;

        /// <summary>See <see cref="AlikeInSight(Frame?)"/>; null: not asked for yet.</summary>
        public Frame? Alike { get; set; }
    }

    /// <summary>A node, under a stack.</summary>
    internal readonly record struct Place(int Node, Frame? Frame) : IComparable<Place>
    {
        private int FrameId => Frame?.Id ?? -1;

        public int CompareTo(Place other) => Node != other.Node ? Node.CompareTo(other.Node) : FrameId.CompareTo(other.FrameId);

        public bool Equals(Place other) => Node == other.Node && ReferenceEquals(Frame, other.Frame);

        public override int GetHashCode() => HashCode.Combine(Node, FrameId);
    }

    private readonly struct StateKey(Place[] places, bool ends) : IEquatable<StateKey>
    {
        public Place[] Places => places;

        private bool Ends => ends;

        public bool Equals(StateKey other) => ends == other.Ends && places.AsSpan().SequenceEqual(other.Places);

        public override bool Equals(object? obj) => obj is StateKey other && Equals(other);

        public override int GetHashCode()
        {
            var hash = default(HashCode);
            foreach (var place in places)
                hash.Add(place.GetHashCode());

            hash.Add(ends);
            return hash.ToHashCode();
        }
    }

    /// <summary>What a text has reached.</summary>
    /// <param name="places">Nodes that read, each with its stack.</param>
    /// <param name="ends">The text may end here.</param>
    /// <param name="distance">The fewest bytes and special tokens to an end.</param>
    /// <param name="depth">The lowest of the stacks.</param>
    internal sealed class State(Place[] places, bool ends, int distance, int depth)
    {
        public const int Size = 216; // with its entry in the dictionary, and where characters lead

        public Place[] Places => places;

        public bool Ends => ends;

        public int Distance => distance;

        public int Depth => depth;

        /// <summary>No text goes on from here.</summary>
        public bool IsDead => distance == GrammarCosts.Never;

        /// <summary>The states behind a byte of each class, as far as they were met.</summary>
        public State?[]? Next { get; set; }

        /// <summary>See <see cref="AlikeInSight(State)"/>; null: not asked for yet.</summary>
        public State? Alike { get; set; }

        /// <summary>Where characters lead, where it is known.</summary>
        public CharacterSteps.Step? Step { get; set; }

        /// <summary>The tokens that may come next, where they are known.</summary>
        public TokenMasks.Entry? Mask { get; set; }
    }
}
