using System.Globalization;
using System.Text;

namespace EdgeSdk.Text.Templates;

/// <summary>Times as C's <c>strftime</c> writes them in the C locale. A time carries no zone, as Python's <c>datetime.now()</c> does not.</summary>
internal static class TimeFormat
{
    /// <exception cref="TemplateFault">A conversion is not supported.</exception>
    public static string Write(DateTimeOffset time, string format, Meter meter)
    {
        meter.Walk(format);
        var text = new StringBuilder();
        for (int i = 0; i < format.Length; i++)
        {
            if (format[i] != '%' || i + 1 == format.Length)
                text.Append(format[i]);
            else
                i = AppendConversion(text, time.DateTime, format, i + 1);

            meter.CheckOutput(text.Length);
        }

        return text.ToString();
    }

    /// <summary>Writes the conversion whose letter, or the flag before it, stands at <paramref name="at"/>; returns the place of the letter.</summary>
    private static int AppendConversion(StringBuilder text, DateTime time, string format, int at)
    {
        char flag = format[at] is '-' or '_' or '0' or '^' ? format[at++] : ' ';
        string value = at < format.Length ? Conversion(time, format[at]) ?? throw NotSupported(format, at) : throw NotSupported(format, at - 1);
        text.Append(flag switch
        {
            '-' when char.IsAsciiDigit(value[0]) || value[0] == ' ' => value.TrimStart('0', ' ') is { Length: > 0 } digits ? digits : "0",
            '_' when value[0] == '0' => value.TrimStart('0').PadLeft(value.Length),
            '0' => value.Replace(' ', '0'),
            '^' => value.ToUpperInvariant(),
            _ => value,
        });
        return at;
    }

    private static TemplateFault NotSupported(string format, int at) => new($"'strftime_now' does not know '%{format[Math.Min(at, format.Length - 1)]}'.");

    private static string? Conversion(DateTime time, char kind) => kind switch
    {
        'Y' => Number(time.Year, 4),
        'C' => Number(time.Year / 100, 2),
        'y' => Number(time.Year % 100, 2),
        'm' => Number(time.Month, 2),
        'd' => Number(time.Day, 2),
        'e' => Number(time.Day, 2, ' '),
        'H' => Number(time.Hour, 2),
        'k' => Number(time.Hour, 2, ' '),
        'I' => Number(HalfDay(time), 2),
        'l' => Number(HalfDay(time), 2, ' '),
        'M' => Number(time.Minute, 2),
        'S' => Number(time.Second, 2),
        'f' => Number((int)(time.Ticks % TimeSpan.TicksPerSecond / TimeSpan.TicksPerMicrosecond), 6),
        'j' => Number(time.DayOfYear, 3),
        'p' => time.Hour < 12 ? "AM" : "PM",
        'P' => time.Hour < 12 ? "am" : "pm",
        'A' => Name(time, "dddd"),
        'a' => Name(time, "ddd"),
        'B' => Name(time, "MMMM"),
        'b' or 'h' => Name(time, "MMM"),
        'u' => Number(Weekday(time), 1),
        'w' => Number((int)time.DayOfWeek, 1),
        'U' => Number((time.DayOfYear + 6 - (int)time.DayOfWeek) / 7, 2),
        'W' => Number((time.DayOfYear + 7 - Weekday(time)) / 7, 2),
        'V' => Number(ISOWeek.GetWeekOfYear(time), 2),
        'G' => Number(ISOWeek.GetYear(time), 4),
        'g' => Number(ISOWeek.GetYear(time) % 100, 2),
        'D' or 'x' => Name(time, "MM/dd/yy"),
        'F' => Name(time, "yyyy-MM-dd"),
        'T' or 'X' => Name(time, "HH:mm:ss"),
        'R' => Name(time, "HH:mm"),
        'r' => Name(time, "hh:mm:ss tt"),
        'c' => $"{Name(time, "ddd MMM")} {Number(time.Day, 2, ' ')} {Name(time, "HH:mm:ss yyyy")}",
        'Z' or 'z' => "",
        'n' => "\n",
        't' => "\t",
        '%' => "%",
        _ => null,
    };

    private static int HalfDay(DateTime time) => time.Hour % 12 == 0 ? 12 : time.Hour % 12;

    /// <summary>1 for Monday to 7 for Sunday.</summary>
    private static int Weekday(DateTime time) => time.DayOfWeek == DayOfWeek.Sunday ? 7 : (int)time.DayOfWeek;

    private static string Name(DateTime time, string format) => time.ToString(format, CultureInfo.InvariantCulture);

    private static string Number(int value, int width, char fill = '0') => value.ToString(CultureInfo.InvariantCulture).PadLeft(width, fill);
}
