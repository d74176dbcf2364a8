using System.Globalization;
using System.Numerics;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace EdgeSdk.Text.Templates;

/// <summary>The filters of Jinja, <c>tojson</c> as transformers defines it for chat templates, and <c>fromjson</c>.</summary>
internal static class Filters
{
    /// <summary>Stands for none where a mapping's key is wanted.</summary>
    private static readonly object s_none = new();

    private static readonly Dictionary<string, Builtin> s_filters = new Builtin[]
    {
        // Text.
        new("trim", ["chars"], 0, call => Made(call, PythonText.Strip(call.SubjectText, call.OptionalText("chars"), call.Meter))) { KeepsSafe = true },
        new("upper", [], 0, call => Made(call, CaseMapping.Upper(call.SubjectText))) { KeepsSafe = true },
        new("lower", [], 0, call => Made(call, CaseMapping.Lower(call.SubjectText))) { KeepsSafe = true },
        new("title", [], 0, Title),
        new("capitalize", [], 0, call => Made(call, PythonText.Capitalize(call.SubjectText))) { KeepsSafe = true },
        new("replace", ["old", "new", "count"], 2, call => Methods.Replace(call.SubjectText, Shown(call, "old"), Shown(call, "new"), call)),
        new("indent", ["width", "first", "blank"], 0, Indented) { KeepsSafe = true },
        new("center", ["width"], 0, call => PythonText.Center(call.SubjectText, call.Integer("width", 80), " ", call.Meter)) { KeepsSafe = true },
        new("truncate", ["length", "killwords", "end", "leeway"], 0, Truncated),
        new("wordcount", [], 0, call => CountWords(call)),
        new("format", [], 0, call => PythonFormat.Percent(call.SubjectText, Formatted(call), call.Meter)) { TakesAny = true },
        new("string", [], 0, call => call.Subject is SafeText ? call.Subject : Made(call, call.SubjectText)) { SeesSafeText = true },
        new("safe", [], 0, call => call.Subject as SafeText ?? new SafeText(Made(call, call.SubjectText))) { SeesSafeText = true },
        new("escape", [], 0, call => Operators.Escape(call.Subject, call.Meter)) { SeesSafeText = true },
        new("e", [], 0, call => Operators.Escape(call.Subject, call.Meter)) { SeesSafeText = true },
        new("forceescape", [], 0, call => Operators.Escape(call.Subject, call.Meter)),
        new("tojson", ["ensure_ascii", "indent", "separators", "sort_keys"], 0, ToJson) { SeesSafeText = true },
        new("fromjson", [], 0, FromJson),

        // Numbers.
        new("int", ["default", "base"], 0, Integer),
        new("float", ["default"], 0, Real),
        new("abs", [], 0, Absolute),
        new("round", ["precision", "method"], 0, Rounding.Round),

        // Values.
        new("default", ["default_value", "boolean"], 0, Default) { SeesSafeText = true },
        new("d", ["default_value", "boolean"], 0, Default) { SeesSafeText = true },
        new("length", [], 0, call => (BigInteger)Operators.Length(call.Subject, call.Meter)),
        new("count", [], 0, call => (BigInteger)Operators.Length(call.Subject, call.Meter)),

        // Items.
        new("list", [], 0, call => call.Meter.Made([.. Items(call)])),
        new("items", [], 0, MappingItems),
        new("first", [], 0, First),
        new("last", [], 0, Last),
        new("join", ["d", "attribute"], 0, Join),
        new("reverse", [], 0, Reversed),
        new("sort", ["reverse", "case_sensitive", "attribute"], 0, call => SortedItems(call)),
        new("dictsort", ["case_sensitive", "by", "reverse"], 0, SortedPairs),
        new("unique", ["case_sensitive", "attribute"], 0, Unique),
        new("groupby", ["attribute", "default", "case_sensitive"], 1, GroupBy),
        new("map", [], 0, Map) { TakesAny = true },
        new("select", [], 0, call => Choose(call, ofAttribute: false, wanted: true)) { TakesAny = true },
        new("reject", [], 0, call => Choose(call, ofAttribute: false, wanted: false)) { TakesAny = true },
        new("selectattr", [], 0, call => Choose(call, ofAttribute: true, wanted: true)) { TakesAny = true },
        new("rejectattr", [], 0, call => Choose(call, ofAttribute: true, wanted: false)) { TakesAny = true },
        new("batch", ["linecount", "fill_with"], 1, Batches),
        new("slice", ["slices", "fill_with"], 1, Slices),
        new("sum", ["attribute", "start"], 0, Sum),
        new("min", ["case_sensitive", "attribute"], 0, call => Extreme(call, "<")),
        new("max", ["case_sensitive", "attribute"], 0, call => Extreme(call, ">")),
    }.ToDictionary(filter => filter.Name, StringComparer.Ordinal);

