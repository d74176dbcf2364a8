using System.Globalization;
using System.Numerics;
using System.Text;

namespace EdgeSdk.Text.Templates;

/// <summary>
/// Reads expressions by recursive descent, a method for each level of Jinja's precedence, from the loosest to the tightest:
/// <c>if else</c>, <c>or</c>, <c>and</c>, <c>not</c>, comparison, <c>+ -</c>, <c>~</c>, <c>* / // %</c>, <c>**</c>, signs, filters and tests, members
/// and calls.
/// </summary>
internal sealed class ExpressionParser(TokenStream tokens)
{
    private static readonly string[] s_comparisons = ["==", "!=", "<", "<=", ">", ">="];

    private readonly List<(Token Name, bool IsTest)> _unknown = [];

    /// <summary>Which of the names were read that a macro may be given: caller, varargs and kwargs.</summary>
    public HashSet<string> GivenRead { get; set; } = [];

    /// <summary>How many filters and tests were met so far that are not supported, without those that were forgiven.</summary>
    public int UnknownCount => _unknown.Count;

    /// <summary>
    /// Forgives those met since there were <paramref name="count"/>: they stand where they may never be reached, under an <c>if</c>, and are refused
    /// when they are. So does Jinja.
    /// </summary>
    public void ForgiveUnknown(int count) => _unknown.RemoveRange(count, _unknown.Count - count);

    /// <exception cref="EdgeException">A filter or a test is not supported; the first of them.</exception>
    public void RefuseUnknown()
    {
        if (_unknown is [var (name, isTest), ..])
            throw tokens.Source.Refuse(name.Start, NotSupported(name.Value, isTest));
    }

    /// <summary>An expression, or several with commas between them, which make a tuple.</summary>
    /// <param name="conditional">Whether <c>if</c> goes on with the expression; where it does not, it is left to the caller.</param>
    public Expression ParseTuple(bool conditional = true)
    {
        int at = tokens.Peek.Start;
        var first = conditional ? Parse() : ParseOr();
        if (!tokens.Peek.IsSymbol(","))
            return first;

        var items = new List<Expression> { first };
        while (tokens.TrySymbol(",") && !AtEndOfTuple())
            items.Add(conditional ? Parse() : ParseOr());

        return new TupleDisplay(at, items);
    }

    public Expression Parse()
    {
        tokens.CheckDepth();
        int met = UnknownCount;
        var value = ParseOr();
        while (tokens.Peek.IsName("if"))
        {
            int at = tokens.Take().Start;
            var condition = ParseOr();
            value = new Conditional(at, condition, value, tokens.TryName("else") ? Parse() : null);
            ForgiveUnknown(met);
        }

        return value;
    }

    private bool AtEndOfTuple() => tokens.Peek.Kind is TokenKind.OutputEnd or TokenKind.TagEnd || tokens.Peek.IsSymbol(")") || tokens.Peek.IsSymbol("]");

    private Expression ParseOr()
    {
        var left = ParseAnd();
        while (tokens.Peek.IsName("or"))
            left = new Or(tokens.Take().Start, left, ParseAnd());

        return left;
    }

    private Expression ParseAnd()
    {
        var left = ParseNot();
        while (tokens.Peek.IsName("and"))
            left = new And(tokens.Take().Start, left, ParseNot());

        return left;
    }

    private Expression ParseNot()
    {
        tokens.CheckDepth();
        return tokens.Peek.IsName("not") ? new Not(tokens.Take().Start, ParseNot()) : ParseComparison();
    }

    private Expression ParseComparison()
    {
        var first = ParseSum();
        var rest = new List<(int At, string Operator, Expression Right)>();
        int at = tokens.Peek.Start;
        while (TryComparison() is { } comparison)
        {
            rest.Add((at, comparison, ParseSum()));
            at = tokens.Peek.Start;
        }

        return rest.Count == 0 ? first : new Comparison(rest[0].At, first, rest);
    }

    private string? TryComparison()
    {
        if (tokens.Peek.Kind == TokenKind.Symbol && s_comparisons.Contains(tokens.Peek.Value))
            return tokens.Take().Value;
        if (tokens.TryName("in"))
            return "in";
        if (!tokens.Peek.IsName("not") || !tokens.Second.IsName("in"))
            return null;

        tokens.Take();
        tokens.Take();
        return "not in";
    }

    private Expression ParseSum() => ParseBinary(ParseConcatenation, "+", "-");

    private Expression ParseConcatenation() => ParseBinary(ParseProduct, "~");

    private Expression ParseProduct() => ParseBinary(ParsePower, "*", "/", "//", "%");

    /// <summary>From the left, as all others: <c>2 ** 3 ** 2</c> is 64 in Jinja.</summary>
    private Expression ParsePower() => ParseBinary(ParseOperand, "**");

    private Expression ParseOperand() => ParseSigned(filters: true);

    private Expression ParseBinary(Func<Expression> parseOperand, params ReadOnlySpan<string> operators)
    {
        var left = parseOperand();
        while (tokens.Peek.Kind == TokenKind.Symbol && operators.Contains(tokens.Peek.Value))
        {
            var operation = tokens.Take();
            left = new Binary(operation.Start, operation.Value, left, parseOperand());
        }

        return left;
    }

