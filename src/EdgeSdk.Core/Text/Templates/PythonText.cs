using System.Buffers;
using System.Globalization;
using System.Numerics;
using System.Text;

namespace EdgeSdk.Text.Templates;

/// <summary>
/// Text as Python's <c>str</c> has it: values print as there, lengths and places count Unicode characters, and no <see cref="Guards.Mark"/>.
/// </summary>
internal static class PythonText
{
    private static readonly SearchValues<char> s_lineEnds = SearchValues.Create("\n\r\v\f\x1c\x1d\x1e\u0085\u2028\u2029");

    /// <summary>White space as <c>str.isspace</c> has it: Unicode's, and the four separators of ASCII.</summary>
    public static bool IsSpace(char c) => char.IsWhiteSpace(c) || c is >= '\x1c' and <= '\x1f';

    public static bool IsSpace(Rune rune) => rune.IsBmp && IsSpace((char)rune.Value);

    public static int Length(string text, Meter meter) => PlaceOf(text, text.Length, meter);

    /// <summary>How many characters lie before an offset.</summary>
    public static int PlaceOf(string text, int offset, Meter meter)
    {
        meter.Scan(text);
        int uncounted = 0;
        for (int at = NextUncounted(text, 0); at >= 0 && at < offset; at = NextUncounted(text, at + 1))
            uncounted++;

        meter.Step(uncounted >> 3);
        return offset - uncounted;
    }

    /// <summary>The offset of the character at a place.</summary>
    public static int OffsetOf(string text, int place, Meter meter)
    {
        int offset = place;
        for (int at = NextUncounted(text, 0); at >= 0 && at <= offset; at = NextUncounted(text, at + 1))
            offset++;

        meter.Step((offset >> 10) + ((offset - place) >> 3));
        return offset;
    }

    /// <summary>Orders by code points, which ordinal order does not beyond U+FFFF.</summary>
    public static int Compare(string left, string right)
    {
        int shared = left.AsSpan().CommonPrefixLength(right);
        if (shared == left.Length || shared == right.Length)
            return left.Length.CompareTo(right.Length);

        var (a, b) = (left[shared], right[shared]);
        return char.IsSurrogate(a) == char.IsSurrogate(b) ? a.CompareTo(b) : char.IsSurrogate(a) ? 1 : -1;
    }

    /// <param name="text">What is stripped.</param>
    /// <param name="characters">The characters that go; white space where it is null.</param>
    /// <param name="meter">What the rendering may spend.</param>
    /// <param name="start">Whether they go at the start.</param>
    /// <param name="end">Whether they go at the end.</param>
    public static string Strip(string text, string? characters, Meter meter, bool start = true, bool end = true)
    {
        meter.Walk(text);
        meter.Step((characters?.Length ?? 0) >> 3);
        Func<Rune, bool> goes = characters is null ? IsSpace : characters.EnumerateRunes().ToHashSet().Contains;
        var rest = text.AsSpan();
        while (start && Rune.DecodeFromUtf16(rest, out var rune, out int length) == OperationStatus.Done && goes(rune))
            rest = rest[length..];
        while (end && Rune.DecodeLastFromUtf16(rest, out var rune, out int length) == OperationStatus.Done && goes(rune))
            rest = rest[..^length];

        return rest.Length == text.Length ? text : rest.ToString();
    }

    /// <summary>Filled up to a width on both sides; where one side gets more, it is as Python chooses.</summary>
    public static string Center(string text, int width, string fill, Meter meter) => Pad(text, width, fill, room => (room / 2) + (room & width & 1), meter);

    /// <summary>Filled up to a width, of the room for which <paramref name="before"/> says how much lies before the text.</summary>
    public static string Pad(string text, int width, string fill, Func<int, int> before, Meter meter)
    {
        int room = width - Length(text, meter);
        if (room <= 0)
            return text;

        meter.Make(text.Length + ((long)room * fill.Length));
        return Times(fill, before(room)) + text + Times(fill, room - before(room));

        static string Times(string text, int count) => string.Concat(Enumerable.Repeat(text, count));
    }

