using System.Globalization;
using System.Numerics;
using System.Text;

namespace EdgeSdk.Text.Templates;

/// <summary>
/// The methods of Python's strings, lists and dictionaries. None of them changes its value: those that would, append and update among them, are
/// undefined, as in transformers' sandbox. What Python has besides is refused by name.
/// </summary>
internal static class Methods
{
    private static readonly Dictionary<string, Builtin> s_ofStrings = new Builtin[]
    {
        new("strip", ["chars"], 0, call => Strip(call, start: true, end: true)) { KeepsSafe = true },
        new("lstrip", ["chars"], 0, call => Strip(call, start: true, end: false)) { KeepsSafe = true },
        new("rstrip", ["chars"], 0, call => Strip(call, start: false, end: true)) { KeepsSafe = true },
        new("split", ["sep", "maxsplit"], 0, call => Split(call, fromEnd: false)),
        new("rsplit", ["sep", "maxsplit"], 0, call => Split(call, fromEnd: true)),
        new("splitlines", ["keepends"], 0, call => new List<object?>(PythonText.Lines(call.Meter.Made(Text(call)), call.Flag("keepends"), call.Meter))),
        new("partition", ["sep"], 1, call => Partition(call, Separator(call, last: false), fromEnd: false)),
        new("rpartition", ["sep"], 1, call => Partition(call, Separator(call, last: true), fromEnd: true)),
        new("join", ["iterable"], 1, Join) { KeepsSafe = true },
        new("startswith", ["prefix", "start", "end"], 1, call => Span(call).Text is { } text && Affixes(call, "prefix", last: false).Any(prefix => text.StartsWith(prefix, StringComparison.Ordinal))),
        new("endswith", ["suffix", "start", "end"], 1, call => Span(call).Text is { } text && Affixes(call, "suffix", last: true).Any(suffix => text.EndsWith(suffix, StringComparison.Ordinal))),
        new("removeprefix", ["prefix"], 1, call => Spelling(call, "prefix") is var prefix && Text(call).StartsWith(prefix, StringComparison.Ordinal) ? call.Meter.Made(Text(call)[prefix.Length..]) : Text(call)) { KeepsSafe = true },
        new("removesuffix", ["suffix"], 1, call => Spelling(call, "suffix", last: true) is var suffix && Text(call).EndsWith(suffix, StringComparison.Ordinal) ? call.Meter.Made(Text(call)[..^suffix.Length]) : Text(call)) { KeepsSafe = true },
        new("replace", ["old", "new", "count"], 2, call => Replace(Text(call), call.Text("old"), call.Text("new"), call)) { KeepsSafe = true },
        new("find", ["sub", "start", "end"], 1, call => (BigInteger)Find(call, fromEnd: false)),
        new("rfind", ["sub", "start", "end"], 1, call => (BigInteger)Find(call, fromEnd: true)),
        new("index", ["sub", "start", "end"], 1, call => Found(call, Find(call, fromEnd: false))),
        new("rindex", ["sub", "start", "end"], 1, call => Found(call, Find(call, fromEnd: true))),
        new("count", ["sub", "start", "end"], 1, call => Count(call)),
        new("upper", [], 0, call => call.Meter.Made(CaseMapping.Upper(Text(call)))) { KeepsSafe = true },
        new("lower", [], 0, call => call.Meter.Made(CaseMapping.Lower(Text(call)))) { KeepsSafe = true },
        new("swapcase", [], 0, call => call.Meter.Made(string.Concat(Text(call).EnumerateRunes().Select(rune => Rune.IsUpper(rune) ? CaseMapping.Lower(rune.ToString()) : CaseMapping.Upper(rune.ToString()))))) { KeepsSafe = true },
        new("title", [], 0, call => call.Meter.Made(PythonText.Title(Text(call), rune => !Rune.IsLetter(rune), PythonText.Capitalize))) { KeepsSafe = true },
        new("capitalize", [], 0, call => call.Meter.Made(PythonText.Capitalize(Text(call)))) { KeepsSafe = true },
        new("center", ["width", "fillchar"], 1, call => PythonText.Center(Text(call), call.Integer("width", 0), Filling(call), call.Meter)) { KeepsSafe = true },
        new("ljust", ["width", "fillchar"], 1, call => PythonText.Pad(Text(call), call.Integer("width", 0), Filling(call), before: _ => 0, call.Meter)) { KeepsSafe = true },
        new("rjust", ["width", "fillchar"], 1, call => PythonText.Pad(Text(call), call.Integer("width", 0), Filling(call), before: room => room, call.Meter)) { KeepsSafe = true },
        new("zfill", ["width"], 1, FillWithZeros) { KeepsSafe = true },
        new("format", [], 0, call => PythonFormat.Braces(Text(call), call.Given, call.Meter)) { TakesAny = true },
        new("isspace", [], 0, call => AreAll(call, PythonText.IsSpace)),
        new("isascii", [], 0, call => Text(call).Length == 0 || AreAll(call, rune => rune.IsAscii)),
        new("isalpha", [], 0, call => AreAll(call, Rune.IsLetter)),
        new("isalnum", [], 0, call => AreAll(call, rune => Rune.IsLetter(rune) || Rune.IsNumber(rune))),
        new("isdecimal", [], 0, call => AreAll(call, rune => Rune.GetUnicodeCategory(rune) == UnicodeCategory.DecimalDigitNumber)),
        new("isdigit", [], 0, call => AreAll(call, IsDigit)),
        new("isnumeric", [], 0, call => AreAll(call, Rune.IsNumber)),
        new("islower", [], 0, call => PythonText.IsCased(Text(call), upper: false, call.Meter)),
        new("isupper", [], 0, call => PythonText.IsCased(Text(call), upper: true, call.Meter)),
    }.ToDictionary(method => method.Name, StringComparer.Ordinal);

