using System.Text;

namespace EdgeSdk.Text.Constraints;

/// <summary>
/// Regular expressions: literals, ., classes, \d \w \s and their opposites (ASCII), \n \r \t \f \v \0 \xHH \uHHHH, groups (also named and (?:)), |, ?, *, +, {m},
/// {m,}, {m,n}, lazy or not (the language is the same), and ^ and $ at the ends of an alternative. References, look-around, \b and \p are refused by name.
/// </summary>
/// <param name="grammar">Takes the parts.</param>
/// <param name="pattern">The expression.</param>
/// <param name="encode">Reads one character of a class in the text's encoding.</param>
internal sealed class RegexParser(ByteGrammar grammar, string pattern, Func<CodePoints, Part> encode)
{
    private const int MostNesting = 64;
    private static readonly CodePoints Digits = CodePoints.Of(('0', '9'));
    private static readonly CodePoints Words = CodePoints.Of(('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z'));
    private static readonly CodePoints Spaces = CodePoints.Of((9, 13), (32, 32));
    private static readonly CodePoints NotLineFeed = CodePoints.Of('\n').Not();
    private readonly Dictionary<int, Part> _literals = [];
    private int _at;
    private int _nesting;

    /// <summary>A text that matches from its beginning to its end.</summary>
    public Part Whole() => Parse(ByteGrammar.Empty);

    /// <summary>A text with a match in it.</summary>
    public Part Anywhere() => Parse(grammar.Star(encode(CodePoints.All)));

    private Part Parse(Part around)
    {
        var parts = new List<Part>();
        do
        {
            bool begins = Take('^');
            var body = Concatenation();
            bool ends = Take('$');
            parts.Add(ByteGrammar.Sequence(begins ? ByteGrammar.Empty : around, body, ends ? ByteGrammar.Empty : around));
        }
        while (Take('|'));

        return _at == pattern.Length ? grammar.Any(parts) : throw Refuse(pattern[_at] == ')' ? "a ) without its (" : $"'{pattern[_at]}' in this place");
    }

    private Part Alternatives()
    {
        var parts = new List<Part> { Concatenation() };
        while (Take('|'))
            parts.Add(Concatenation());

        return grammar.Any(parts);
    }

    private Part Concatenation()
    {
        var parts = new List<Part>();
        while (_at < pattern.Length && pattern[_at] is not ('|' or ')') && !(pattern[_at] == '$' && _nesting == 0))
            parts.Add(Repeated());

        return ByteGrammar.Sequence([.. parts]);
    }

    private Part Repeated()
    {
        var part = Atom();
        while (_at < pattern.Length)
        {
            if (Take('*'))
                part = grammar.Star(part);
            else if (Take('+'))
                part = grammar.Repeat(part, 1, null);
            else if (Take('?'))
                part = grammar.Optional(part);
            else if (pattern[_at] == '{' && Counts() is var (least, most))
                part = grammar.Repeat(part, least, most);
            else
                break;

            Take('?');
        }

        return part;
    }

    private (int Least, int? Most) Counts()
    {
        _at++;
        int least = Number();
        int? most = least;
        if (Take(','))
            most = _at < pattern.Length && pattern[_at] == '}' ? null : Number();

        if (!Take('}') || most < least)
            throw Refuse("a count that is not {m}, {m,} or {m,n} with m up to n");

        return (least, most);
    }

    private int Number()
    {
        int start = _at, value = 0;
        while (_at < pattern.Length && char.IsAsciiDigit(pattern[_at]))
            value = Math.Min(ByteGrammar.MostCount + 1, value * 10 + (pattern[_at++] - '0'));

        return _at > start ? value : throw Refuse("a count without its number");
    }

    private Part Atom()
    {
        char c = pattern[_at];
        switch (c)
        {
            case '(':
                return Group();
            case '[':
                return encode(Class());
            case '.':
                _at++;
                return encode(NotLineFeed);
            case '\\':
                _at++;
                return encode(Escape());
            case '^' or '$' or '*' or '+' or '?' or '{':
                throw Refuse($"'{c}' in this place");
            default:
                return Literal(Point());
        }
    }

