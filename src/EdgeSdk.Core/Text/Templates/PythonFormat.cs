using System.Globalization;
using System.Numerics;
using System.Text;

namespace EdgeSdk.Text.Templates;

/// <summary>Python's two ways to put values into a text: <c>'%s' % value</c> and <c>'{}'.format(value)</c>.</summary>
internal static class PythonFormat
{
    private const int MaxWidth = 100_000;

    /// <param name="Fill">What fills the room; a space where nothing is said.</param>
    /// <param name="Align">&lt;, &gt;, ^ or =; a space where nothing is said.</param>
    /// <param name="Sign">-, + or a space; - where nothing is said.</param>
    /// <param name="Grouped">Whether a comma stands between thousands.</param>
    /// <param name="Width">The least width.</param>
    /// <param name="Precision">Digits behind the point, or the most characters of a text; null where nothing is said.</param>
    /// <param name="Type">The letter of the conversion; a space where nothing is said.</param>
    private readonly record struct Spec(string Fill, char Align, char Sign, bool Grouped, int Width, int? Precision, char Type);

    /// <summary><c>format % value</c>: a tuple gives several values, a mapping those that are asked for by name.</summary>
    /// <exception cref="TemplateFault">The values do not fit, or a conversion is not supported.</exception>
    public static string Percent(string format, object? value, Meter meter)
    {
        meter.Walk(format);
        var text = new StringBuilder();
        var values = value as object?[] ?? [value];
        int used = 0;
        for (int i = 0; i < format.Length; i++)
        {
            if (format[i] != '%')
            {
                text.Append(format[i]);
                continue;
            }

            string? name = ReadName(format, ref i);
            var spec = ReadPercentSpec(format, ref i);
            text.Append(spec.Type == '%' ? "%" : Convert(spec, name is null ? Next() : Named(value, name), meter));
            meter.CheckOutput(text.Length);
        }

        return used >= values.Length || value is Mapping or List<object?> or NumberRange or Undefined ? meter.Made(text.ToString()) : throw new TemplateFault("not all values are used by the format.");

        object? Next() => used < values.Length ? values[used++] : throw new TemplateFault("the format asks for more values than there are.");
    }

    /// <summary><c>format.format(...)</c></summary>
    /// <exception cref="TemplateFault">The values do not fit, or a conversion is not supported.</exception>
    public static string Braces(string format, Arguments given, Meter meter)
    {
        meter.Walk(format);
        var text = new StringBuilder();
        int next = 0;
        for (int i = 0; i < format.Length; i++)
        {
            if (format[i] is '{' or '}' && i + 1 < format.Length && format[i + 1] == format[i])
            {
                text.Append(format[i++]);
            }
            else if (format[i] == '{')
            {
                int end = format.IndexOf('}', i);
                if (end < 0)
                    throw new TemplateFault("a '{' of the format is not closed.");

                text.Append(Field(format[(i + 1)..end], given, ref next, meter));
                i = end;
            }
            else
            {
                text.Append(format[i] == '}' ? throw new TemplateFault("a '}' of the format closes nothing.") : format[i]);
            }

            meter.CheckOutput(text.Length);
        }

        return meter.Made(text.ToString());
    }

    private static string Field(string field, Arguments given, ref int next, Meter meter)
    {
        if (field.Contains('{'))
            throw new TemplateFault("fields inside a field of a format are not supported.");

        int colon = field.IndexOf(':');
        string spec = colon < 0 ? "" : field[(colon + 1)..], head = colon < 0 ? field : field[..colon];
        int bang = head.IndexOf('!');
        string conversion = bang < 0 ? "" : head[(bang + 1)..], path = bang < 0 ? head : head[..bang];

        int end = path.IndexOfAny(['.', '[']);
        string name = end < 0 ? path : path[..end];
        object? value = Argument(name, given, ref next, meter);
        value = Follow(value, end < 0 ? "" : path[end..], meter);
        value = conversion switch
        {
            "" => value,
            "s" => PythonText.Display(value, meter),
            "r" => PythonText.Repr(value, meter),
            _ => throw new TemplateFault($"the conversion '!{conversion}' of a format is not supported; '!s' and '!r' are."),
        };
        if (spec.Length == 0)
            return meter.Made(PythonText.Display(value, meter));

        // As Python has it, a boolean is a number as soon as there is anything to say about its form.
        value = Operators.Number(value) ?? (value is SafeText safe ? safe.Text : value);
        return value is string or BigInteger or double && ReadSpec(spec, value) is var read && (value is string || read.Type != 's')
            ? Convert(read, value, meter)
            : throw new TemplateFault($"the format '{spec}' does not go with {Operators.KindOf(value)}.");
    }

