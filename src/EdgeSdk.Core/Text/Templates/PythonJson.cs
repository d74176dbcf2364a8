using System.Globalization;
using System.Numerics;
using System.Text;

namespace EdgeSdk.Text.Templates;

/// <summary>JSON as Python's <c>json.dumps</c> writes it, to the letter.</summary>
internal sealed class PythonJson(Meter meter)
{
    private readonly StringBuilder _json = new();

    public required string ItemSeparator { get; init; }

    public required string KeySeparator { get; init; }

    /// <summary>What a level is indented by; null writes all in one line.</summary>
    public string? Indent { get; init; }

    /// <summary>Whether all beyond ASCII is escaped.</summary>
    public bool EnsureAscii { get; init; }

    public bool SortKeys { get; init; }

    /// <exception cref="TemplateFault">A value is none that JSON has.</exception>
    public string Write(object? value)
    {
        Append(value, 0);
        return _json.ToString();
    }

    private void Append(object? value, int level)
    {
        StackLimit.Check();
        meter.Step();
        switch (value)
        {
            case string text: AppendString(text); break;
            case SafeText safe: AppendString(safe.Text); break;
            case IReadOnlyList<object?> items: AppendList(items, level); break;
            case Mapping mapping: AppendMapping(mapping, level); break;
            case Undefined undefined: throw new TemplateFault($"{undefined.Problem}, so JSON cannot be made of it.");
            default: Append(Scalar(value)); break;
        }
    }

    private void Append(string text)
    {
        meter.Make(text.Length);
        _json.Append(text);
    }

    private static string Scalar(object? value) => value switch
    {
        null => "null",
        bool b => b ? "true" : "false",
        BigInteger n => n.ToString(CultureInfo.InvariantCulture),
        double d when double.IsFinite(d) => PythonText.Float(d),
        double d => double.IsNaN(d) ? "NaN" : d > 0 ? "Infinity" : "-Infinity",
        _ => throw new TemplateFault($"JSON cannot be made of {Operators.KindOf(value)}."),
    };

    private void AppendList(IReadOnlyList<object?> items, int level)
    {
        _json.Append('[');
        for (int i = 0; i < items.Count; i++)
        {
            AppendSeparator(i == 0, level + 1);
            Append(items[i], level + 1);
        }

        AppendEnd(']', items.Count == 0, level);
    }

    private void AppendMapping(Mapping mapping, int level)
    {
        _json.Append('{');
        bool isFirst = true;
        foreach (var (key, value) in SortKeys ? Sorted(mapping) : (IEnumerable<KeyValuePair<object, object?>>)mapping)
        {
            AppendSeparator(isFirst, level + 1);
            AppendString(key as string ?? Scalar(key));
            Append(KeySeparator);
            Append(value, level + 1);
            isFirst = false;
        }

        AppendEnd('}', isFirst, level);
    }

    private List<KeyValuePair<object, object?>> Sorted(Mapping mapping)
    {
        var pairs = mapping.ToList();
        meter.MakeItems(pairs.Count);
        return Sorting.Sorted(pairs, (left, right) => Operators.Order("<", left.Key, right.Key, meter) is < 0);
    }

    private void AppendSeparator(bool isFirst, int level)
    {
        if (!isFirst)
            Append(ItemSeparator);

        AppendLine(level);
    }

    private void AppendEnd(char bracket, bool isEmpty, int level)
    {
        if (!isEmpty)
            AppendLine(level);

        _json.Append(bracket);
    }

    private void AppendLine(int level)
    {
        if (Indent is null)
            return;

        meter.Make(1 + ((long)Indent.Length * level));
        _json.Append('\n').Insert(_json.Length, Indent, level);
    }

    private void AppendString(string text)
    {
        meter.Make(text.Length + 2);
        _json.Append('"');
        foreach (char c in text)
        {
            switch (c)
            {
                case '"': Append("\\\""); break;
                case '\\': Append(@"\\"); break;
                case '\n': Append(@"\n"); break;
                case '\r': Append(@"\r"); break;
                case '\t': Append(@"\t"); break;
                case '\f': Append(@"\f"); break;
                case '\b': Append(@"\b"); break;
                case < ' ': Append($@"\u{(int)c:x4}"); break;
                case > '~' when EnsureAscii && c != Guards.Mark: Append($@"\u{(int)c:x4}"); break;
                default: _json.Append(c); break;
            }
        }

        _json.Append('"');
    }
}
