using System.Globalization;
using System.Numerics;
using System.Text;

namespace EdgeSdk.Text.Templates;

/// <summary>
/// Text as Python's <c>str</c> has it: values print as there, lengths and places count Unicode characters. Upper and lower case are Unicode's
/// simple mappings, a character for a character; Python's also knows a few that grow (ß becomes SS).
/// </summary>
internal static class PythonText
{
    /// <summary>White space as <c>str.isspace</c> has it: Unicode's, and the four separators of ASCII.</summary>
    public static bool IsSpace(char c) => char.IsWhiteSpace(c) || c is >= '\x1c' and <= '\x1f';

    public static int Length(string text, Meter meter)
    {
        meter.Scan(text);
        int length = text.Length;
        for (int at = NextPair(text, 0); at >= 0; at = NextPair(text, at + 2))
            length--;

        return length;
    }

    /// <summary>The offset of the character at a place.</summary>
    public static int OffsetOf(string text, int place)
    {
        int offset = place;
        for (int at = NextPair(text, 0); at >= 0 && at < offset; at = NextPair(text, at + 2))
            offset++;

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
    /// <param name="start">Whether they go at the start.</param>
    /// <param name="end">Whether they go at the end.</param>
    public static string Strip(string text, string? characters, bool start = true, bool end = true)
    {
        int first = 0, last = text.Length;
        while (start && first < last && Goes(text[first]))
            first++;
        while (end && last > first && Goes(text[last - 1]))
            last--;

        return text[first..last];

        bool Goes(char c) => characters is null ? IsSpace(c) : characters.Contains(c, StringComparison.Ordinal);
    }

    /// <summary>The first letter upper case, the others lower case.</summary>
    public static string Capitalize(string text)
    {
        int first = text.Length > 1 && char.IsSurrogatePair(text, 0) ? 2 : Math.Min(1, text.Length);
        return text[..first].ToUpperInvariant() + text[first..].ToLowerInvariant();
    }

    /// <summary>Upper case at the start and wherever the character before ends a word, lower case elsewhere.</summary>
    public static string Title(string text, Func<char, bool> endsWord)
    {
        var title = new StringBuilder(text.Length);
        bool begins = true;
        foreach (char c in text)
        {
            title.Append(begins ? char.ToUpperInvariant(c) : char.ToLowerInvariant(c));
            begins = endsWord(c);
        }

        return title.ToString();
    }

    /// <summary>What <c>str()</c> makes of a value, and so an output; undefined prints as nothing.</summary>
    public static string Display(object? value, Meter meter)
    {
        switch (value)
        {
            case string text:
                return text;
            case Undefined:
                return "";
            default:
                var repr = new StringBuilder();
                AppendRepr(repr, value, meter);
                return repr.ToString();
        }
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

    /// <summary>Where the next character lies that takes two code units; negative where none does.</summary>
    private static int NextPair(string text, int start)
    {
        while (text.AsSpan(start).IndexOfAnyInRange('\ud800', '\udbff') is >= 0 and var skipped)
        {
            start += skipped;
            if (start + 1 < text.Length && char.IsLowSurrogate(text[start + 1]))
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
            case string text: AppendQuoted(repr, text); break;
            case Undefined: repr.Append("Undefined"); break;
            case List<object?> list: AppendItems(repr, '[', list, "]", meter); return;
            case object?[] tuple: AppendItems(repr, '(', tuple, tuple.Length == 1 ? ",)" : ")", meter); return;
            case Mapping mapping: AppendMapping(repr, mapping, meter); return;
            default: throw new TemplateFault($"{Operators.KindOf(value)} cannot be printed.");
        }

        meter.Make(repr.Length - start);
    }

    private static void AppendItems(StringBuilder repr, char open, IReadOnlyList<object?> items, string close, Meter meter)
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
    private static void AppendQuoted(StringBuilder repr, string text)
    {
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

    private static bool IsPrintable(Rune rune) => rune.Value == ' ' || Rune.GetUnicodeCategory(rune) is not (
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse or UnicodeCategory.OtherNotAssigned
        or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.SpaceSeparator);
}
