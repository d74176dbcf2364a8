using State = EdgeSdk.Text.Constraints.ByteAutomaton.State;

namespace EdgeSdk.Text.Constraints;

/// <summary>A constraint over one vocabulary: its automaton, and for states that were met lately the tokens that may come next. Thread-safe.</summary>
internal sealed class TokenMasks
{
    /// <summary>Beyond this depth only what leads towards the end is allowed.</summary>
    private const int MostDepth = 128;

    /// <summary>What masks take together, bytes; the one longest unused goes first.</summary>
    private const long MostMaskBytes = 16 << 20;

    private readonly ConstraintVocabulary _vocabulary;
    private readonly ByteAutomaton _automaton;
    private readonly int[] _specials;
    private readonly (byte, int)[][] _phases;
    private readonly Queue<State> _masked = [];
    private readonly State[] _path;
    private readonly Lock _gate = new();
    private long _maskBytes;

    public TokenMasks(ByteGrammar grammar, int root, int[] costs, ConstraintVocabulary vocabulary)
    {
        _vocabulary = vocabulary;
        _specials = [.. grammar.Symbols.Select(vocabulary.IdOf)];
        _automaton = new(grammar, root, Costs(grammar, root, costs, vocabulary), vocabulary.LongestToken);
        _phases = PlainText.PhasesOf(_automaton);
        _path = new State[vocabulary.LongestToken + 1];
    }

    public ConstraintVocabulary Vocabulary => _vocabulary;

    public State Start => _automaton.Start;

    /// <summary>About what states and masks take.</summary>
    public long Bytes => _automaton.Bytes + _maskBytes;

    /// <summary>The state behind one more token; dead where it does not fit.</summary>
    public State Step(State from, int token)
    {
        lock (_gate)
        {
            _automaton.BeginToken();
            int special = Array.IndexOf(_specials, token);
            if (special >= 0)
                return _automaton.StepSpecial(from, special);

            byte[] bytes = (uint)token < (uint)_vocabulary.Count ? _vocabulary.Tokens[token] : [];
            if (bytes.Length == 0)
                return _automaton.Dead;

            foreach (byte b in bytes)
                from = _automaton.Step(from, b);

            return from;
        }
    }

    /// <summary>Sets a bit for each token that may follow.</summary>
    /// <param name="state">The state behind the text.</param>
    /// <param name="left">Tokens left, this one and an end token included.</param>
    /// <param name="mask">[<see cref="ConstraintVocabulary.MaskLength"/>]; all of it is written.</param>
    public void Allowed(State state, int left, Span<ulong> mask)
    {
        lock (_gate)
        {
            _automaton.BeginToken();
            int limit = Math.Max(left - 2, state.Distance - 1);
            if (limit < state.Distance)
            {
                mask.Clear();
                Walk(state, limit, mask, null);
                return;
            }

            var alike = _automaton.AlikeInSight(state);
            var entry = alike.Mask ?? Make(alike);
            entry.IsUsed = true;
            entry.Mask.CopyTo(mask);
            for (int i = 0; i < entry.Farther.Length && entry.Farther[i].Distance > limit; i++)
                mask[entry.Farther[i].Token >> 6] &= ~(1UL << entry.Farther[i].Token);
        }
    }

    private Entry Make(State state)
    {
        ulong[] mask = new ulong[_vocabulary.MaskLength];
        var farther = new List<(int Distance, int Token)>();
        Walk(state, GrammarCosts.Never - 1, mask, farther);
        farther.Sort((a, b) => b.CompareTo(a));
        var entry = new Entry(mask, [.. farther]);
        _maskBytes += entry.Bytes;
        while (_maskBytes > MostMaskBytes && _masked.TryDequeue(out var oldest))
            Evict(oldest);

        _masked.Enqueue(state);
        return state.Mask = entry;
    }

    /// <summary>A second chance for what was used since the last one.</summary>
    private void Evict(State oldest)
    {
        if (oldest.Mask is { IsUsed: true } used)
        {
            used.IsUsed = false;
            _masked.Enqueue(oldest);
            return;
        }

        _maskBytes -= oldest.Mask?.Bytes ?? 0;
        oldest.Mask = null;
    }

    private void Walk(State state, int limit, Span<ulong> mask, List<(int, int)>? farther)
    {
        if (state.Ends)
        {
            foreach (int end in _vocabulary.EndTokens)
                mask[end >> 6] |= 1UL << end;
        }

        for (int i = 0; i < _specials.Length; i++)
            Allow(state, _automaton.StepSpecial(state, i), _specials[i], limit, mask, farther);

        int plain = AllowPlain(state, limit, mask);
        _path[0] = state;
        var trie = _vocabulary.Trie;
        for (int i = 0; i < trie.Length;)
        {
            ref readonly var node = ref trie[i];
            if (node.PlainUpTo <= plain)
            {
                i = node.End;
                continue;
            }

            var next = _automaton.Step(_path[node.Depth], node.Byte);
            if (next.IsDead)
            {
                i = node.End;
                continue;
            }

            _path[node.Depth + 1] = next;
            for (int token = node.Token; token >= 0; token = _vocabulary.SameBytes(token))
                Allow(state, next, token, limit, mask, farther);

            i++;
        }
    }

    /// <summary>Decides on all plain tokens of up to so many characters as it returns.</summary>
    private int AllowPlain(State state, int limit, Span<ulong> mask)
    {
        var (characters, isLevel) = PlainText.Run(_automaton, _phases, state, MostDepth);
        if (characters > 0 && limit >= state.Distance)
            System.Numerics.Tensors.TensorPrimitives.BitwiseOr(mask, _vocabulary.Plain(characters), mask);

        return limit >= state.Distance || isLevel ? characters : 0;
    }

    private static void Allow(State state, State next, int token, int limit, Span<ulong> mask, List<(int, int)>? farther)
    {
        if (next.IsDead || next.Distance > limit || (next.Depth > MostDepth && next.Distance >= state.Distance))
            return;

        mask[token >> 6] |= 1UL << token;
        if (next.Distance > state.Distance)
            farther?.Add((next.Distance, token));
    }

    /// <summary>
    /// The costs by the bytes that have tokens of their own, so that the shortest way to an end is never barred. Published vocabularies lack a few bytes that their
    /// training texts did not have (SmolLM2: 0x04, 0xF1).
    /// </summary>
    private static int[] Costs(ByteGrammar grammar, int root, int[] costs, ConstraintVocabulary vocabulary)
    {
        bool[] bytes = vocabulary.Bytes;
        if (Array.IndexOf(bytes, false) < 0)
            return costs;

        try
        {
            return GrammarCosts.Of(grammar, root, bytes);
        }
        catch (EdgeException e)
        {
            int lacking = grammar.Nodes.First(node => node is { Kind: NodeKind.Read, A: < 256 } && Array.IndexOf(bytes, true, node.A, node.B - node.A + 1) < 0).A;
            throw new EdgeException(
                EdgeErrorCode.InvalidArgument,
                $"No text that fits the constraint can be written byte by byte: this model's tokenizer has no token for 0x{lacking:X2}. Use a model with byte-level BPE or byte fallback.",
                e);
        }
    }

    /// <summary>The tokens that may come next, and those of them that lead farther from an end, the farthest first.</summary>
    internal sealed record Entry(ulong[] Mask, (int Distance, int Token)[] Farther)
    {
        public long Bytes => 8L * (Mask.Length + Farther.Length);

        public bool IsUsed { get; set; }
    }
}
