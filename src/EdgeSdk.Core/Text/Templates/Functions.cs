using System.Numerics;

namespace EdgeSdk.Text.Templates;

/// <summary>The functions that every template can call.</summary>
internal static class Functions
{
    /// <summary>As in Jinja's sandbox.</summary>
    private const int MaxRange = 100_000;

    public static IReadOnlyList<Builtin> All { get; } =
    [
        new("raise_exception", ["message"], 1, call => throw new TemplateFault(PythonText.Display(call.Value("message"), call.Meter), EdgeErrorCode.InvalidArgument)),
        new("namespace", [], 0, MakeNamespace) { TakesAnyName = true },
        new("range", ["start", "stop", "step"], 1, Range),
    ];

    private static Namespace MakeNamespace(Call call)
    {
        call.Meter.MakeItems(call.Arguments.Count * 3L);
        var names = new Namespace();
        foreach (var (name, value) in call.Arguments)
            names.Attributes[name] = value;

        return names;
    }

    private static List<object?> Range(Call call)
    {
        bool hasStart = call.Has("stop");
        long start = hasStart ? call.Integer("start", 0) : 0, stop = call.Integer(hasStart ? "stop" : "start", 0), step = call.Integer("step", 1);
        if (step == 0)
            throw new TemplateFault("the step of 'range' must not be 0.");

        long count = Math.Max(0, (stop - start + step - Math.Sign(step)) / step);
        if (count > MaxRange)
            throw new TemplateFault($"'range' counts {count} numbers; at most {MaxRange} are allowed.");

        var numbers = new List<object?>((int)count);
        for (int i = 0; i < count; i++)
            numbers.Add((BigInteger)(start + (i * step)));

        return call.Meter.Made(numbers);
    }
}
