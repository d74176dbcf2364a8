using State = EdgeSdk.Text.Constraints.ByteAutomaton.State;

namespace EdgeSdk.Text.Constraints;

/// <summary>A constraint over one vocabulary: its automaton, and for each state that was met the tokens that may come next. Thread-safe.</summary>
internal sealed class TokenMasks
{
    /// <summary>Beyond this depth only what leads towards the end is allowed.</summary>
    private const int MostDepth = 128;

    private const int MostMasks = 1024;
    private const int MostStates = 20_000;
    private readonly ConstraintVocabulary vocabulary;
    private readonly ByteAutomaton automaton;
    private readonly int[] specials;
    private readonly Dictionary<int, Entry> entries = [];
    private readonly State[] path;
    private readonly Lock gate = new();

    public TokenMasks(ByteGrammar grammar, int root, ConstraintVocabulary vocabulary)
    {
        this.vocabulary = vocabulary;
        automaton = new(grammar, root);
        specials = [.. grammar.Symbols.Select(vocabulary.IdOf)];
        path = new State[vocabulary.LongestToken + 1];
        RequireBytes(grammar);
    }

    public ConstraintVocabulary Vocabulary => vocabulary;

    public State Start => automaton.Start;

    public State Dead => automaton.Dead;

    /// <summary>It holds more states than are worth keeping for further texts.</summary>
    public bool IsWorn => automaton.StateCount > MostStates;

    /// <summary>The state behind one more token; dead where it does not fit.</summary>
    public State Step(State from, int token)
    {
        lock (gate)
        {
            int special = Array.IndexOf(specials, token);
            if (special >= 0)
                return automaton.Step(from, 256 + special);

            byte[] bytes = (uint)token < (uint)vocabulary.Count ? vocabulary.Tokens[token] : [];
            if (bytes.Length == 0)
                return Dead;

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

            if (!entries.TryGetValue(state.Id, out var entry))
            {
                if (entries.Count == MostMasks)
                    entries.Clear();

                entries.Add(state.Id, entry = Make(state));
            }

            entry.Mask.CopyTo(mask);
            for (int i = 0; i < entry.Farther.Length && entry.Farther[i].Distance > limit; i++)
                mask[entry.Farther[i].Token >> 6] &= ~(1UL << entry.Farther[i].Token);
        }
    }

    private Entry Make(State state)
    {
        ulong[] mask = new ulong[vocabulary.MaskLength];
        var farther = new List<(int Distance, int Token)>();
        Walk(state, GrammarCosts.Never, mask, farther);
        farther.Sort((a, b) => b.CompareTo(a));
        return new(mask, [.. farther]);
    }

    private void Walk(State state, int limit, Span<ulong> mask, List<(int, int)>? farther)
    {
        if (state.Ends)
        {
            foreach (int end in vocabulary.EndTokens)
                mask[end >> 6] |= 1UL << end;
        }

        for (int i = 0; i < specials.Length; i++)
            Allow(state, automaton.Step(state, 256 + i), specials[i], limit, mask, farther);

        path[0] = state;
        var trie = vocabulary.Trie;
        for (int i = 0; i < trie.Length;)
        {
            ref readonly var node = ref trie[i];
            var next = automaton.Step(path[node.Depth], node.Byte);
            if (next.Id == 0)
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

    private static void Allow(State state, State next, int token, int limit, Span<ulong> mask, List<(int, int)>? farther)
    {
        if (next.Id == 0 || next.Distance > limit || (next.Depth > MostDepth && next.Distance >= state.Distance))
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

    private sealed record Entry(ulong[] Mask, (int Distance, int Token)[] Farther);
}
