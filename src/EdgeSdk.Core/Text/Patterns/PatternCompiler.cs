using System.Runtime.InteropServices;

namespace EdgeSdk.Text;

/// <summary>What one step of a pattern's program does.</summary>
internal enum PatternOperation : byte
{
    /// <summary>One code point of the class.</summary>
    OneOf,

    /// <summary>As many code points of the class as there are; fewer on failure.</summary>
    Greedy,

    /// <summary>As many code points of the class as there are, for good.</summary>
    Possessive,

    /// <summary>The next instruction; the target on failure.</summary>
    Split,

    /// <summary>The target.</summary>
    Jump,

    /// <summary>What follows up to its Match must match here; go on at the target, having taken nothing.</summary>
    Look,

    /// <summary>What follows up to its Match must not match here; go on at the target.</summary>
    NotLook,

    /// <summary>What follows up to its Match, for good; go on at the target.</summary>
    Atomic,

    /// <summary>What follows up to its Match must match so many code points before here; go on at the target, having taken nothing.</summary>
    LookBehind,

    /// <summary>What follows up to its Match must not match so many code points before here; go on at the target.</summary>
    NotLookBehind,

    /// <summary>Only at the start of a line.</summary>
    LineStart,

    /// <summary>Only at the end of a line.</summary>
    LineEnd,

    /// <summary>Only at the start of the text.</summary>
    TextStart,

    /// <summary>Only at the end of the text.</summary>
    TextEnd,

    /// <summary>Only at the end of the text, or before the line feed there.</summary>
    LastLineEnd,

    /// <summary>Only where a word begins or ends.</summary>
    WordBorder,

    /// <summary>Only where no word begins or ends.</summary>
    NoWordBorder,

    /// <summary>The program, or the part of it that a Look or Atomic began, has matched.</summary>
    Match,
}

/// <summary>One step of a pattern's program.</summary>
internal struct PatternInstruction(PatternOperation operation, CodePoints? @class = null, int least = 0, int most = 0)
{
    public readonly PatternOperation Operation = operation;

    /// <summary>For OneOf, Greedy and Possessive.</summary>
    public readonly CodePoints? Class = @class;

    /// <summary>How many code points a run takes at least, or a LookBehind goes back.</summary>
    public readonly int Least = least;

    /// <summary>How many code points a run takes at most.</summary>
    public readonly int Most = most;

    /// <summary>Where else to go.</summary>
    public int Target = -1;

    /// <summary>For Split: the bytes that the next instruction's way can begin with; null: it may match nothing.</summary>
    public bool[]? First;
}

/// <summary>Turns the tree of a pattern into a program for <see cref="Pattern.Matcher"/>.</summary>
internal sealed class PatternCompiler
{
    private const int LongestProgram = 4_000;

    private readonly List<PatternInstruction> _program = [];

    /// <summary>The program of <paramref name="tree"/>.</summary>
    /// <exception cref="FormatException">It would be too long.</exception>
    public static PatternInstruction[] Compile(PatternNode tree)
    {
        var compiler = new PatternCompiler();
        compiler.Emit(tree);
        compiler.Emit(new PatternInstruction(PatternOperation.Match));
        PatternInstruction[] program = [.. compiler._program];
        for (int at = 0; at < program.Length; at++)
        {
            if (program[at].Operation == PatternOperation.Split)
                program[at].First = FirstBytes(program, at + 1);
        }

        return program;
    }

    private int Emit(PatternInstruction instruction)
    {
        if (_program.Count >= LongestProgram)
            throw new FormatException("repetitions that multiply to a program of more than 4,000 steps");

        _program.Add(instruction);
        return _program.Count - 1;
    }

    private void Emit(PatternNode node)
    {
        switch (node)
        {
            case PatternNode.OneOf one:
                Emit(new PatternInstruction(PatternOperation.OneOf, one.Class));
                break;
            case PatternNode.Sequence sequence:
                foreach (var part in sequence.Parts)
                    Emit(part);

                break;
            case PatternNode.Choice choice:
                EmitChoice(choice);
                break;
            case PatternNode.Repeat { Part: PatternNode.OneOf one, Greed: not Greed.Lazy } repeat:
                Emit(new PatternInstruction(repeat.Greed == Greed.Possessive ? PatternOperation.Possessive : PatternOperation.Greedy, one.Class, repeat.Least, repeat.Most));
                break;
            case PatternNode.Repeat { Greed: Greed.Possessive } repeat:
                EmitEnclosed(new PatternInstruction(PatternOperation.Atomic), repeat with { Greed = Greed.Greedy });
                break;
            case PatternNode.Repeat repeat:
                EmitRepeat(repeat);
                break;
            case PatternNode.Look look:
                EmitEnclosed(new PatternInstruction(look.Negative ? PatternOperation.NotLook : PatternOperation.Look), look.Part);
                break;
            case PatternNode.LookBehind look:
                EmitEnclosed(new PatternInstruction(look.Negative ? PatternOperation.NotLookBehind : PatternOperation.LookBehind, least: look.Length), look.Part);
                break;
            case PatternNode.Place place:
                Emit(new PatternInstruction(place.Kind));
                break;
        }
    }

