using System.Globalization;
using System.Numerics;

namespace EdgeSdk.Text.Templates;

/// <summary>The filters of Jinja that are supported, and <c>tojson</c> as transformers defines it for chat templates.</summary>
internal static class Filters
{
    private static readonly Dictionary<string, Builtin> s_filters = new Builtin[]
    {
        new("trim", ["chars"], 0, call => PythonText.Strip(Text(call), call.OptionalText("chars"))),
        new("join", ["d"], 0, Join),
        new("tojson", ["ensure_ascii", "indent", "separators", "sort_keys"], 0, ToJson),
        new("length", [], 0, call => (BigInteger)Operators.Length(call.Subject, call.Meter)),
        new("count", [], 0, call => (BigInteger)Operators.Length(call.Subject, call.Meter)),
        new("upper", [], 0, call => Text(call).ToUpperInvariant()),
        new("lower", [], 0, call => Text(call).ToLowerInvariant()),
        new("title", [], 0, call => PythonText.Title(Text(call), c => PythonText.IsSpace(c) || c is '-' or '(' or '{' or '[' or '<')),
        new("capitalize", [], 0, call => PythonText.Capitalize(Text(call))),
        new("default", ["default_value", "boolean"], 0, Default),
        new("d", ["default_value", "boolean"], 0, Default),
        new("list", [], 0, call => call.Meter.Made([.. Operators.Items(call.Subject, call.Meter)])),
        new("items", [], 0, Items),
        new("first", [], 0, First),
        new("last", [], 0, Last),
        new("replace", ["old", "new", "count"], 2, call => Methods.Replace(Text(call), call)),
        new("safe", [], 0, Text),
        new("string", [], 0, Text),
        new("int", ["default"], 0, Integer),
    }.ToDictionary(filter => filter.Name, StringComparer.Ordinal);

    /// <summary>All names, for messages.</summary>
    public static string Names { get; } = string.Join(", ", s_filters.Keys);

    public static Builtin? Find(string name) => s_filters.GetValueOrDefault(name);

    private static string Text(Call call) => call.Meter.Made(PythonText.Display(call.Subject, call.Meter));

    private static string Join(Call call)
    {
        string separator = PythonText.Display(call.Value("d", ""), call.Meter);
        var items = Operators.Items(call.Subject, call.Meter);
        call.Meter.Make((long)separator.Length * items.Count);
        return string.Join(separator, items.Select(item => call.Meter.Made(PythonText.Display(item, call.Meter))));
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
        BigInteger => new string(' ', Math.Clamp(call.Integer("indent", 0), 0, 1000)),
        _ => throw call.Misfit("indent", "an integer or a string"),
    };

    private static (string Item, string Key) Separators(Call call, string? indent) => call.Value("separators") switch
    {
        null => (indent is null ? ", " : ",", ": "),
        IReadOnlyList<object?> and [string item, string key] => (item, key),
        _ => throw call.Misfit("separators", "two strings"),
    };

    private static object? Default(Call call) =>
        call.Subject is Undefined || (call.Flag("boolean") && !Operators.IsTrue(call.Subject)) ? call.Value("default_value", "") : call.Subject;

    private static List<object?> Items(Call call) => call.Subject switch
    {
        Mapping mapping => Methods.Items(mapping, call.Meter),
        Undefined => [],
        _ => throw new TemplateFault($"only a mapping has items, not {Operators.KindOf(call.Subject)}."),
    };

    private static object? First(Call call) =>
        Operators.Items(call.Subject, call.Meter) is [var first, ..] ? first : new Undefined("there is no first item, the sequence is empty");

    private static object? Last(Call call) =>
        Operators.Items(call.Subject, call.Meter) is [.., var last] ? last : new Undefined("there is no last item, the sequence is empty");

    private static object? Integer(Call call) => call.Subject switch
    {
        BigInteger => call.Subject,
        bool b => b ? BigInteger.One : BigInteger.Zero,
        double d when double.IsFinite(d) => new BigInteger(Math.Truncate(d)),
        string text => WholeOf(PythonText.Strip(text, null)) ?? call.Value("default", BigInteger.Zero),
        Undefined undefined => throw new TemplateFault(undefined.Problem + "."),
        _ => call.Value("default", BigInteger.Zero),
    };

    private static BigInteger? WholeOf(string text)
    {
        if (text.Length <= 400 && BigInteger.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var whole))
            return whole;

        return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double real) && double.IsFinite(real) ? new BigInteger(Math.Truncate(real)) : null;
    }
}