    /// <summary>All names, for messages.</summary>
    public static string Names { get; } = string.Join(", ", s_filters.Keys);

    public static Builtin? Find(string name) => s_filters.GetValueOrDefault(name);

    private static string Made(Call call, string text) => call.Meter.Made(text);

    private static string Shown(Call call, string parameter) => PythonText.Display(call.Value(parameter), call.Meter);

    private static IReadOnlyList<object?> Items(Call call) => Operators.Items(call.Subject, call.Meter);

    /// <summary>Words as the filter sees them; their first character is upper case, which for some is not title case.</summary>
    private static string Title(Call call) => Made(call, PythonText.Title(
        call.SubjectText,
        rune => PythonText.IsSpace(rune) || rune.Value is '-' or '(' or '{' or '[' or '<',
        word => word.Length == 0 ? "" : CaseMapping.Upper(word[..1]) + CaseMapping.Lower(word[1..])));

    /// <summary>Runs of letters, numbers and underscores.</summary>
    private static BigInteger CountWords(Call call)
    {
        call.Meter.Walk(call.SubjectText);
        int words = 0;
        bool inWord = false;
        foreach (var rune in call.SubjectText.EnumerateRunes())
        {
            bool isPart = Rune.IsLetter(rune) || Rune.IsNumber(rune) || rune.Value == '_';
            words += isPart && !inWord ? 1 : 0;
            inWord = isPart;
        }

        return words;
    }

    private static string Indented(Call call)
    {
        if (call.Subject is not string text)
            throw new TemplateFault($"'indent' works on a string, not on {Operators.KindOf(call.Subject)}.");

        string indent = call.Value("width", (BigInteger)4) as string ?? new string(' ', Math.Clamp(call.Integer("width", 4), 0, 1000));
        var lines = PythonText.Lines(text + "\n", keepEnds: false, call.Meter).ToList();
        call.Meter.Make(text.Length + ((long)indent.Length * lines.Count));
        for (int i = 1; i < lines.Count; i++)
        {
            if (call.Flag("blank") || lines[i].Length > 0)
                lines[i] = indent + lines[i];
        }

        return (call.Flag("first") ? indent : "") + string.Join('\n', lines);
    }

    private static object? Truncated(Call call)
    {
        string end = call.Has("end") ? call.Text("end") : "...";
        int length = call.Integer("length", 255), kept = length - PythonText.Length(end, call.Meter), leeway = call.OptionalInteger("leeway") ?? 5;
        if (kept < 0 || leeway < 0)
            throw new TemplateFault($"'truncate' to {length} characters has no room for '{end}', or its leeway is negative.");
        if (Operators.Length(call.Subject, call.Meter) <= length + (long)leeway)
            return call.Subject;
        if (call.Subject is not string text)
            throw new TemplateFault($"'truncate' cuts a string, not {Operators.KindOf(call.Subject)}.");

        string cut = Made(call, text[..PythonText.OffsetOf(text, kept, call.Meter)]);
        return (call.Flag("killwords") || cut.LastIndexOf(' ') < 0 ? cut : cut[..cut.LastIndexOf(' ')]) + end;
    }

    private static object? Formatted(Call call)
    {
        if (call.Given.Named.Count == 0)
            return call.Given.Placed.ToArray();
        if (call.Given.Placed.Count > 0)
            throw new TemplateFault("'format' takes arguments by place or by name, not both.");

        var names = new Mapping();
        foreach (var (name, value) in call.Given.Named)
            names[name] = value;

        return names;
    }

    private static string ToJson(Call call)
    {
        string? indent = Indent(call);
        var (item, key) = Separators(call, indent);
        var json = new PythonJson(call.Meter)
        {
            Indent = indent,
            ItemSeparator = item,
            KeySeparator = key,
            EnsureAscii = call.Flag("ensure_ascii"),
            SortKeys = call.Flag("sort_keys"),
        };
        return json.Write(call.Subject);
    }

    private static string? Indent(Call call) => call.Value("indent") switch
    {
        null => null,
        string text => text,
        _ => new string(' ', Math.Clamp(call.Integer("indent", 0), 0, 1000)),
    };

    private static (string Item, string Key) Separators(Call call, string? indent) => call.Value("separators") switch
    {
        null => (indent is null ? ", " : ",", ": "),
        IReadOnlyList<object?> and [string item, string key] => (item, key),
        _ => throw call.Misfit("separators", "two strings"),
    };

