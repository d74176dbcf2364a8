using System.Text;

namespace EdgeSdk.Text.Templates;

/// <summary>Runs the statements of a template once.</summary>
internal sealed class Renderer
{
    private readonly TemplateSource _source;
    private readonly Meter _meter;
    private readonly Evaluator _evaluator;
    private readonly HiddenNames _hidden;

    /// <summary>Where text is written: the rendered text, or the block around that keeps its own.</summary>
    private StringBuilder _output = new();

    private Renderer(TemplateSource source, HiddenNames hidden, Meter meter)
    {
        _source = source;
        _hidden = hidden;
        _meter = meter;
        _evaluator = new Evaluator(source, meter);
    }

    /// <summary>How the statements around go on after one.</summary>
    private enum Flow
    {
        Next,
        Break,
        Continue,
    }

    /// <param name="source">Where the statements come from, for messages.</param>
    /// <param name="body">The template.</param>
    /// <param name="hidden">What its blocks hide.</param>
    /// <param name="variables">What it may read by name.</param>
    /// <param name="clock">What <c>strftime_now</c> reads.</param>
    /// <param name="meter">What it may spend.</param>
    /// <exception cref="EdgeException">The template fails, refuses its input or spends more than <see cref="Meter"/> allows.</exception>
    public static string Render(
        TemplateSource source, IReadOnlyList<Statement> body, HiddenNames hidden, IReadOnlyDictionary<string, object?> variables, TimeProvider clock, Meter meter)
    {
        var scope = new Scope(null);
        foreach (var function in Functions.For(clock))
            scope.Set(function.Name, new BoundBuiltin(function, null));
        foreach (var (name, value) in variables)
            scope.Set(name, value);

        foreach (string name in hidden.In(body))
            scope.Hide(name);

        var renderer = new Renderer(source, hidden, meter);
        renderer.Run(body, scope);
        return renderer._output.ToString();
    }

    /// <summary>The variables of a block at its start.</summary>
    private Scope Enter(IReadOnlyList<Statement> body, Scope around)
    {
        var inner = new Scope(around);
        var names = _hidden.In(body);
        _meter.Step(names.Count);
        foreach (string name in names)
            inner.Hide(name);

        return inner;
    }

    private Flow Run(IReadOnlyList<Statement> body, Scope scope)
    {
        foreach (var statement in body)
        {
            var flow = Run(statement, scope);
            if (flow != Flow.Next)
                return flow;
        }

        return Flow.Next;
    }

    private Flow Run(Statement statement, Scope scope)
    {
        try
        {
            StackLimit.Check();
            _meter.Step();
            return Execute(statement, scope);
        }
        catch (TemplateFault fault)
        {
            throw _evaluator.Refuse(statement.At, fault);
        }
    }

    private Flow Execute(Statement statement, Scope scope)
    {
        switch (statement)
        {
            case TextStatement text:
                Write(text.Text);
                return Flow.Next;
            case OutputStatement output:
                Write(PythonText.Display(_evaluator.Evaluate(output.Value, scope), _meter));
                return Flow.Next;
            case SetStatement set:
                Assign(set.Target, _evaluator.Evaluate(set.Value, scope), scope);
                return Flow.Next;
            case SetBlockStatement block:
                return SetBlock(block, scope);
            case FilterStatement block:
                return FilterBlock(block, scope);
            case WithStatement with:
                return RunWith(with, scope);
            case IfStatement choice:
                return Run(BranchOf(choice, scope), scope);
            case ForStatement loop:
                return RunLoop(loop, scope);
            case MacroStatement macro:
                scope.Set(macro.Macro.Name, Bind(macro.Macro, scope));
                return Flow.Next;
            case CallStatement call:
                WriteText(_evaluator.Invoke(call.Invocation, scope, Bind(call.Caller, scope)));
                return Flow.Next;
            case GenerationStatement generation:
                return Run(generation.Body, Enter(generation.Body, scope));
            case BreakStatement:
                return Flow.Break;
            case ContinueStatement:
                return Flow.Continue;
            default:
                throw new InvalidOperationException($"No execution of {statement.GetType().Name}.");
        }
    }

    private IReadOnlyList<Statement> BranchOf(IfStatement choice, Scope scope)
    {
        foreach (var branch in choice.Branches)
        {
            if (Operators.IsTrue(_evaluator.Evaluate(branch.Condition, scope)))
                return branch.Body;
        }

        return choice.Else;
    }

    private Flow RunLoop(ForStatement statement, Scope scope) =>
        RunLoop(statement, Operators.Items(_evaluator.Evaluate(statement.Items, scope), _meter), scope, depth: 0);

    private Flow RunLoop(ForStatement statement, IReadOnlyList<object?> all, Scope scope, int depth)
    {
        var items = Chosen(statement, all, scope);
        var loop = new Loop(items, depth, statement.IsRecursive ? Recurse : null);
        bool anyWasWhole = false;
        for (; loop.Place < items.Count; loop.Place++)
        {
            var round = Enter(statement.Body, scope);
            round.Set("loop", loop);
            Assign(statement.Target, items[loop.Place], round);
            var flow = Run(statement.Body, round);
            anyWasWhole |= flow == Flow.Next;
            if (flow == Flow.Break)
                break;
        }

        // Jinja notes that there was an item at the end of a round, which break and continue never reach.
        return anyWasWhole ? Flow.Next : Run(statement.Else, Enter(statement.Else, scope));

        string Recurse(object? inner)
        {
            var (text, _) = Capture(() => RunLoop(statement, Operators.Items(inner, _meter), scope, depth + 1));
            return text;
        }
    }

