namespace EdgeSdk.Text.Templates;

/// <summary>A part of a template that renders something or changes a variable.</summary>
/// <param name="At">Where it stands in the source, for messages.</param>
internal abstract record Statement(int At);

internal sealed record TextStatement(int At, string Text) : Statement(At);

internal sealed record OutputStatement(int At, Expression Value) : Statement(At);

/// <summary>if and its elifs, in order, of which the first that holds is taken; else is empty where there is none.</summary>
internal sealed record IfStatement(int At, IReadOnlyList<Branch> Branches, IReadOnlyList<Statement> Else) : Statement(At);

internal sealed record Branch(Expression Condition, IReadOnlyList<Statement> Body);

/// <summary>A loop over the items for which the filter holds, over all where it is null; else is rendered where there is no item.</summary>
internal sealed record ForStatement(
    int At,
    Target Target,
    Expression Items,
    Expression? Filter,
    IReadOnlyList<Statement> Body,
    IReadOnlyList<Statement> Else) : Statement(At);

internal sealed record SetStatement(int At, Target Target, Expression Value) : Statement(At);

internal sealed record BreakStatement(int At) : Statement(At);

internal sealed record ContinueStatement(int At) : Statement(At);

/// <summary>What a value is assigned to.</summary>
internal abstract record Target(int At);

internal sealed record NameTarget(int At, string Name) : Target(At);

/// <summary>An attribute of a namespace: <c>ns.name</c>.</summary>
internal sealed record AttributeTarget(int At, string Namespace, string Name) : Target(At);

/// <summary>Several names that take a value apart.</summary>
internal sealed record TupleTarget(int At, IReadOnlyList<Target> Items) : Target(At);

/// <summary>A part of a template that has a value.</summary>
/// <param name="At">Where its operator or its name stands in the source, for messages.</param>
internal abstract record Expression(int At);

internal sealed record Literal(int At, object? Value) : Expression(At);

internal sealed record Name(int At, string Identifier) : Expression(At);

internal sealed record ListDisplay(int At, IReadOnlyList<Expression> Items) : Expression(At);

internal sealed record TupleDisplay(int At, IReadOnlyList<Expression> Items) : Expression(At);

internal sealed record MappingDisplay(int At, IReadOnlyList<(Expression Key, Expression Value)> Items) : Expression(At);

/// <summary><c>target.name</c>; the text is the expression as it is written, which names it where it turns out to be undefined.</summary>
internal sealed record Member(int At, Expression Target, string Identifier, string Text) : Expression(At);

/// <summary><c>target[index]</c>; the text is the expression as it is written, which names it where it turns out to be undefined.</summary>
internal sealed record Index(int At, Expression Target, Expression Key, string Text) : Expression(At);

/// <summary><c>target[start:stop:step]</c></summary>
internal sealed record Slice(int At, Expression Target, Expression? Start, Expression? Stop, Expression? Step) : Expression(At);

internal sealed record Invocation(int At, Expression Callee, IReadOnlyList<Argument> Arguments) : Expression(At);

/// <summary><c>value | filter(...)</c></summary>
internal sealed record Filtered(int At, Expression Value, Builtin Filter, IReadOnlyList<Argument> Arguments) : Expression(At);

/// <summary><c>value is test</c></summary>
internal sealed record Tested(int At, Expression Value, Builtin Test) : Expression(At);

/// <summary>An argument of a call; the name is null where it is given by its place.</summary>
internal sealed record Argument(string? Name, Expression Value);

/// <summary><c>+x</c> and <c>-x</c></summary>
internal sealed record Signed(int At, string Sign, Expression Value) : Expression(At);

internal sealed record Not(int At, Expression Value) : Expression(At);

internal sealed record And(int At, Expression Left, Expression Right) : Expression(At);

internal sealed record Or(int At, Expression Left, Expression Right) : Expression(At);

/// <summary>Arithmetic and concatenation.</summary>
internal sealed record Binary(int At, string Operator, Expression Left, Expression Right) : Expression(At);

/// <summary><c>a &lt; b &lt;= c</c>: each operator between its neighbours, all of which must hold.</summary>
internal sealed record Comparison(int At, Expression First, IReadOnlyList<(int At, string Operator, Expression Right)> Rest) : Expression(At);

/// <summary><c>value if condition else otherwise</c></summary>
internal sealed record Conditional(int At, Expression Condition, Expression Value, Expression? Otherwise) : Expression(At);