    private static object? FromJson(Call call)
    {
        if (call.Subject is not string text)
            throw new TemplateFault($"'fromjson' reads a string, not {Operators.KindOf(call.Subject)}.");

        call.Meter.Make(8L * text.Length);
        try
        {
            return new JsonValues().From(JsonNode.Parse(text, documentOptions: new JsonDocumentOptions { MaxDepth = 256 }));
        }
        catch (Exception e) when (e is JsonException or ArgumentException)
        {
            throw new TemplateFault($"'fromjson' reads JSON, and this is none: {e.Message}");
        }
    }

    private static object? Integer(Call call) => call.Subject switch
    {
        BigInteger => call.Subject,
        bool b => b ? BigInteger.One : BigInteger.Zero,
        double d when double.IsFinite(d) => new BigInteger(Math.Truncate(d)),
        string text => WholeOf(PythonText.Strip(text, null, call.Meter), call.Integer("base", 10), call.Meter) ?? call.Value("default", BigInteger.Zero),
        Undefined undefined => throw new TemplateFault(undefined.Problem + "."),
        _ => call.Value("default", BigInteger.Zero),
    };

    private static BigInteger? WholeOf(string text, int radix, Meter meter)
    {
        if (radix is not (2 or 8 or 10 or 16))
            throw new TemplateFault($"'int' knows the bases 2, 8, 10 and 16, not {radix}.");
        if (text.Length > 400)
            return null;

        meter.Step(text.Length / 4);
        string digits = text.Replace("_", "", StringComparison.Ordinal);
        if (radix != 10)
            return DigitsOf(digits, radix);
        if (BigInteger.TryParse(digits, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole))
            return whole;

        return RealOf(text) is { } real && double.IsFinite(real) ? new BigInteger(Math.Truncate(real)) : null;
    }

    /// <summary>Digits of another base than ten, with or without its prefix.</summary>
    private static BigInteger? DigitsOf(string digits, int radix)
    {
        bool negative = digits.StartsWith('-');
        string rest = digits.TrimStart('+', '-').ToLowerInvariant(), prefix = radix switch { 2 => "0b", 8 => "0o", _ => "0x" };
        rest = rest.StartsWith(prefix, StringComparison.Ordinal) ? rest[2..] : rest;
        if (rest.Length == 0 || !rest.All(c => char.IsAsciiHexDigitLower(c) && Convert.ToInt32(c.ToString(), 16) < radix))
            return null;

        var value = rest.Aggregate(BigInteger.Zero, (sum, c) => (sum * radix) + Convert.ToInt32(c.ToString(), 16));
        return negative ? -value : value;
    }

    /// <summary>A float as Python's <c>float()</c> reads it.</summary>
    private static double? RealOf(string text) => text.ToLowerInvariant().TrimStart('+', '-') switch
    {
        "inf" or "infinity" => text.StartsWith('-') ? double.NegativeInfinity : double.PositiveInfinity,
        "nan" => double.NaN,
        _ => double.TryParse(
            text.Replace("_", "", StringComparison.Ordinal),
            NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent,
            CultureInfo.InvariantCulture,
            out double real) ? real : null,
    };

    private static object? Real(Call call) => call.Subject switch
    {
        double => call.Subject,
        string text => RealOf(PythonText.Strip(text, null, call.Meter)) ?? call.Value("default", 0.0),
        Undefined undefined => throw new TemplateFault(undefined.Problem + "."),
        var value when Operators.Number(value) is BigInteger whole => (double)whole,
        _ => call.Value("default", 0.0),
    };

    private static object? Absolute(Call call) => Operators.Number(call.Subject) switch
    {
        BigInteger whole => BigInteger.Abs(whole),
        double real => Math.Abs(real),
        _ => throw new TemplateFault(call.Subject is Undefined undefined ? undefined.Problem + "." : $"'abs' works on a number, not on {Operators.KindOf(call.Subject)}."),
    };

    private static object? Default(Call call) =>
        call.Subject is Undefined || (call.Flag("boolean") && !Operators.IsTrue(call.Subject)) ? call.Value("default_value", "") : call.Subject;

    private static OnePass MappingItems(Call call) => call.Subject switch
    {
        Mapping mapping => new OnePass(Methods.Items(mapping, call.Meter)),
        Undefined => new OnePass([]),
        _ => throw new TemplateFault($"only a mapping has items, not {Operators.KindOf(call.Subject)}."),
    };

    private static object? First(Call call)
    {
        var missing = new Undefined("there is no first item, the sequence is empty");
        return call.Subject switch
        {
            OnePass pass => pass.TryTake(out var next) ? next : missing,
            string { Length: > 0 } text => Subscripts.Item(text, BigInteger.Zero, "", call.Meter),
            _ => Items(call) is [var first, ..] ? first : missing,
        };
    }

