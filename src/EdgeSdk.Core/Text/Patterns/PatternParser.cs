using System.Collections.Immutable;
using System.Text;

namespace EdgeSdk.Text;

/// <summary>The syntax tree of a <see cref="Pattern"/>.</summary>
internal abstract record PatternNode
{
    public sealed record OneOf(CodePoints Class) : PatternNode;

    public sealed record Sequence(ImmutableArray<PatternNode> Parts) : PatternNode;

    public sealed record Choice(ImmutableArray<PatternNode> Alternatives) : PatternNode;

    public sealed record Repeat(PatternNode Part, int Least, int Most, Greed Greed) : PatternNode;

    public sealed record Look(PatternNode Part, bool Negative) : PatternNode;

    /// <summary>What stands before, of a fixed length in code points.</summary>
    public sealed record LookBehind(PatternNode Part, int Length, bool Negative) : PatternNode;

    /// <summary>A place in the text: a line's start, a word's border.</summary>
    public sealed record Place(PatternOperation Kind) : PatternNode;

    /// <summary>How many code points the node takes; null where that differs.</summary>
    public int? FixedLength => this switch
    {
        OneOf => 1,
        Sequence sequence => sequence.Parts.Aggregate((int?)0, (sum, p) => sum + p.FixedLength),
        Choice choice => choice.Alternatives.Select(a => a.FixedLength).Distinct().ToArray() is [var length] ? length : null,
        Repeat repeat => repeat.Least == repeat.Most ? repeat.Least * repeat.Part.FixedLength : null,
        _ => 0,
    };

    /// <summary>Whether the node can match without taking a code point.</summary>
    public bool CanBeEmpty => this switch
    {
        OneOf => false,
        Sequence sequence => sequence.Parts.All(p => p.CanBeEmpty),
        Choice choice => choice.Alternatives.Any(a => a.CanBeEmpty),
        Repeat repeat => repeat.Least == 0 || repeat.Part.CanBeEmpty,
        _ => true,
    };
}

/// <summary>How much a repetition takes.</summary>
internal enum Greed
{
    /// <summary>As much as it can, less on failure.</summary>
    Greedy,

    /// <summary>As little as it can, more on failure.</summary>
    Lazy,

    /// <summary>As much as it can, for good.</summary>
    Possessive,
}

/// <summary>
/// Reads the regular expressions that tokenizers use, in Oniguruma's Ruby syntax, which the reference implementation matches with: literals, escapes, classes (within
/// classes, <c>&amp;&amp;</c>), <c>\p{..}</c> of categories and scripts, <c>\s</c>, <c>\d</c>, <c>\w</c>, <c>\h</c>, groups, <c>(?i:..)</c>, <c>(?m:..)</c>, lookahead, lookbehind of a fixed
/// length, greedy, lazy and possessive quantifiers, <c>^</c> and <c>$</c> at lines, <c>\b</c>, <c>\A</c>, <c>\z</c>.
/// </summary>
/// <exception cref="FormatException">Anything else; the message names it and its place.</exception>
internal sealed class PatternParser
{
    private const int DeepestGroup = 50;
    private const int MostRepeats = 1000;

    private readonly int[] _source;
    private int _at;
    private int _depth;
    private bool _ignoreCase;
    private bool _dotTakesLineFeed;

    private PatternParser(string source) => _source = [.. source.EnumerateRunes().Select(r => r.Value)];

    public static PatternNode Parse(string source)
    {
        var parser = new PatternParser(source);
        var node = parser.ParseChoice();
        return parser._at == parser._source.Length ? node : throw Refuse("an unmatched ')'", parser._at);
    }

    private PatternNode ParseChoice()
    {
        if (++_depth > DeepestGroup)
            throw Refuse($"groups nested deeper than {DeepestGroup}", _at);

        var alternatives = ImmutableArray.CreateBuilder<PatternNode>();
        do
        {
            alternatives.Add(ParseSequence());
        }
        while (Take('|'));
        _depth--;
        return alternatives.Count == 1 ? alternatives[0] : new PatternNode.Choice(alternatives.ToImmutable());
    }

    private PatternNode ParseSequence()
    {
        var parts = ImmutableArray.CreateBuilder<PatternNode>();
        while (_at < _source.Length && _source[_at] is not ('|' or ')'))
            parts.Add(ParseQuantified());

        return parts.Count == 1 ? parts[0] : new PatternNode.Sequence(parts.ToImmutable());
    }