    /// <param name="name">A name, a number, or nothing for the next value.</param>
    /// <param name="given">The values.</param>
    /// <param name="next">The place of the next value; -1 once the format has named one by its number.</param>
    /// <param name="meter">What the rendering may spend.</param>
    private static object? Argument(string name, Arguments given, ref int next, Meter meter)
    {
        meter.Step(given.Named.Count >> 4);
        if (name.Length == 0 || int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out _))
        {
            int place = name.Length == 0 ? next++ : int.Parse(name, CultureInfo.InvariantCulture);
            if (name.Length == 0 ? place < 0 : next > 0)
                throw new TemplateFault("the format numbers some of its fields and not others.");

            next = name.Length == 0 ? next : -1;
            return place < given.Placed.Count ? given.Placed[place] : throw new TemplateFault($"the format asks for value {place}, and there are {given.Placed.Count}.");
        }

        return given.Named.FirstOrDefault(pair => pair.Key == name) is { Key: not null } found ? found.Value : throw new TemplateFault($"the format asks for '{name}', which is not given.");
    }

    /// <summary>Members and items behind a field's name.</summary>
    private static object? Follow(object? value, string path, Meter meter)
    {
        for (int at = 0; at < path.Length;)
        {
            meter.Step();
            bool isItem = path[at] == '[';
            int end = isItem ? path.IndexOf(']', at) : path.AsSpan(at + 1).IndexOfAny('.', '[') is >= 0 and var length ? at + 1 + length : path.Length;
            if (end < 0)
                throw new TemplateFault("a '[' of the format is not closed.");

            string key = path[(at + 1)..end];
            value = isItem && key.All(char.IsAsciiDigit) && key.Length is > 0 and < 10
                ? Subscripts.Item(value, BigInteger.Parse(key, CultureInfo.InvariantCulture), path, meter)
                : isItem ? Subscripts.Item(value, key, path, meter) : Subscripts.Member(value, key, path);
            at = isItem ? end + 1 : end;
        }

        return value;
    }

    private static string? ReadName(string format, ref int at)
    {
        if (at + 1 >= format.Length || format[at + 1] != '(')
            return null;

        int end = format.IndexOf(')', at);
        if (end < 0)
            throw new TemplateFault("a '(' of the format is not closed.");

        string name = format[(at + 2)..end];
        at = end;
        return name;
    }

    private static object? Named(object? value, string name) =>
        value is Mapping mapping && mapping.TryGetValue(name, out var found) ? found : throw new TemplateFault($"the format asks for '{name}', which is not there.");

    private static Spec ReadPercentSpec(string format, ref int at)
    {
        int start = ++at;
        while (at < format.Length && format[at] is '-' or '+' or ' ' or '0')
            at++;

        string flags = format[start..at];
        int? width = ReadNumber(format, ref at), precision = null;
        if (at < format.Length && format[at] == '.')
        {
            at++;
            precision = Limited(ReadNumber(format, ref at) ?? 0);
        }

        if (at == format.Length || format[at] is not ('s' or 'r' or 'd' or 'i' or 'u' or 'f' or 'F' or 'x' or 'X' or 'o' or 'c' or '%'))
            throw new TemplateFault($"the conversion '%{format[start..Math.Min(at + 1, format.Length)]}' of a format is not supported; %s, %r, %d, %i, %f, %x, %X, %o, %c and %% are.");

        bool zeros = flags.Contains('0') && !flags.Contains('-') && format[at] is not ('s' or 'r' or 'c');
        return new Spec(zeros ? "0" : " ", flags.Contains('-') ? '<' : zeros ? '=' : '>', flags.Contains('+') ? '+' : flags.Contains(' ') ? ' ' : '-', false, width ?? 0, precision, format[at] is 'd' or 'u' ? 'i' : format[at]);
    }

    /// <summary>[[fill]align][sign][0][width][,][.precision][type]</summary>
    private static Spec ReadSpec(string spec, object? value)
    {
        int at = 0;
        string fill = " ";
        char align = ' ', sign = '-';
        if (spec.Length > 1 && spec[1] is '<' or '>' or '^' or '=')
            (fill, align, at) = (spec[..1], spec[1], 2);
        else if (spec is ['<' or '>' or '^' or '=', ..])
            (align, at) = (spec[0], 1);
        if (at < spec.Length && spec[at] is '+' or '-' or ' ')
            sign = spec[at++];
        if (at < spec.Length && spec[at] == '0' && align == ' ')
            (fill, align, at) = ("0", Operators.Number(value) is null ? '<' : '=', at + 1);

        int width = ReadNumber(spec, ref at) ?? 0;
        bool grouped = at < spec.Length && spec[at] == ',';
        at += grouped ? 1 : 0;
        int? precision = null;
        if (at < spec.Length && spec[at] == '.')
        {
            at++;
            precision = Limited(ReadNumber(spec, ref at) ?? throw NotSupported(spec));
        }

        char type = at < spec.Length ? spec[at++] : ' ';
        return at == spec.Length && type is ' ' or 's' or 'd' or 'f' or 'F' or 'x' or 'X' or 'o' or 'b' or 'c' or '%'
            ? new Spec(fill, align, sign, grouped, width, precision, type)
            : throw NotSupported(spec);
    }

    private static TemplateFault NotSupported(string spec) => new($"the format '{spec}' is not supported.");

    private static int? ReadNumber(string text, ref int at)
    {
        int start = at;
        while (at < text.Length && char.IsAsciiDigit(text[at]))
            at++;

        if (at == start)
            return null;

        return at - start < 7 && int.Parse(text.AsSpan(start, at - start), CultureInfo.InvariantCulture) is var number and <= MaxWidth
            ? number
            : throw new TemplateFault($"a format's width or precision is at most {MaxWidth}.");
    }

    private static int Limited(int precision) =>
        precision <= Rounding.MaxDigits ? precision : throw new TemplateFault($"a format's precision is at most {Rounding.MaxDigits}.");

    private static string Convert(Spec spec, object? value, Meter meter)
    {
        meter.Step(1 + (spec.Precision ?? 0) / 4);
        string digits = Digits(spec, value, meter), sign = "";
        bool isNumber = spec.Type is not ('s' or 'r' or 'c') && Operators.Number(value) is not null;
        if (isNumber)
        {
            bool negative = digits.StartsWith('-');
            digits = negative ? digits[1..] : digits;
            sign = negative ? "-" : spec.Sign == '-' ? "" : spec.Sign.ToString();
            digits = spec.Grouped ? Group(digits) : digits;
        }
        else if (spec.Align == '=' || spec.Grouped)
        {
            throw new TemplateFault($"the format of a number does not fit {Operators.KindOf(value)}.");
        }

        int room = Math.Max(0, spec.Width - PythonText.Length(digits, meter) - sign.Length);
        meter.Make(digits.Length + room);
        return (spec.Align == ' ' ? (isNumber ? '>' : '<') : spec.Align) switch
        {
            '<' => sign + digits + Fill(room),
            '^' => Fill(room / 2) + sign + digits + Fill(room - (room / 2)),
            '=' => sign + Fill(room) + digits,
            _ => Fill(room) + sign + digits,
        };

        string Fill(int count) => string.Concat(Enumerable.Repeat(spec.Fill, count));
    }

    private static string Digits(Spec spec, object? value, Meter meter) => spec.Type switch
    {
        's' => Cut(PythonText.Display(value, meter), spec.Precision, meter),
        'r' => Cut(PythonText.Repr(value, meter), spec.Precision, meter),
        'c' => value as string ?? char.ConvertFromUtf32((int)BigInteger.Clamp(Whole(spec, value), 0, 0xD7FF)),
        'd' or 'i' => Whole(spec, value).ToString(CultureInfo.InvariantCulture).PadLeft(spec.Precision ?? 0, '0'),
        'x' or 'X' or 'o' or 'b' => InBase(Whole(spec, value), spec.Type),
        'f' or 'F' => Fixed(Real(spec, value), spec.Precision ?? 6),
        '%' => Fixed(Real(spec, value) * 100, spec.Precision ?? 6) + "%",
        _ when spec.Precision is not null && Operators.Number(value) is not null => throw new TemplateFault("a number's precision needs the type 'f' in a format."),
        _ => Cut(PythonText.Display(value, meter), spec.Precision, meter),
    };

    private static string Cut(string text, int? length, Meter meter) =>
        length is { } most && PythonText.Length(text, meter) > most ? text[..PythonText.OffsetOf(text, most, meter)] : text;

    private static BigInteger Whole(Spec spec, object? value) => Operators.Number(value) switch
    {
        BigInteger whole => whole,
        double real when double.IsFinite(real) && spec.Type == 'i' => new BigInteger(Math.Truncate(real)),
        _ => throw new TemplateFault($"the format's '{spec.Type}' needs an integer, not {Operators.KindOf(value)}."),
    };

    private static double Real(Spec spec, object? value) => Operators.Number(value) switch
    {
        BigInteger whole => (double)whole,
        double real => real,
        _ => throw new TemplateFault($"the format's '{spec.Type}' needs a number, not {Operators.KindOf(value)}."),
    };

    private static string InBase(BigInteger value, char type)
    {
        var digits = new StringBuilder();
        int radix = type switch { 'b' => 2, 'o' => 8, _ => 16 };
        for (var rest = BigInteger.Abs(value); !rest.IsZero || digits.Length == 0; rest /= radix)
            digits.Insert(0, "0123456789abcdef"[(int)(rest % radix)]);

        string text = (value.Sign < 0 ? "-" : "") + digits;
        return type == 'X' ? text.ToUpperInvariant() : text;
    }

    private static string Fixed(double value, int digits) =>
        double.IsFinite(value) ? (double.IsNegative(value) ? "-" : "") + Rounding.Digits(value, digits) : PythonText.Float(value);

    private static string Group(string digits)
    {
        int end = digits.IndexOf('.') is >= 0 and var point ? point : digits.Length;
        for (int at = end - 3; at > 0; at -= 3)
            digits = digits.Insert(at, ",");

        return digits;
    }
}