    private static object? Last(Call call) => call.Subject switch
    {
        string { Length: > 0 } text => Subscripts.Item(text, BigInteger.MinusOne, "", call.Meter),
        var subject => Operators.Ordered(subject, call.Meter) is [.., var last] ? last : new Undefined("there is no last item, the sequence is empty"),
    };

    private static string Join(Call call)
    {
        string separator = PythonText.Display(call.Value("d", ""), call.Meter);
        var items = Items(call);
        call.Meter.Make((long)separator.Length * items.Count);
        return string.Join(separator, items.Select(item => Made(call, PythonText.Display(AttributeOf(call, item), call.Meter))));
    }

    private static object? Reversed(Call call)
    {
        if (call.Subject is string)
            return Made(call, string.Concat(Items(call).Reverse()));

        List<object?> items = [.. Items(call).Reverse()];
        call.Meter.MakeItems(items.Count);
        return call.Subject is OnePass ? items : new OnePass(items);
    }

    /// <summary>The attribute that the argument of this name asks for; the item itself where none is given.</summary>
    private static object? AttributeOf(Call call, object? item, object? otherwise = null) =>
        call.Value("attribute") is { } attribute ? Subscripts.Attribute(item, attribute, otherwise, call.Meter) : item;

    /// <summary>What items are compared by: their attribute, in lower case unless the case counts.</summary>
    private static object? KeyOf(Call call, object? item, object? otherwise = null) => WithoutCase(call, AttributeOf(call, item, otherwise));

    private static object? WithoutCase(Call call, object? value) => call.Flag("case_sensitive") ? value : value switch
    {
        string text => Made(call, CaseMapping.Lower(text)),
        SafeText safe => Made(call, CaseMapping.Lower(safe.Text)),
        _ => value,
    };

    private static List<object?> SortedItems(Call call)
    {
        // A list is the key even of one attribute: what is missing everywhere then compares as equal.
        return Sorted(call, Items(call), item => call.Value("attribute") is string names
            ? names.Split(',').Select(name => WithoutCase(call, Subscripts.Attribute(item, name, null, call.Meter))).ToList()
            : new List<object?> { KeyOf(call, item) });
    }

    private static List<object?> Sorted(Call call, IReadOnlyList<object?> items, Func<object?, object?> key)
    {
        bool down = call.Flag("reverse");
        call.Meter.MakeItems(items.Count * 3L);
        List<(object? Key, object? Item)> keyed = [.. items.Select(item => (key(item), item))];

        // From the last to the first and back, items that compare equal keep their order when the greatest comes first.
        if (down)
            keyed.Reverse();
        var sorted = Sorting.Sorted(keyed, (left, right) => Operators.Order("<", left.Key, right.Key, call.Meter) is < 0);
        if (down)
            sorted.Reverse();

        return [.. sorted.Select(pair => pair.Item)];
    }

    private static List<object?> SortedPairs(Call call)
    {
        int place = call.Value("by", "key") switch
        {
            "key" => 0,
            "value" => 1,
            _ => throw call.Misfit("by", "'key' or 'value'"),
        };
        return call.Subject is Mapping mapping
            ? Sorted(call, Methods.Items(mapping, call.Meter), pair => WithoutCase(call, ((object?[])pair!)[place]))
            : throw new TemplateFault($"'dictsort' sorts a mapping, not {Operators.KindOf(call.Subject)}.");
    }

    private static OnePass Unique(Call call)
    {
        var items = new List<object?>();
        var seen = new Mapping();
        foreach (var item in Items(call))
        {
            var key = KeyOf(call, item) ?? s_none;
            if (key is Undefined || key == s_none ? seen.TryAdd(s_none, null) : seen.TryAdd(Operators.Key(key, call.Meter), null))
                items.Add(item);
        }

        call.Meter.MakeItems(items.Count * 4L);
        return new OnePass(items);
    }

    private static List<object?> GroupBy(Call call)
    {
        var otherwise = call.Value("default");
        var groups = new List<object?>();
        List<object?>? group = null;
        object? last = null;
        foreach (var item in Sorted(call, Items(call), item => KeyOf(call, item, otherwise)))
        {
            var key = KeyOf(call, item, otherwise);
            if (group is null || !Operators.AreEqual(key, last, call.Meter))
                groups.Add(new object?[] { AttributeOf(call, item, otherwise), group = [] });

            group.Add(item);
            last = key;
        }

        call.Meter.MakeItems(groups.Count * 4L);
        return groups;
    }