    private PatternNode ParseQuantified()
    {
        var part = ParseAtom();
        int place = _at;
        if (!TryParseQuantifier(out int least, out int most, out bool isInterval))
            return part;

        // In Ruby's syntax '+' does not make an interval possessive: it repeats it.
        var greed = Take('?') ? Greed.Lazy : !isInterval && Take('+') ? Greed.Possessive : Greed.Greedy;
        var repeat = Repeat(part, least, most, greed, place);
        if (isInterval && Take('+'))
            repeat = Repeat(repeat, 1, int.MaxValue, Greed.Greedy, place);

        return Peek() is '*' or '+' or '?' ? throw Refuse("a quantifier upon a quantifier", place) : repeat;
    }

    private static PatternNode.Repeat Repeat(PatternNode part, int least, int most, Greed greed, int place) => part is not PatternNode.OneOf && most > 1 && part.CanBeEmpty
        ? throw Refuse("a repeated group that can be empty", place)
        : new PatternNode.Repeat(part, least, most, greed);

    private bool TryParseQuantifier(out int least, out int most, out bool isInterval)
    {
        (least, most, isInterval) = Peek() switch
        {
            '*' => (0, int.MaxValue, false),
            '+' => (1, int.MaxValue, false),
            '?' => (0, 1, false),
            '{' => (0, 0, true),
            _ => (-1, -1, false),
        };
        if (least < 0)
            return false;

        int place = _at++;
        if (!isInterval)
            return true;

        int? first = ParseNumber();
        bool comma = Take(',');
        int? second = comma ? ParseNumber() : first;
        if (!Take('}') || (first is null && second is null))
            throw Refuse("'{' that does not open a quantifier (write \\{ for the character)", place);

        (least, most) = (first ?? 0, second ?? int.MaxValue);
        return least <= most ? true : throw Refuse("a quantifier whose least exceeds its most", place);
    }

    private int? ParseNumber()
    {
        int? number = null;
        while (_at < _source.Length && _source[_at] is >= '0' and <= '9')
        {
            number = (number ?? 0) * 10 + (_source[_at++] - '0');
            if (number > MostRepeats)
                throw Refuse($"a count over {MostRepeats}", _at);
        }

        return number;
    }

    private PatternNode ParseAtom()
    {
        int place = _at;
        int symbol = _source[_at++];
        switch (symbol)
        {
            case '(':
                return ParseGroup(place);
            case '[':
                return new PatternNode.OneOf(ParseClass(place, isWhole: true));
            case '.':
                return new PatternNode.OneOf(_dotTakesLineFeed ? CodePoints.All : NotLineFeed);
            case '^':
                return new PatternNode.Place(PatternOperation.LineStart);
            case '$':
                return new PatternNode.Place(PatternOperation.LineEnd);
            case '\\' when PlaceOf(Peek()) is { } kind:
                _at++;
                return new PatternNode.Place(kind);
            case '\\' when Take('R'):
                return LineBreak;
            case '\\':
                var set = new ClassBuilder();
                return new PatternNode.OneOf(ParseEscape(set) is { } escaped ? Literal(escaped) : set.Build());
            case '*' or '+' or '?' or '{':
                throw Refuse("a quantifier with nothing before it", place);
            default:
                return new PatternNode.OneOf(Literal(symbol));
        }
    }

    /// <summary><c>\R</c>: a carriage return and a line feed are one line break, for good.</summary>
    private static PatternNode LineBreak { get; } = new PatternNode.Repeat(
        new PatternNode.Choice(
        [
            new PatternNode.Sequence([new PatternNode.OneOf(CodePoints.Of('\r')), new PatternNode.OneOf(CodePoints.Of('\n'))]),
            new PatternNode.OneOf(CodePoints.OfBounds('\n', '\r', 0x85, 0x85, 0x2028, 0x2029)),
        ]),
        1,
        1,
        Greed.Possessive);

    private static CodePoints NotLineFeed { get; } = CodePoints.Of('\n').Not();

    private CodePoints Literal(int codePoint)
    {
        var single = CodePoints.Of(codePoint);
        return _ignoreCase ? CaseFolding.Close(single) : single;
    }

    private PatternNode ParseGroup(int place)
    {
        var outer = (_ignoreCase, _dotTakesLineFeed);
        bool isRest = false;
        Func<PatternNode, PatternNode> kind = Take('?') ? ParseGroupKind(place, out isRest) : static inner => inner;
        var group = kind(ParseChoice());

        // (?i) holds to the end of the group around it, whose ')' is not taken here.
        if (!isRest && !Take(')'))
            throw Refuse("a '(' without its ')'", place);

        (_ignoreCase, _dotTakesLineFeed) = outer;
        return group;
    }