    private Part Literal(int point)
    {
        if (!_literals.TryGetValue(point, out var part))
            _literals.Add(point, part = encode(CodePoints.Of(point)));

        return part;
    }

    private Part Group()
    {
        _at++;
        if (Take('?') && !Take(':'))
        {
            Take('P');
            int end = pattern.IndexOf('>', _at);
            if (_at + 1 >= pattern.Length || pattern[_at] != '<' || pattern[_at + 1] is '=' or '!' || end < 0)
                throw Refuse("a look-around or an option");

            _at = end + 1;
        }

        if (++_nesting > MostNesting)
            throw Refuse($"a nesting deeper than {MostNesting}");

        var part = Alternatives();
        _nesting--;
        return Take(')') ? part : throw Refuse("a ( without its )");
    }

    private CodePoints Class()
    {
        _at++;
        bool negated = Take('^');
        var ranges = new List<(int, int)>();
        while (_at < pattern.Length && pattern[_at] != ']')
        {
            var (low, set) = ClassItem();
            if (set is not null)
            {
                ranges.AddRange(set.Ranges);
                continue;
            }

            int high = low;
            if (_at + 1 < pattern.Length && pattern[_at] == '-' && pattern[_at + 1] != ']')
            {
                _at++;
                (high, set) = ClassItem();
                if (set is not null || high < low)
                    throw Refuse("a range out of order in a class");
            }

            ranges.Add((low, high));
        }

        if (!Take(']'))
            throw Refuse("a [ without its ]");

        var all = CodePoints.Of(ranges);
        return negated ? all.Not() : all;
    }

    private (int Point, CodePoints? Set) ClassItem()
    {
        if (_at >= pattern.Length)
            throw Refuse("a [ without its ]");

        if (!Take('\\'))
            return (Point(), null);

        if (Take('b'))
            return ('\b', null);

        var set = Escape();
        return set.Ranges is [var (low, high)] && low == high ? (low, null) : (0, set);
    }

    private CodePoints Escape()
    {
        if (_at >= pattern.Length)
            throw Refuse("a \\ at the end");

        char c = pattern[_at++];
        return c switch
        {
            'd' => Digits,
            'D' => Digits.Not(),
            'w' => Words,
            'W' => Words.Not(),
            's' => Spaces,
            'S' => Spaces.Not(),
            'n' => CodePoints.Of('\n'),
            'r' => CodePoints.Of('\r'),
            't' => CodePoints.Of('\t'),
            'f' => CodePoints.Of('\f'),
            'v' => CodePoints.Of('\v'),
            '0' => CodePoints.Of(0),
            'x' => CodePoints.Of(Hex(2)),
            'u' => CodePoints.Of(Hex(4)),
            _ when char.IsAsciiLetterOrDigit(c) => throw Refuse($"\\{c}"),
            _ => CodePoints.Of((int)c),
        };
    }

    private int Hex(int digits)
    {
        if (_at + digits > pattern.Length || !int.TryParse(pattern.AsSpan(_at, digits), System.Globalization.NumberStyles.AllowHexSpecifier, null, out int value))
            throw Refuse($"an escape without its {digits} hexadecimal digits");

        _at += digits;
        return value;
    }

    private int Point()
    {
        if (Rune.DecodeFromUtf16(pattern.AsSpan(_at), out var rune, out int length) != System.Buffers.OperationStatus.Done)
            throw Refuse("half a character");

        _at += length;
        return rune.Value;
    }

    private bool Take(char c)
    {
        if (_at >= pattern.Length || pattern[_at] != c)
            return false;

        _at++;
        return true;
    }

    private EdgeException Refuse(string what) => new(EdgeErrorCode.InvalidArgument, $"The regular expression has {what} at character {_at + 1}, which is not supported. Write it without.");
}
