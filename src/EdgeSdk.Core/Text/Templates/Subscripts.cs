using System.Numerics;

namespace EdgeSdk.Text.Templates;

/// <summary>Members, items and slices of values. What is not there is undefined and named by the expression that asked for it.</summary>
internal static class Subscripts
{
    /// <summary><c>target.name</c>: a method before a mapping's entry, as in Jinja.</summary>
    /// <exception cref="TemplateFault">The target itself is undefined.</exception>
    public static object? Member(object? target, string name, string text) =>
        Methods.Find(target, name) is { } method ? method : TryEntry(target, name, out var entry) ? entry : Missing(target, text);

    /// <summary><c>target[key]</c>: a mapping's entry before a method.</summary>
    /// <exception cref="TemplateFault">The target itself is undefined.</exception>
    public static object? Item(object? target, object? key, string text, Meter meter)
    {
        if (TryEntry(target, key, out var entry) || TryPlace(target, key, meter, out entry))
            return entry;

        return key is string name && Methods.Find(target, name) is { } method ? method : Missing(target, text);
    }

    /// <summary><c>target[start:stop:step]</c>, each bound counted from the end where it is negative.</summary>
    /// <exception cref="TemplateFault">The target has no order, or the step is 0.</exception>
    public static object? Cut(object? target, int? start, int? stop, int? step, Meter meter)
    {
        if (step is 0)
            throw new TemplateFault("a slice's step must not be 0.");

        switch (target)
        {
            case string text when step is null or 1:
                return meter.Made(Cut(text, start, stop, meter));
            case string text:
                var characters = Operators.Items(text, meter);
                return meter.Made(string.Concat(Places(characters.Count, start, stop, step!.Value).Select(place => characters[place])));
            case List<object?> list:
                return meter.Made([.. Places(list.Count, start, stop, step ?? 1).Select(place => list[place])]);
            case object?[] tuple:
                return meter.Made([.. Places(tuple.Length, start, stop, step ?? 1).Select(place => tuple[place])]).ToArray();
            case Undefined undefined:
                throw new TemplateFault($"{undefined.Problem}, so no slice can be taken.");
            default:
                throw new TemplateFault($"no slice can be taken of {Operators.KindOf(target)}.");
        }
    }

    private static string Cut(string text, int? start, int? stop, Meter meter)
    {
        int length = PythonText.Length(text, meter);
        int first = Clamp(start ?? 0, length, 0, length), last = Clamp(stop ?? length, length, 0, length);
        return first < last ? text[PythonText.OffsetOf(text, first)..PythonText.OffsetOf(text, last)] : "";
    }

    private static IEnumerable<int> Places(int length, int? start, int? stop, int step)
    {
        bool forward = step > 0;
        var (low, high) = forward ? (0, length) : (-1, length - 1);
        int last = stop is null ? (forward ? high : low) : Clamp(stop.Value, length, low, high);
        for (long place = start is null ? (forward ? low : high) : Clamp(start.Value, length, low, high); forward ? place < last : place > last; place += step)
            yield return (int)place;
    }

    private static int Clamp(int place, int length, int low, int high) => Math.Clamp(place < 0 ? place + length : place, low, high);

    private static bool TryEntry(object? target, object? key, out object? entry)
    {
        entry = null;
        return (target, key) switch
        {
            (Mapping mapping, string or BigInteger or double or bool) => mapping.TryGetValue(key, out entry),
            (Namespace names, string name) => names.Attributes.TryGetValue(name, out entry),
            (Loop loop, string name) => loop.TryGet(name, out entry),
            _ => false,
        };
    }

    private static bool TryPlace(object? target, object? key, Meter meter, out object? item)
    {
        item = null;
        if (key is not BigInteger place || target is not (string or List<object?> or object?[]))
            return false;

        int length = Operators.Length(target, meter);
        if (place.Sign < 0)
            place += length;
        if (place.Sign < 0 || place >= length)
            return false;

        item = target switch
        {
            string text => CharacterAt(text, (int)place),
            List<object?> list => list[(int)place],
            _ => ((object?[])target)[(int)place],
        };
        return true;
    }

    private static string CharacterAt(string text, int place)
    {
        int offset = PythonText.OffsetOf(text, place);
        return text.Substring(offset, char.IsSurrogatePair(text, offset) ? 2 : 1);
    }

    private static Undefined Missing(object? target, string text) => target is Undefined undefined
        ? throw new TemplateFault($"{undefined.Problem}, so '{text}' cannot be read.")
        : new Undefined($"'{text}' is undefined");
}