    /// <summary>What stands between <c>(?</c> and the group's content: gives what becomes of the content.</summary>
    private Func<PatternNode, PatternNode> ParseGroupKind(int place, out bool isRest)
    {
        isRest = false;
        if (Take('>'))
            return static inner => new PatternNode.Repeat(inner, 1, 1, Greed.Possessive);

        if (Peek() is '=' or '!')
        {
            bool negative = _source[_at++] == '!';
            return inner => new PatternNode.Look(inner, negative);
        }

        if (!Take('<'))
        {
            isRest = ParseOptions(place);
            return static inner => inner;
        }

        if (Peek() is '=' or '!')
        {
            bool negative = _source[_at++] == '!';
            return inner => LookBehind(inner, negative, place);
        }

        while (_at < _source.Length && _source[_at] != '>')
            _at++;

        return Take('>') ? static inner => inner : throw Refuse("a group's name without its '>'", place);
    }

    /// <summary><c>i-m:</c> for a group, or <c>i)</c> for the rest of the group around it, which it tells.</summary>
    private bool ParseOptions(int place)
    {
        for (bool on = true; ; _at++)
        {
            switch (Peek())
            {
                case 'i':
                    _ignoreCase = on;
                    break;
                case 'm':
                    _dotTakesLineFeed = on;
                    break;
                case '-':
                    on = false;
                    break;
                case ':' or ')':
                    return _source[_at++] == ')';
                default:
                    throw Refuse("a group of a kind other than (?:, (?i:, (?m:, (?>, (?=, (?!, (?<=, (?<! and (?<name>", place);
            }
        }
    }

    /// <summary>Each alternative may have a length of its own.</summary>
    private static PatternNode LookBehind(PatternNode inner, bool negative, int place)
    {
        ImmutableArray<PatternNode> alternatives = inner is PatternNode.Choice choice ? choice.Alternatives : [inner];
        ImmutableArray<PatternNode> looks =
        [
            .. alternatives.Select(a => new PatternNode.LookBehind(a, a.FixedLength ?? throw Refuse("a lookbehind of no fixed length", place), negative)),
        ];
        return looks.Length == 1 ? looks[0] : negative ? new PatternNode.Sequence(looks) : new PatternNode.Choice(looks);
    }

    private static PatternOperation? PlaceOf(int symbol) => symbol switch
    {
        'b' => PatternOperation.WordBorder,
        'B' => PatternOperation.NoWordBorder,
        'A' => PatternOperation.TextStart,
        'z' => PatternOperation.TextEnd,
        'Z' => PatternOperation.LastLineEnd,
        _ => null,
    };

    /// <param name="place">Where it begins.</param>
    /// <param name="isWhole">It is not within another: where case is ignored the whole class takes the other cases in, before it is negated.</param>
    private CodePoints ParseClass(int place, bool isWhole = false)
    {
        if (++_depth > DeepestGroup)
            throw Refuse($"groups nested deeper than {DeepestGroup}", place);

        bool negated = Take('^');
        var set = new ClassBuilder();
        CodePoints? others = null;
        do
        {
            if (_at >= _source.Length)
                throw Refuse("a '[' without its ']'", place);

            int itemPlace = _at;
            if (Peek() == '&' && _at + 1 < _source.Length && _source[_at + 1] == '&')
            {
                _at += 2;
                others = set.Build(others);
                set = new ClassBuilder();
                continue;
            }

            int? first = ParseClassItem(set);
            if (first is null)
                continue;

            int last = first.Value;
            if (Peek() == '-' && _at + 1 < _source.Length && _source[_at + 1] != ']')
            {
                _at++;
                last = ParseClassItem(set) ?? throw Refuse("a range that ends in a class", itemPlace);
            }

            set.Ranges.Add(first <= last ? (first.Value, last) : throw Refuse("a range whose end lies before its start", itemPlace));
        }
        while (!Take(']'));
        _depth--;
        var members = isWhole && _ignoreCase ? CaseFolding.Close(set.Build(others)) : set.Build(others);
        return negated ? members.Not() : members;
    }

    /// <summary>A single code point, or null when a whole class (<c>\s</c>) was added.</summary>
    private int? ParseClassItem(ClassBuilder set)
    {
        int place = _at;
        int symbol = _source[_at++];
        if (symbol == '[' && Take(':'))
        {
            set.Add(ParseNamedClass(place));
            return null;
        }

        if (symbol == '[')
        {
            set.Add(ParseClass(place));
            return null;
        }

        return symbol == '\\' ? ParseEscape(set, inClass: true) : symbol;
    }

