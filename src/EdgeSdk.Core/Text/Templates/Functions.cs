using System.Numerics;

namespace EdgeSdk.Text.Templates;

/// <summary>The functions that every template can call: Jinja's own, and those that transformers adds.</summary>
internal static class Functions
{
    /// <summary>As in Jinja's sandbox.</summary>
    private const int MaxRange = 100_000;

    private static readonly Builtin[] s_functions =
    [
        new("raise_exception", ["message"], 1, call => throw new TemplateFault(PythonText.Display(call.Value("message"), call.Meter), EdgeErrorCode.InvalidArgument)),
        new("namespace", [], 0, MakeNamespace) { TakesAny = true, SeesSafeText = true },
        new("dict", [], 0, call => MakeMapping(call)) { TakesAny = true, SeesSafeText = true },
        new("range", ["start", "stop", "step"], 1, Range),
    ];

    /// <summary>Jinja's other functions, which no chat template needs; a name that is none of a template's variables must not pass for an undefined one.</summary>
    private static readonly string[] s_notSupported = ["cycler", "joiner", "lipsum"];

    public static IEnumerable<Builtin> For(TimeProvider clock) =>
    [
        .. s_functions,
        .. s_notSupported.Select(name => new Builtin(name, [], 0, _ => throw new TemplateFault($"the function '{name}' is not supported.")) { TakesAny = true }),
        new("strftime_now", ["format"], 1, call => call.Meter.Made(TimeFormat.Write(clock.GetLocalNow(), call.Text("format"), call.Meter))),
    ];

    private static Namespace MakeNamespace(Call call)
    {
        var names = new Namespace();
        foreach (var (name, value) in MakeMapping(call))
            names.Attributes[name] = value;

        return names;
    }

    /// <summary>As Python's <c>dict</c>: a mapping or pairs, and names with values.</summary>
    private static Mapping MakeMapping(Call call)
    {
        var mapping = new Mapping();
        switch (call.Given.Placed)
        {
            case []:
                break;
            case [Mapping first]:
                foreach (var (key, value) in first)
                    mapping[Operators.Hashed(key, call.Meter)] = value;
                break;
            case [var pairs]:
                foreach (var pair in Operators.Items(pairs, call.Meter))
                    Add(mapping, Operators.Items(pair, call.Meter), call.Meter);
                break;
            default:
                throw new TemplateFault("a mapping is made of one mapping at most, and of names with values.");
        }

        foreach (var (name, value) in call.Given.Named)
            mapping[name] = value;

        call.Meter.MakeItems(mapping.Count * 3L);
        return mapping;
    }

    private static void Add(Mapping mapping, IReadOnlyList<object?> pair, Meter meter)
    {
        if (pair is not [var key, var value])
            throw new TemplateFault($"a mapping is made of pairs, not of {pair.Count} items.");

        mapping[Operators.Key(key, meter)] = value;
    }

    private static NumberRange Range(Call call)
    {
        if (call.Given.Named.Count > 0)
            throw new TemplateFault("'range' takes its arguments by place.");

        bool hasStart = call.Has("stop");
        BigInteger start = hasStart ? Whole(call, "start") : 0, stop = Whole(call, hasStart ? "stop" : "start"), step = call.Has("step") ? Whole(call, "step") : 1;
        if (step.IsZero)
            throw new TemplateFault("the step of 'range' must not be 0.");

        var count = BigInteger.Max(0, (stop - start + step - step.Sign) / step);
        return count <= MaxRange
            ? new NumberRange(start, stop, step, (int)count)
            : throw new TemplateFault($"'range' counts {count} numbers; at most {MaxRange} are allowed.");
    }

    private static BigInteger Whole(Call call, string parameter) => call.Value(parameter) switch
    {
        BigInteger number => number,
        bool flag => flag ? 1 : 0,
        _ => throw call.Misfit(parameter, "an integer"),
    };
}
