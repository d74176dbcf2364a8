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
    bool IsRecursive,
    IReadOnlyList<Statement> Body,
    IReadOnlyList<Statement> Else) : Statement(At);

internal sealed record SetStatement(int At, Target Target, Expression Value) : Statement(At);

/// <summary><c>{% set target | filter %}text{% endset %}</c>: what the body renders, through the filters that follow the target.</summary>
internal sealed record SetBlockStatement(int At, Target Target, IReadOnlyList<AppliedFilter> Filters, IReadOnlyList<Statement> Body) : Statement(At);

internal sealed record FilterStatement(int At, IReadOnlyList<AppliedFilter> Filters, IReadOnlyList<Statement> Body) : Statement(At);

/// <summary>Variables that hold inside the body alone; their values are computed outside.</summary>
internal sealed record WithStatement(int At, IReadOnlyList<(Target Target, Expression Value)> Variables, IReadOnlyList<Statement> Body) : Statement(At);

internal sealed record MacroStatement(int At, MacroDefinition Macro) : Statement(At);

/// <summary>Calls a macro, which may render the body by calling <c>caller</c>.</summary>
internal sealed record CallStatement(int At, Invocation Invocation, MacroDefinition Caller) : Statement(At);

/// <summary>What the assistant wrote, marked for training; it renders as its body, whose variables are its own.</summary>
internal sealed record GenerationStatement(int At, IReadOnlyList<Statement> Body) : Statement(At);

internal sealed record BreakStatement(int At) : Statement(At);

internal sealed record ContinueStatement(int At) : Statement(At);

/// <summary>A macro, or the body of a call.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Parameters">Its parameters, those with a default value last.</param>
/// <param name="Body">What it renders.</param>
/// <param name="Reads">Which of <c>caller</c>, <c>varargs</c> and <c>kwargs</c> its body reads: they are given to it.</param>
internal sealed record MacroDefinition(string Name, IReadOnlyList<Parameter> Parameters, IReadOnlyList<Statement> Body, IReadOnlySet<string> Reads);

/// <param name="Name">Its name.</param>
/// <param name="Default">What it is where the call does not give it, computed anew at each call; null where there is none.</param>
internal sealed record Parameter(string Name, Expression? Default);

/// <summary>A filter with its arguments, before the value that it works on is known.</summary>
internal sealed record AppliedFilter(int At, Builtin Filter, IReadOnlyList<Argument> Arguments);

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

/// <summary><c>target.name</c>; as it is written, it is named where it turns out to be undefined.</summary>
internal sealed record Member(int At, Expression Target, string Identifier, Excerpt Written) : Expression(At);

/// <summary><c>target[index]</c>; as it is written, it is named where it turns out to be undefined.</summary>
internal sealed record Index(int At, Expression Target, Expression Key, Excerpt Written) : Expression(At);

/// <summary><c>target[start:stop:step]</c></summary>
internal sealed record Slice(int At, Expression Target, Expression? Start, Expression? Stop, Expression? Step) : Expression(At);

internal sealed record Invocation(int At, Expression Callee, IReadOnlyList<Argument> Arguments) : Expression(At);

/// <summary><c>value | filter(...)</c></summary>
internal sealed record Filtered(int At, Expression Value, AppliedFilter Filter) : Expression(At);

/// <summary><c>value is test</c></summary>
internal sealed record Tested(int At, Expression Value, Builtin Test, IReadOnlyList<Argument> Arguments) : Expression(At);

internal enum ArgumentKind
{
    /// <summary>Given by its place.</summary>
    Placed,

    /// <summary><c>name=value</c></summary>
    Named,

    /// <summary><c>*values</c></summary>
    AllPlaced,

    /// <summary><c>**values</c></summary>
    AllNamed,
}

/// <summary>An argument of a call.</summary>
internal sealed record Argument(ArgumentKind Kind, string Name, Expression Value);

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
