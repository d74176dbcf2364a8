using System.Runtime.InteropServices;

namespace EdgeSdk.Text;

/// <summary>
/// A regular expression over UTF-8, matched by code point: backtracking over a small program, with the alternatives' first bytes known, so that the patterns of
/// tokenizers run in linear time. A pattern that does not is stopped. Immutable; a <see cref="Matcher"/> does the searching.
/// </summary>
internal sealed class Pattern
{
    /// <summary>Steps that a search may take for each byte of text; known patterns take fewer than twenty.</summary>
    private const int StepsPerByte = 200;

    private const int LongestProgram = 4_000;

    private readonly List<Instruction> _building = [];
    private readonly Instruction[] _program;
    private readonly bool[]? _firstBytes;

    private Pattern(string source, PatternNode tree)
    {
        Source = source;
        Emit(tree);
        Emit(new Instruction(Operation.Match));
        _program = [.. _building];
        for (int at = 0; at < _program.Length; at++)
        {
            if (_program[at].Operation == Operation.Split)
            {
                _program[at].First = FirstBytes(at + 1);
            }
        }

        _firstBytes = FirstBytes(0);
    }

    /// <summary>The pattern's text.</summary>
    public string Source { get; }

    /// <summary>Reads a pattern.</summary>
    /// <exception cref="FormatException">Its syntax is wrong or not supported; the message says what and where.</exception>
    public static Pattern Parse(string source) => new(source, PatternParser.Parse(source));

    /// <summary>A pattern that matches <paramref name="text"/> itself.</summary>
    public static Pattern Literal(string text) =>
        new(text, new PatternNode.Sequence([.. text.EnumerateRunes().Select(r => new PatternNode.OneOf(new CodePointClass(0, [(r.Value, r.Value)], negated: false)))]));

    private enum Operation : byte
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