    /// <summary>The items of a filter that is a generator: none, and no complaint, for any value that is false.</summary>
    private static IReadOnlyList<object?> ItemsIfTrue(Call call) => Operators.IsTrue(call.Subject) ? Items(call) : [];

    private static OnePass Map(Call call)
    {
        var items = ItemsIfTrue(call);
        var (given, named) = (call.Given.Placed, call.Given.Named);
        call.Meter.MakeItems(items.Count);
        if (given.Count == 0 && named.Any(pair => pair.Key == "attribute"))
        {
            var attribute = Named("attribute");
            return named.FirstOrDefault(pair => pair.Key is not ("attribute" or "default")) is { Key: { } other }
                ? throw new TemplateFault($"'map' has no parameter '{other}'.")
                : new OnePass([.. items.Select(item => Subscripts.Attribute(item, attribute, Named("default"), call.Meter))]);
        }

        if (given is not [string name, ..])
            throw new TemplateFault("'map' needs the name of a filter, or an attribute.");

        var filter = Find(name) ?? throw new TemplateFault($"the filter '{name}' is not supported; {Names} are.");
        var rest = new Arguments([.. given.Skip(1)], named);
        return new OnePass([.. items.Select(item => filter.Invoke(item, rest, call.Meter))]);

        object? Named(string parameter) => named.FirstOrDefault(pair => pair.Key == parameter).Value;
    }

    private static OnePass Choose(Call call, bool ofAttribute, bool wanted)
    {
        var given = call.Given.Placed;
        if (ofAttribute && given.Count == 0)
            throw new TemplateFault("the filter needs the name of an attribute.");

        object? attribute = ofAttribute ? given[0] : null;
        given = ofAttribute ? [.. given.Skip(1)] : given;
        Func<object?, bool> holds = Operators.IsTrue;
        if (given is [var name, ..])
        {
            var test = (name as string) is { } text && Predicates.Find(text) is { } known ? known : throw new TemplateFault($"the test '{name}' is not supported; {Predicates.Names} are.");
            var rest = new Arguments([.. given.Skip(1)], call.Given.Named);
            holds = value => Operators.IsTrue(test.Invoke(value, rest, call.Meter));
        }

        var items = ItemsIfTrue(call).Where(item => holds(ofAttribute ? Subscripts.Attribute(item, attribute, null, call.Meter) : item) == wanted).ToList();
        return new OnePass(call.Meter.Made(items));
    }

    private static OnePass Batches(Call call)
    {
        int size = call.Integer("linecount", 1);
        if (size < 1)
            throw new TemplateFault($"a batch of {size} items cannot be made.");

        var batches = Items(call).Chunk(size).Select(batch => batch.ToList()).ToList();
        if (call.Value("fill_with") is { } fill && batches is [.., var last])
        {
            call.Meter.MakeItems(size);
            last.AddRange(Enumerable.Repeat(fill, size - last.Count));
        }

        call.Meter.MakeItems(batches.Sum(batch => batch.Count + 1L));
        return new OnePass([.. batches]);
    }

    private static OnePass Slices(Call call)
    {
        var items = Items(call);
        int count = call.Integer("slices", 1);
        if (count < 1)
            throw new TemplateFault($"{count} slices cannot be made.");

        call.Meter.Step(count);
        call.Meter.MakeItems(items.Count + (2L * count));
        var slices = new List<object?>();
        for (int i = 0, start = 0; i < count; i++)
        {
            bool isLonger = i < items.Count % count;
            int length = (items.Count / count) + (isLonger ? 1 : 0);
            List<object?> slice = [.. items.Skip(start).Take(length)];
            if (call.Value("fill_with") is { } fill && !isLonger)
                slice.Add(fill);

            slices.Add(slice);
            start += length;
        }

        return new OnePass(slices);
    }

    private static object? Sum(Call call)
    {
        var sum = call.Value("start", BigInteger.Zero);
        if (sum is string)
            throw new TemplateFault("'sum' does not add strings; 'join' does.");

        foreach (var item in Items(call))
            sum = Operators.Apply("+", sum, AttributeOf(call, item), call.Meter);

        return sum;
    }

    private static object? Extreme(Call call, string operation)
    {
        var items = Items(call);
        if (items.Count == 0)
            return new Undefined("the sequence is empty, so there is no least or greatest item");

        var best = items[0];
        var key = KeyOf(call, best);
        foreach (var item in items.Skip(1))
        {
            var other = KeyOf(call, item);
            if (Operators.Compare(operation, other, key, call.Meter))
                (best, key) = (item, other);
        }

        return best;
    }
}
