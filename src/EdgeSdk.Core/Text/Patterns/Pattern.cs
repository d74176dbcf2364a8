namespace EdgeSdk.Text;

/// <summary>
/// A regular expression over UTF-8, matched by code point: backtracking over a small program, with the alternatives' first bytes known, so that the patterns of
/// tokenizers run in linear time. A pattern that does not is stopped. Immutable; a <see cref="Matcher"/> does the searching.
/// </summary>
internal sealed class Pattern
{
    private readonly string _source;
    private readonly PatternInstruction[] _program;
    private readonly bool[]? _firstBytes;

    private Pattern(string source, PatternNode tree)
    {
        _source = source;
        _program = PatternCompiler.Compile(tree);
        _firstBytes = PatternCompiler.FirstBytes(_program, 0);
    }

    /// <summary>Reads a pattern.</summary>
    /// <exception cref="FormatException">Its syntax is wrong or not supported; the message says what and where.</exception>
    public static Pattern Parse(string source) => new(source, PatternParser.Parse(source));

    /// <summary>A pattern that matches <paramref name="text"/> itself.</summary>
    public static Pattern Literal(string text) =>
        new(text, new PatternNode.Sequence([.. text.EnumerateRunes().Select(r => new PatternNode.OneOf(CodePoints.Of(r.Value)))]));

    /// <summary>Finds the matches of a pattern in one text after another. One thread at a time.</summary>
    internal sealed class Matcher(Pattern pattern)
    {
        private readonly PatternInstruction[] _program = pattern._program;
        private Frame[] _frames = new Frame[32];
        private int _count;
        private TextBudget _budget = null!;
        private long _steps;
        private int _from;
        private int _lastEnd;

        /// <summary>Where to go on after a failure: at Position, or, for a greedy run, one code point before it, not before Least.</summary>
        private readonly record struct Frame(int Instruction, int Position, int Least);

        /// <summary>Begins a text, which takes its steps from <paramref name="budget"/>.</summary>
        public void Start(TextBudget budget)
        {
            _from = _count = 0;
            _lastEnd = -1;
            _budget = budget;
            _steps = budget.Steps;
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

            _budget.Steps = _steps;
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
                    case PatternOperation.OneOf:
                        ok = position < text.Length && instruction.Class!.Contains(Utf8Text.CodePointAt(text, position, out int length)) && Advance(ref position, length);
                        at++;
                        break;
                    case PatternOperation.Greedy or PatternOperation.Possessive:
                        ok = TakeRun(text, in instruction, at, ref position);
                        at++;
                        break;
                    case PatternOperation.Split:
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
                    case PatternOperation.Jump:
                        at = instruction.Target;
                        continue;
                    case PatternOperation.Look:
                        ok = Run(text, at + 1, position) >= 0;
                        at = instruction.Target;
                        break;
                    case PatternOperation.NotLook:
                        ok = Run(text, at + 1, position) < 0;
                        at = instruction.Target;
                        break;
                    case PatternOperation.Atomic:
                        int inner = Run(text, at + 1, position);
                        ok = inner >= 0;
                        position = inner;
                        at = instruction.Target;
                        break;
                    case PatternOperation.LookBehind or PatternOperation.NotLookBehind:
                        int before = Back(text, position, instruction.Least);
                        ok = (before >= 0 && Run(text, at + 1, before) >= 0) == (instruction.Operation == PatternOperation.LookBehind);
                        at = instruction.Target;
                        break;
                    case PatternOperation.Match:
                        _count = floor;
                        return position;
                    default:
                        ok = IsPlace(text, position, instruction.Operation);
                        at++;
                        break;
                }

                if (!ok && !TryGoBack(text, floor, ref at, ref position))
                    return -1;
            }
        }

        private static bool IsPlace(ReadOnlySpan<byte> text, int position, PatternOperation place) => place switch
        {
            PatternOperation.LineStart => position == 0 || (text[position - 1] == '\n' && position < text.Length),
            PatternOperation.LineEnd => position == text.Length || text[position] == '\n',
            PatternOperation.TextStart => position == 0,
            PatternOperation.TextEnd => position == text.Length,
            PatternOperation.LastLineEnd => position == text.Length || (position == text.Length - 1 && text[position] == '\n'),
            PatternOperation.WordBorder => IsWordBorder(text, position),
            _ => !IsWordBorder(text, position),
        };

        private static bool IsWordBorder(ReadOnlySpan<byte> text, int position)
        {
            bool before = position > 0 && NamedClasses.WordAlone.Contains(Utf8Text.CodePointAt(text, Utf8Text.Before(text, position), out _));
            bool after = position < text.Length && NamedClasses.WordAlone.Contains(Utf8Text.CodePointAt(text, position, out _));
            return before != after;
        }

        /// <summary>Where <paramref name="count"/> code points before <paramref name="position"/> is; -1: before the start.</summary>
        private static int Back(ReadOnlySpan<byte> text, int position, int count)
        {
            for (; count > 0 && position > 0; count--)
                position = Utf8Text.Before(text, position);

            return count == 0 ? position : -1;
        }

        private bool TakeRun(ReadOnlySpan<byte> text, in PatternInstruction instruction, int at, ref int position)
        {
            int taken = 0, least = position, start = position;
            while (taken < instruction.Most && position < text.Length && instruction.Class!.Contains(Utf8Text.CodePointAt(text, position, out int length)))
            {
                position += length;
                if (++taken == instruction.Least)
                    least = position;
            }

            Spend(position - start);
            if (taken < instruction.Least)
                return false;

            if (position > least && instruction.Operation == PatternOperation.Greedy)
                Push(new Frame(at + 1, position, least));

            return true;
        }

        private bool TryGoBack(ReadOnlySpan<byte> text, int floor, ref int at, ref int position)
        {
            if (_count == floor)
                return false;

            var frame = _frames[--_count];
            at = frame.Instruction;
            position = frame.Position;
            if (frame.Least < 0)
                return true;

            position = Utf8Text.Before(text, position);
            if (position > frame.Least)
                Push(frame with { Position = position });

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
                Array.Resize(ref _frames, _count * 2);

            _frames[_count++] = frame;
        }

        private void Spend(int steps)
        {
            if ((_steps -= steps) < 0)
            {
                throw new EdgeException(
                    EdgeErrorCode.InvalidModel,
                    $"The tokenizer's pattern {JsonField.Shorten(pattern._source)} takes too many steps on this text. Use a pattern without nested repetitions.");
            }
        }
    }
}
