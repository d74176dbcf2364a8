using System.Text;

namespace EdgeSdk.Text.Constraints;

/// <summary>
/// Grammars in llama.cpp's notation: <c>name ::= ...</c>, alternatives, groups, "literals", [classes], ., ?, *, +, {m}, {m,}, {m,n}, escapes (\n \r \t \\ \" \[ \] \xHH
/// \uHHHH \UHHHHHHHH), &lt;special tokens&gt; by name, # comments. A line goes on inside a group and behind | and ::=.
/// </summary>
internal sealed class GbnfParser(ByteGrammar grammar, string source)
{
    private const int MostNesting = 64;
    private readonly Dictionary<string, int> _rules = [];
    private readonly HashSet<string> _defined = [];
    private int _at;
    private int _nesting;

    /// <summary>The rule <c>root</c>.</summary>
    public int Parse()
    {
        for (Skip(lines: true); _at < source.Length; Skip(lines: true))
        {
            string name = Name();
            Skip(lines: false);
            if (!source.AsSpan(_at).StartsWith("::="))
                throw Refuse($"rule {name} lacks its ::=");

            _at += 3;
            Skip(lines: true);
            if (!_defined.Add(name))
                throw Refuse($"rule {name} is defined twice");

            grammar.Define(RuleOf(name), Alternatives());
            if (_at < source.Length && source[_at] is not ('\r' or '\n'))
                throw Refuse($"'{source[_at]}' does not belong here");
        }

        foreach (string name in _rules.Keys)
        {
            if (!_defined.Contains(name))
                throw Refuse($"rule {name} is used and not defined");
        }

        return _rules.TryGetValue("root", out int root) ? root : throw Refuse("there is no rule root");
    }

    private Part Alternatives()
    {
        var parts = new List<Part> { Concatenation() };
        while (_at < source.Length && source[_at] == '|')
        {
            _at++;
            Skip(lines: true);
            parts.Add(Concatenation());
        }

        return grammar.Any(parts);
    }

    private Part Concatenation()
    {
        var parts = new List<Part>();
        while (_at < source.Length && source[_at] is not ('|' or ')' or '\r' or '\n'))
        {
            var part = Atom();
            while (_at < source.Length && source[_at] is '?' or '*' or '+' or '{')
                part = Repeated(part);

            parts.Add(part);
            Skip(lines: _nesting > 0);
        }

        return ByteGrammar.Sequence([.. parts]);
    }

    private Part Repeated(Part part)
    {
        switch (source[_at++])
        {
            case '?': return grammar.Optional(part);
            case '*': return grammar.Star(part);
            case '+': return grammar.Repeat(part, 1, null);
        }

        int least = Number();
        int? most = least;
        if (_at < source.Length && source[_at] == ',')
        {
            _at++;
            most = _at < source.Length && source[_at] == '}' ? null : Number();
        }

        if (_at >= source.Length || source[_at++] != '}' || most < least)
            throw Refuse("a count is not {m}, {m,} or {m,n} with m up to n");

        return grammar.Repeat(part, least, most);
    }

    private Part Atom()
    {
        switch (source[_at])
        {
            case '"':
                return Literal();
            case '[':
                return Class().Utf8(grammar);
            case '.':
                _at++;
                return CodePoints.All.Utf8(grammar);
            case '(':
                return Group();
            case '<':
                return Token();
            case '!':
                throw Refuse("!<...>, any token but one, is not supported; say what may stand there");
            default:
                return grammar.Call(RuleOf(Name()));
        }
    }

    private Part Group()
    {
        _at++;
        if (++_nesting > MostNesting)
            throw Refuse($"groups are nested deeper than {MostNesting}");

        Skip(lines: true);
        var part = Alternatives();
        _nesting--;
        if (_at >= source.Length || source[_at++] != ')')
            throw Refuse("a ( lacks its )");

        return part;
    }

    private Part Token()
    {
        int end = source.AsSpan(_at).IndexOfAny('>', '\r', '\n');
        if (end < 0 || source[_at + end] != '>')
            throw Refuse("a < lacks its >");

        string name = source[_at..(_at + end + 1)];
        if (name.StartsWith("<[", StringComparison.Ordinal))
            throw Refuse($"{name}, a token by its id, is not supported; write the special token's name between < and >");

        _at += name.Length;
        return grammar.Token(name);
    }

