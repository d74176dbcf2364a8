using System.Collections.Immutable;
using System.Globalization;
using System.Text;

namespace EdgeSdk.Text;

/// <summary>The syntax tree of a <see cref="Pattern"/>.</summary>
internal abstract record PatternNode
{
    public sealed record OneOf(CodePointClass Class) : PatternNode;

    public sealed record Sequence(ImmutableArray<PatternNode> Parts) : PatternNode;

    public sealed record Choice(ImmutableArray<PatternNode> Alternatives) : PatternNode;

    public sealed record Repeat(PatternNode Part, int Least, int Most, bool Possessive) : PatternNode;

    public sealed record Look(PatternNode Part, bool Negative) : PatternNode;

    public sealed record LineStart : PatternNode;

    public sealed record LineEnd : PatternNode;

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

/// <summary>
/// Reads the regular expressions that tokenizers use, in Oniguruma's Ruby syntax, which the reference implementation matches with: literals, escapes, classes,
/// <c>\p{..}</c>, <c>\s</c>, <c>\d</c>, groups, <c>(?i:..)</c>, <c>(?=..)</c>, <c>(?!..)</c>, greedy and possessive quantifiers, <c>^</c> and <c>$</c> at lines.
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
        {
            throw Refuse($"groups nested deeper than {DeepestGroup}", _at);
        }

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
        {
            parts.Add(ParseQuantified());
        }