    private static readonly Dictionary<string, Builtin> s_ofMappings = new Builtin[]
    {
        new("items", [], 0, call => new View("dict_items", Items((Mapping)call.Subject!, call.Meter))) { SeesSafeText = true },
        new("keys", [], 0, call => new View("dict_keys", call.Meter.Made([.. ((Mapping)call.Subject!).Keys]))) { SeesSafeText = true },
        new("values", [], 0, call => new View("dict_values", call.Meter.Made([.. ((Mapping)call.Subject!).Values]))) { SeesSafeText = true },
        new("get", ["key", "default"], 1, Get),
        new("copy", [], 0, call => call.Subject) { SeesSafeText = true },
    }.ToDictionary(method => method.Name, StringComparer.Ordinal);

    private static readonly Dictionary<string, Builtin> s_ofLists = new Builtin[]
    {
        new("index", ["value", "start", "stop"], 1, call => PlaceOf(call, Operators.Items(call.Subject, call.Meter))),
        new("count", ["value"], 1, call => (BigInteger)Operators.Items(call.Subject, call.Meter).Count(item => Operators.AreEqual(item, call.Value("value"), call.Meter))),
        new("copy", [], 0, call => call.Subject) { SeesSafeText = true },
    }.ToDictionary(method => method.Name, StringComparer.Ordinal);

    private static readonly Dictionary<string, Builtin> s_ofFloats = new Builtin[]
    {
        new("is_integer", [], 0, call => double.IsInteger((double)call.Subject!)),
    }.ToDictionary(method => method.Name, StringComparer.Ordinal);

    private static readonly Dictionary<string, Builtin> s_none = [];

    private static readonly HashSet<string> s_changing =
        ["append", "clear", "extend", "insert", "pop", "popitem", "remove", "reverse", "setdefault", "sort", "update"];

    /// <summary>A value's method by its name, or undefined where it would change the value; null where it has none.</summary>
    /// <exception cref="TemplateFault">Python has it, and it is not supported here.</exception>
    public static object? Find(object? value, string name)
    {
        var (methods, others) = value switch
        {
            string or SafeText => (s_ofStrings, "casefold encode expandtabs format_map isidentifier isprintable istitle maketrans translate"),
            Mapping => (s_ofMappings, "fromkeys clear pop popitem setdefault update"),
            List<object?> => (s_ofLists, "append clear extend insert pop remove reverse sort"),
            object?[] => (s_ofLists, ""),
            NumberRange => (s_ofLists, "start stop step"),
            double => (s_ofFloats, "as_integer_ratio conjugate fromhex hex imag real"),
            BigInteger or bool => (s_none, "as_integer_ratio bit_count bit_length conjugate denominator from_bytes imag numerator real to_bytes"),
            View => (s_none, "isdisjoint mapping"),
            _ => (s_none, ""),
        };
        if (methods.TryGetValue(name, out var method))
            return value is not (string or Mapping or List<object?>) && name == "copy" ? null : new BoundBuiltin(method, value);
        if (others.Length == 0 || !others.Split(' ').Contains(name))
            return null;

        return s_changing.Contains(name)
            ? new Undefined($"'{name}' would change {Operators.KindOf(value)}, which templates cannot (make a new one, and keep it in a namespace)")
            : throw new TemplateFault($"'{name}' of {Operators.KindOf(value)} is not supported.");
    }

    /// <summary>A mapping's pairs, each a tuple.</summary>
    public static List<object?> Items(Mapping mapping, Meter meter)
    {
        meter.Step(mapping.Count);
        meter.MakeItems(mapping.Count * 3L);
        return [.. mapping.Select(pair => new[] { pair.Key, pair.Value })];
    }

