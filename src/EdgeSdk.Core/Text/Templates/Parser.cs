namespace EdgeSdk.Text.Templates;

/// <summary>Reads statements: text, output and tags. A tag that it does not know is refused by name.</summary>
internal sealed class Parser
{
    private const string Supported = "if, for, set, macro, call, filter, with, generation, break, continue and raw are";

    private readonly TokenStream _tokens;
    private readonly ExpressionParser _expressions;

    /// <summary>How many loops are open in the innermost macro, or in the template.</summary>
    private int _loops;

    private Parser(TokenStream tokens)
    {
        _tokens = tokens;
        _expressions = new ExpressionParser(tokens);
    }

    /// <exception cref="EdgeException">The template is not well formed, or holds what is not supported; the message says what and where.</exception>
    public static IReadOnlyList<Statement> Parse(TemplateSource source)
    {
        var parser = new Parser(new TokenStream(source));
        var body = parser.ParseBody();
        if (parser._tokens.Peek.Kind != TokenKind.End)
            throw parser.UnknownTag();

        parser._expressions.RefuseUnknown();
        return body;
    }

    /// <summary>Statements up to the end or to a tag that begins none, which the caller reads.</summary>
    private List<Statement> ParseBody()
    {
        _tokens.CheckDepth();
        var body = new List<Statement>();
        while (ParseStatement() is { } statement)
            body.Add(statement);

        return body;
    }

    private Statement? ParseStatement()
    {
        var token = _tokens.Peek;
        return token.Kind switch
        {
            TokenKind.Text => new TextStatement(token.Start, _tokens.Take().Value),
            TokenKind.OutputStart => ParseOutput(),
            TokenKind.TagStart => ParseTag(),
            _ => null,
        };
    }

    private OutputStatement ParseOutput()
    {
        int at = _tokens.Take().Start;
        var value = _expressions.ParseTuple();
        _tokens.Expect(TokenKind.OutputEnd, "'}}'");
        return new OutputStatement(at, value);
    }

    private Statement? ParseTag() => _tokens.Second is not { Kind: TokenKind.Name, Value: var name } ? null : name switch
    {
        "if" => ParseIf(),
        "for" => ParseFor(),
        "set" => ParseSet(),
        "macro" => ParseMacro(),
        "call" => ParseCall(),
        "filter" => ParseFilter(),
        "with" => ParseWith(),
        "generation" => ParseGeneration(),
        "break" => new BreakStatement(TakeLoopTag()),
        "continue" => new ContinueStatement(TakeLoopTag()),
        _ => null,
    };

    private IfStatement ParseIf()
    {
        int met = _expressions.UnknownCount;
        int at = OpenTag();
        var branches = new List<Branch> { ParseBranch() };
        while (IsTag("elif"))
        {
            OpenTag();
            branches.Add(ParseBranch());
        }

        var otherwise = ParseElse();
        CloseBlock("if", at);
        _expressions.ForgiveUnknown(met);
        return new IfStatement(at, branches, otherwise);
    }

    private Branch ParseBranch()
    {
        var condition = _expressions.ParseTuple(conditional: false);
        EndTag();
        return new Branch(condition, ParseBody());
    }

    private ForStatement ParseFor()
    {
        int at = OpenTag();
        _loops++;
        var target = ParseTargets();
        _tokens.ExpectName("in");
        var items = _expressions.ParseTuple(conditional: false);
        var filter = _tokens.TryName("if") ? _expressions.Parse() : null;
        bool isRecursive = _tokens.TryName("recursive");
        EndTag();

        var body = ParseBody();
        _loops--;

        var otherwise = ParseElse();
        CloseBlock("for", at);
        return new ForStatement(at, target, items, filter, isRecursive, body, otherwise);
    }

    private Statement ParseSet()
    {
        int at = OpenTag();
        var target = ParseTargets();
        if (_tokens.TrySymbol("="))
        {
            var value = _expressions.ParseTuple();
            EndTag();
            return new SetStatement(at, target, value);
        }

        if (target is TupleTarget)
            throw _tokens.Unexpected("'='");

        var filters = _expressions.ParseAppliedFilters();
        EndTag();
        return new SetBlockStatement(at, target, filters, ParseBlock("set", at));
    }

    private FilterStatement ParseFilter()
    {
        int at = OpenTag();
        List<AppliedFilter> filters = [_expressions.ParseAppliedFilter(), .. _expressions.ParseAppliedFilters()];
        EndTag();
        return new FilterStatement(at, filters, ParseBlock("filter", at));
    }

    private WithStatement ParseWith()
    {
        int at = OpenTag();
        var variables = new List<(Target, Expression)>();
        while (_tokens.Peek.Kind != TokenKind.TagEnd)
        {
            if (variables.Count > 0)
                _tokens.ExpectSymbol(",");

            var target = ParseTarget();
            _tokens.ExpectSymbol("=");
            variables.Add((target, _expressions.Parse()));
        }

        EndTag();
        return new WithStatement(at, variables, ParseBlock("with", at));
    }

    private GenerationStatement ParseGeneration()
    {
        int at = OpenTag();
        EndTag();
        return new GenerationStatement(at, ParseOutsideLoops("generation", at));
    }

