using System.Text;
using State = EdgeSdk.Text.Constraints.ByteAutomaton.State;

namespace EdgeSdk.Text.Constraints;

/// <summary>
/// Most tokens are plain: whole characters that JSON strings hold unescaped. Where any such characters fit, as inside a string, their tokens are allowed
/// at one blow and only the others are tried (slices, as in microsoft/llguidance).
/// </summary>
internal static class PlainText
{
    /// <summary>Longer tokens are tried one by one, characters.</summary>
    public const int MostCharacters = 16;

    private const int MostStates = 8;

    /// <summary>What may come at each place of a plain character: bytes, and the place behind them (RFC 3629, table 3-7 of the Unicode standard).</summary>
    private static readonly (int Low, int High, int Then)[][] Phases =
    [
        [(0x20, 0x21, 0), (0x23, 0x5B, 0), (0x5D, 0x7F, 0), (0xC2, 0xDF, 1), (0xE0, 0xE0, 4), (0xE1, 0xEC, 2), (0xED, 0xED, 5), (0xEE, 0xEF, 2), (0xF0, 0xF0, 6), (0xF1, 0xF3, 3), (0xF4, 0xF4, 7)],
        [(0x80, 0xBF, 0)],
        [(0x80, 0xBF, 1)],
        [(0x80, 0xBF, 2)],
        [(0xA0, 0xBF, 1)],
        [(0x80, 0x9F, 1)],
        [(0x90, 0xBF, 2)],
        [(0x80, 0x8F, 2)],
    ];

    /// <summary>Characters of a token that is plain; 0: it is not.</summary>
    public static int Characters(ReadOnlySpan<byte> token)
    {
        int characters = 0;
        while (!token.IsEmpty)
        {
            if (token[0] is < 0x20 or (byte)'"' or (byte)'\\' || Rune.DecodeFromUtf8(token, out _, out int length) != System.Buffers.OperationStatus.Done)
                return 0;

            characters++;
            token = token[length..];
        }

        return characters;
    }

    /// <summary>How many characters, whichever they are, fit behind a state without leading farther from an end.</summary>
    /// <param name="automaton">Makes the states.</param>
    /// <param name="phases">Of the automaton, by <see cref="PhasesOf"/>.</param>
    /// <param name="state">What they follow.</param>
    /// <param name="mostDepth">Stacks stay below this.</param>
    /// <returns>At most <see cref="MostCharacters"/>, and whether they lead nearer to an end nowhere either.</returns>
    public static (int Characters, bool IsLevel) Run(ByteAutomaton automaton, (byte Class, int Then)[][] phases, State state, int mostDepth)
    {
        var seen = new HashSet<State> { state };
        List<State> level = [state];
        bool isLevel = true;
        for (int characters = 0; characters < MostCharacters; characters++)
        {
            var following = new List<State>();
            foreach (var from in level)
            {
                if (!Follow(from, 0, following))
                    return (characters, isLevel);
            }

            if (following.Count == 0)
                break;

            if (following.Count > MostStates)
                return (characters + 1, isLevel);

            level = following;
        }

        return (MostCharacters, isLevel);

        bool Follow(State from, int phase, List<State> following)
        {
            foreach (var (symbolClass, then) in phases[phase])
            {
                var next = automaton.StepClass(from, symbolClass);
                if (next.IsDead || (then != 0 && !Follow(next, then, following)))
                    return false;

                if (then != 0)
                    continue;

                if (next.Distance > state.Distance || next.Depth > mostDepth)
                    return false;

                if (seen.Add(next))
                {
                    following.Add(next);
                    isLevel &= next.Distance == state.Distance;
                }
            }

            return true;
        }
    }

    /// <summary>The classes of bytes that an automaton tells apart at each place of a plain character.</summary>
    public static (byte Class, int Then)[][] PhasesOf(ByteAutomaton automaton)
    {
        byte[] classes = automaton.ClassOfByte.ToArray();
        return [.. Phases.Select(phase => phase.SelectMany(r => classes[r.Low..(r.High + 1)].Distinct().Select(c => (c, r.Then))).Distinct().ToArray())];
    }
}