        return parts.Count == 1 ? parts[0] : new PatternNode.Sequence(parts.ToImmutable());
    }

    private PatternNode ParseQuantified()
    {
        var part = ParseAtom();
        int place = _at;
        if (!TryParseQuantifier(out int least, out int most, out bool isInterval))
        {
            return part;
        }

        if (Peek() == '?')
        {
            throw Refuse("a lazy quantifier", _at);
        }

        // An interval followed by '+' is not possessive in Ruby's syntax but a repeated repetition; nobody means that.
        bool possessive = Take('+');
        if (Peek() is '*' or '+' or '?' || (possessive && isInterval))
        {
            throw Refuse("a quantifier upon a quantifier", place);
        }

        if (part is not PatternNode.OneOf && most > 1 && part.CanBeEmpty)
        {
            throw Refuse("a repeated group that can be empty", place);
        }

        return new PatternNode.Repeat(part, least, most, possessive);
    }

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
        {
            return false;
        }

        int place = _at++;
        if (!isInterval)
        {
            return true;
        }

        int? first = ParseNumber();
        bool comma = Take(',');
        int? second = comma ? ParseNumber() : first;
        if (!Take('}') || (first is null && second is null))
        {
            throw Refuse("'{' that does not open a quantifier (write \\{ for the character)", place);
        }

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
            {
                throw Refuse($"a count over {MostRepeats}", _at);
            }
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
                return new PatternNode.OneOf(ParseClass(place));
            case '.':
                return new PatternNode.OneOf(new CodePointClass(0, [('\n', '\n')], negated: true));
            case '^':
                return new PatternNode.LineStart();
            case '$':
                return new PatternNode.LineEnd();
            case '\\':
                var set = new ClassBuilder();
                ParseEscape(set);
                return new PatternNode.OneOf(set.Build(negated: false));
            case '*' or '+' or '?' or '{':
                throw Refuse("a quantifier with nothing before it", place);
            default:
                var literal = new ClassBuilder();
                AddRange(literal, symbol, symbol, place);
                return new PatternNode.OneOf(literal.Build(negated: false));
        }
    }

    private PatternNode ParseGroup(int place)
    {
        bool outer = _ignoreCase;
        bool look = false, negative = false, atomic = false;
        if (Take('?'))
        {
            if (Take('i'))
            {
                _ignoreCase = Take(':') ? true : throw Refuse("an option without a group of its own (write (?i:...))", place);
            }
            else if (Take('>'))
            {
                atomic = true;
            }
            else if (Peek() is '=' or '!')
            {
                look = true;
                negative = _source[_at++] == '!';
            }
            else if (!Take(':'))
            {
                throw Refuse("a group of a kind other than (?:, (?i:, (?>, (?= and (?!", place);
            }
        }

        var inner = ParseChoice();
        if (!Take(')'))
        {
            throw Refuse("a '(' without its ')'", place);
        }

        _ignoreCase = outer;
        return look ? new PatternNode.Look(inner, negative) : atomic ? new PatternNode.Repeat(inner, 1, 1, Possessive: true) : inner;
    }

    private CodePointClass ParseClass(int place)
    {
        bool negated = Take('^');
        var set = new ClassBuilder();
        do
        {
            if (_at >= _source.Length)
            {
                throw Refuse("a '[' without its ']'", place);
            }

            int itemPlace = _at;
            int? first = ParseClassItem(set);
            if (first is null)
            {
                continue;
            }

            int last = first.Value;
            if (Peek() == '-' && _at + 1 < _source.Length && _source[_at + 1] != ']')
            {
                _at++;
                last = ParseClassItem(set) ?? throw Refuse("a range that ends in a class", itemPlace);
            }

            AddRange(set, first.Value, last, itemPlace);
        }
        while (!Take(']'));
        return set.Build(negated);
    }

    /// <summary>A single code point, or null when a whole class (<c>\s</c>) was added.</summary>
    private int? ParseClassItem(ClassBuilder set)
    {
        int place = _at;
        int symbol = _source[_at++];
        if (symbol == '[' || (symbol == '&' && Peek() == '&'))
        {
            throw Refuse("a class within a class (write \\[ for the character)", place);
        }

        return symbol == '\\' ? ParseEscape(set, inClass: true) : symbol;
    }

    private int? ParseEscape(ClassBuilder set, bool inClass = false)
    {
        int place = _at - 1;
        if (_at >= _source.Length)
        {
            throw Refuse("a '\\' at the end", place);
        }

        int symbol = _source[_at++];
        switch (symbol)
        {
            case 's':
                set.Categories |= CodePointClass.Separators;
                set.Ranges.AddRange(CodePointClass.WhiteSpaceControls);
                return null;
            case 'S':
                set.Categories |= CodePointClass.AllCategories & ~(CodePointClass.Separators | CodePointClass.Mask(UnicodeCategory.Control));
                set.Ranges.AddRange(CodePointClass.OtherControls);
                return null;
            case 'd':
                set.Categories |= CodePointClass.Mask(UnicodeCategory.DecimalDigitNumber);
                return null;
            case 'D':
                set.Categories |= CodePointClass.AllCategories & ~CodePointClass.Mask(UnicodeCategory.DecimalDigitNumber);
                return null;
            case 'p' or 'P':
                uint categories = ParseProperty(place);
                set.Categories |= symbol == 'p' ? categories : CodePointClass.AllCategories & ~categories;
                return null;
        }

        int codePoint = symbol switch
        {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'f' => '\f',
            'v' => '\v',
            'x' => ParseHex(place, 2),
            'u' => ParseHex(place, 4),
            _ when symbol < 128 && char.IsAsciiLetterOrDigit((char)symbol) => throw Refuse($"the escape \\{(char)symbol}", place),
            _ => symbol,
        };
        if (inClass)
        {
            return codePoint;
        }

        AddRange(set, codePoint, codePoint, place);
        return null;
    }

    private uint ParseProperty(int place)
    {
        if (!Take('{'))
        {
            throw Refuse("\\p without a name in braces", place);
        }

        bool negated = Take('^');
        var name = new StringBuilder();
        while (_at < _source.Length && _source[_at] != '}')
        {
            name.Append(new Rune(_source[_at++]));
        }

        uint categories = CodePointClass.CategoriesOf(name.ToString()) ?? throw Refuse($"the property \\p{{{name}}} (general categories are known: L, Lu, N, P, Zs, ...)", place);
        return Take('}') ? (negated ? CodePointClass.AllCategories & ~categories : categories) : throw Refuse("a '{' without its '}'", place);
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

    private void AddRange(ClassBuilder set, int first, int last, int place)
    {
        if (first > last)
        {
            throw Refuse("a range whose end lies before its start", place);
        }

        set.Ranges.Add((first, last));
        if (!_ignoreCase)
        {
            return;
        }

        if (last - first > MostRepeats)
        {
            throw Refuse("a range this wide where case is ignored", place);
        }

        for (int codePoint = first; codePoint <= last; codePoint++)
        {
            set.AddOtherCases(codePoint);
        }
    }

    private int Peek() => _at < _source.Length ? _source[_at] : -1;

    private bool Take(char symbol)
    {
        if (Peek() != symbol)
        {
            return false;
        }

        _at++;
        return true;
    }

    private static FormatException Refuse(string what, int place) => new($"{what}, at character {place + 1}");

    private sealed class ClassBuilder
    {
        public uint Categories { get; set; }

        public ImmutableArray<(int First, int Last)>.Builder Ranges { get; } = ImmutableArray.CreateBuilder<(int, int)>();

        public CodePointClass Build(bool negated) => new(Categories, Ranges.ToImmutable(), negated);

        /// <summary>Adds what differs from <paramref name="codePoint"/> in case alone, the three compatibility letters included that fold to ASCII or Latin-1.</summary>
        public void AddOtherCases(int codePoint)
        {
            if (!Rune.TryCreate(codePoint, out var rune))
            {
                return;
            }

            int lower = Rune.ToLowerInvariant(rune).Value, upper = Rune.ToUpperInvariant(rune).Value;
            Ranges.Add((lower, lower));
            Ranges.Add((upper, upper));
            int variant = lower switch { 's' => 0x17F, 'k' => 0x212A, 0xE5 => 0x212B, _ => -1 };
            if (variant >= 0)
            {
                Ranges.Add((variant, variant));
            }
        }
    }
}
