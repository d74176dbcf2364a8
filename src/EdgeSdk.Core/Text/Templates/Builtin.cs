using System.Numerics;

namespace EdgeSdk.Text.Templates;

/// <summary>A filter, a test, a method or a function.</summary>
/// <param name="Name">Its name in templates.</param>
/// <param name="Parameters">The names of its parameters, in order, without the value that it works on.</param>
/// <param name="Required">How many of them, from the first, must be given.</param>
/// <param name="Body">What it does.</param>
internal sealed record Builtin(string Name, string[] Parameters, int Required, Func<Call, object?> Body)
{
    /// <summary>Whether arguments of any other name are taken too.</summary>
    public bool TakesAnyName { get; init; }
}

/// <summary>A function, or a method with the value that it belongs to, which a template may call.</summary>
internal sealed record BoundBuiltin(Builtin Builtin, object? Subject);

/// <summary>One call: the value that it works on and the arguments by their parameters.</summary>
internal sealed class Call
{
    private readonly string name;
    private readonly Dictionary<string, object?> arguments = new(StringComparer.Ordinal);

    /// <exception cref="TemplateFault">The arguments do not fit the parameters.</exception>
    public Call(Builtin callee, object? subject, Meter meter, IReadOnlyList<(string? Name, object? Value)> given)
    {
        (name, Subject, Meter) = (callee.Name, subject, meter);
        for (int i = 0; i < given.Count; i++)
            Bind(callee, i, given[i].Name, given[i].Value);

        foreach (string parameter in callee.Parameters.Take(callee.Required))
        {
            if (!Has(parameter))
                throw new TemplateFault($"'{name}' needs the argument '{parameter}'.");
        }
    }

    /// <summary>The value that is filtered or tested, or whose method this is.</summary>
    public object? Subject { get; }

    /// <summary>What the rendering may still spend.</summary>
    public Meter Meter { get; }

    /// <summary>The arguments that were given, in that order.</summary>
    public IReadOnlyDictionary<string, object?> Arguments => arguments;

    public bool Has(string parameter) => arguments.ContainsKey(parameter);

    public object? Value(string parameter, object? otherwise = null) => arguments.GetValueOrDefault(parameter, otherwise);

    public string Text(string parameter) => OptionalText(parameter) ?? throw Misfit(parameter, "a string");

    /// <summary>A string; null where none or nothing is given.</summary>
    public string? OptionalText(string parameter) => Value(parameter) switch
    {
        null => null,
        string text => text,
        _ => throw Misfit(parameter, "a string"),
    };

    public bool Flag(string parameter) => Operators.IsTrue(Value(parameter, false));

    /// <summary>A whole number, cut to the range of int.</summary>
    public int Integer(string parameter, int otherwise) => Value(parameter, (BigInteger)otherwise) switch
    {
        BigInteger number => (int)BigInteger.Clamp(number, int.MinValue, int.MaxValue),
        _ => throw Misfit(parameter, "an integer"),
    };

    public TemplateFault Misfit(string parameter, string expected) =>
        new($"the argument '{parameter}' of '{name}' must be {expected}, not {Operators.KindOf(Value(parameter))}.");

    private void Bind(Builtin callee, int place, string? argument, object? value)
    {
        if (argument is null && place >= callee.Parameters.Length)
            throw new TemplateFault($"'{name}' takes at most {callee.Parameters.Length} arguments.");

        string parameter = argument ?? callee.Parameters[place];
        if (!callee.TakesAnyName && !callee.Parameters.Contains(parameter))
            throw new TemplateFault($"'{name}' has no parameter '{parameter}' that is supported.");
        if (!arguments.TryAdd(parameter, value))
            throw new TemplateFault($"the argument '{parameter}' of '{name}' is given twice.");
    }
}
