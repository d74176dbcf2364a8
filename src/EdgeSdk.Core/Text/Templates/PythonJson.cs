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
        int start = _json.Length;
        switch (value)
        {
            case string text: AppendString(text); break;
            case SafeText safe: AppendString(safe.Text); break;
            case IReadOnlyList<object?> items: AppendList(items, level); return;
            case Mapping mapping: AppendMapping(mapping, level); return;
            case Undefined undefined: throw new TemplateFault($"{undefined.Problem}, so JSON cannot be made of it.");
            default: _json.Append(Scalar(value)); break;
        }

        meter.Make(_json.Length - start);
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
            _json.Append(KeySeparator);
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
            _json.Append(ItemSeparator);

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
        _json.Append('"');
        foreach (char c in text)
        {
            switch (c)
            {
                case '"' or '\\': _json.Append('\\').Append(c); break;
                case '\n': _json.Append("\\n"); break;
                case '\r': _json.Append("\\r"); break;
                case '\t': _json.Append("\\t"); break;
                case '\f': _json.Append("\\f"); break;
                case '\b': _json.Append("\\b"); break;
                case < ' ': AppendEscape(c); break;
                case > '~' when EnsureAscii && c != Guards.Mark: AppendEscape(c); break;
                default: _json.Append(c); break;
            }
        }

        _json.Append('"');
    }

    private void AppendEscape(char c) => _json.Append($"\\u{(int)c:x4}");
}
