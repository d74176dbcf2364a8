using System.Text;

namespace EdgeSdk.Text;

/// <summary>Reads a <c>pattern</c> of a <c>tokenizer.json</c>: <c>{"String": text}</c> or <c>{"Regex": expression}</c>.</summary>
internal static class PatternReader
{
    public static Pattern Read(JsonField pattern)
    {
        if (pattern.Optional("String") is { } text)
        {
            NotEmpty(text);
            return Pattern.Literal(text.String());
        }

        var regex = pattern["Regex"];
        try
        {
            return Pattern.Parse(regex.String());
        }
        catch (FormatException exception)
        {
            throw regex.Refuse($"has {exception.Message}, which is not supported", "Write the pattern without it", exception);
        }
    }

    /// <summary>The UTF-8 of a text that must not be empty.</summary>
    public static byte[] NotEmpty(JsonField text) =>
        text.String() is { Length: > 0 } value ? Encoding.UTF8.GetBytes(value) : throw text.Refuse("is empty", "Write what is to be found");
}
