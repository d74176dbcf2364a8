namespace EdgeSdk.Text.Templates;

/// <summary>The methods of Python's strings and dictionaries that are supported; none of them changes its value.</summary>
internal static class Methods
{
    private static readonly Dictionary<string, Builtin> s_ofStrings = new Builtin[]
    {
        new("strip", ["chars"], 0, call => Strip(call, start: true, end: true)),
        new("lstrip", ["chars"], 0, call => Strip(call, start: true, end: false)),
        new("rstrip", ["chars"], 0, call => Strip(call, start: false, end: true)),
        new("split", ["sep", "maxsplit"], 0, Split),
        new("startswith", ["prefix"], 1, call => Affixes(call, "prefix").Any(prefix => Text(call).StartsWith(prefix, StringComparison.Ordinal))),
        new("endswith", ["suffix"], 1, call => Affixes(call, "suffix").Any(suffix => Text(call).EndsWith(suffix, StringComparison.Ordinal))),
        new("replace", ["old", "new", "count"], 2, call => Replace(Text(call), call)),
        new("upper", [], 0, call => call.Meter.Made(Text(call).ToUpperInvariant())),
        new("lower", [], 0, call => call.Meter.Made(Text(call).ToLowerInvariant())),
        new("title", [], 0, call => call.Meter.Made(PythonText.Title(Text(call), c => !char.IsLetter(c)))),
        new("capitalize", [], 0, call => call.Meter.Made(PythonText.Capitalize(Text(call)))),
    }.ToDictionary(method => method.Name, StringComparer.Ordinal);

    private static readonly Dictionary<string, Builtin> s_ofMappings = new Builtin[]
    {
        new("items", [], 0, call => Items((Mapping)call.Subject!, call.Meter)),
        new("keys", [], 0, call => call.Meter.Made([.. ((Mapping)call.Subject!).Keys])),
        new("values", [], 0, call => call.Meter.Made([.. ((Mapping)call.Subject!).Values])),
        new("get", ["key", "default"], 1, call => ((Mapping)call.Subject!).GetValueOrDefault(Operators.Key(call.Value("key")), call.Value("default"))),
    }.ToDictionary(method => method.Name, StringComparer.Ordinal);

    /// <summary>A value's method by its name; null where it has none.</summary>
    public static BoundBuiltin? Find(object? value, string name)
    {
        var methods = value switch
        {
            string => s_ofStrings,
            Mapping => s_ofMappings,
            _ => null,
        };
        return methods?.GetValueOrDefault(name) is { } method ? new BoundBuiltin(method, value) : null;
    }

    /// <summary>A mapping's pairs, each a tuple.</summary>
    public static List<object?> Items(Mapping mapping, Meter meter)
    {
        meter.Step(mapping.Count);
        meter.MakeItems(mapping.Count * 3L);
        return [.. mapping.Select(pair => new[] { pair.Key, pair.Value })];
    }

    /// <summary>As <c>str.replace</c>; a negative count or none replaces all.</summary>
    public static string Replace(string text, Call call)
    {
        string old = call.Text("old"), replacement = call.Text("new");
        int count = call.Value("count") is null ? -1 : call.Integer("count", -1);
        var pieces = old.Length == 0 ? Gaps(text) : Pieces(text, old);
        if (count >= 0 && count < pieces.Count - 1)
            pieces = [.. pieces[..count], string.Join(old, pieces[count..])];

        call.Meter.Step(pieces.Count / 16);
        call.Meter.Make(text.Length + ((pieces.Count - 1L) * replacement.Length));
        return string.Join(replacement, pieces);
    }

    private static string Text(Call call) => (string)call.Subject!;

    private static string Strip(Call call, bool start, bool end) => call.Meter.Made(PythonText.Strip(Text(call), call.OptionalText("chars"), start, end));

    /// <summary>One string, or several in a tuple.</summary>
    private static IEnumerable<string> Affixes(Call call, string parameter) => call.Value(parameter) switch
    {
        object?[] several when several.All(s => s is string) => several.Cast<string>(),
        _ => [call.Text(parameter)],
    };

    private static List<object?> Split(Call call)
    {
        int limit = call.Integer("maxsplit", -1);
        string? separator = call.OptionalText("sep");
        if (separator is "")
            throw new TemplateFault("'split' needs a separator that is not empty.");

        var pieces = separator is null ? Words(Text(call), limit) : Pieces(Text(call), separator, limit);
        call.Meter.Step(pieces.Count);
        call.Meter.Make(Text(call).Length);
        return call.Meter.Made([.. pieces]);
    }

    private static List<string> Pieces(string text, string separator, int limit = -1) =>
        [.. limit < 0 ? text.Split(separator) : text.Split(separator, limit == int.MaxValue ? limit : limit + 1)];

    /// <summary>What lies between runs of white space; after <paramref name="limit"/> cuts the rest as it is.</summary>
    private static List<string> Words(string text, int limit)
    {
        var words = new List<string>();
        string rest = PythonText.Strip(text, null, end: false);
        int at = 0;
        while (at < rest.Length && (limit < 0 || words.Count < limit))
        {
            int end = at;
            while (end < rest.Length && !PythonText.IsSpace(rest[end]))
                end++;

            words.Add(rest[at..end]);
            for (at = end; at < rest.Length && PythonText.IsSpace(rest[at]);)
                at++;
        }

        if (at < rest.Length)
            words.Add(rest[at..]);

        return words;
    }

    /// <summary>The pieces between which Python puts a replacement of the empty string: before, between and after all characters.</summary>
    private static List<string> Gaps(string text) => ["", .. Operators.Characters(text).Cast<string>(), ""];
}
