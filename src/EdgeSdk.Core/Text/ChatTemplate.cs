using System.Text.Json;
using System.Text.Json.Nodes;
using EdgeSdk.Text.Templates;

namespace EdgeSdk.Text;

/// <summary>
/// A chat template: turns messages and tools into the text that a model reads. Templates are written in Jinja and rendered as transformers renders
/// them (<c>trim_blocks</c>, <c>lstrip_blocks</c>, <c>tojson</c> without escapes beyond ASCII); what is not supported is refused by name when the
/// template is parsed. A template reaches nothing but what it is given, and steps, memory and output of a rendering are bounded. Safe for use by
/// several threads.
/// </summary>
/// <remarks>The language: https://jinja.palletsprojects.com/en/stable/templates/.</remarks>
public sealed class ChatTemplate
{
    private readonly TemplateSource source;
    private readonly IReadOnlyList<Statement> body;

    private ChatTemplate(TemplateSource source, IReadOnlyList<Statement> body) => (this.source, this.body) = (source, body);

    /// <summary>Reads a template.</summary>
    /// <param name="source">The template in Jinja.</param>
    /// <param name="name">What messages call it: a file's path.</param>
    /// <exception cref="EdgeException">It is not well formed, or uses what is not supported; the message says what, with line and column.</exception>
    public static ChatTemplate Parse(string source, string name)
    {
        ArgumentNullException.ThrowIfNull(source);
        var template = new TemplateSource(source, name);
        return new ChatTemplate(template, Parser.Parse(template));
    }

    /// <summary>
    /// Reads the template of a model folder: <c>chat_template.jinja</c>, or <c>chat_template</c> of <c>tokenizer_config.json</c>, which is a template
    /// or a list of named ones, of which <c>default</c> is taken.
    /// </summary>
    /// <exception cref="EdgeException">The folder has no template, or has one that <see cref="Parse"/> refuses.</exception>
    public static ChatTemplate Load(string folder)
    {
        string file = Path.Combine(folder, "chat_template.jinja"), config = Path.Combine(folder, "tokenizer_config.json");
        try
        {
            if (File.Exists(file))
                return Parse(File.ReadAllText(file), file);
            if (File.Exists(config))
                return Parse(FromConfig(config), config);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            throw new EdgeException(EdgeErrorCode.InvalidModel, $"The chat template of {folder} cannot be read: {e.Message}", e);
        }

        throw new EdgeException(EdgeErrorCode.InvalidModel, $"{folder} has no chat template: neither chat_template.jinja nor tokenizer_config.json is there.");
    }

    /// <summary>Renders a conversation.</summary>
    /// <param name="messages">The messages, in the form of the OpenAI API: <c>role</c>, <c>content</c>, <c>tool_calls</c>. Read, never changed.</param>
    /// <param name="tools">The tools in reach, each <c>{"type":"function","function":{...}}</c>; null or none where there are none.</param>
    /// <param name="addGenerationPrompt">Whether the text ends with the start of the assistant's answer.</param>
    /// <param name="more">Further variables of the template, such as <c>bos_token</c> and <c>eos_token</c>; they replace those of the same name.</param>
    /// <returns>The text; special tokens are written in it.</returns>
    /// <exception cref="EdgeException">
    /// <see cref="EdgeErrorCode.InvalidArgument"/> where the template refuses the conversation (its own message), <see cref="EdgeErrorCode.InvalidModel"/>
    /// where it fails or takes more than a rendering may.
    /// </exception>
    public string Render(JsonArray messages, JsonArray? tools, bool addGenerationPrompt, JsonObject? more = null)
    {
        ArgumentNullException.ThrowIfNull(messages);
        try
        {
            var variables = new Dictionary<string, object?>(StringComparer.Ordinal)
            {
                ["messages"] = Values.From(messages),
                ["tools"] = Values.From(tools),
                ["documents"] = null,
                ["add_generation_prompt"] = addGenerationPrompt,
            };
            foreach (var (name, value) in more ?? [])
                variables[name] = Values.From(value);

            return Renderer.Render(source, body, variables);
        }
        catch (TemplateFault fault)
        {
            throw new EdgeException(EdgeErrorCode.InvalidArgument, $"The messages or tools cannot be rendered: {fault.Message}", fault);
        }
    }

    private static string FromConfig(string file)
    {
        using var config = JsonDocument.Parse(File.ReadAllBytes(file));
        if (config.RootElement.ValueKind == JsonValueKind.Object && config.RootElement.TryGetProperty("chat_template", out var template))
        {
            if (template.ValueKind == JsonValueKind.String)
                return template.GetString()!;
            if (template.ValueKind == JsonValueKind.Array && template.EnumerateArray().FirstOrDefault(IsDefault) is { ValueKind: JsonValueKind.Object } entry)
                return entry.GetProperty("template").GetString()!;
        }

        throw new EdgeException(EdgeErrorCode.InvalidModel, $"{file} has no chat_template that is a template or a list with one named 'default'. Add chat_template.jinja beside it.");
    }

    private static bool IsDefault(JsonElement entry) =>
        entry.ValueKind == JsonValueKind.Object
        && entry.TryGetProperty("name", out var name) && name.ValueKind == JsonValueKind.String && name.ValueEquals("default")
        && entry.TryGetProperty("template", out var template) && template.ValueKind == JsonValueKind.String;
}
