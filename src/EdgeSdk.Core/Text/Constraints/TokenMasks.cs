using System.Numerics;
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
    private readonly CharacterSteps _steps;
    private readonly Queue<(State State, Entry Entry)> _masked = [];
    private readonly State[] _path;
    private readonly State[] _levels = new State[TokenRuns.Longest + 1];
    private readonly ulong[] _wanted;
    private readonly Lock _gate = new();
    private long _maskBytes;
    private int _timesForgotten;

    public TokenMasks(ByteGrammar grammar, int root, int[] costs, ConstraintVocabulary vocabulary)
    {
        _vocabulary = vocabulary;
        _specials = [.. grammar.Symbols.Select(vocabulary.IdOf)];
        _automaton = new(grammar, root, Costs(grammar, root, costs, vocabulary), vocabulary.LongestToken);
        _steps = new(_automaton, vocabulary.Used);
        _path = new State[vocabulary.LongestToken + 1];
        _wanted = new ulong[vocabulary.MaskLength];
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
            mask.Clear();
            int limit = Math.Max(left - 2, state.Distance - 1);
            if (limit < state.Distance)
            {
                Walk(state, limit, mask, null);
                return;
            }

            var alike = _automaton.AlikeInSight(state);
            var entry = alike.Mask ?? Make(alike);
            entry.IsUsed = true;
            entry.AddTo(mask, limit);
        }
    }

    private Entry Make(State state)
    {
        ulong[] mask = new ulong[_vocabulary.MaskLength];
        var farther = new List<(int Distance, int Token)>();
        Walk(state, GrammarCosts.Never - 1, mask, farther);
        var levels = from token in farther group token.Token by token.Distance into level orderby level.Key select new Level(level.Key, TokenSet.Of([.. level], mask.Length));
        var entry = new Entry([new(state.Distance, TokenSet.Of(mask)), .. levels]);
        if (_timesForgotten != _automaton.TimesForgotten)
        {
            (_timesForgotten, _maskBytes) = (_automaton.TimesForgotten, 0);
            _masked.Clear();
        }

        _maskBytes += entry.Bytes;
        while (_maskBytes > MostMaskBytes && _masked.TryDequeue(out var oldest))
            Evict(oldest);

        _masked.Enqueue((state, entry));
        return state.Mask = entry;
    }

    /// <summary>A second chance for what was used since the last one.</summary>
    private void Evict((State State, Entry Entry) oldest)
    {
        if (oldest.Entry.IsUsed)
        {
            oldest.Entry.IsUsed = false;
            _masked.Enqueue(oldest);
            return;
        }

        _maskBytes -= oldest.Entry.Bytes;
        oldest.State.Mask = null;
    }

    private void Walk(State state, int limit, Span<ulong> mask, List<(int, int)>? farther)
    {
        if (state.Ends)
        {
            foreach (int end in _vocabulary.EndTokens)
                mask[end >> 6] |= 1UL << end;
        }

        for (int i = 0; i < _specials.Length; i++)
        {
            var next = _automaton.StepSpecial(state, i);
            if (Allows(state, next, limit))
                Allow(state, next, _specials[i], mask, farther);
        }

        ulong decided = WalkRuns(state, limit, mask, farther);
        Walk(_vocabulary.Trie, state, state, Of(0, 0), decided, limit, mask, farther);
    }

    /// <summary>Decides on the tokens that begin with characters which lead on to one state each.</summary>
    /// <returns>Groups of first characters that are done with.</returns>
    private ulong WalkRuns(State state, int limit, Span<ulong> mask, List<(int, int)>? farther)
    {
        int longest = _steps.Run(state, _levels, out ulong first, out ulong alphabet);
        ulong begins = first & alphabet;
        if (longest == 0 || _vocabulary.Runs(alphabet) is not { } runs)
            return 0;

        _wanted.AsSpan().Fill(ulong.MaxValue);
        for (ulong others = alphabet & ~begins; others != 0; others &= others - 1)
        {
            var excluded = _vocabulary.First(BitOperations.TrailingZeroCount(others));
            for (int i = 0; i < _wanted.Length; i++)
                _wanted[i] &= ~excluded[i];
        }

        Walk(runs.Rests, state, state, Of(0, 0), 0, limit, mask, farther);
        for (int from = 1, to; from <= longest; from = to + 1)
        {
            var next = _levels[from];
            for (to = from; to < longest && _levels[to + 1] == next; to++)
            {
            }

            if (Allows(state, next, limit))
                AllowWhole(state, next, runs, from, to, mask, farther);

            Walk(runs.Rests, state, next, Of(from, to), 0, limit, mask, farther);
        }

        return begins;
    }

    /// <summary>A bit for each run of so many characters.</summary>
    private static uint Of(int from, int to) => (1u << to << 1) - (1u << from);

    private void AllowWhole(State state, State next, TokenRuns runs, int from, int to, Span<ulong> mask, List<(int, int)>? farther)
    {
        ReadOnlySpan<ulong> upTo = runs.Whole(to), below = runs.Whole(from - 1);
        bool isFarther = farther is not null && next.Distance > state.Distance;
        for (int i = 0; i < mask.Length; i++)
        {
            ulong allowed = upTo[i] & ~below[i] & _wanted[i];
            if (!isFarther)
                mask[i] |= allowed;

            for (; isFarther && allowed != 0; allowed &= allowed - 1)
                farther!.Add((next.Distance, i * 64 + BitOperations.TrailingZeroCount(allowed)));
        }
    }

    /// <summary>Tries tokens, or the rests of tokens behind runs of a length that <paramref name="runs"/> has.</summary>
    private void Walk(TokenTrie trie, State state, State from, uint runs, ulong decided, int limit, Span<ulong> mask, List<(int, int)>? farther)
    {
        _path[0] = from;
        bool all = trie == _vocabulary.Trie;
        var nodes = trie.Nodes;
        for (int i = 0; i < nodes.Length;)
        {
            ref readonly var node = ref nodes[i];
            bool isDone = (node.Runs & runs) == 0 || (node.Depth == 0 && (decided >> CharacterGroups.Of(node.Byte) & 1) != 0);
            if (isDone || _automaton.Step(_path[node.Depth], node.Byte) is not { IsDead: false } next)
            {
                i = node.End;
                continue;
            }

            _path[node.Depth + 1] = next;
            if (trie.At(i) is { IsEmpty: false } entries && Allows(state, next, limit))
            {
                foreach (var (token, run, _) in entries)
                {
                    if (all || ((runs >> run & 1) != 0 && (_wanted[token >> 6] >> token & 1) != 0))
                        Allow(state, next, token, mask, farther);
                }
            }

            i++;
        }
    }

    private static bool Allows(State state, State next, int limit) =>
        !next.IsDead && next.Distance <= limit && (next.Depth <= MostDepth || next.Distance < state.Distance);

    private static void Allow(State state, State next, int token, Span<ulong> mask, List<(int, int)>? farther)
    {
        if (next.Distance > state.Distance && farther is not null)
            farther.Add((next.Distance, token));
        else
            mask[token >> 6] |= 1UL << token;
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

    /// <summary>The tokens that may come next, by how far from an end they lead, the nearest first.</summary>
    internal sealed record Entry(Level[] Levels)
    {
        public long Bytes { get; } = 128 + Levels.Sum(level => 64 + level.Tokens.Bytes);

        public bool IsUsed { get; set; }

        /// <summary>Sets a bit for each token that leads to at most <paramref name="limit"/> from an end.</summary>
        public void AddTo(Span<ulong> mask, int limit)
        {
            for (int i = 0; i < Levels.Length && Levels[i].Distance <= limit; i++)
                Levels[i].Tokens.AddTo(mask);
        }
    }

    /// <summary>Tokens that lead to one distance from an end, or no farther.</summary>
    internal readonly record struct Level(int Distance, TokenSet Tokens);
}
