using System.Text;

namespace EdgeSdk.Text.Constraints;

/// <summary>
/// Grammars in llama.cpp's notation: <c>name ::= ...</c>, alternatives, groups, "literals", [classes], ., ?, *, +, {m}, {m,}, {m,n}, escapes (\n \r \t \\ \" \[ \] \xHH
/// \uHHHH \UHHHHHHHH), # comments. A line goes on inside a group and behind | and ::=.
/// </summary>
internal sealed class GbnfParser(ByteGrammar grammar, string source)
{
    private const int MostNesting = 64;
    private readonly Dictionary<string, int> rules = [];
    private readonly HashSet<string> defined = [];
    private int at;
    private int nesting;

    /// <summary>The rule <c>root</c>.</summary>
    public int Parse()
    {
        for (Skip(lines: true); at < source.Length; Skip(lines: true))
        {
            string name = Name();
            Skip(lines: false);
            if (!source.AsSpan(at).StartsWith("::="))
                throw Refuse($"rule {name} lacks its ::=");

            at += 3;
            Skip(lines: true);
            if (!defined.Add(name))
                throw Refuse($"rule {name} is defined twice");

            grammar.Define(RuleOf(name), Alternatives());
            if (at < source.Length && source[at] is not ('\r' or '\n'))
                throw Refuse($"'{source[at]}' does not belong here");
        }

        foreach (string name in rules.Keys)
        {
            if (!defined.Contains(name))
                throw Refuse($"rule {name} is used and not defined");
        }

        return rules.TryGetValue("root", out int root) ? root : throw Refuse("there is no rule root");
    }

    private Part Alternatives()
    {
        var parts = new List<Part> { Concatenation() };
        while (at < source.Length && source[at] == '|')
        {
            at++;
            Skip(lines: true);
            parts.Add(Concatenation());
        }

        return grammar.Any(parts);
    }

    private Part Concatenation()
    {
        var parts = new List<Part>();
        while (at < source.Length && source[at] is not ('|' or ')' or '\r' or '\n'))
        {
            var part = Atom();
            while (at < source.Length && source[at] is '?' or '*' or '+' or '{')
                part = Repeated(part);

            parts.Add(part);
            Skip(lines: nesting > 0);
        }

        return ByteGrammar.Sequence([.. parts]);
    }

    private Part Repeated(Part part)
    {
        switch (source[at++])
        {
            case '?': return grammar.Optional(part);
            case '*': return grammar.Star(part);
            case '+': return grammar.Repeat(part, 1, null);
        }

        int least = Number();
        int? most = least;
        if (at < source.Length && source[at] == ',')
        {
            at++;
            most = at < source.Length && source[at] == '}' ? null : Number();
        }

        if (at >= source.Length || source[at++] != '}' || most < least)
            throw Refuse("a count is not {m}, {m,} or {m,n} with m up to n");

        return grammar.Repeat(part, least, most);
    }

    private Part Atom()
    {
        switch (source[at])
        {
            case '"':
                return Literal();
            case '[':
                return Class().Utf8(grammar);
            case '.':
                at++;
                return CodePoints.All.Utf8(grammar);
            case '(':
                return Group();
            default:
                return grammar.Call(RuleOf(Name()));
        }
    }

    private Part Group()
    {
        at++;
        if (++nesting > MostNesting)
            throw Refuse($"groups are nested deeper than {MostNesting}");

        Skip(lines: true);
        var part = Alternatives();
        nesting--;
        if (at >= source.Length || source[at++] != ')')
            throw Refuse("a ( lacks its )");

        return part;
    }

    private Part Literal()
    {
        at++;
        var text = new StringBuilder();
        while (at < source.Length && source[at] != '"')
            text.Append(Scalar(Point()).ToString());

        if (at++ >= source.Length)
            throw Refuse("a \" lacks its end");

        return grammar.Text(text.ToString());
    }

    private CodePoints Class()
    {
        at++;
        bool negated = at < source.Length && source[at] == '^';
        at += negated ? 1 : 0;
        var ranges = new List<(int, int)>();
        while (at < source.Length && source[at] != ']')
        {
            int low = Point(), high = low;
            if (at + 1 < source.Length && source[at] == '-' && source[at + 1] != ']')
            {
                at++;
                high = Point();
            }

            ranges.Add(low <= high ? (low, high) : throw Refuse("a range of a class is out of order"));
        }

        if (at++ >= source.Length)
            throw Refuse("a [ lacks its ]");

        var all = CodePoints.Of(ranges);
        return negated ? all.Not() : all;
    }

    private Rune Scalar(int point) => Rune.IsValid(point) ? new Rune(point) : throw Refuse("an escape is no Unicode scalar value");

    private int Point()
    {
        if (source[at] != '\\')
        {
            if (Rune.DecodeFromUtf16(source.AsSpan(at), out var rune, out int length) != System.Buffers.OperationStatus.Done)
                throw Refuse("half a character stands here");

            at += length;
            return rune.Value;
        }

        at++;
        char c = at < source.Length ? source[at++] : throw Refuse("a \\ stands at the end");
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
        if (at + digits > source.Length || !int.TryParse(source.AsSpan(at, digits), System.Globalization.NumberStyles.AllowHexSpecifier, null, out int value))
            throw Refuse($"an escape lacks its {digits} hexadecimal digits");

        at += digits;
        return value;
    }

    private int Number()
    {
        int start = at, value = 0;
        while (at < source.Length && char.IsAsciiDigit(source[at]))
            value = Math.Min(ByteGrammar.MostCount + 1, value * 10 + (source[at++] - '0'));

        return at > start ? value : throw Refuse("a count lacks its number");
    }

    private string Name()
    {
        int start = at;
        while (at < source.Length && (char.IsAsciiLetterOrDigit(source[at]) || source[at] is '-' or '_'))
            at++;

        return at > start ? source[start..at] : throw Refuse($"'{source[at]}' does not belong here");
    }

    private int RuleOf(string name)
    {
        if (!rules.TryGetValue(name, out int rule))
            rules.Add(name, rule = grammar.Declare());

        return rule;
    }

    private void Skip(bool lines)
    {
        for (; at < source.Length; at++)
        {
            if (source[at] == '#')
            {
                int end = source.AsSpan(at).IndexOfAny('\r', '\n');
                at = end < 0 ? source.Length : at + end;
            }

            if (at == source.Length || !(source[at] is ' ' or '\t' || (lines && source[at] is '\r' or '\n')))
                return;
        }
    }

    private EdgeException Refuse(string what)
    {
        int line = 1 + source.AsSpan(0, Math.Min(at, source.Length)).Count('\n');
        return new(EdgeErrorCode.InvalidArgument, $"The grammar, line {line}: {Constraint.Brief(what)}. Correct it.");
    }
}
