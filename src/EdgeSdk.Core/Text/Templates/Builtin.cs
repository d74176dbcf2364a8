using System.Numerics;

namespace EdgeSdk.Text.Templates;

/// <summary>A filter, a test, a method or a function.</summary>
/// <param name="Name">Its name in templates.</param>
/// <param name="Parameters">The names of its parameters, in order, without the value that it works on.</param>
/// <param name="Required">How many of them, from the first, must be given.</param>
/// <param name="Body">What it does.</param>
internal sealed record Builtin(string Name, string[] Parameters, int Required, Func<Call, object?> Body)
{
    /// <summary>Whether it takes any arguments, which it reads itself.</summary>
    public bool TakesAny { get; init; }

    /// <summary>Whether it tells safe text from other text; all others are given the text alone.</summary>
    public bool SeesSafeText { get; init; }

    /// <summary>Whether text that it makes of safe text is safe again.</summary>
    public bool KeepsSafe { get; init; }

    /// <exception cref="TemplateFault">The arguments do not fit, or it fails.</exception>
    public object? Invoke(object? subject, Arguments given, Meter meter)
    {
        meter.Step(given.Placed.Count + given.Named.Count);
        if (SeesSafeText)
            return Body(new Call(this, subject, meter, given));

        var result = Body(new Call(this, Plain(subject), meter, new Arguments([.. given.Placed.Select(Plain)], [.. given.Named.Select(pair => KeyValuePair.Create(pair.Key, Plain(pair.Value)))])));
        return KeepsSafe && subject is SafeText && result is string text ? new SafeText(text) : result;
    }

    private static object? Plain(object? value) => value is SafeText safe ? safe.Text : value;
}

/// <summary>A function, or a method with the value that it belongs to, which a template may call.</summary>
internal sealed record BoundBuiltin(Builtin Builtin, object? Subject);

/// <summary>One call: the value that it works on and the arguments by their parameters.</summary>
internal sealed class Call
{
    private readonly string _name;
    private readonly Dictionary<string, object?> _arguments = new(StringComparer.Ordinal);

    /// <exception cref="TemplateFault">The arguments do not fit the parameters.</exception>
    public Call(Builtin callee, object? subject, Meter meter, Arguments given)
    {
        (_name, Subject, Meter, Given) = (callee.Name, subject, meter, given);
        if (callee.TakesAny)
            return;

        if (given.Placed.Count > callee.Parameters.Length)
            throw new TemplateFault($"'{_name}' takes at most {callee.Parameters.Length} arguments.");

        for (int i = 0; i < given.Placed.Count; i++)
            _arguments[callee.Parameters[i]] = given.Placed[i];
        foreach (var (parameter, value) in given.Named)
            Bind(callee, parameter, value);

        foreach (string parameter in callee.Parameters.AsSpan(0, callee.Required))
        {
            if (!Has(parameter))
                throw new TemplateFault($"'{_name}' needs the argument '{parameter}'.");
        }
    }

    /// <summary>The value that is filtered or tested, or whose method this is.</summary>
    public object? Subject { get; }

    /// <summary>The subject as text, as <c>str()</c> makes it.</summary>
    public string SubjectText => PythonText.Display(Subject, Meter);

    /// <summary>What the rendering may still spend.</summary>
    public Meter Meter { get; }

    /// <summary>The arguments as they were given.</summary>
    public Arguments Given { get; }

    public bool Has(string parameter) => _arguments.ContainsKey(parameter);

    public object? Value(string parameter, object? otherwise = null) => _arguments.GetValueOrDefault(parameter, otherwise);

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
    public int Integer(string parameter, int otherwise) => OptionalInteger(parameter, (BigInteger)otherwise) ?? throw Misfit(parameter, "an integer");

    /// <summary>A whole number, cut to the range of int; null where none or nothing is given.</summary>
    public int? OptionalInteger(string parameter, object? otherwise = null) => Value(parameter, otherwise) switch
    {
        null => null,
        bool flag => flag ? 1 : 0,
        BigInteger number => (int)BigInteger.Clamp(number, int.MinValue + 1, int.MaxValue),
        _ => throw Misfit(parameter, "an integer"),
    };

    public TemplateFault Misfit(string parameter, string expected) => Value(parameter) is Undefined undefined
        ? new($"{undefined.Problem}, where '{_name}' needs {expected} as '{parameter}'.")
        : new($"the argument '{parameter}' of '{_name}' must be {expected}, not {Operators.KindOf(Value(parameter))}.");

    private void Bind(Builtin callee, string parameter, object? value)
    {
        if (!callee.Parameters.Contains(parameter))
            throw new TemplateFault($"'{_name}' has no parameter '{parameter}' that is supported.");
        if (!_arguments.TryAdd(parameter, value))
            throw new TemplateFault($"the argument '{parameter}' of '{_name}' is given twice.");
    }
}
