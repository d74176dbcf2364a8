using System.Text.Json;

namespace EdgeSdk.Modeling;

/// <summary>A checkpoint's config.json, read field by field: what is missing, of another type or out of range is refused by name.</summary>
/// <param name="path">The file, for messages.</param>
/// <param name="section">The object that the fields stand in.</param>
/// <param name="prefix">Where that object stands in the file, for messages.</param>
internal sealed class CheckpointConfig(string path, JsonElement section, string prefix = "")
{
    /// <summary>The file.</summary>
    public string Path => path;

    public bool Has(string field) => section.TryGetProperty(field, out var value) && value.ValueKind != JsonValueKind.Null;

    /// <summary>A whole number of at least <paramref name="least"/>.</summary>
    public int Int(string field, int least = 1, int? absent = null)
    {
        if (!Has(field))
            return absent ?? throw Missing(field);

        return section.GetProperty(field) is { ValueKind: JsonValueKind.Number } number && number.TryGetInt32(out int value) && value >= least
            ? value
            : throw Invalid(field, $"a whole number of at least {least} is wanted");
    }

    /// <summary>A finite number over <paramref name="above"/>.</summary>
    public double Number(string field, double above = 0, double? absent = null)
    {
        if (!Has(field))
            return absent ?? throw Missing(field);

        return section.GetProperty(field) is { ValueKind: JsonValueKind.Number } number && number.TryGetDouble(out double value) && double.IsFinite(value) && value > above
            ? value
            : throw Invalid(field, $"a number over {above} is wanted");
    }

    public bool Flag(string field, bool absent)
    {
        if (!Has(field))
            return absent;

        return section.GetProperty(field).ValueKind switch
        {
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            _ => throw Invalid(field, "true or false is wanted"),
        };
    }

    public string Text(string field, string? absent = null)
    {
        if (!Has(field))
            return absent ?? throw Missing(field);

        return section.GetProperty(field) is { ValueKind: JsonValueKind.String } text ? text.GetString()! : throw Invalid(field, "a text is wanted");
    }

    /// <summary>A list of texts; empty where the field is absent.</summary>
    public IReadOnlyList<string> Texts(string field)
    {
        if (!Has(field))
            return [];

        return section.GetProperty(field) is { ValueKind: JsonValueKind.Array } list
            ? [.. list.EnumerateArray().Select(i => i.ValueKind == JsonValueKind.String ? i.GetString()! : throw Invalid(field, "a list of texts is wanted"))]
            : throw Invalid(field, "a list of texts is wanted");
    }

    /// <summary>One id or a list of ids; empty where the field is absent.</summary>
    public IReadOnlyList<int> Ids(string field)
    {
        if (!Has(field))
            return [];

        var value = section.GetProperty(field);
        var items = value.ValueKind == JsonValueKind.Array ? [.. value.EnumerateArray()] : new[] { value };
        return [.. items.Select(i => i.ValueKind == JsonValueKind.Number && i.TryGetInt32(out int id) && id >= 0 ? id : throw Invalid(field, "an id or a list of ids is wanted"))];
    }

    /// <summary>The object under a field; null where it is absent.</summary>
    public CheckpointConfig? Section(string field)
    {
        if (!Has(field))
            return null;

        var value = section.GetProperty(field);
        return value.ValueKind == JsonValueKind.Object ? new CheckpointConfig(path, value, $"{prefix}{field}.") : throw Invalid(field, "an object is wanted");
    }

    /// <summary>Refuses a field that has any value but <paramref name="supported"/>; one that is absent has it.</summary>
    public void Only(string field, bool supported) => Require(field, Flag(field, supported) == supported, supported ? "true" : "false");

    /// <inheritdoc cref="Only(string, bool)"/>
    public void Only(string field, string supported) => Require(field, Text(field, supported) == supported, supported);

    /// <inheritdoc cref="Only(string, bool)"/>
    public void Only(string field, double supported) => Require(field, Number(field, double.MinValue, supported) == supported, $"{supported}");

    /// <summary>Refuses a field that has a value.</summary>
    public void Without(string field, string why)
    {
        if (Has(field))
            throw Invalid(field, why);
    }

    /// <summary>A failure that names this file, the field and its value.</summary>
    public EdgeException Invalid(string field, string why)
    {
        string value = Has(field) ? section.GetProperty(field).GetRawText() : "absent";
        return new(EdgeErrorCode.InvalidModel, $"{path}: {prefix}{field} is {(value.Length > 80 ? value[..80] + "..." : value)}: {why}. Convert another checkpoint, or mend the field.");
    }

    private void Require(string field, bool holds, string supported)
    {
        if (!holds)
            throw Invalid(field, $"only {supported} is supported");
    }

    private EdgeException Missing(string field) =>
        new(EdgeErrorCode.InvalidModel, $"{path} has no field {prefix}{field}. Take the config.json that belongs to the checkpoint.");
}