    /// <summary>As <c>str.splitlines</c>: the lines between any of Python's line ends.</summary>
    public static IEnumerable<string> Lines(string text, bool keepEnds, Meter meter)
    {
        for (int start = 0, next; start < text.Length; start = next)
        {
            int end = text.AsSpan(start).IndexOfAny(s_lineEnds);
            end = end < 0 ? text.Length : start + end;
            next = end == text.Length ? end : text.AsSpan(end).StartsWith("\r\n") ? end + 2 : end + 1;
            meter.MakeItems(1);
            yield return text[start..(keepEnds ? next : end)];
        }
    }

    /// <summary>Whether there are letters with a case, and all of them have this one.</summary>
    public static bool IsCased(string text, bool upper, Meter meter)
    {
        meter.Walk(text);
        return text.Any(upper ? char.IsUpper : char.IsLower) && !text.Any(upper ? char.IsLower : char.IsUpper);
    }

    /// <summary>The first letter in title case, the others lower case.</summary>
    public static string Capitalize(string text)
    {
        string first = text[..(text.Length > 1 && char.IsSurrogatePair(text, 0) ? 2 : Math.Min(1, text.Length))];
        return CaseMapping.Title(first) + CaseMapping.Lower(text)[CaseMapping.Lower(first).Length..];
    }

    /// <summary>Every word with a capital; a word begins wherever the character before ends one.</summary>
    public static string Title(string text, Func<Rune, bool> endsWord, Func<string, string> capitalize)
    {
        var title = new StringBuilder(text.Length);
        int start = 0, at = 0;
        foreach (var rune in text.EnumerateRunes())
        {
            at += rune.Utf16SequenceLength;
            if (endsWord(rune))
            {
                title.Append(capitalize(text[start..at]));
                start = at;
            }
        }

        return title.Append(capitalize(text[start..])).ToString();
    }

    /// <summary>What <c>str()</c> makes of a value, and so an output; undefined prints as nothing.</summary>
    public static string Display(object? value, Meter meter)
    {
        switch (value)
        {
            case string text:
                return text;
            case SafeText safe:
                return safe.Text;
            case Undefined:
                return "";
            default:
                return Repr(value, meter);
        }
    }

    /// <summary>What <c>repr()</c> makes of a value.</summary>
    public static string Repr(object? value, Meter meter)
    {
        var repr = new StringBuilder();
        AppendRepr(repr, value, meter);
        return repr.ToString();
    }

    /// <summary>The shortest digits that read back as <paramref name="value"/>, in Python's notation.</summary>
    public static string Float(double value)
    {
        if (!double.IsFinite(value))
            return double.IsNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";

        string sign = double.IsNegative(value) ? "-" : "";
        var (digits, exponent) = Digits(Math.Abs(value));
        return sign + exponent switch
        {
            < -4 or >= 16 => $"{digits[0]}{(digits.Length > 1 ? "." : "")}{digits[1..]}e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent):00}",
            < 0 => "0." + new string('0', -exponent - 1) + digits,
            _ when digits.Length <= exponent + 1 => digits.PadRight(exponent + 1, '0') + ".0",
            _ => $"{digits[..(exponent + 1)]}.{digits[(exponent + 1)..]}",
        };
    }