        LineStart,
        LineEnd,
        Match,
    }

    private struct Instruction(Operation operation, CodePointClass? @class = null, int least = 0, int most = 0)
    {
        public readonly Operation Operation = operation;
        public readonly CodePointClass? Class = @class;
        public readonly int Least = least;
        public readonly int Most = most;
        public int Target = -1;

        /// <summary>For Split: the bytes that the next instruction's way can begin with; null: it may match nothing.</summary>
        public bool[]? First;
    }

    private int Emit(Instruction instruction)
    {
        if (_building.Count >= LongestProgram)
        {
            throw new FormatException("repetitions that multiply to a program of more than 4,000 steps");
        }

        _building.Add(instruction);
        return _building.Count - 1;
    }

    private void Emit(PatternNode node)
    {
        switch (node)
        {
            case PatternNode.OneOf one:
                Emit(new Instruction(Operation.OneOf, one.Class));
                break;
            case PatternNode.Sequence sequence:
                foreach (var part in sequence.Parts)
                {
                    Emit(part);
                }

                break;
            case PatternNode.Choice choice:
                EmitChoice(choice);
                break;
            case PatternNode.Repeat { Part: PatternNode.OneOf one } repeat:
                Emit(new Instruction(repeat.Possessive ? Operation.Possessive : Operation.Greedy, one.Class, repeat.Least, repeat.Most));
                break;
            case PatternNode.Repeat { Possessive: true } repeat:
                EmitEnclosed(Operation.Atomic, repeat with { Possessive = false });
                break;
            case PatternNode.Repeat repeat:
                EmitRepeat(repeat);
                break;
            case PatternNode.Look look:
                EmitEnclosed(look.Negative ? Operation.NotLook : Operation.Look, look.Part);
                break;
            case PatternNode.LineStart:
                Emit(new Instruction(Operation.LineStart));
                break;
            case PatternNode.LineEnd:
                Emit(new Instruction(Operation.LineEnd));
                break;
        }
    }

    private void EmitChoice(PatternNode.Choice choice)
    {
        var exits = new List<int>();
        for (int i = 0; i < choice.Alternatives.Length - 1; i++)
        {
            int split = Emit(new Instruction(Operation.Split));
            Emit(choice.Alternatives[i]);
            exits.Add(Emit(new Instruction(Operation.Jump)));
            Aim(split);
        }

        Emit(choice.Alternatives[^1]);
        exits.ForEach(Aim);
    }

    private void EmitRepeat(PatternNode.Repeat repeat)
    {
        for (int i = 0; i < repeat.Least; i++)
        {
            Emit(repeat.Part);
        }

        if (repeat.Most == int.MaxValue)
        {
            int split = Emit(new Instruction(Operation.Split));
            Emit(repeat.Part);
            int jump = Emit(new Instruction(Operation.Jump));
            CollectionsMarshal.AsSpan(_building)[jump].Target = split;
            Aim(split);
            return;
        }

        var exits = new List<int>();
        for (int i = repeat.Least; i < repeat.Most; i++)
        {
            exits.Add(Emit(new Instruction(Operation.Split)));
            Emit(repeat.Part);
        }

        exits.ForEach(Aim);
    }

    private void EmitEnclosed(Operation operation, PatternNode part)
    {
        int opening = Emit(new Instruction(operation));
        Emit(part);
        Emit(new Instruction(Operation.Match));
        Aim(opening);
    }

    /// <summary>Makes the next instruction the target of <paramref name="instruction"/>.</summary>
    private void Aim(int instruction) => CollectionsMarshal.AsSpan(_building)[instruction].Target = _building.Count;

    /// <summary>The bytes that a match from <paramref name="start"/> can begin with; null when it may take nothing.</summary>
    private bool[]? FirstBytes(int start)
    {
        var bytes = new bool[256];
        var seen = new HashSet<int>();
        var open = new Stack<int>([start]);
        while (open.TryPop(out int at))
        {
            if (!seen.Add(at))
            {
                continue;
            }

            ref readonly var instruction = ref _program[at];
            switch (instruction.Operation)
            {
                case Operation.Match:
                    return null;
                case Operation.OneOf or Operation.Greedy or Operation.Possessive:
                    AddFirstBytes(instruction.Class!, bytes);
                    if (instruction.Operation != Operation.OneOf && instruction.Least == 0)
                    {
                        open.Push(at + 1);
                    }

                    break;
                case Operation.Split:
                    open.Push(at + 1);
                    open.Push(instruction.Target);
                    break;
                case Operation.Atomic:
                    // Its own Match would look like the whole's.
                    return null;
                case Operation.Jump or Operation.Look or Operation.NotLook:
                    open.Push(instruction.Target);
                    break;
                default:
                    open.Push(at + 1);
                    break;
            }
        }

        return bytes;
    }

    private static void AddFirstBytes(CodePointClass @class, bool[] bytes)
    {
        for (int value = 0; value < 256; value++)
        {
            bytes[value] |= value >= 128 || @class.Contains(value);
        }
    }

    /// <summary>Finds the matches of a pattern in one text after another. One thread at a time.</summary>
    internal sealed class Matcher(Pattern pattern)
    {
        private readonly Instruction[] _program = pattern._program;
        private Frame[] _frames = new Frame[32];
        private int _count;
        private long _steps;
        private int _from;
        private int _lastEnd;

        /// <summary>Where to go on after a failure: at Position, or, for a greedy run, one code point before it, not before Least.</summary>
        private readonly record struct Frame(int Instruction, int Position, int Least);

        /// <summary>Begins a text of <paramref name="length"/> bytes.</summary>
        public void Start(int length)
        {
            _from = _count = 0;
            _lastEnd = -1;
            _steps = 2_000 + (long)StepsPerByte * length;
        }

        /// <summary>The next match from left to right; matches do not overlap, an empty one does not follow another directly.</summary>
        public bool TryNext(ReadOnlySpan<byte> text, out int start, out int end)
        {
            while (_from <= text.Length)
            {
                start = _from;
                end = CanStart(text, start) ? Run(text, 0, start) : -1;
                if (end < 0 || (end == start && end == _lastEnd))
                {
                    _from += start < text.Length ? Utf8Text.LengthAt(text, start) : 1;
                    continue;
                }

                _from = _lastEnd = end;
                return true;
            }

            start = end = -1;
            return false;
        }

        private bool CanStart(ReadOnlySpan<byte> text, int at) => pattern._firstBytes is null || (at < text.Length && pattern._firstBytes[text[at]]);

        /// <summary>Runs the program from <paramref name="at"/> to its Match; gives the position reached, or -1.</summary>
        private int Run(ReadOnlySpan<byte> text, int at, int position)
        {
            int floor = _count;
            while (true)
            {
                Spend(1);
                ref readonly var instruction = ref _program[at];
                bool ok;
                switch (instruction.Operation)
                {
                    case Operation.OneOf:
                        ok = position < text.Length && instruction.Class!.Contains(Utf8Text.CodePointAt(text, position, out int length)) && Advance(ref position, length);
                        at++;
                        break;
                    case Operation.Greedy or Operation.Possessive:
                        ok = TakeRun(text, in instruction, at, ref position);
                        at++;
                        break;
                    case Operation.Split:
                        if (instruction.First is not null && (position >= text.Length || !instruction.First[text[position]]))
                        {
                            at = instruction.Target;
                        }
                        else
                        {
                            Push(new Frame(instruction.Target, position, -1));
                            at++;
                        }

                        continue;
                    case Operation.Jump:
                        at = instruction.Target;
                        continue;
                    case Operation.Look:
                        ok = Run(text, at + 1, position) >= 0;
                        at = instruction.Target;
                        break;
                    case Operation.NotLook:
                        ok = Run(text, at + 1, position) < 0;
                        at = instruction.Target;
                        break;
                    case Operation.Atomic:
                        int inner = Run(text, at + 1, position);
                        ok = inner >= 0;
                        position = inner;
                        at = instruction.Target;
                        break;
                    case Operation.LineStart:
                        ok = position == 0 || (text[position - 1] == '\n' && position < text.Length);
                        at++;
                        break;
                    case Operation.LineEnd:
                        ok = position == text.Length || text[position] == '\n';
                        at++;
                        break;
                    default:
                        _count = floor;
                        return position;
                }

                if (!ok && !TryGoBack(text, floor, ref at, ref position))
                {
                    return -1;
                }
            }
        }

        private bool TakeRun(ReadOnlySpan<byte> text, in Instruction instruction, int at, ref int position)
        {
            int taken = 0, least = position, start = position;
            while (taken < instruction.Most && position < text.Length && instruction.Class!.Contains(Utf8Text.CodePointAt(text, position, out int length)))
            {
                position += length;
                if (++taken == instruction.Least)
                {
                    least = position;
                }
            }

            Spend(position - start);
            if (taken < instruction.Least)
            {
                return false;
            }

            if (position > least && instruction.Operation == Operation.Greedy)
            {
                Push(new Frame(at + 1, position, least));
            }

            return true;
        }

        private bool TryGoBack(ReadOnlySpan<byte> text, int floor, ref int at, ref int position)
        {
            if (_count == floor)
            {
                return false;
            }

            var frame = _frames[--_count];
            at = frame.Instruction;
            position = frame.Position;
            if (frame.Least < 0)
            {
                return true;
            }

            position = Utf8Text.Before(text, position);
            if (position > frame.Least)
            {
                Push(frame with { Position = position });
            }

            return true;
        }

        private static bool Advance(ref int position, int length)
        {
            position += length;
            return true;
        }

        private void Push(Frame frame)
        {
            if (_count == _frames.Length)
            {
                Array.Resize(ref _frames, _count * 2);
            }

            _frames[_count++] = frame;
        }

        private void Spend(int steps)
        {
            if ((_steps -= steps) < 0)
            {
                throw new EdgeException(
                    EdgeErrorCode.InvalidModel,
                    $"The tokenizer's pattern {pattern.Source} takes more than {StepsPerByte} steps a byte on this text. Use a pattern without nested repetitions.");
            }
        }
    }
}
