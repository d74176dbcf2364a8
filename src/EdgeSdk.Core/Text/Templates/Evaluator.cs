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

    /// <summary>Calls a function, a method, a macro or a recursive loop.</summary>
    /// <param name="invocation">What is called, with its arguments.</param>
    /// <param name="scope">The variables.</param>
    /// <param name="caller">The body of a <c>call</c> block, one more argument; null elsewhere.</param>
    /// <exception cref="TemplateFault">It cannot be called, or not with these arguments.</exception>
    public object? Invoke(Invocation invocation, Scope scope, Macro? caller)
    {
        var callee = Evaluate(invocation.Callee, scope);
        var arguments = EvaluateArguments(invocation.Arguments, scope);
        if (caller is not null)
            arguments = arguments with { Named = [.. arguments.Named, KeyValuePair.Create<string, object?>("caller", caller)] };

        return callee switch
        {
            BoundBuiltin function => function.Builtin.Invoke(function.Subject, arguments, meter),
            Macro macro => macro.Body(arguments),
            Loop { Recurse: { } recurse } when arguments is { Placed: [var items], Named: [] } => recurse(items),
            Loop { Recurse: null } => throw new TemplateFault("the loop can be called only where its tag says 'recursive'."),
            Loop => throw new TemplateFault("the loop takes one argument, the items to go through."),
            Undefined undefined => throw new TemplateFault($"{undefined.Problem}, so it cannot be called."),
            _ => throw new TemplateFault($"{Operators.KindOf(callee)} cannot be called."),
        };
    }

    /// <summary>A value through a filter.</summary>
    /// <exception cref="EdgeException">The filter fails.</exception>
    public object? Apply(AppliedFilter filter, object? value, Scope scope)
    {
        try
        {
            return filter.Filter.Invoke(value, EvaluateArguments(filter.Arguments, scope), meter);
        }
        catch (TemplateFault fault)
        {
            throw Refuse(filter.At, fault);
        }
    }

    private object? ValueOf(Expression expression, Scope scope) => expression switch
    {
        Literal literal => literal.Value,
        Name name => scope.Get(name.Identifier, meter),
        Member member => Subscripts.Member(Evaluate(member.Target, scope), member.Identifier, member.Written),
        Index index => Subscripts.Item(Evaluate(index.Target, scope), Evaluate(index.Key, scope), index.Written, meter),
        Filtered filtered => Apply(filtered.Filter, Evaluate(filtered.Value, scope), scope),
        Tested tested => tested.Test.Invoke(Evaluate(tested.Value, scope), EvaluateArguments(tested.Arguments, scope), meter),
        Invocation invocation => Invoke(invocation, scope, caller: null),
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
            mapping[Operators.Key(Evaluate(key, scope), meter)] = Evaluate(value, scope);

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

    private Arguments EvaluateArguments(IReadOnlyList<Argument> arguments, Scope scope)
    {
        if (arguments.Count == 0)
            return Arguments.None;

        var placed = new List<object?>();
        var named = new List<KeyValuePair<string, object?>>();
        foreach (var argument in arguments)
        {
            var value = Evaluate(argument.Value, scope);
            switch (argument.Kind)
            {
                case ArgumentKind.Placed:
                    placed.Add(value);
                    break;
                case ArgumentKind.Named:
                    named.Add(new(argument.Name, value));
                    break;
                case ArgumentKind.AllPlaced:
                    placed.AddRange(Operators.Items(value, meter));
                    break;
                case ArgumentKind.AllNamed:
                    named.AddRange(NamedBy(value));
                    break;
            }
        }

        meter.MakeItems(placed.Count + (3L * named.Count));
        return named.Count < 2 || named.DistinctBy(pair => pair.Key).Count() == named.Count ? new(placed, named) : throw new TemplateFault("an argument is given twice.");
    }

    private IEnumerable<KeyValuePair<string, object?>> NamedBy(object? value)
    {
        if (value is not Mapping mapping || !mapping.Keys.All(key => key is string))
            throw new TemplateFault($"'**' needs a mapping of names, not {Operators.KindOf(value)}.");

        meter.Step(mapping.Count);
        return mapping.Select(pair => KeyValuePair.Create((string)Operators.Hashed(pair.Key, meter), pair.Value));
    }

    private object? Cut(Slice slice, Scope scope)
    {
        var target = Evaluate(slice.Target, scope);
        return Subscripts.Cut(target, Bound(slice.Start, scope), Bound(slice.Stop, scope), Bound(slice.Step, scope), meter);
    }

    private int? Bound(Expression? bound, Scope scope) => (bound is null ? null : Evaluate(bound, scope)) switch
    {
        null => null,
        bool flag => flag ? 1 : 0,
        BigInteger place => (int)BigInteger.Clamp(place, int.MinValue + 1, int.MaxValue),
        var other => throw new TemplateFault($"a slice's bound must be an integer, not {Operators.KindOf(other)}."),
    };
}