    /// <summary><c>[:alpha:]</c>, <c>[:^alpha:]</c>.</summary>
    private CodePoints ParseNamedClass(int place)
    {
        bool negated = Take('^');
        string name = ParseName(':', place);
        var named = Take(']') ? NamedClasses.Bracket(name) : null;
        return named is null ? throw Refuse($"the class [:{name}:]", place) : negated ? named.Not() : named;
    }

    /// <summary>A single code point, or null when a whole class (<c>\s</c>) was added.</summary>
    private int? ParseEscape(ClassBuilder set, bool inClass = false)
    {
        int place = _at - 1;
        if (_at >= _source.Length)
            throw Refuse("a '\\' at the end", place);

        int symbol = _source[_at++];
        switch (symbol)
        {
            case 's':
                set.Add(CodePoints.WhiteSpace);
                return null;
            case 'S':
                set.Add(CodePoints.WhiteSpace.Not());
                return null;
            case 'd':
                set.Add(NamedClasses.Digits);
                return null;
            case 'D':
                set.Add(NamedClasses.Digits.Not());
                return null;
            case 'w':
                set.Add(inClass ? NamedClasses.Word : NamedClasses.WordAlone);
                return null;
            case 'W':
                set.Add((inClass ? NamedClasses.Word : NamedClasses.WordAlone).Not());
                return null;
            case 'N' or 'O' when !inClass:
                set.Add(symbol == 'N' ? NotLineFeed : CodePoints.All);
                return null;
            case 'h':
                set.Add(NamedClasses.HexDigits);
                return null;
            case 'H':
                set.Add(NamedClasses.HexDigits.Not());
                return null;
            case 'p' or 'P':
                set.Add(ParseProperty(symbol == 'P', inClass, place));
                return null;
        }

        return symbol switch
        {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'f' => '\f',
            'v' => '\v',
            'a' => '\a',
            'e' => '\e',
            'b' when inClass => '\b',
            'x' => ParseHex(place, 2),
            'u' => ParseHex(place, 4),
            _ when symbol < 128 && char.IsAsciiLetterOrDigit((char)symbol) => throw Refuse($"the escape \\{(char)symbol}", place),
            _ => symbol,
        };
    }

    private CodePoints ParseProperty(bool negated, bool inClass, int place)
    {
        if (!Take('{'))
            throw Refuse("\\p without a name in braces", place);

        negated ^= Take('^');
        string name = ParseName('}', place);
        var property = NamedClasses.Property(name, inClass)
            ?? throw Refuse($"the property \\p{{{name}}} (general categories, scripts and the like of Alpha, Punct and Word are known)", place);
        return negated ? property.Not() : property;
    }

    /// <summary>The text up to <paramref name="end"/>, which is taken too.</summary>
    private string ParseName(char end, int place)
    {
        var name = new StringBuilder();
        while (_at < _source.Length && _source[_at] != end)
            name.Append(new Rune(_source[_at++]));

        return Take(end) ? name.ToString() : throw Refuse($"a name without its '{end}'", place);
    }

    private int ParseHex(int place, int digits)
    {
        bool braces = digits == 2 && Take('{');
        int value = 0, count = 0;
        while (_at < _source.Length && count < (braces ? 6 : digits) && _source[_at] < 128 && char.IsAsciiHexDigit((char)_source[_at]))
        {
            value = value * 16 + Convert.ToInt32(((char)_source[_at++]).ToString(), 16);
            count++;
        }

        bool complete = braces ? count > 0 && Take('}') : count == digits;
        return complete && Rune.IsValid(value) ? value : throw Refuse("a hexadecimal escape that names no code point", place);
    }

    private int Peek() => _at < _source.Length ? _source[_at] : -1;

    private bool Take(char symbol)
    {
        if (Peek() != symbol)
            return false;

        _at++;
        return true;
    }

    private static FormatException Refuse(string what, int place) => new($"{what}, at character {place + 1}");

    private sealed class ClassBuilder
    {
        public List<(int Low, int High)> Ranges { get; } = [];

        /// <param name="others">Only what is in this one too.</param>
        public CodePoints Build(CodePoints? others = null) => others is null ? CodePoints.Of(Ranges) : CodePoints.Of(Ranges).And(others);

        /// <summary>Adds all of another set.</summary>
        public void Add(CodePoints other) => Ranges.AddRange(other.Ranges);
    }
}
