using System.Text.Json;
using System.Text.Json.Nodes;

namespace EdgeSdk.Text.Templates;

/// <summary>The chat templates and special tokens of a model folder, in the forms that Hugging Face's tools have written over the years.</summary>
/// <param name="Default">The template.</param>
/// <param name="ForTools">The one for conversations with tools; null where they have none of their own.</param>
/// <param name="SpecialTokens">The special tokens by the names of their fields.</param>
internal sealed record TemplateFiles(TemplateSource Default, TemplateSource? ForTools, IReadOnlyDictionary<string, JsonNode> SpecialTokens)
{
    private const string Config = "tokenizer_config.json";

    /// <summary>Far above any published file; what is read is held in memory several times over.</summary>
    private const int MaxFileBytes = 64 << 20;

    /// <summary>Reads a folder; null where it has no template.</summary>
    /// <exception cref="EdgeException">A file cannot be read or holds something else; the message names it.</exception>
    public static TemplateFiles? Read(string folder)
    {
        string file = Path.Combine(folder, "chat_template.jinja"), json = Path.Combine(folder, "chat_template.json");
        using var config = ReadJson(Path.Combine(folder, Config));
        var tokens = ReadTokens(folder, config);
        if (File.Exists(file))
            return new TemplateFiles(new TemplateSource(ReadText(file), file), AdditionalForTools(folder), tokens);

        using var apart = ReadJson(json);
        return FromField(apart, json, tokens) ?? FromField(config, Path.Combine(folder, Config), tokens);
    }

    /// <summary>A template file of its own for tools, beside chat_template.jinja.</summary>
    private static TemplateSource? AdditionalForTools(string folder)
    {
        string file = Path.Combine(folder, "additional_chat_templates", "tool_use.jinja");
        return File.Exists(file) ? new TemplateSource(ReadText(file), file) : null;
    }

    private static TemplateFiles? FromField(JsonDocument? document, string file, IReadOnlyDictionary<string, JsonNode> tokens)
    {
        if (document is null || !document.RootElement.TryGetProperty("chat_template", out var field) || field.ValueKind == JsonValueKind.Null)
            return null;
        if (field.ValueKind == JsonValueKind.String)
            return new TemplateFiles(new TemplateSource(field.GetString()!, file), null, tokens);

        var named = Named(field, file);
        if (!named.TryGetValue("default", out string? template))
            throw Invalid(file, $"chat_template has no template named 'default'{(named.Count > 0 ? $", only {string.Join(", ", named.Keys)}" : "")}. Write the one to use into chat_template.jinja beside it.");

        var forTools = named.TryGetValue("tool_use", out string? toolUse) ? new TemplateSource(toolUse, $"{file} (tool_use)") : null;
        return new TemplateFiles(new TemplateSource(template, $"{file} (default)"), forTools, tokens);
    }

    /// <summary>A list of names with templates, or an object with a template for each name.</summary>
    private static Dictionary<string, string> Named(JsonElement field, string file)
    {
        var named = new Dictionary<string, string>(StringComparer.Ordinal);
        if (field.ValueKind == JsonValueKind.Object)
        {
            foreach (var property in field.EnumerateObject())
                named[property.Name] = TextOf(property.Value);
        }
        else if (field.ValueKind == JsonValueKind.Array)
        {
            foreach (var entry in field.EnumerateArray())
                named[TextOf(Property(entry, "name"))] = TextOf(Property(entry, "template"));
        }
        else
        {
            throw NoTemplate();
        }

        return named;

        JsonElement Property(JsonElement entry, string name) =>
            entry.ValueKind == JsonValueKind.Object && entry.TryGetProperty(name, out var value) ? value : throw NoTemplate();

        string TextOf(JsonElement value) => value.ValueKind == JsonValueKind.String ? value.GetString()! : throw NoTemplate();

        EdgeException NoTemplate() => Invalid(file, "chat_template is neither a template nor a list of templates, each with a name. Write the one to use into chat_template.jinja beside it.");
    }

    /// <summary>
    /// Every field that is called a token, and those of a model's own (<c>extra_special_tokens</c>). Where both files have one, tokenizer_config.json
    /// counts, but for folders from before it listed the added tokens: there special_tokens_map.json does, as in transformers.
    /// </summary>
    private static Dictionary<string, JsonNode> ReadTokens(string folder, JsonDocument? config)
    {
        using var map = ReadJson(Path.Combine(folder, "special_tokens_map.json"));
        bool isOld = config is not null && !config.RootElement.TryGetProperty("added_tokens_decoder", out _);
        var fields = new Dictionary<string, JsonElement>(StringComparer.Ordinal);
        AddTokens(fields, isOld ? map : config);
        AddTokens(fields, isOld ? config : map);

        var tokens = new Dictionary<string, JsonNode>(StringComparer.Ordinal);
        foreach (var (name, field) in fields)
        {
            if (TokenOf(field) is { } token)
                tokens[name] = token;
        }

        return tokens;
    }

    /// <summary>Adds the fields that are not there yet; null is one: it says that there is no such token.</summary>
    private static void AddTokens(Dictionary<string, JsonElement> fields, JsonDocument? document)
    {
        if (document is null)
            return;

        foreach (var property in document.RootElement.EnumerateObject())
        {
            if (property.Name.EndsWith("_token", StringComparison.Ordinal) || property.Name == "additional_special_tokens")
                fields.TryAdd(property.Name, property.Value);
            else if (property.Name is "extra_special_tokens" or "model_specific_special_tokens" && property.Value.ValueKind == JsonValueKind.Object)
                property.Value.EnumerateObject().ToList().ForEach(token => fields.TryAdd(token.Name, token.Value));
        }
    }

    /// <summary>A token as a string, or as an object with its content (an AddedToken); or a list of them.</summary>
    private static JsonNode? TokenOf(JsonElement field) => field.ValueKind switch
    {
        JsonValueKind.String => JsonValue.Create(field.GetString()),
        JsonValueKind.Object when field.TryGetProperty("content", out var content) && content.ValueKind == JsonValueKind.String => JsonValue.Create(content.GetString()),
        JsonValueKind.Array => new JsonArray([.. field.EnumerateArray().Select(TokenOf).Where(token => token is not null)]),
        _ => null,
    };

    private static string ReadText(string file) => ReadFile(file, File.ReadAllText);

    /// <summary>A file's JSON object; null where there is no such file.</summary>
    private static JsonDocument? ReadJson(string file)
    {
        if (!File.Exists(file))
            return null;

        var document = ReadFile(file, path => JsonDocument.Parse(File.ReadAllBytes(path)));
        if (document.RootElement.ValueKind == JsonValueKind.Object)
            return document;

        document.Dispose();
        throw Invalid(file, "it holds no JSON object. Download it again.");
    }

    private static T ReadFile<T>(string file, Func<string, T> read)
    {
        try
        {
            return new FileInfo(file).Length <= MaxFileBytes ? read(file) : throw Invalid(file, $"it has more than {MaxFileBytes >> 20} MiB. Download it again.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            throw new EdgeException(EdgeErrorCode.InvalidModel, $"{file} cannot be read: {e.Message} Download it again.", e);
        }
    }

    private static EdgeException Invalid(string file, string problem) => new(EdgeErrorCode.InvalidModel, $"{file}: {problem}");
}