    /// <summary>A sign holds for the value with its members, not for the filters behind it: <c>-x | abs</c> is <c>(-x) | abs</c>.</summary>
    private Expression ParseSigned(bool filters)
    {
        tokens.CheckDepth();
        int start = tokens.Peek.Start;
        var value = tokens.Peek.IsSymbol("-") || tokens.Peek.IsSymbol("+")
            ? new Signed(start, tokens.Take().Value, ParseSigned(filters: false))
            : ParsePrimary();

        value = ParseMembers(value, start);
        return filters ? ParseFilters(value) : value;
    }

    private Expression ParsePrimary()
    {
        var token = tokens.Peek;
        switch (token.Kind)
        {
            case TokenKind.Name:
                return NameOrConstant(tokens.Take());
            case TokenKind.String:
                return ParseStrings();
            case TokenKind.Integer:
                tokens.Take();
                return new Literal(token.Start, Integer(token));
            case TokenKind.Float:
                tokens.Take();
                return new Literal(token.Start, double.Parse(Digits(token), CultureInfo.InvariantCulture));
            case TokenKind.Symbol when token.Value == "(":
                return ParseParentheses();
            case TokenKind.Symbol when token.Value == "[":
                tokens.Take();
                return new ListDisplay(token.Start, ParseItems("]", Parse));
            case TokenKind.Symbol when token.Value == "{":
                tokens.Take();
                return new MappingDisplay(token.Start, ParseItems("}", ParsePair));
            default:
                throw tokens.Unexpected("a value");
        }
    }

    private BigInteger Integer(Token number)
    {
        string digits = Digits(number);
        return digits.Length < 2 ? Parse(digits, NumberStyles.None) : digits[1] switch
        {
            'x' or 'X' => Parse("0" + digits[2..], NumberStyles.AllowHexSpecifier),
            'b' or 'B' => Parse("0" + digits[2..], NumberStyles.AllowBinarySpecifier),
            'o' or 'O' => digits.Skip(2).Aggregate(BigInteger.Zero, (value, digit) => (value * 8) + digit - '0'),
            _ => Parse(digits, NumberStyles.None),
        };

        static BigInteger Parse(string digits, NumberStyles style) => BigInteger.Parse(digits, style, CultureInfo.InvariantCulture);
    }

    private string Digits(Token number) =>
        number.Value.Length <= 400 ? number.Value.Replace("_", "", StringComparison.Ordinal) : throw tokens.Source.Refuse(number.Start, "the number is too long.");

    private Expression NameOrConstant(Token name)
    {
        switch (name.Value)
        {
            case "true" or "True":
                return new Literal(name.Start, true);
            case "false" or "False":
                return new Literal(name.Start, false);
            case "none" or "None":
                return new Literal(name.Start, null);
            default:
                if (name.Value is "caller" or "varargs" or "kwargs")
                    GivenRead.Add(name.Value);

                return new Name(name.Start, name.Value);
        }
    }

    /// <summary>Strings that stand side by side are one.</summary>
    private Literal ParseStrings()
    {
        int at = tokens.Peek.Start;
        var value = new StringBuilder();
        while (tokens.Peek.Kind == TokenKind.String)
            value.Append(tokens.Take().Value);

        return new Literal(at, value.ToString());
    }

    private Expression ParseParentheses()
    {
        int at = tokens.Take().Start;
        if (tokens.TrySymbol(")"))
            return new TupleDisplay(at, []);

        var inner = ParseTuple();
        tokens.ExpectSymbol(")");
        return inner;
    }

    private (Expression Key, Expression Value) ParsePair()
    {
        var key = Parse();
        tokens.ExpectSymbol(":");
        return (key, Parse());
    }

    private List<T> ParseItems<T>(string closing, Func<T> parse)
    {
        var items = new List<T>();
        while (!tokens.TrySymbol(closing))
        {
            if (items.Count > 0)
                tokens.ExpectSymbol(",");
            if (!tokens.Peek.IsSymbol(closing))
                items.Add(parse());
        }

        return items;
    }

    private Expression ParseMembers(Expression value, int start)
    {
        while (true)
        {
            var token = tokens.Peek;
            if (tokens.TrySymbol("."))
                value = ParseMember(value, start);
            else if (tokens.TrySymbol("["))
                value = ParseIndex(value, start, token.Start);
            else if (token.IsSymbol("("))
                value = new Invocation(token.Start, value, ParseArguments());
            else
                return value;
        }
    }

    private Expression ParseMember(Expression target, int start)
    {
        var name = tokens.Take();
        return name.Kind switch
        {
            TokenKind.Name => new Member(name.Start, target, name.Value, Written(start)),
            TokenKind.Integer => new Index(name.Start, target, new Literal(name.Start, Integer(name)), Written(start)),
            _ => throw tokens.Source.Refuse(name.Start, $"{name} stands where a member's name was expected."),
        };
    }

