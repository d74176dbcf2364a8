using State = EdgeSdk.Text.Constraints.ByteAutomaton.State;

namespace EdgeSdk.Text.Constraints;

/// <summary>A constraint over one vocabulary: its automaton, and for states that were met lately the tokens that may come next. Thread-safe.</summary>
internal sealed class TokenMasks
{
    /// <summary>Beyond this depth only what leads towards the end is allowed.</summary>
    private const int MostDepth = 128;

    /// <summary>What masks take together, bytes; the one longest unused goes first.</summary>
    private const long MostMaskBytes = 16 << 20;

    private readonly ConstraintVocabulary vocabulary;
    private readonly ByteAutomaton automaton;
    private readonly int[] specials;
    private readonly (byte, int)[][] phases;
    private readonly Queue<State> masked = [];
    private readonly State[] path;
    private readonly Lock gate = new();
    private long maskBytes;

    public TokenMasks(ByteGrammar grammar, int root, int[] costs, ConstraintVocabulary vocabulary)
    {
        this.vocabulary = vocabulary;
        RequireBytes(grammar);
        specials = [.. grammar.Symbols.Select(vocabulary.IdOf)];
        automaton = new(grammar, root, costs);
        phases = PlainText.PhasesOf(automaton);
        path = new State[vocabulary.LongestToken + 1];
    }

    public ConstraintVocabulary Vocabulary => vocabulary;

    public State Start => automaton.Start;

    /// <summary>About what states and masks take.</summary>
    public long Bytes => automaton.Bytes + maskBytes;

    /// <summary>The state behind one more token; dead where it does not fit.</summary>
    public State Step(State from, int token)
    {
        lock (gate)
        {
            int special = Array.IndexOf(specials, token);
            if (special >= 0)
                return automaton.StepSpecial(from, special);

            byte[] bytes = (uint)token < (uint)vocabulary.Count ? vocabulary.Tokens[token] : [];
            if (bytes.Length == 0)
                return automaton.Dead;

            foreach (byte b in bytes)
                from = automaton.Step(from, b);

            return from;
        }
    }

    /// <summary>Sets a bit for each token that may follow.</summary>
    /// <param name="state">The state behind the text.</param>
    /// <param name="left">Tokens left, this one and an end token included.</param>
    /// <param name="mask">[<see cref="ConstraintVocabulary.MaskLength"/>]; all of it is written.</param>
    public void Allowed(State state, int left, Span<ulong> mask)
    {
        lock (gate)
        {
            int limit = Math.Max(left - 2, state.Distance - 1);
            if (limit < state.Distance)
            {
                mask.Clear();
                Walk(state, limit, mask, null);
                return;
            }

            var entry = state.Mask ?? Make(state);
            entry.IsUsed = true;
            entry.Mask.CopyTo(mask);
            for (int i = 0; i < entry.Farther.Length && entry.Farther[i].Distance > limit; i++)
                mask[entry.Farther[i].Token >> 6] &= ~(1UL << entry.Farther[i].Token);
        }
    }

    private Entry Make(State state)
    {
        ulong[] mask = new ulong[vocabulary.MaskLength];
        var farther = new List<(int Distance, int Token)>();
        Walk(state, GrammarCosts.Never - 1, mask, farther);
        farther.Sort((a, b) => b.CompareTo(a));
        var entry = new Entry(mask, [.. farther]);
        maskBytes += entry.Bytes;
        while (maskBytes > MostMaskBytes && masked.TryDequeue(out var oldest))
            Evict(oldest);

        masked.Enqueue(state);
        return state.Mask = entry;
    }

    /// <summary>A second chance for what was used since the last one.</summary>
    private void Evict(State oldest)
    {
        if (oldest.Mask is { IsUsed: true } used)
        {
            used.IsUsed = false;
            masked.Enqueue(oldest);
            return;
        }

        maskBytes -= oldest.Mask?.Bytes ?? 0;
        oldest.Mask = null;
    }

    private void Walk(State state, int limit, Span<ulong> mask, List<(int, int)>? farther)
    {
        if (state.Ends)
        {
            foreach (int end in vocabulary.EndTokens)
                mask[end >> 6] |= 1UL << end;
        }

        for (int i = 0; i < specials.Length; i++)
            Allow(state, automaton.StepSpecial(state, i), specials[i], limit, mask, farther);

        int plain = AllowPlain(state, limit, mask);
        path[0] = state;
        var trie = vocabulary.Trie;
        for (int i = 0; i < trie.Length;)
        {
            ref readonly var node = ref trie[i];
            if (node.PlainUpTo <= plain)
            {
                i = node.End;
                continue;
            }

            var next = automaton.Step(path[node.Depth], node.Byte);
            if (next.IsDead)
            {
                i = node.End;
                continue;
            }

            path[node.Depth + 1] = next;
            for (int token = node.Token; token >= 0; token = vocabulary.SameBytes(token))
                Allow(state, next, token, limit, mask, farther);

            i++;
        }
    }

    /// <summary>Decides on all plain tokens of up to so many characters as it returns.</summary>
    private int AllowPlain(State state, int limit, Span<ulong> mask)
    {
        var (characters, isLevel) = PlainText.Run(automaton, phases, state, MostDepth);
        if (characters > 0 && limit >= state.Distance)
            System.Numerics.Tensors.TensorPrimitives.BitwiseOr(mask, vocabulary.Plain(characters), mask);

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

    /// <summary>With a token for each byte, the shortest way to an end is never barred.</summary>
    private void RequireBytes(ByteGrammar grammar)
    {
        Span<bool> has = stackalloc bool[256];
        foreach (var node in vocabulary.Trie)
            has[node.Byte] |= node.Depth == 0 && node.Token >= 0;

        foreach (var node in grammar.Nodes)
        {
            for (int b = node.A; node.Kind == NodeKind.Read && b <= Math.Min(node.B, 255); b++)
            {
                if (!has[b])
                {
                    throw new EdgeException(
                        EdgeErrorCode.InvalidArgument, $"Constraints need a token for each byte that they use; this model's tokenizer has none for 0x{b:X2}. Use a model with byte-level BPE or byte fallback.");
                }
            }
        }
    }

    /// <summary>The tokens that may come next, and those of them that lead farther from an end, the farthest first.</summary>
    internal sealed record Entry(ulong[] Mask, (int Distance, int Token)[] Farther)
    {
        public long Bytes => 8L * (Mask.Length + Farther.Length);

        public bool IsUsed { get; set; }
    }
}