    /// <summary>The shortest digits, and the power of ten of the first.</summary>
    private static (string Digits, int Exponent) Digits(double value)
    {
        string shortest = value.ToString("R", CultureInfo.InvariantCulture);
        int end = shortest.IndexOf('E');
        int exponent = end < 0 ? 0 : int.Parse(shortest.AsSpan(end + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        string mantissa = end < 0 ? shortest : shortest[..end];
        int point = mantissa.IndexOf('.');

        string digits = mantissa.Replace(".", "", StringComparison.Ordinal);
        string significant = digits.TrimStart('0');
        exponent += (point < 0 ? digits.Length : point) - (digits.Length - significant.Length) - 1;
        return significant.Length == 0 ? ("0", 0) : (significant.TrimEnd('0'), exponent);
    }

    /// <summary>The next code unit that makes no character of its own: the second of a pair, a guard's mark.</summary>
    private static int NextUncounted(string text, int start)
    {
        // One range holds both, and little else that is written: wide instructions find ranges fastest.
        while (text.AsSpan(start).IndexOfAnyInRange('\uDC00', Guards.Mark) is >= 0 and var skipped)
        {
            start += skipped;
            if (text[start] == Guards.Mark || (start > 0 && char.IsSurrogatePair(text[start - 1], text[start])))
                return start;

            start++;
        }

        return -1;
    }

    private static void AppendRepr(StringBuilder repr, object? value, Meter meter)
    {
        StackLimit.Check();
        meter.Step();
        int start = repr.Length;
        switch (value)
        {
            case null: repr.Append("None"); break;
            case bool b: repr.Append(b ? "True" : "False"); break;
            case BigInteger n: repr.Append(n.ToString(CultureInfo.InvariantCulture)); break;
            case double d: repr.Append(Float(d)); break;
            case string text: AppendQuoted(repr, text, meter); break;
            case SafeText safe: AppendQuoted(repr.Append("Markup("), safe.Text, meter); repr.Append(')'); break;
            case Undefined: repr.Append("Undefined"); break;
            case NumberRange range: repr.Append(CultureInfo.InvariantCulture, $"range({range.Start}, {range.Stop}{(range.Step.IsOne ? "" : $", {range.Step}")})"); break;
            case Macro macro: AppendQuoted(repr.Append("<Macro "), macro.Name, meter); repr.Append('>'); break;
            case Loop loop: repr.Append(CultureInfo.InvariantCulture, $"<LoopContext {loop.Place + 1}/{loop.Count}>"); break;
            case Namespace names: AppendMapping(repr.Append("<Namespace "), names.Attributes, meter); repr.Append('>'); return;
            case View view: AppendItems(repr.Append(view.Kind), "([", view.Items, "])", meter); return;
            case List<object?> list: AppendItems(repr, "[", list, "]", meter); return;
            case object?[] tuple: AppendItems(repr, "(", tuple, tuple.Length == 1 ? ",)" : ")", meter); return;
            case Mapping mapping: AppendMapping(repr, mapping, meter); return;
            case OnePass: throw new TemplateFault("a generator cannot be printed; put '| list' or '| join' behind it.");
            default: throw new TemplateFault($"{Operators.KindOf(value)} cannot be printed; call it.");
        }

        meter.Make(repr.Length - start);
    }

    private static void AppendItems(StringBuilder repr, string open, IReadOnlyList<object?> items, string close, Meter meter)
    {
        repr.Append(open);
        for (int i = 0; i < items.Count; i++)
        {
            repr.Append(i == 0 ? "" : ", ");
            AppendRepr(repr, items[i], meter);
        }

        repr.Append(close);
    }

    private static void AppendMapping(StringBuilder repr, Mapping mapping, Meter meter)
    {
        repr.Append('{');
        string separator = "";
        foreach (var (key, value) in mapping)
        {
            repr.Append(separator);
            AppendRepr(repr, key, meter);
            repr.Append(": ");
            AppendRepr(repr, value, meter);
            separator = ", ";
        }

        repr.Append('}');
    }

    /// <summary>A string in the quotes that need no escape if there are any, the single ones first.</summary>
    private static void AppendQuoted(StringBuilder repr, string text, Meter meter)
    {
        meter.Make(text.Length);
        char quote = text.Contains('\'') && !text.Contains('"') ? '"' : '\'';
        repr.Append(quote);
        for (int i = 0; i < text.Length;)
        {
            bool isWhole = Rune.TryGetRuneAt(text, i, out var rune);
            if (!isWhole)
                repr.Append($"\\u{(int)text[i]:x4}");
            else if (rune.Value == quote || rune.Value == '\\')
                repr.Append('\\').Append((char)rune.Value);
            else
                AppendRune(repr, rune);

            i += isWhole ? rune.Utf16SequenceLength : 1;
        }

        repr.Append(quote);
    }

    private static void AppendRune(StringBuilder repr, Rune rune) => repr.Append(rune.Value switch
    {
        '\n' => "\\n",
        '\r' => "\\r",
        '\t' => "\\t",
        _ when IsPrintable(rune) => rune.ToString(),
        < 0x100 => $"\\x{rune.Value:x2}",
        < 0x10000 => $"\\u{rune.Value:x4}",
        _ => $"\\U{rune.Value:x8}",
    });

    private static bool IsPrintable(Rune rune) => rune.Value is ' ' or Guards.Mark || Rune.GetUnicodeCategory(rune) is not (
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned
        or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.SpaceSeparator);
}