    /// <summary>As <c>str.replace</c>; a negative count or none replaces all.</summary>
    public static string Replace(string text, string old, string replacement, Call call)
    {
        call.Meter.Search(text, old);
        call.Meter.Make(text.Length);
        old = Guards.SpellingIn(text, old);
        if (old.Length == 0 && replacement.Length == 0)
            return text;

        var replaced = new StringBuilder();
        int start = 0;
        for (int left = call.OptionalInteger("count") ?? -1, next; left != 0 && (next = Next()) >= 0; left--)
        {
            call.Meter.Make(replacement.Length);
            replaced.Append(text, start, next - start).Append(replacement);
            start = next + old.Length;
        }

        return replaced.Append(text, start, text.Length - start).ToString();

        // The empty string is found before, between and after all characters.
        int Next() => old.Length > 0 ? text.IndexOf(old, start, StringComparison.Ordinal)
            : replaced.Length == 0 ? 0
            : start < text.Length ? start + (char.IsSurrogatePair(text, start) ? 2 : 1) : -1;
    }

    private static string Text(Call call) => (string)call.Subject!;

    private static string Strip(Call call, bool start, bool end) => call.Meter.Made(PythonText.Strip(Text(call), call.OptionalText("chars"), call.Meter, start, end));

    /// <summary>An argument as the subject spells it.</summary>
    private static string Spelling(Call call, string parameter, bool last = false)
    {
        call.Meter.Scan(Text(call));
        return Guards.SpellingIn(Text(call), call.Text(parameter), last);
    }

    /// <summary>One string, or several in a tuple.</summary>
    private static IEnumerable<string> Affixes(Call call, string parameter, bool last)
    {
        object?[] affixes = call.Value(parameter) as object?[] ?? [call.Text(parameter)];
        foreach (var affix in affixes)
        {
            call.Meter.Scan(Text(call));
            yield return affix is string text ? Guards.SpellingIn(Text(call), text, last) : throw new TemplateFault($"the argument '{parameter}' must be a string or a tuple of strings.");
        }
    }

    /// <summary>The part of the text between the arguments start and end, and where it begins; null where it would end before that, and holds not even the empty text.</summary>
    private static (string? Text, int Offset) Span(Call call)
    {
        string text = Text(call);
        if (!call.Has("start") && !call.Has("end"))
            return (text, 0);

        int length = PythonText.Length(text, call.Meter);
        int start = FromStart(call.OptionalInteger("start") ?? 0), end = Math.Min(FromStart(call.OptionalInteger("end") ?? length), length);
        if (start > end)
            return (null, 0);

        int offset = PythonText.OffsetOf(text, start, call.Meter);
        return (call.Meter.Made(text[offset..PythonText.OffsetOf(text, end, call.Meter)]), offset);

        int FromStart(int place) => place < 0 ? Math.Max(place + length, 0) : place;
    }

    private static string Separator(Call call, bool last)
    {
        call.Meter.Search(Text(call), call.Text("sep"));
        return Spelling(call, "sep", last) is { Length: > 0 } separator ? separator : throw new TemplateFault("the separator must not be empty.");
    }

    private static object?[] Partition(Call call, string separator, bool fromEnd)
    {
        string text = call.Meter.Made(Text(call));
        int at = fromEnd ? text.LastIndexOf(separator, StringComparison.Ordinal) : text.IndexOf(separator, StringComparison.Ordinal);
        call.Meter.MakeItems(3);
        if (at >= 0)
            return [text[..at], separator, text[(at + separator.Length)..]];

        var parts = new object?[] { "", "", "" };
        parts[fromEnd ? 2 : 0] = text;
        return parts;
    }

    private static string Join(Call call)
    {
        var items = Operators.Items(call.Value("iterable"), call.Meter);
        call.Meter.Make((long)Text(call).Length * items.Count);
        return string.Join(Text(call), items.Select(item => item switch
        {
            string text => call.Meter.Made(text),
            SafeText safe => call.Meter.Made(safe.Text),
            _ => throw new TemplateFault($"'join' joins strings, not {Operators.KindOf(item)}; the filter 'join' takes any value."),
        }));
    }

    private static int Find(Call call, bool fromEnd)
    {
        var (text, offset) = Span(call);
        string part = call.Text("sub");
        if (text is null)
            return -1;

        call.Meter.Search(text, part);
        part = Guards.SpellingIn(text, part, last: fromEnd);
        int at = fromEnd ? text.LastIndexOf(part, StringComparison.Ordinal) : text.IndexOf(part, StringComparison.Ordinal);
        return at < 0 ? -1 : PythonText.PlaceOf(Text(call), at + offset, call.Meter);
    }

    private static BigInteger Found(Call call, int place) => place >= 0 ? place : throw new TemplateFault($"the text does not hold '{call.Text("sub")}'.");

