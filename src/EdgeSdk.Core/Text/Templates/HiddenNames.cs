namespace EdgeSdk.Text.Templates;

/// <summary>
/// What a block hides from the blocks within it. Jinja decides before it runs where a name lives: what a block sets, without having read it before and
/// without a block around it that reads or sets it, is that block's alone, and undefined until it is set, whatever the caller gave. A macro or a loop within
/// that reads it earlier finds nothing.
/// </summary>
internal sealed class HiddenNames
{
    private readonly Dictionary<IReadOnlyList<Statement>, IReadOnlyCollection<string>> _byBody = new(ReferenceEqualityComparer.Instance);

    /// <param name="template">The statements of a whole template.</param>
    /// <param name="source">Where they come from, for messages.</param>
    /// <exception cref="EdgeException">They are nested so deeply that the stack would not hold it.</exception>
    public HiddenNames(IReadOnlyList<Statement> template, TemplateSource source)
    {
        try
        {
            Visit(template, [], around: null);
        }
        catch (TemplateFault fault)
        {
            throw source.Refuse(0, fault.Message);
        }
    }

    /// <summary>The names that are undefined where <paramref name="body"/> begins.</summary>
    public IReadOnlyCollection<string> In(IReadOnlyList<Statement> body) => _byBody.GetValueOrDefault(body, []);

    /// <summary>A block is known whole before those within it are looked at.</summary>
    private void Visit(IReadOnlyList<Statement> body, IEnumerable<Expression?> given, Block? around)
    {
        StackLimit.Check();
        var block = new Block(around);
        block.Read(given);
        block.Visit(body, isCertain: true);
        if (block.Hidden.Count > 0)
            _byBody[body] = block.Hidden;

        foreach (var (inner, names) in block.Within)
            Visit(inner, names, block);
    }

    private sealed class Block(Block? around)
    {
        private readonly HashSet<string> _known = new(StringComparer.Ordinal);

        public HashSet<string> Hidden { get; } = new(StringComparer.Ordinal);

        /// <summary>The blocks within, and what each reads or is given before it begins.</summary>
        public List<(IReadOnlyList<Statement> Body, IEnumerable<Expression?> Given)> Within { get; } = [];

        public void Visit(IReadOnlyList<Statement> body, bool isCertain)
        {
            StackLimit.Check();
            foreach (var statement in body)
                Visit(statement, isCertain);
        }

        private Block? Around => around;

        private bool Knows(string name)
        {
            var block = this;
            while (block is not null && !block._known.Contains(name))
                block = block.Around;

            return block is not null;
        }

        private void Set(string name, bool isCertain)
        {
            if (isCertain && !Knows(name))
                Hidden.Add(name);

            _known.Add(name);
        }

        private void Visit(Statement statement, bool isCertain)
        {
            switch (statement)
            {
                case OutputStatement output:
                    Read(output.Value);
                    break;
                case SetStatement set:
                    Read(set.Value);
                    Set(set.Target, isCertain);
                    break;
                case SetBlockStatement block:
                    Set(block.Target, isCertain);
                    Within.Add((block.Body, []));
                    break;
                case FilterStatement block:
                    Read(block.Filters.SelectMany(filter => ValuesOf(filter.Arguments)));
                    Within.Add((block.Body, []));
                    break;
                case WithStatement with:
                    foreach (var (_, value) in with.Variables)
                        Read(value);

                    Within.Add((with.Body, with.Variables.SelectMany(variable => Names(variable.Target))));
                    break;
                case IfStatement choice:
                    VisitBranches(choice);
                    break;
                case ForStatement loop:
                    Read(loop.Items);
                    Within.Add((loop.Body, Names(loop.Target).Append(new Name(loop.At, "loop"))));
                    Within.Add((loop.Else, []));
                    break;
                case MacroStatement macro:
                    Set(macro.Macro.Name, isCertain);
                    Within.Add(Inside(macro.Macro));
                    break;
                case CallStatement call:
                    Read(call.Invocation);
                    Within.Add(Inside(call.Caller));
                    break;
                case GenerationStatement generation:
                    Within.Add((generation.Body, []));
                    break;
            }
        }

        /// <summary>What is set in a branch alone may be the caller's where the branch is not taken.</summary>
        private void VisitBranches(IfStatement choice)
        {
            foreach (var branch in choice.Branches)
            {
                Read(branch.Condition);
                Visit(branch.Body, isCertain: false);
            }

            Visit(choice.Else, isCertain: false);
        }

        private static (IReadOnlyList<Statement> Body, IEnumerable<Expression?> Given) Inside(MacroDefinition macro) =>
            (macro.Body, macro.Parameters.SelectMany(p => new[] { new Name(0, p.Name), p.Default }).Concat([new Name(0, "caller"), new Name(0, "varargs"), new Name(0, "kwargs")]));

        private void Set(Target target, bool isCertain)
        {
            if (target is AttributeTarget attribute)
                _known.Add(attribute.Namespace);

            foreach (var name in Names(target))
                Set(name.Identifier, isCertain);
        }

        private static IEnumerable<Name> Names(Target target) => target switch
        {
            NameTarget name => [new Name(name.At, name.Name)],
            TupleTarget tuple => tuple.Items.SelectMany(Names),
            _ => [],
        };

        /// <summary>Expressions may be nested deeper than the stack is.</summary>
        public void Read(params IEnumerable<Expression?> expressions)
        {
            var open = new Stack<Expression?>(expressions);
            while (open.TryPop(out var expression))
            {
                if (expression is Name name)
                    _known.Add(name.Identifier);

                foreach (var part in PartsOf(expression))
                    open.Push(part);
            }
        }

        private static IEnumerable<Expression?> PartsOf(Expression? expression) => expression switch
        {
            ListDisplay list => (IEnumerable<Expression?>)list.Items,
            TupleDisplay tuple => tuple.Items,
            MappingDisplay mapping => mapping.Items.SelectMany(item => new[] { item.Key, item.Value }),
            Member member => [member.Target],
            Index index => [index.Target, index.Key],
            Slice slice => [slice.Target, slice.Start, slice.Stop, slice.Step],
            Invocation invocation => ValuesOf(invocation.Arguments).Prepend(invocation.Callee),
            Filtered filtered => ValuesOf(filtered.Filter.Arguments).Prepend(filtered.Value),
            Tested tested => ValuesOf(tested.Arguments).Prepend(tested.Value),
            Signed signed => [signed.Value],
            Not not => [not.Value],
            And and => [and.Left, and.Right],
            Or or => [or.Left, or.Right],
            Binary binary => [binary.Left, binary.Right],
            Comparison comparison => comparison.Rest.Select(rest => rest.Right).Prepend(comparison.First),
            Conditional conditional => [conditional.Condition, conditional.Value, conditional.Otherwise],
            _ => [],
        };

        private static IEnumerable<Expression> ValuesOf(IEnumerable<Argument> arguments) => arguments.Select(argument => argument.Value);
    }
}