    private MacroStatement ParseMacro()
    {
        int at = OpenTag();
        string name = _tokens.Expect(TokenKind.Name, "the macro's name").Value;
        if (!_tokens.Peek.IsSymbol("("))
            throw _tokens.Unexpected("'('");

        var parameters = ParseParameters();
        EndTag();
        return new MacroStatement(at, ParseMacroBody(name, parameters, "macro", at));
    }

    private CallStatement ParseCall()
    {
        int at = OpenTag();
        var parameters = _tokens.Peek.IsSymbol("(") ? ParseParameters() : [];
        int start = _tokens.Peek.Start;
        if (_expressions.Parse() is not Invocation invocation)
            throw _tokens.Source.Refuse(start, "'call' needs the call of a macro.");

        EndTag();
        return new CallStatement(at, invocation, ParseMacroBody("caller", parameters, "call", at));
    }

    private MacroDefinition ParseMacroBody(string name, IReadOnlyList<Parameter> parameters, string tag, int at)
    {
        var around = _expressions.GivenRead;
        var inside = _expressions.GivenRead = [];
        var body = ParseOutsideLoops(tag, at);
        around.UnionWith(inside);
        _expressions.GivenRead = around;
        return new MacroDefinition(name, parameters, body, inside);
    }

    private List<Parameter> ParseParameters()
    {
        _tokens.ExpectSymbol("(");
        var parameters = new List<Parameter>();
        var names = new HashSet<string>(StringComparer.Ordinal);
        while (!_tokens.TrySymbol(")"))
        {
            if (parameters.Count > 0)
                _tokens.ExpectSymbol(",");

            var name = _tokens.Expect(TokenKind.Name, "a parameter's name");
            var value = _tokens.TrySymbol("=") ? _expressions.Parse() : null;
            if (value is null && parameters is [.., { Default: not null }])
                throw _tokens.Source.Refuse(name.Start, $"the parameter '{name.Value}' needs a default value, as the one before it has one.");
            if (!names.Add(name.Value))
                throw _tokens.Source.Refuse(name.Start, $"the parameter '{name.Value}' is there twice.");

            parameters.Add(new Parameter(name.Value, value));
        }

        return parameters;
    }

    private Target ParseTargets()
    {
        var first = ParseTarget();
        if (!_tokens.Peek.IsSymbol(","))
            return first;

        var items = new List<Target> { first };
        while (_tokens.TrySymbol(",") && _tokens.Peek is { Kind: TokenKind.Name, Value: not "in" } or { Kind: TokenKind.Symbol, Value: "(" })
            items.Add(ParseTarget());

        return new TupleTarget(first.At, items);
    }

    private Target ParseTarget()
    {
        _tokens.CheckDepth();
        if (_tokens.TrySymbol("("))
        {
            var inner = ParseTargets();
            _tokens.ExpectSymbol(")");
            return inner;
        }

        var name = _tokens.Expect(TokenKind.Name, "a name");
        if (name.Value is "true" or "True" or "false" or "False" or "none" or "None")
            throw _tokens.Source.Refuse(name.Start, $"nothing can be assigned to '{name.Value}'.");
        if (name.Value == "loop" && _loops > 0)
            throw _tokens.Source.Refuse(name.Start, "nothing can be assigned to 'loop' inside a for loop.");

        return _tokens.TrySymbol(".")
            ? new AttributeTarget(name.Start, name.Value, _tokens.Expect(TokenKind.Name, "a name").Value)
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

    /// <summary>A body and the tag that closes it.</summary>
    private List<Statement> ParseBlock(string name, int at)
    {
        var body = ParseBody();
        CloseBlock(name, at);
        return body;
    }

    /// <summary>A body that cannot leave the loops around it: it is a macro's.</summary>
    private List<Statement> ParseOutsideLoops(string name, int at)
    {
        int around = _loops;
        _loops = 0;
        var body = ParseBlock(name, at);
        _loops = around;
        return body;
    }

    private void CloseBlock(string name, int at)
    {
        if (_tokens.Peek.Kind == TokenKind.End)
            throw _tokens.Source.Refuse(at, $"the tag '{name}' is not closed; 'end{name}' is missing.");
        if (!IsTag("end" + name))
            throw UnknownTag();

        OpenTag();
        EndTag();
    }

    private int TakeLoopTag()
    {
        int at = OpenTag();
        EndTag();
        return _loops > 0 ? at : throw _tokens.Source.Refuse(at, "break and continue belong into a for loop.");
    }

    private bool IsTag(string name) => _tokens.Peek.Kind == TokenKind.TagStart && _tokens.Second.IsName(name);

    /// <summary>Reads a tag's start and its name.</summary>
    private int OpenTag()
    {
        _tokens.Take();
        return _tokens.Take().Start;
    }

    private void EndTag() => _tokens.Expect(TokenKind.TagEnd, "'%}'");

    private EdgeException UnknownTag()
    {
        var name = _tokens.Second;
        return name.Value is "elif" or "else" or "endif" or "endfor" or "endset" or "endmacro" or "endcall" or "endfilter" or "endwith" or "endgeneration"
            ? _tokens.Source.Refuse(name.Start, $"the tag '{name.Value}' closes nothing that is open here.")
            : _tokens.Source.Refuse(name.Start, $"the tag {name} is not supported; {Supported}.");
    }
}