    private IReadOnlyList<object?> Chosen(ForStatement statement, IReadOnlyList<object?> all, Scope scope)
    {
        if (statement.Filter is not { } filter)
            return all;

        var items = new List<object?>();
        foreach (var item in all)
        {
            var round = new Scope(scope);
            Assign(statement.Target, item, round);
            if (Operators.IsTrue(_evaluator.Evaluate(filter, round)))
                items.Add(item);
        }

        return _meter.Made(items);
    }

    private Flow RunWith(WithStatement with, Scope scope)
    {
        var inner = Enter(with.Body, scope);
        foreach (var (target, value) in with.Variables)
            Assign(target, _evaluator.Evaluate(value, scope), inner);

        return Run(with.Body, inner);
    }

    private Flow SetBlock(SetBlockStatement block, Scope scope)
    {
        var inner = Enter(block.Body, scope);
        var (text, flow) = Capture(() => Run(block.Body, inner));
        if (flow == Flow.Next)
            Assign(block.Target, Through(block.Filters, text, inner), scope);

        return flow;
    }

    private Flow FilterBlock(FilterStatement block, Scope scope)
    {
        var inner = Enter(block.Body, scope);
        var (text, flow) = Capture(() => Run(block.Body, inner));
        if (flow == Flow.Next)
            WriteText(Through(block.Filters, text, inner));

        return flow;
    }

    private object? Through(IReadOnlyList<AppliedFilter> filters, object? value, Scope scope)
    {
        foreach (var filter in filters)
            value = _evaluator.Apply(filter, value, scope);

        return value;
    }

    /// <summary>A macro with the variables that it sees: those where it is defined, as they are when it is called.</summary>
    private Macro Bind(MacroDefinition definition, Scope scope) => new(
        definition.Name,
        [.. definition.Parameters.Select(parameter => parameter.Name)],
        arguments =>
        {
            var inner = Enter(definition.Body, scope);
            GiveArguments(definition, arguments, inner);
            return Capture(() => Run(definition.Body, inner)).Text;
        });

    private void GiveArguments(MacroDefinition definition, Arguments given, Scope scope)
    {
        var (parameters, named) = (definition.Parameters, given.Named.ToDictionary(StringComparer.Ordinal));
        _meter.Step(parameters.Count);
        for (int i = 0; i < parameters.Count; i++)
        {
            var (name, otherwise) = parameters[i];
            if (i < given.Placed.Count)
                scope.Set(name, given.Placed[i]);
            else if (named.Remove(name, out var value))
                scope.Set(name, value);
            else
                scope.Set(name, otherwise is null ? new Undefined($"the parameter '{name}' was not given") : _evaluator.Evaluate(otherwise, scope));
        }

        GiveRest(definition, [.. given.Placed.Skip(parameters.Count)], named, scope);
    }

    /// <summary>What no parameter takes goes to <c>caller</c>, <c>varargs</c> and <c>kwargs</c>, if the macro reads them.</summary>
    private static void GiveRest(MacroDefinition definition, object?[] placed, Dictionary<string, object?> named, Scope scope)
    {
        if (definition.Reads.Contains("caller") && definition.Parameters.All(parameter => parameter.Name != "caller"))
            scope.Set("caller", named.Remove("caller", out var caller) ? caller : new Undefined("no caller is defined here"));

        if (definition.Reads.Contains("varargs"))
            scope.Set("varargs", placed);
        else if (placed.Length > 0)
            throw new TemplateFault($"the macro '{definition.Name}' takes at most {definition.Parameters.Count} arguments.");

        if (!definition.Reads.Contains("kwargs"))
        {
            if (named.Count > 0)
                throw new TemplateFault($"the macro '{definition.Name}' takes no argument '{named.Keys.First()}'.");

            return;
        }

        var rest = new Mapping();
        foreach (var (name, value) in named)
            rest[name] = value;

        scope.Set("kwargs", rest);
    }

    private void Assign(Target target, object? value, Scope scope)
    {
        switch (target)
        {
            case NameTarget name:
                scope.Set(name.Name, value);
                break;
            case AttributeTarget attribute when scope.Get(attribute.Namespace, _meter) is Namespace names:
                names.Attributes[attribute.Name] = value;
                break;
            case AttributeTarget attribute:
                throw _source.Refuse(attribute.At, $"only a namespace's attributes can be set, and '{attribute.Namespace}' is {Operators.KindOf(scope.Get(attribute.Namespace, _meter))}.");
            case TupleTarget tuple:
                AssignAll(tuple, Operators.Items(value, _meter), scope);
                break;
        }
    }

    private void AssignAll(TupleTarget target, IReadOnlyList<object?> values, Scope scope)
    {
        StackLimit.Check();
        if (values.Count != target.Items.Count)
            throw _source.Refuse(target.At, $"{target.Items.Count} names cannot take {values.Count} values.");

        for (int i = 0; i < values.Count; i++)
            Assign(target.Items[i], values[i], scope);
    }

    /// <summary>What statements write, kept apart from the output around.</summary>
    private (string Text, Flow Flow) Capture(Func<Flow> run)
    {
        var around = _output;
        _output = new StringBuilder();
        try
        {
            var flow = run();
            _meter.Make(_output.Length);
            return (_output.ToString(), flow);
        }
        finally
        {
            _output = around;
        }
    }

    /// <summary>Writes what a block makes; unlike an output, it must be text.</summary>
    private void WriteText(object? made) => Write(
        made is string or SafeText ? PythonText.Display(made, _meter) : throw new TemplateFault($"the block makes {Operators.KindOf(made)}, and only text can be written."));

    private void Write(string text)
    {
        _meter.CheckOutput(_output.Length + (long)text.Length);
        _output.Append(text);
    }
}