    private Part Literal()
    {
        _at++;
        var text = new StringBuilder();
        while (_at < source.Length && source[_at] != '"')
            text.Append(Scalar(Point()).ToString());

        if (_at++ >= source.Length)
            throw Refuse("a \" lacks its end");

        return grammar.Text(text.ToString());
    }

    private CodePoints Class()
    {
        _at++;
        bool negated = _at < source.Length && source[_at] == '^';
        _at += negated ? 1 : 0;
        var ranges = new List<(int, int)>();
        while (_at < source.Length && source[_at] != ']')
        {
            int low = Point(), high = low;
            if (_at + 1 < source.Length && source[_at] == '-' && source[_at + 1] != ']')
            {
                _at++;
                high = Point();
            }

            ranges.Add(low <= high ? (low, high) : throw Refuse("a range of a class is out of order"));
        }

        if (_at++ >= source.Length)
            throw Refuse("a [ lacks its ]");

        var all = CodePoints.Of(ranges);
        return negated ? all.Not() : all;
    }

    private Rune Scalar(int point) => Rune.IsValid(point) ? new Rune(point) : throw Refuse("an escape is no Unicode scalar value");

    private int Point()
    {
        if (source[_at] != '\\')
        {
            if (Rune.DecodeFromUtf16(source.AsSpan(_at), out var rune, out int length) != System.Buffers.OperationStatus.Done)
                throw Refuse("half a character stands here");

            _at += length;
            return rune.Value;
        }

        _at++;
        char c = _at < source.Length ? source[_at++] : throw Refuse("a \\ stands at the end");
        return c switch
        {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'x' => Hex(2),
            'u' => Hex(4),
            'U' => Hex(8),
            '\\' or '"' or '[' or ']' or '-' or '^' => c,
            _ => throw Refuse($"\\{c} is no escape"),
        };
    }

    private int Hex(int digits)
    {
        if (_at + digits > source.Length || !int.TryParse(source.AsSpan(_at, digits), System.Globalization.NumberStyles.AllowHexSpecifier, null, out int value))
            throw Refuse($"an escape lacks its {digits} hexadecimal digits");

        if ((uint)value > 0x10FFFF)
            throw Refuse($"\\U{value:X8} is beyond U+10FFFF, the last character");

        _at += digits;
        return value;
    }

    private int Number()
    {
        int start = _at, value = 0;
        while (_at < source.Length && char.IsAsciiDigit(source[_at]))
            value = Math.Min(ByteGrammar.MostCount + 1, value * 10 + (source[_at++] - '0'));

        return _at > start ? value : throw Refuse("a count lacks its number");
    }

    private string Name()
    {
        int start = _at;
        while (_at < source.Length && (char.IsAsciiLetterOrDigit(source[_at]) || source[_at] is '-' or '_'))
            _at++;

        return _at > start ? source[start.._at] : throw Refuse($"'{source[_at]}' does not belong here");
    }

    private int RuleOf(string name)
    {
        if (!_rules.TryGetValue(name, out int rule))
            _rules.Add(name, rule = grammar.Declare(name));

        return rule;
    }

    private void Skip(bool lines)
    {
        for (; _at < source.Length; _at++)
        {
            if (source[_at] == '#')
            {
                int end = source.AsSpan(_at).IndexOfAny('\r', '\n');
                _at = end < 0 ? source.Length : _at + end;
            }

            if (_at == source.Length || !(source[_at] is ' ' or '\t' || (lines && source[_at] is '\r' or '\n')))
                return;
        }
    }

    private EdgeException Refuse(string what)
    {
        var before = source.AsSpan(0, Math.Min(_at, source.Length));
        int line = 1 + before.Count('\n'), column = before.Length - before.LastIndexOf('\n');
        return new(EdgeErrorCode.InvalidArgument, $"The grammar, line {line}, column {column}: {Constraint.Brief(what)}. Correct it.");
    }
}
