using System.Text.Json;

namespace EdgeSdk.Text;

/// <summary>A value in a JSON file together with its place, so that every complaint names file, field and value.</summary>
/// <param name="Value">The value.</param>
/// <param name="File">The file's name.</param>
/// <param name="Path">The field, such as <c>model.vocab</c>.</param>
internal readonly record struct JsonField(JsonElement Value, string File, string Path)
{
    /// <summary>A member that must be there.</summary>
    public JsonField this[string name] =>
        Optional(name) ?? throw new EdgeException(EdgeErrorCode.InvalidModel, $"{File} has no {Join(name)}. Export the tokenizer again with save_pretrained.");

    /// <summary>A member; null where it is absent or null.</summary>
    public JsonField? Optional(string name)
    {
        Expect(JsonValueKind.Object, "an object");
        return Value.TryGetProperty(name, out var member) && member.ValueKind != JsonValueKind.Null ? new JsonField(member, File, Join(name)) : null;
    }

    /// <summary>The elements of an array.</summary>
    public IEnumerable<JsonField> Items()
    {
        Expect(JsonValueKind.Array, "a list");
        var field = this;
        return Value.EnumerateArray().Select((item, i) => new JsonField(item, field.File, $"{field.Path}[{i}]"));
    }

    /// <summary>The members of an object.</summary>
    public IEnumerable<(string Name, JsonField Value)> Members()
    {
        Expect(JsonValueKind.Object, "an object");
        var field = this;
        return Value.EnumerateObject().Select(m => (m.Name, new JsonField(m.Value, field.File, field.Join(m.Name))));
    }

    /// <summary>A text.</summary>
    public string String()
    {
        Expect(JsonValueKind.String, "a text");
        return Value.GetString()!;
    }

    /// <summary>A text of one character.</summary>
    public System.Text.Rune Rune()
    {
        var runes = String().EnumerateRunes().ToArray();
        return runes.Length == 1 ? runes[0] : throw Refuse("is not one character", "Write one");
    }

    /// <summary>A number.</summary>
    public double Number() => Value.ValueKind == JsonValueKind.Number && Value.TryGetDouble(out double number) && double.IsFinite(number)
        ? number
        : throw Refuse("is not a number", "Export the tokenizer again with save_pretrained");

    /// <summary>A whole number from 0 to <paramref name="most"/>.</summary>
    public int Count(int most)
    {
        return Value.ValueKind == JsonValueKind.Number && Value.TryGetInt32(out int id) && id >= 0 && id <= most
            ? id
            : throw Refuse($"is not a whole number from 0 to {most}", "Export the tokenizer again with save_pretrained");
    }

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
        const int LongestShown = 80;
        string shown = Value.ValueKind == JsonValueKind.String ? $"\"{Value.GetString()}\"" : Value.GetRawText();
        shown = shown.Length > LongestShown ? shown[..LongestShown] + "..." : shown;
        return new EdgeException(EdgeErrorCode.InvalidModel, $"{File}: {Path} {shown} {problem}. {remedy}.", inner);
    }

    private void Expect(JsonValueKind kind, string what)
    {
        if (Value.ValueKind != kind)
            throw Refuse($"is not {what}", "Export the tokenizer again with save_pretrained");
    }

    private string Join(string name) => Path.Length == 0 ? name : $"{Path}.{name}";
}
