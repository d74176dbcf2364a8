using System.Numerics;

namespace EdgeSdk.Text.Templates;

/// <summary>Computes the value of expressions. What goes wrong is reported with the place of the innermost expression that it happened in.</summary>
internal sealed class Evaluator(TemplateSource source, Meter meter)
{
    /// <exception cref="EdgeException">The expression has no value, or the rendering has spent what it may.</exception>
    public object? Evaluate(Expression expression, Scope scope)
    {
        try
        {
            StackLimit.Check();
            meter.Step();
            return ValueOf(expression, scope);
        }
        catch (TemplateFault fault)
        {
            throw Refuse(expression.At, fault);
        }
    }

    /// <summary>A fault as the caller of the template sees it.</summary>
    public EdgeException Refuse(int at, TemplateFault fault) =>
        fault.Code == EdgeErrorCode.InvalidModel ? source.Refuse(at, fault.Message) : new EdgeException(fault.Code, fault.Message);

    private object? ValueOf(Expression expression, Scope scope) => expression switch
    {
        Literal literal => literal.Value,
        Name name => scope.Get(name.Identifier),
        Member member => Subscripts.Member(Evaluate(member.Target, scope), member.Identifier, member.Text),
        Index index => Subscripts.Item(Evaluate(index.Target, scope), Evaluate(index.Key, scope), index.Text, meter),
        Filtered filtered => Invoke(filtered.Filter, Evaluate(filtered.Value, scope), filtered.Arguments, scope),
        Tested tested => tested.Test.Body(new Call(tested.Test, Evaluate(tested.Value, scope), meter, [])),
        Invocation invocation => Invoke(invocation, scope),
        Binary binary => Operators.Apply(binary.Operator, Evaluate(binary.Left, scope), Evaluate(binary.Right, scope), meter),
        Comparison comparison => Compare(comparison, scope),
        And and => Evaluate(and.Left, scope) is var left && Operators.IsTrue(left) ? Evaluate(and.Right, scope) : left,
        Or or => Evaluate(or.Left, scope) is var left && Operators.IsTrue(left) ? left : Evaluate(or.Right, scope),
        Not not => !Operators.IsTrue(Evaluate(not.Value, scope)),
        Conditional conditional => Choose(conditional, scope),
        Signed signed => Operators.Negate(signed.Sign, Evaluate(signed.Value, scope)),
        Slice slice => Cut(slice, scope),
        ListDisplay list => meter.Made(EvaluateAll(list.Items, scope)),
        TupleDisplay tuple => meter.Made(EvaluateAll(tuple.Items, scope)).ToArray(),
        MappingDisplay mapping => Map(mapping, scope),
        _ => throw new InvalidOperationException($"No evaluation of {expression.GetType().Name}."),
    };

    private List<object?> EvaluateAll(IReadOnlyList<Expression> items, Scope scope)
    {
        var values = new List<object?>(items.Count);
        foreach (var item in items)
            values.Add(Evaluate(item, scope));

        return values;
    }

    private Mapping Map(MappingDisplay display, Scope scope)
    {
        meter.MakeItems(display.Items.Count * 3L);
        var mapping = new Mapping();
        foreach (var (key, value) in display.Items)
            mapping[Operators.Key(Evaluate(key, scope))] = Evaluate(value, scope);

        return mapping;
    }

    private object? Choose(Conditional conditional, Scope scope)
    {
        if (Operators.IsTrue(Evaluate(conditional.Condition, scope)))
            return Evaluate(conditional.Value, scope);

        return conditional.Otherwise is { } otherwise ? Evaluate(otherwise, scope) : new Undefined("the inline if without else has no value here");
    }

    private bool Compare(Comparison comparison, Scope scope)
    {
        var left = Evaluate(comparison.First, scope);
        foreach (var (at, operation, expression) in comparison.Rest)
        {
            var right = Evaluate(expression, scope);
            if (!Compare(at, operation, left, right))
                return false;

            left = right;
        }

        return true;
    }

    private bool Compare(int at, string operation, object? left, object? right)
    {
        try
        {
            return Operators.Compare(operation, left, right, meter);
        }
        catch (TemplateFault fault)
        {
            throw Refuse(at, fault);
        }
    }

    private object? Invoke(Invocation invocation, Scope scope) => Evaluate(invocation.Callee, scope) switch
    {
        BoundBuiltin callee => Invoke(callee.Builtin, callee.Subject, invocation.Arguments, scope),
        Undefined undefined => throw new TemplateFault($"{undefined.Problem}, so it cannot be called."),
        var other => throw new TemplateFault($"{Operators.KindOf(other)} cannot be called."),
    };

    private object? Invoke(Builtin callee, object? subject, IReadOnlyList<Argument> arguments, Scope scope)
    {
        var values = new List<(string? Name, object? Value)>(arguments.Count);
        foreach (var argument in arguments)
            values.Add((argument.Name, Evaluate(argument.Value, scope)));

        return callee.Body(new Call(callee, subject, meter, values));
    }

    private object? Cut(Slice slice, Scope scope)
    {
        var target = Evaluate(slice.Target, scope);
        return Subscripts.Cut(target, Bound(slice.Start, scope), Bound(slice.Stop, scope), Bound(slice.Step, scope), meter);
    }

    private int? Bound(Expression? bound, Scope scope) => (bound is null ? null : Evaluate(bound, scope)) switch
    {
        null => null,
        BigInteger place => (int)BigInteger.Clamp(place, int.MinValue + 1, int.MaxValue),
        var other => throw new TemplateFault($"a slice's bound must be an integer, not {Operators.KindOf(other)}."),
    };
}
