using System.Text.Json.Nodes;
using EdgeSdk.Text.Templates;

namespace EdgeSdk.Text;

/// <summary>
/// A chat template: turns messages and tools into the text that a model reads. Templates are written in Jinja and rendered as transformers renders
/// them: <c>trim_blocks</c>, <c>lstrip_blocks</c>, loop controls, <c>generation</c> tags, <c>tojson</c> without escapes beyond ASCII,
/// <c>strftime_now</c>, <c>raise_exception</c>, nothing that changes a value. What is not supported is refused by name, with its place. A template
/// reaches nothing but what it is given, and steps, memory and output of a rendering are bounded. Safe for use by several threads.
/// </summary>
/// <remarks>The language: https://jinja.palletsprojects.com/en/stable/templates/.</remarks>
public sealed class ChatTemplate
{
    private readonly TemplateSource _source;
    private readonly IReadOnlyList<Statement> _body;
    private readonly HiddenNames _hidden;
    private readonly TimeProvider _clock;

    private ChatTemplate(TemplateSource source, TimeProvider clock)
    {
        (_source, _clock, _body) = (source, clock, Parser.Parse(source));
        _hidden = new HiddenNames(_body, source);
    }

    /// <summary>The template for conversations with tools, where the folder has one of its own.</summary>
    private ChatTemplate? ForTools { get; init; }

    /// <summary>The special tokens by their names in templates, such as <c>bos_token</c>.</summary>
    private IReadOnlyDictionary<string, JsonNode> SpecialTokens { get; init; } = new Dictionary<string, JsonNode>();

    /// <summary>Reads a template.</summary>
    /// <param name="source">The template in Jinja.</param>
    /// <param name="name">What messages call it: a file's path.</param>
    /// <param name="clock">What <c>strftime_now</c> reads, in its local time zone; null: the system's.</param>
    /// <exception cref="EdgeException">It is not well formed, or uses what is not supported; the message says what, with line and column.</exception>
    public static ChatTemplate Parse(string source, string name, TimeProvider? clock = null)
    {
        ArgumentNullException.ThrowIfNull(source);
        return new ChatTemplate(new TemplateSource(source, name), clock ?? TimeProvider.System);
    }

    /// <summary>
    /// Reads the template of a model folder: <c>chat_template.jinja</c>, or <c>chat_template</c> of <c>chat_template.json</c> or of
    /// <c>tokenizer_config.json</c>, which is a template or a list of named ones: <c>default</c>, and <c>tool_use</c> for conversations with tools.
    /// The special tokens of <c>tokenizer_config.json</c> and <c>special_tokens_map.json</c> become variables, such as <c>bos_token</c>.
    /// </summary>
    /// <param name="folder">The model folder.</param>
    /// <param name="clock">What <c>strftime_now</c> reads, in its local time zone; null: the system's.</param>
    /// <exception cref="EdgeException">The folder has no template, or has one that <see cref="Parse"/> refuses.</exception>
    public static ChatTemplate Load(string folder, TimeProvider? clock = null) => Find(folder, clock) ?? throw new EdgeException(
        EdgeErrorCode.InvalidModel,
        $"{folder} has no chat template: neither chat_template.jinja nor chat_template.json is there, nor chat_template in tokenizer_config.json. Copy it from the model's repository.");

    /// <summary>As <see cref="Load"/>; null where the folder has no template.</summary>
    /// <param name="folder">The model folder.</param>
    /// <param name="clock">What <c>strftime_now</c> reads, in its local time zone; null: the system's.</param>
    /// <exception cref="EdgeException">The folder has a template that <see cref="Parse"/> refuses, or a file that cannot be read.</exception>
    public static ChatTemplate? Find(string folder, TimeProvider? clock = null)
    {
        ArgumentNullException.ThrowIfNull(folder);
        if (TemplateFiles.Read(folder) is not { } files)
            return null;

        clock ??= TimeProvider.System;
        return new ChatTemplate(files.Default, clock)
        {
            ForTools = files.ForTools is { } tools ? new ChatTemplate(tools, clock) { SpecialTokens = files.SpecialTokens } : null,
            SpecialTokens = files.SpecialTokens,
        };
    }

    /// <summary>Renders a conversation.</summary>
    /// <param name="messages">The messages, in the form of the OpenAI API: <c>role</c>, <c>content</c>, <c>tool_calls</c>. Read, never changed.</param>
    /// <param name="tools">The tools in reach, each <c>{"type":"function","function":{...}}</c>; null where there are none.</param>
    /// <param name="addGenerationPrompt">Whether the text ends with the start of the assistant's answer.</param>
    /// <param name="more">Further variables of the template, such as <c>enable_thinking</c>; they replace those of the same name, special tokens too.</param>
    /// <returns>The text; special tokens are written in it.</returns>
    /// <exception cref="EdgeException">
    /// <see cref="EdgeErrorCode.InvalidArgument"/> where the template refuses the conversation (its own message), <see cref="EdgeErrorCode.InvalidModel"/>
    /// where it fails or takes more than a rendering may.
    /// </exception>
    public string Render(JsonArray messages, JsonArray? tools, bool addGenerationPrompt, JsonObject? more = null)
    {
        ArgumentNullException.ThrowIfNull(messages);
        if (tools is not null && ForTools is { } forTools)
            return forTools.Render(messages, tools, addGenerationPrompt, more);

        try
        {
            var values = new JsonValues();
            var variables = new Dictionary<string, object?>(StringComparer.Ordinal);
            foreach (var (name, token) in SpecialTokens)
                variables[name] = values.From(token);

            variables["messages"] = values.From(messages);
            variables["tools"] = values.From(tools);
            variables["documents"] = null;
            variables["add_generation_prompt"] = addGenerationPrompt;
            foreach (var (name, value) in more ?? [])
                variables[name] = values.From(value);

            return Renderer.Render(_source, _body, _hidden, variables, _clock, new Meter(values.Size));
        }
        catch (TemplateFault fault)
        {
            throw new EdgeException(EdgeErrorCode.InvalidArgument, $"The messages or tools cannot be rendered: {fault.Message}", fault);
        }
    }
}
