using System.Numerics;
using State = EdgeSdk.Text.Constraints.ByteAutomaton.State;

namespace EdgeSdk.Text.Constraints;

/// <summary>Where whole characters lead from the states of an automaton. Not thread-safe.</summary>
internal sealed class CharacterSteps
{
    /// <summary>Tokens of a smaller alphabet, as of digits, are found in the trie as soon.</summary>
    private const int LeastGroups = 16;

    /// <summary>States at more places of the grammar are not looked beyond: each costs as much as they are.</summary>
    private const int MostPlaces = 128;

    /// <summary>What may come at each place of a character beyond ASCII: bytes, and the place behind them (RFC 3629, table 3-7 of the Unicode standard).</summary>
    private static readonly (int Low, int High, int Then)[][] Places =
    [
        [(0xC2, 0xDF, 1), (0xE0, 0xE0, 4), (0xE1, 0xEC, 2), (0xED, 0xED, 5), (0xEE, 0xEF, 2), (0xF0, 0xF0, 6), (0xF1, 0xF3, 3), (0xF4, 0xF4, 7)],
        [(0x80, 0xBF, 0)],
        [(0x80, 0xBF, 1)],
        [(0x80, 0xBF, 2)],
        [(0xA0, 0xBF, 1)],
        [(0x80, 0x9F, 1)],
        [(0x90, 0xBF, 2)],
        [(0x80, 0x8F, 2)],
    ];

    private readonly ByteAutomaton _automaton;
    private readonly byte[][] _ascii;
    private readonly (byte Class, int Then)[][] _places;

    /// <param name="automaton">Makes the states.</param>
    /// <param name="used">By byte: whether any token has it; what none has leads nowhere and does not matter.</param>
    public CharacterSteps(ByteAutomaton automaton, bool[] used)
    {
        _automaton = automaton;
        byte[] classes = automaton.ClassOfByte.ToArray();
        byte[] Classes(IEnumerable<int> bytes) => [.. bytes.Where(b => used[b]).Select(b => classes[b]).Distinct()];
        _ascii = [.. Enumerable.Range(0, CharacterGroups.BeyondAscii).Select(group => Classes(Enumerable.Range(0, 128).Where(b => CharacterGroups.Of((byte)b) == group)))];
        _places = [.. Places.Select(place => place.SelectMany(r => Classes(Enumerable.Range(r.Low, r.High - r.Low + 1)).Select(c => (c, r.Then))).Distinct().ToArray())];
    }

    /// <summary>The state that most groups of characters lead to; none where that is not worth its while.</summary>
    public Step From(State state) => state.Step ??= state.Places.Length <= MostPlaces ? Make(state) : new(0, 0, _automaton.Dead);

    /// <summary>
    /// The alphabet of a run of characters behind a state, and the states behind each of its characters: the first has to be of <paramref name="first"/> as well.
    /// No run where there is none, or its characters lead apart.
    /// </summary>
    /// <param name="state">What it follows.</param>
    /// <param name="levels">Takes the states, from index 1 on.</param>
    /// <param name="first">Groups that the first character may be of.</param>
    /// <param name="alphabet">Groups that the others may be of.</param>
    /// <returns>Characters of the longest run; 0: none.</returns>
    public int Run(State state, Span<State> levels, out ulong first, out ulong alphabet)
    {
        (first, _, levels[1]) = From(state);
        alphabet = BitOperations.PopCount(first) < LeastGroups ? 0 : From(levels[1]).Groups;
        if (BitOperations.PopCount(first & alphabet) < LeastGroups)
            return 0;

        for (int run = 1; run < levels.Length; run++)
        {
            var (groups, dead, next) = From(levels[run]);
            if ((alphabet & ~dead) == 0)
                return run;

            if ((alphabet & ~groups) != 0)
                return 0;

            if (run + 1 < levels.Length)
                levels[run + 1] = next;
        }

        return levels.Length - 1;
    }

    private Step Make(State state)
    {
        var targets = new List<(State State, ulong Groups)>();
        ulong dead = 0;
        for (int group = 0; group <= CharacterGroups.BeyondAscii; group++)
        {
            var target = group == CharacterGroups.BeyondAscii ? Beyond(state, 0) : Ascii(state, group);
            if (target is null)
                continue;

            if (target.IsDead)
                dead |= 1UL << group;
            else if (targets.FindIndex(t => t.State == target) is >= 0 and var known)
                targets[known] = (target, targets[known].Groups | 1UL << group);
            else
                targets.Add((target, 1UL << group));
        }

        var (most, groups) = targets.Count == 0 ? (_automaton.Dead, 0) : targets.MaxBy(t => BitOperations.PopCount(t.Groups));
        return new(groups, dead, most);
    }

    private State? Ascii(State state, int group)
    {
        State? one = null;
        foreach (byte symbolClass in _ascii[group])
        {
            var next = _automaton.StepClass(state, symbolClass);
            if (next != (one ??= next))
                return null;
        }

        return one;
    }

    private State? Beyond(State state, int place)
    {
        State? one = null;
        foreach (var (symbolClass, then) in _places[place])
        {
            var next = _automaton.StepClass(state, symbolClass);
            if (then != 0 && !next.IsDead)
                next = Beyond(next, then);

            if (next is null || next != (one ??= next))
                return null;
        }

        return one;
    }

    /// <summary>Where characters lead from a state.</summary>
    /// <param name="Groups">A bit for each group of which all characters lead to <paramref name="Next"/>.</param>
    /// <param name="Dead">A bit for each group of which all characters lead nowhere.</param>
    /// <param name="Next">The state that most lead to; dead where there is none.</param>
    internal sealed record Step(ulong Groups, ulong Dead, State Next);
}