    private static BigInteger Count(Call call)
    {
        string part = call.Text("sub");
        if (Span(call).Text is not { } text)
            return 0;

        call.Meter.Search(text, part);
        part = Guards.SpellingIn(text, part);
        return part.Length == 0 ? PythonText.Length(text, call.Meter) + 1 : text.AsSpan().Count(part);
    }

    private static string Filling(Call call)
    {
        string fill = call.Has("fillchar") ? call.Text("fillchar") : " ";
        return PythonText.Length(fill, call.Meter) == 1 ? fill : throw new TemplateFault("the text to fill with must be one character.");
    }

    private static string FillWithZeros(Call call)
    {
        string text = Text(call);
        int room = call.Integer("width", 0) - PythonText.Length(text, call.Meter), sign = text is ['+' or '-', ..] ? 1 : 0;
        call.Meter.Make(text.Length + Math.Max(room, 0));
        return room <= 0 ? text : text[..sign] + new string('0', room) + text[sign..];
    }

    private static bool AreAll(Call call, Func<Rune, bool> holds)
    {
        call.Meter.Walk(Text(call));
        return Text(call).Length > 0 && Text(call).EnumerateRunes().All(holds);
    }

    /// <summary>Decimal digits, and those that are raised or circled.</summary>
    private static bool IsDigit(Rune rune) => Rune.GetUnicodeCategory(rune) == UnicodeCategory.DecimalDigitNumber
        || (Rune.GetUnicodeCategory(rune) == UnicodeCategory.OtherNumber && Rune.GetNumericValue(rune) is >= 0 and <= 9 and var value && double.IsInteger(value) && rune.Value < 0x3000);

    private static object? Get(Call call) => call.Value("key") switch
    {
        null or object?[] or Undefined => call.Value("default"),
        var key => ((Mapping)call.Subject!).GetValueOrDefault(Operators.Key(key, call.Meter), call.Value("default")),
    };

    private static BigInteger PlaceOf(Call call, IReadOnlyList<object?> items)
    {
        int start = Bound(call.OptionalInteger("start") ?? 0), stop = Bound(call.OptionalInteger("stop") ?? items.Count);
        for (int i = start; i < stop; i++)
        {
            if (Operators.AreEqual(items[i], call.Value("value"), call.Meter))
                return i;
        }

        throw new TemplateFault("'index' does not find the value in the list.");

        int Bound(int place) => Math.Clamp(place < 0 ? place + items.Count : place, 0, items.Count);
    }

    private static List<object?> Split(Call call, bool fromEnd)
    {
        string text = call.Meter.Made(Text(call));
        call.Meter.Search(text, call.OptionalText("sep") ?? " ");
        int limit = call.Integer("maxsplit", -1);
        var pieces = (call.OptionalText("sep") is { } given ? Guards.SpellingIn(text, given, last: fromEnd) : null) switch
        {
            null => Words(fromEnd ? Reversed(text) : text, limit, call.Meter),
            "" => throw new TemplateFault("'split' needs a separator that is not empty."),
            var separator => Pieces(fromEnd ? Reversed(text) : text, fromEnd ? Reversed(separator) : separator, limit, call.Meter),
        };
        return fromEnd ? [.. pieces.Select(Reversed).Reverse()] : [.. pieces];
    }

    /// <summary>By code units: halves of characters come back to their order when it is done twice.</summary>
    private static string Reversed(string text) => string.Create(text.Length, text, (reversed, whole) =>
    {
        whole.CopyTo(reversed);
        reversed.Reverse();
    });

    private static List<string> Pieces(string text, string separator, int limit, Meter meter)
    {
        var pieces = new List<string>();
        int start = 0;
        for (int end; pieces.Count != limit && (end = text.IndexOf(separator, start, StringComparison.Ordinal)) >= 0; start = end + separator.Length)
        {
            meter.MakeItems(1);
            pieces.Add(text[start..end]);
        }

        meter.MakeItems(1);
        pieces.Add(text[start..]);
        return pieces;
    }

    /// <summary>What lies between runs of white space; after <paramref name="limit"/> cuts the rest as it is.</summary>
    private static List<string> Words(string text, int limit, Meter meter)
    {
        var words = new List<string>();
        string rest = PythonText.Strip(text, null, meter, end: false);
        int at = 0;
        while (at < rest.Length && (limit < 0 || words.Count < limit))
        {
            int end = at;
            while (end < rest.Length && !PythonText.IsSpace(rest[end]))
                end++;

            meter.MakeItems(1);
            words.Add(rest[at..end]);
            for (at = end; at < rest.Length && PythonText.IsSpace(rest[at]);)
                at++;
        }

        if (at < rest.Length)
            words.Add(rest[at..]);

        return words;
    }
}
