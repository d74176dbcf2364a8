using System.Text;

namespace EdgeSdk.Text;

/// <summary>Reads a <c>pattern</c> of a <c>tokenizer.json</c>: <c>{"String": text}</c> or <c>{"Regex": expression}</c>.</summary>
internal static class PatternReader
{
    private const int LongestPattern = 1 << 13;

    public static Pattern Read(JsonField pattern)
    {
        var text = pattern.Optional("String");
        var field = text ?? pattern["Regex"];
        try
        {
            return text is null ? Pattern.Parse(field.String(LongestPattern)) : Pattern.Literal(Encoding.UTF8.GetString(NotEmpty(field)));
        }
        catch (FormatException exception)
        {
            throw field.Refuse($"has {exception.Message}, which is not supported", "Write the pattern without it", exception);
        }
    }

    /// <summary>The UTF-8 of a text that must not be empty.</summary>
    public static byte[] NotEmpty(JsonField text) =>
        text.String() is { Length: > 0 } value ? Encoding.UTF8.GetBytes(value) : throw text.Refuse("is empty", "Write what is to be found");
}