    private void EmitChoice(PatternNode.Choice choice)
    {
        var exits = new List<int>();
        for (int i = 0; i < choice.Alternatives.Length - 1; i++)
        {
            int split = Emit(new PatternInstruction(PatternOperation.Split));
            Emit(choice.Alternatives[i]);
            exits.Add(Emit(new PatternInstruction(PatternOperation.Jump)));
            Aim(split);
        }

        Emit(choice.Alternatives[^1]);
        exits.ForEach(Aim);
    }

    private void EmitRepeat(PatternNode.Repeat repeat)
    {
        for (int i = 0; i < repeat.Least; i++)
            Emit(repeat.Part);

        if (repeat.Most == int.MaxValue)
        {
            int again = _program.Count;
            int exit = EmitExit(repeat.Greed);
            Emit(repeat.Part);
            int jump = Emit(new PatternInstruction(PatternOperation.Jump));
            CollectionsMarshal.AsSpan(_program)[jump].Target = again;
            Aim(exit);
            return;
        }

        var exits = new List<int>();
        for (int i = repeat.Least; i < repeat.Most; i++)
        {
            exits.Add(EmitExit(repeat.Greed));
            Emit(repeat.Part);
        }

        exits.ForEach(Aim);
    }

    /// <summary>The choice between another turn, which follows, and leaving: gives the instruction to aim at the way out.</summary>
    private int EmitExit(Greed greed)
    {
        int split = Emit(new PatternInstruction(PatternOperation.Split));
        if (greed != Greed.Lazy)
            return split;

        int exit = Emit(new PatternInstruction(PatternOperation.Jump));
        Aim(split);
        return exit;
    }

    private void EmitEnclosed(PatternInstruction instruction, PatternNode part)
    {
        int opening = Emit(instruction);
        Emit(part);
        Emit(new PatternInstruction(PatternOperation.Match));
        Aim(opening);
    }

    /// <summary>Makes the next instruction the target of <paramref name="instruction"/>.</summary>
    private void Aim(int instruction) => CollectionsMarshal.AsSpan(_program)[instruction].Target = _program.Count;

    /// <summary>The bytes that a match from <paramref name="start"/> can begin with; null when it may take nothing.</summary>
    public static bool[]? FirstBytes(PatternInstruction[] program, int start)
    {
        UInt128 ascii = 0, leads = 0;
        var seen = new HashSet<int>();
        var open = new Stack<int>([start]);
        while (open.TryPop(out int at))
        {
            if (!seen.Add(at))
                continue;

            ref readonly var instruction = ref program[at];
            switch (instruction.Operation)
            {
                case PatternOperation.Match:
                    return null;
                case PatternOperation.OneOf or PatternOperation.Greedy or PatternOperation.Possessive:
                    var first = instruction.Class!.FirstBytes;
                    ascii |= first.Ascii;
                    leads |= first.Leads;
                    if (instruction.Operation != PatternOperation.OneOf && instruction.Least == 0)
                        open.Push(at + 1);

                    break;
                case PatternOperation.Split:
                    open.Push(at + 1);
                    open.Push(instruction.Target);
                    break;
                case PatternOperation.Atomic:
                    // Its own Match would look like the whole's.
                    return null;
                case PatternOperation.Jump or PatternOperation.Look or PatternOperation.NotLook or PatternOperation.LookBehind or PatternOperation.NotLookBehind:
                    open.Push(instruction.Target);
                    break;
                default:
                    open.Push(at + 1);
                    break;
            }
        }

        return [.. Enumerable.Range(0, 256).Select(value => (((value < 0x80 ? ascii : leads) >> (value & 0x7F)) & 1) != 0)];
    }
}
