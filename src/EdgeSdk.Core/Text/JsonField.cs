using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;

namespace EdgeSdk.Text;

/// <summary>A value in a JSON file together with its place, so that every complaint names file, field and value.</summary>
/// <param name="Value">The value.</param>
/// <param name="File">The file's name.</param>
/// <param name="Place">Where it is: the field, or the list that <paramref name="Index"/> is of.</param>
/// <param name="Index">An item of the list; -1: none.</param>
/// <param name="Inner">An item of that item; -1: none.</param>
/// <param name="Name">A member of the item; null: none. (A path is made when it is asked for: most fields are never complained of.)</param>
internal readonly record struct JsonField(JsonElement Value, string File, string Place, int Index = -1, int Inner = -1, string? Name = null)
{
    /// <summary>No text in such a file is longer, in bytes, but for what is made to be.</summary>
    private const int LongestText = 1 << 16;

    private const string TooLong = "Use a tokenizer with shorter texts";

    /// <summary>The field, such as <c>model.merges[3]</c>.</summary>
    public string Path => Place + (Index < 0 ? "" : $"[{Index}]") + (Inner < 0 ? "" : $"[{Inner}]") + (Name is null ? "" : $".{Name}");

    /// <summary>A member that must be there.</summary>
    public JsonField this[string name] =>
        Optional(name) ?? throw new EdgeException(EdgeErrorCode.InvalidModel, $"{File} has no {Join(name)}. Export the tokenizer again with save_pretrained.");

    /// <summary>A member; null where it is absent or null.</summary>
    public JsonField? Optional(string name)
    {
        Expect(JsonValueKind.Object, "an object");
        return Value.TryGetProperty(name, out var member) && member.ValueKind != JsonValueKind.Null ? Member(member, name) : null;
    }

    /// <summary>The elements of an array.</summary>
    public IEnumerable<JsonField> Items()
    {
        Expect(JsonValueKind.Array, "a list");
        var (file, path) = (File, Path);
        return Value.EnumerateArray().Select((item, i) => new JsonField(item, file, path, i));
    }

    /// <summary>An element of an array that has so many.</summary>
    public JsonField ItemAt(int index) =>
        Index >= 0 && Inner < 0 && Name is null ? this with { Value = Value[index], Inner = index } : new(Value[index], File, Path, index);

    /// <summary>The members of an object, in order; <see cref="Of"/> makes fields of them.</summary>
    public JsonElement.ObjectEnumerator Members()
    {
        Expect(JsonValueKind.Object, "an object");
        return Value.EnumerateObject();
    }

    /// <summary>A member.</summary>
    public JsonField Of(JsonProperty member) => Member(member.Value, member.Name);

    /// <summary>A text.</summary>
    /// <param name="longest">Its most bytes of JSON.</param>
    public string String(int longest = LongestText)
    {
        ExpectText(longest);
        return Value.GetString()!;
    }

    /// <summary>A text in UTF-8.</summary>
    public ReadOnlySpan<byte> Utf8()
    {
        ExpectText(LongestText);
        var raw = JsonMarshal.GetRawUtf8Value(Value)[1..^1];
        return IsPlain(raw) ? raw : Encoding.UTF8.GetBytes(Value.GetString()!);
    }

    /// <summary>A member's name in UTF-8.</summary>
    public ReadOnlySpan<byte> NameOf(JsonProperty member)
    {
        var raw = JsonMarshal.GetRawUtf8PropertyName(member);
        if (raw.Length > LongestText)
            throw Refuse($"has a member '{Encoding.UTF8.GetString(raw[..40])}...' with a name of {raw.Length} bytes", TooLong);

        return IsPlain(raw) ? raw : Encoding.UTF8.GetBytes(member.Name);
    }

    /// <summary>A text of one character.</summary>
    public Rune Rune()
    {
        string text = String();
        return text.Length is 1 or 2 && System.Text.Rune.TryGetRuneAt(text, 0, out var rune) && rune.Utf16SequenceLength == text.Length
            ? rune
            : throw Refuse("is not one character", "Write one");
    }

    /// <summary>A number.</summary>
    public double Number() => Value.ValueKind == JsonValueKind.Number && Value.TryGetDouble(out double number) && double.IsFinite(number)
        ? number
        : throw Refuse("is not a number", "Export the tokenizer again with save_pretrained");

    /// <summary>A whole number from 0 to <paramref name="most"/>.</summary>
    public int Count(int most) => TryGetCount(Value, most, out int count) ? count : throw RefuseCount(most);

    /// <summary>Reads a whole number from 0 to <paramref name="most"/>.</summary>
    public static bool TryGetCount(JsonElement value, int most, out int count)
    {
        count = 0;
        return value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out count) && count >= 0 && count <= most;
    }

    /// <summary>The failure to throw where <see cref="TryGetCount"/> finds none.</summary>
    public EdgeException RefuseCount(int most) => Refuse($"is not a whole number from 0 to {most}", "Export the tokenizer again with save_pretrained");

    /// <summary>A member that is true or false; <paramref name="otherwise"/> where it is absent.</summary>
    public bool Flag(string name, bool otherwise = false)
    {
        if (Optional(name) is not { } field)
            return otherwise;

        return field.Value.ValueKind switch
        {
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            _ => throw field.Refuse("is neither true nor false", "Export the tokenizer again with save_pretrained"),
        };
    }

    /// <summary>The failure to throw for this value: <c>tokenizer.json: model.type is "Unigram", which ... . remedy.</c></summary>
    public EdgeException Refuse(string problem, string remedy, Exception? inner = null)
    {
        const int LongestRead = 1000;
        var raw = JsonMarshal.GetRawUtf8Value(Value);
        bool isShortText = Value.ValueKind == JsonValueKind.String && raw.Length <= LongestRead;
        string shown = isShortText ? $"\"{Value.GetString()}\"" : Encoding.UTF8.GetString(raw[..Math.Min(raw.Length, LongestRead)]);
        return new EdgeException(EdgeErrorCode.InvalidModel, $"{File}: {Shorten(Path)} {Shorten(shown)} {problem}. {remedy}.", inner);
    }

    /// <summary>What a message shows of a text.</summary>
    public static string Shorten(string text)
    {
        const int LongestShown = 80;
        return text.Length > LongestShown ? text[..LongestShown] + "..." : text;
    }

    /// <summary>Whether JSON's text is the text itself: nothing escaped, and UTF-8.</summary>
    private static bool IsPlain(ReadOnlySpan<byte> json) => !json.Contains((byte)'\\') && System.Text.Unicode.Utf8.IsValid(json);

    private void ExpectText(int longest)
    {
        Expect(JsonValueKind.String, "a text");
        int length = JsonMarshal.GetRawUtf8Value(Value).Length;
        if (length > longest)
            throw Refuse($"is a text of {length} bytes", TooLong);
    }

    private void Expect(JsonValueKind kind, string what)
    {
        if (Value.ValueKind != kind)
            throw Refuse($"is not {what}", "Export the tokenizer again with save_pretrained");
    }

    private JsonField Member(JsonElement member, string name) => Index >= 0 && Name is null ? this with { Value = member, Name = name } : new(member, File, Join(name));

    private string Join(string name) => Path is { Length: > 0 } path ? $"{path}.{name}" : name;
}
