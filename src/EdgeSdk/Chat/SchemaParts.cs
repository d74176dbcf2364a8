using System.Text.Json.Nodes;

namespace EdgeSdk.Chat;

/// <summary>The schemas within a JSON schema.</summary>
internal static class SchemaParts
{
    private static readonly string[] s_maps = ["properties", "$defs", "definitions"];
    private static readonly string[] s_lists = ["anyOf", "oneOf", "allOf", "prefixItems"];
    private static readonly string[] s_single = ["items", "additionalProperties"];

    /// <summary>What holds a string to less than any text.</summary>
    private static readonly string[] s_ofStrings = ["enum", "const", "pattern", "format", "contentEncoding", "minLength", "maxLength"];

    /// <summary>What bounds an integer, or says how wide it is.</summary>
    private static readonly string[] s_ofIntegers = ["enum", "const", "format", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"];

    /// <summary>Patterns by which System.Text.Json describes types, and what it reads of them.</summary>
    private static readonly Dictionary<string, string> s_readable = new(StringComparer.Ordinal)
    {
        [@"^-?(\d+\.)?\d{2}:\d{2}:\d{2}(\.\d{1,7})?$"] = @"^-?(\d{1,6}\.)?([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,7})?$", // TimeSpan
        [@"^\d+(\.\d+){1,3}$"] = @"^\d{1,9}(\.\d{1,9}){1,3}$", // Version
    };

    /// <summary>The schema itself, and every one within it that describes anything.</summary>
    public static IEnumerable<JsonObject> Of(JsonNode? schema)
    {
        if (schema is not JsonObject described)
            return [];

        var parts = s_maps.SelectMany(map => (described[map] as JsonObject ?? []).Select(member => member.Value))
            .Concat(s_lists.SelectMany(list => described[list] as JsonArray ?? []))
            .Concat(s_single.Select(one => described[one]));
        return [described, .. parts.SelectMany(Of)];
    }

    /// <summary>Whether a schema is of strings that may be any text.</summary>
    public static bool IsAnyString(JsonObject schema) => IsOf(schema, "string") && !s_ofStrings.Any(schema.ContainsKey);

    /// <summary>Whether a schema is of integers of any width, or null.</summary>
    public static bool IsAnyInteger(JsonObject schema) => IsOf(schema, "integer") && !IsOf(schema, "string") && !s_ofIntegers.Any(schema.ContainsKey);

    /// <summary>Whether a schema's type is, or may be, <paramref name="type"/>.</summary>
    public static bool IsOf(JsonObject schema, string type) => schema["type"] is JsonArray types ? types.Any(one => Text(one) == type) : Text(schema["type"]) == type;

    /// <summary>
    /// Holds a schema to what .NET reads, where System.Text.Json describes a type by more than it takes: a TimeOnly by the format time, which has an offset from
    /// UTC, a TimeSpan and a Version by patterns without bounds.
    /// </summary>
    public static void Narrow(JsonObject schema)
    {
        if (Text(schema["format"]) == "time")
        {
            schema.Remove("format");
            schema["pattern"] = @"^([01]\d|2[0-3]):[0-5]\d:[0-5]\d(\.\d{1,7})?$";
        }
        else if (Text(schema["pattern"]) is { } pattern && s_readable.TryGetValue(pattern, out string? readable))
        {
            schema["pattern"] = readable;
        }
    }

    private static string? Text(JsonNode? node) => node is JsonValue value && value.TryGetValue(out string? text) ? text : null;
}