    private Expression ParseIndex(Expression target, int start, int at)
    {
        var first = tokens.Peek.IsSymbol(":") ? null : ParseTuple();
        if (first is not null && tokens.TrySymbol("]"))
            return new Index(at, target, first, Written(start));

        tokens.ExpectSymbol(":");
        var stop = ParseBound();
        var step = tokens.TrySymbol(":") ? ParseBound() : null;
        tokens.ExpectSymbol("]");
        return new Slice(at, target, first, stop, step);
    }

    private Expression? ParseBound() => tokens.Peek.IsSymbol(":") || tokens.Peek.IsSymbol("]") ? null : Parse();

    private Excerpt Written(int start) => new(tokens.Source, start, tokens.LastEnd);

    private Expression ParseFilters(Expression value)
    {
        while (true)
        {
            if (tokens.TrySymbol("|"))
                value = ParseFilter(value);
            else if (tokens.Peek.IsName("is"))
                value = ParseTest(value);
            else if (tokens.Peek.IsSymbol("("))
                value = new Invocation(tokens.Peek.Start, value, ParseArguments());
            else
                return value;
        }
    }

    /// <summary>Filters, each behind a bar, as they follow the target of a <c>set</c> block.</summary>
    public List<AppliedFilter> ParseAppliedFilters()
    {
        var filters = new List<AppliedFilter>();
        while (tokens.TrySymbol("|"))
            filters.Add(ParseAppliedFilter());

        return filters;
    }

    public AppliedFilter ParseAppliedFilter()
    {
        var name = tokens.Expect(TokenKind.Name, "a filter's name");
        var filter = Filters.Find(name.Value) ?? Unknown(name, isTest: false);
        return new AppliedFilter(name.Start, filter, tokens.Peek.IsSymbol("(") ? ParseArguments() : []);
    }

    private Filtered ParseFilter(Expression value)
    {
        var filter = ParseAppliedFilter();
        return new Filtered(filter.At, value, filter);
    }

    private Expression ParseTest(Expression value)
    {
        int at = tokens.Take().Start;
        bool negated = tokens.TryName("not");
        var name = tokens.Expect(TokenKind.Name, "a test's name");
        var test = Predicates.Find(name.Value) ?? Unknown(name, isTest: true);

        var tested = new Tested(name.Start, value, test, ParseTestArguments());
        return negated ? new Not(at, tested) : tested;
    }

    /// <summary>In parentheses, or a single value without any: <c>x is divisibleby 3</c>.</summary>
    private List<Argument> ParseTestArguments()
    {
        var token = tokens.Peek;
        if (token.IsSymbol("("))
            return ParseArguments();
        if (token.IsName("is"))
            throw tokens.Source.Refuse(token.Start, "one test cannot follow another; join them with 'and'.");

        bool isValue = token.Kind is TokenKind.String or TokenKind.Integer or TokenKind.Float || token.IsSymbol("[") || token.IsSymbol("{")
            || token is { Kind: TokenKind.Name, Value: not ("else" or "or" or "and") };
        return isValue ? [new Argument(ArgumentKind.Placed, "", ParseMembers(ParsePrimary(), token.Start))] : [];
    }

    private Builtin Unknown(Token name, bool isTest)
    {
        _unknown.Add((name, isTest));
        return new Builtin(name.Value, [], 0, _ => throw new TemplateFault(NotSupported(name.Value, isTest))) { TakesAny = true };
    }

    private static string NotSupported(string name, bool isTest) =>
        isTest ? $"the test '{name}' is not supported; {Predicates.Names} are." : $"the filter '{name}' is not supported; {Filters.Names} are.";

    private List<Argument> ParseArguments()
    {
        tokens.ExpectSymbol("(");
        var arguments = ParseItems(")", ParseArgument);
        var last = ArgumentKind.Placed;
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var (kind, name, value) in arguments)
        {
            bool fits = kind switch
            {
                ArgumentKind.Placed => last == ArgumentKind.Placed,
                ArgumentKind.Named => last != ArgumentKind.AllNamed,
                _ => last < kind,
            };
            if (!fits)
                throw tokens.Source.Refuse(value.At, "arguments by place come first, then those by name and one '*', and '**' last.");

            if (kind == ArgumentKind.Named && !names.Add(name))
                throw tokens.Source.Refuse(value.At, $"the argument '{name}' is given twice.");

            last = (ArgumentKind)Math.Max((int)last, (int)kind);
        }

        return arguments;
    }

    private Argument ParseArgument()
    {
        if (tokens.TrySymbol("*"))
            return new Argument(ArgumentKind.AllPlaced, "", Parse());
        if (tokens.TrySymbol("**"))
            return new Argument(ArgumentKind.AllNamed, "", Parse());
        if (tokens.Peek.Kind != TokenKind.Name || !tokens.Second.IsSymbol("="))
            return new Argument(ArgumentKind.Placed, "", Parse());

        string name = tokens.Take().Value;
        tokens.Take();
        return new Argument(ArgumentKind.Named, name, Parse());
    }
}
