using System.Globalization;
using System.Numerics;

namespace EdgeSdk.Text.Templates;

/// <summary>Members, items and slices of values. What is not there is undefined and named by the expression that asked for it.</summary>
internal static class Subscripts
{
    /// <summary><c>target.name</c>: a method before a mapping's entry, as in Jinja.</summary>
    /// <exception cref="TemplateFault">The target itself is undefined.</exception>
    public static object? Member(object? target, string name, object written) =>
        Methods.Find(target, name) ?? (TryEntry(target, name, out var entry) ? entry : Missing(target, written));

    /// <summary><c>target[key]</c>: a mapping's entry before a method.</summary>
    /// <exception cref="TemplateFault">The target itself is undefined.</exception>
    public static object? Item(object? target, object? key, object written, Meter meter)
    {
        if (key is string or SafeText)
            key = Operators.Hashed(key, meter);
        if (TryEntry(target, key, out var entry) || TryPlace(target, key, meter, out entry))
            return entry;

        return (key is string name ? Methods.Find(target, name) : null) ?? Missing(target, written);
    }

    /// <summary><c>target[start:stop:step]</c>, each bound counted from the end where it is negative.</summary>
    /// <exception cref="TemplateFault">The target has no order, or the step is 0.</exception>
    public static object? Cut(object? target, int? start, int? stop, int? step, Meter meter)
    {
        if (step is 0)
            throw new TemplateFault("a slice's step must not be 0.");

        switch (target)
        {
            case SafeText safe:
                return new SafeText((string)Cut(safe.Text, start, stop, step, meter)!);
            case NumberRange range:
                return Cut(range, start, stop, step ?? 1);
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

    private static NumberRange Cut(NumberRange range, int? start, int? stop, int step)
    {
        var (first, last) = Bounds(range.Count, start, stop, step);
        long count = ((long)last - first + step - Math.Sign(step)) / step;
        return new NumberRange(range.Start + (first * range.Step), range.Start + (last * range.Step), range.Step * step, (int)Math.Max(count, 0));
    }

    private static string Cut(string text, int? start, int? stop, Meter meter)
    {
        int length = PythonText.Length(text, meter);
        int first = Clamp(start ?? 0, length, 0, length), last = Clamp(stop ?? length, length, 0, length);
        return first < last ? text[PythonText.OffsetOf(text, first, meter)..PythonText.OffsetOf(text, last, meter)] : "";
    }

    private static IEnumerable<int> Places(int length, int? start, int? stop, int step)
    {
        var (first, last) = Bounds(length, start, stop, step);
        return Places(first, last, step);
    }

    private static (int First, int Last) Bounds(int length, int? start, int? stop, int step)
    {
        bool forward = step > 0;
        var (low, high) = forward ? (0, length) : (-1, length - 1);
        return (start is null ? (forward ? low : high) : Clamp(start.Value, length, low, high), stop is null ? (forward ? high : low) : Clamp(stop.Value, length, low, high));
    }

    private static IEnumerable<int> Places(int first, int last, int step)
    {
        for (long place = first; step > 0 ? place < last : place > last; place += step)
            yield return (int)place;
    }

    private static int Clamp(int place, int length, int low, int high) => Math.Clamp(place < 0 ? place + length : place, low, high);

    private static bool TryEntry(object? target, object? key, out object? entry)
    {
        entry = null;
        return (target, key is SafeText safe ? safe.Text : key) switch
        {
            (Mapping mapping, (string or BigInteger or double or bool) and var known) => mapping.TryGetValue(known, out entry),
            (Namespace names, string name) => names.Attributes.TryGetValue(name, out entry),
            (Macro macro, "name") => (entry = macro.Name) is not null,
            (Macro macro, "arguments") => (entry = macro.Parameters.ToArray<object?>()) is not null,
            (Loop loop, string name) => loop.TryGet(name, out entry),
            _ => false,
        };
    }

    private static bool TryPlace(object? target, object? key, Meter meter, out object? item)
    {
        item = null;
        if (Operators.Number(key) is not BigInteger place || target is not (string or SafeText or List<object?> or object?[] or NumberRange))
            return false;

        int length = Operators.Length(target, meter);
        if (place.Sign < 0)
            place += length;
        if (place.Sign < 0 || place >= length)
            return false;

        item = target switch
        {
            string text => CharacterAt(text, (int)place, meter),
            SafeText safe => new SafeText(CharacterAt(safe.Text, (int)place, meter)),
            NumberRange range => range[(int)place],
            List<object?> list => list[(int)place],
            _ => ((object?[])target)[(int)place],
        };
        return true;
    }

    private static string CharacterAt(string text, int place, Meter meter)
    {
        int offset = PythonText.OffsetOf(text, place, meter);
        return text.Substring(offset, char.IsSurrogatePair(text, offset) ? 2 : 1);
    }

    /// <summary>What the filters read that are given an attribute: names and places with points between them, or one place.</summary>
    /// <param name="target">Where it is read.</param>
    /// <param name="attribute">A string or an integer.</param>
    /// <param name="otherwise">What stands for anything that is missing on the way; null where it stays undefined.</param>
    /// <param name="meter">What the rendering may spend.</param>
    public static object? Attribute(object? target, object? attribute, object? otherwise, Meter meter)
    {
        if (attribute is not string path)
            return attribute is BigInteger ? Step(target, attribute) : throw new TemplateFault($"an attribute is a string or an integer, not {Operators.KindOf(attribute)}.");

        meter.Make(path.Length);
        foreach (string part in path.Split('.'))
            target = Step(target, part.Length is > 0 and < 10 && part.All(char.IsAsciiDigit) ? BigInteger.Parse(part, CultureInfo.InvariantCulture) : part);

        return target;

        object? Step(object? value, object key)
        {
            meter.Step();
            var item = Item(value, key, key, meter);
            return item is Undefined && otherwise is not null ? otherwise : item;
        }
    }

    private static Undefined Missing(object? target, object written) => target is Undefined undefined
        ? throw new TemplateFault($"{undefined.Problem}, so '{written}' cannot be read.")
        : new Undefined($"'{written}' is undefined");
}
