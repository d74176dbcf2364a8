using System.Text;

namespace EdgeSdk.Text.Templates;

/// <summary>Runs the statements of a template once.</summary>
internal sealed class Renderer
{
    private readonly TemplateSource source;
    private readonly Meter meter = new();
    private readonly Evaluator evaluator;
    private readonly StringBuilder output = new();

    private Renderer(TemplateSource source)
    {
        this.source = source;
        evaluator = new Evaluator(source, meter);
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
    /// <param name="variables">What it may read by name.</param>
    /// <exception cref="EdgeException">The template fails, refuses its input or spends more than <see cref="Meter"/> allows.</exception>
    public static string Render(TemplateSource source, IReadOnlyList<Statement> body, IReadOnlyDictionary<string, object?> variables)
    {
        var scope = new Scope(null);
        foreach (var function in Functions.All)
            scope.Set(function.Name, new BoundBuiltin(function, null));
        foreach (var (name, value) in variables)
            scope.Set(name, value);

        var renderer = new Renderer(source);
        renderer.Run(body, scope);
        return renderer.output.ToString();
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
            meter.Step();
            return Execute(statement, scope);
        }
        catch (TemplateFault fault)
        {
            throw evaluator.Refuse(statement.At, fault);
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
                Write(PythonText.Display(evaluator.Evaluate(output.Value, scope), meter));
                return Flow.Next;
            case SetStatement set:
                Assign(set.Target, evaluator.Evaluate(set.Value, scope), scope);
                return Flow.Next;
            case IfStatement choice:
                return Run(BranchOf(choice, scope), scope);
            case ForStatement loop:
                return RunLoop(loop, scope);
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
            if (Operators.IsTrue(evaluator.Evaluate(branch.Condition, scope)))
                return branch.Body;
        }

        return choice.Else;
    }

    private Flow RunLoop(ForStatement statement, Scope scope)
    {
        var items = ItemsOf(statement, scope);
        if (items.Count == 0)
            return Run(statement.Else, scope);

        var loop = new Loop(items);
        for (; loop.Place < items.Count; loop.Place++)
        {
            var round = new Scope(scope);
            round.Set("loop", loop);
            Assign(statement.Target, items[loop.Place], round);
            if (Run(statement.Body, round) == Flow.Break)
                break;
        }

        return Flow.Next;
    }

    private IReadOnlyList<object?> ItemsOf(ForStatement statement, Scope scope)
    {
        var all = Operators.Items(evaluator.Evaluate(statement.Items, scope), meter);
        if (statement.Filter is not { } filter)
            return all;

        var items = new List<object?>();
        foreach (var item in all)
        {
            var round = new Scope(scope);
            Assign(statement.Target, item, round);
            if (Operators.IsTrue(evaluator.Evaluate(filter, round)))
                items.Add(item);
        }

        return meter.Made(items);
    }

    private void Assign(Target target, object? value, Scope scope)
    {
        switch (target)
        {
            case NameTarget name:
                scope.Set(name.Name, value);
                break;
            case AttributeTarget attribute when scope.Get(attribute.Namespace) is Namespace names:
                names.Attributes[attribute.Name] = value;
                break;
            case AttributeTarget attribute:
                throw source.Refuse(attribute.At, $"only a namespace's attributes can be set, and '{attribute.Namespace}' is {Operators.KindOf(scope.Get(attribute.Namespace))}.");
            case TupleTarget tuple:
                AssignAll(tuple, Operators.Items(value, meter), scope);
                break;
        }
    }

    private void AssignAll(TupleTarget target, IReadOnlyList<object?> values, Scope scope)
    {
        if (values.Count != target.Items.Count)
            throw source.Refuse(target.At, $"{target.Items.Count} names cannot take {values.Count} values.");

        for (int i = 0; i < values.Count; i++)
            Assign(target.Items[i], values[i], scope);
    }

    private void Write(string text)
    {
        if (output.Length + (long)text.Length > Meter.MaxOutput)
            throw new TemplateFault($"the rendered text has more than {Meter.MaxOutput} characters.");

        output.Append(text);
    }
}
