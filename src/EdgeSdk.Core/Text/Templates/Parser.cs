namespace EdgeSdk.Text.Templates;

/// <summary>Reads statements: text, output and tags. A tag that it does not know is refused by name.</summary>
internal sealed class Parser
{
    private readonly TokenStream tokens;
    private readonly ExpressionParser expressions;
    private int loops;

    private Parser(TokenStream tokens)
    {
        this.tokens = tokens;
        expressions = new ExpressionParser(tokens);
    }

    /// <exception cref="EdgeException">The template is not well formed, or holds what is not supported; the message says what and where.</exception>
    public static IReadOnlyList<Statement> Parse(TemplateSource source)
    {
        var parser = new Parser(new TokenStream(source));
        var body = parser.ParseBody();
        return parser.tokens.Peek.Kind == TokenKind.End ? body : throw parser.UnknownTag();
    }

    /// <summary>Statements up to the end or to a tag that begins none, which the caller reads.</summary>
    private List<Statement> ParseBody()
    {
        tokens.CheckDepth();
        var body = new List<Statement>();
        while (ParseStatement() is { } statement)
            body.Add(statement);

        return body;
    }

    private Statement? ParseStatement()
    {
        var token = tokens.Peek;
        return token.Kind switch
        {
            TokenKind.Text => new TextStatement(token.Start, tokens.Take().Value),
            TokenKind.OutputStart => ParseOutput(),
            TokenKind.TagStart => ParseTag(),
            _ => null,
        };
    }

    private OutputStatement ParseOutput()
    {
        int at = tokens.Take().Start;
        var value = expressions.ParseTuple();
        tokens.Expect(TokenKind.OutputEnd, "'}}'");
        return new OutputStatement(at, value);
    }

    private Statement? ParseTag() => tokens.Second switch
    {
        { Kind: TokenKind.Name, Value: "if" } => ParseIf(),
        { Kind: TokenKind.Name, Value: "for" } => ParseFor(),
        { Kind: TokenKind.Name, Value: "set" } => ParseSet(),
        { Kind: TokenKind.Name, Value: "break" } => new BreakStatement(TakeLoopTag()),
        { Kind: TokenKind.Name, Value: "continue" } => new ContinueStatement(TakeLoopTag()),
        _ => null,
    };

    private IfStatement ParseIf()
    {
        int at = OpenTag();
        var branches = new List<Branch> { ParseBranch() };
        while (IsTag("elif"))
        {
            OpenTag();
            branches.Add(ParseBranch());
        }

        var otherwise = ParseElse();
        CloseBlock("if", at);
        return new IfStatement(at, branches, otherwise);
    }

    private Branch ParseBranch()
    {
        var condition = expressions.ParseTuple(conditional: false);
        EndTag();
        return new Branch(condition, ParseBody());
    }

    private ForStatement ParseFor()
    {
        int at = OpenTag();
        var target = ParseTargets();
        tokens.ExpectName("in");
        var items = expressions.ParseTuple(conditional: false);
        var filter = tokens.TryName("if") ? expressions.Parse() : null;
        EndTag();

        loops++;
        var body = ParseBody();
        loops--;

        var otherwise = ParseElse();
        CloseBlock("for", at);
        return new ForStatement(at, target, items, filter, body, otherwise);
    }

    private SetStatement ParseSet()
    {
        int at = OpenTag();
        var target = ParseTargets();
        if (!tokens.TrySymbol("="))
            throw tokens.Unexpected("'=' (the block form of set is not supported)");

        var value = expressions.ParseTuple();
        EndTag();
        return new SetStatement(at, target, value);
    }

    private Target ParseTargets()
    {
        var first = ParseTarget();
        if (!tokens.Peek.IsSymbol(","))
            return first;

        var items = new List<Target> { first };
        while (tokens.TrySymbol(",") && tokens.Peek is { Kind: TokenKind.Name, Value: not "in" } or { Kind: TokenKind.Symbol, Value: "(" })
            items.Add(ParseTarget());

        return new TupleTarget(first.At, items);
    }

    private Target ParseTarget()
    {
        tokens.CheckDepth();
        if (tokens.TrySymbol("("))
        {
            var inner = ParseTargets();
            tokens.ExpectSymbol(")");
            return inner;
        }

        var name = tokens.Expect(TokenKind.Name, "a name");
        return tokens.TrySymbol(".")
            ? new AttributeTarget(name.Start, name.Value, tokens.Expect(TokenKind.Name, "a name").Value)
            : new NameTarget(name.Start, name.Value);
    }

    private List<Statement> ParseElse()
    {
        if (!IsTag("else"))
            return [];

        OpenTag();
        EndTag();
        return ParseBody();
    }

    private void CloseBlock(string name, int at)
    {
        if (tokens.Peek.Kind == TokenKind.End)
            throw tokens.Source.Refuse(at, $"the tag '{name}' is not closed; 'end{name}' is missing.");
        if (!IsTag("end" + name))
            throw UnknownTag();

        OpenTag();
        EndTag();
    }

    private int TakeLoopTag()
    {
        int at = OpenTag();
        EndTag();
        return loops > 0 ? at : throw tokens.Source.Refuse(at, "break and continue belong into a for loop.");
    }

    private bool IsTag(string name) => tokens.Peek.Kind == TokenKind.TagStart && tokens.Second.IsName(name);

    /// <summary>Reads a tag's start and its name.</summary>
    private int OpenTag()
    {
        tokens.Take();
        return tokens.Take().Start;
    }

    private void EndTag() => tokens.Expect(TokenKind.TagEnd, "'%}'");

    private EdgeException UnknownTag()
    {
        var name = tokens.Second;
        return name.Value is "elif" or "else" or "endif" or "endfor"
            ? tokens.Source.Refuse(name.Start, $"the tag '{name.Value}' closes nothing that is open here.")
            : tokens.Source.Refuse(name.Start, $"the tag {name} is not supported; if, for, set, break, continue and raw are.");
    }
}
