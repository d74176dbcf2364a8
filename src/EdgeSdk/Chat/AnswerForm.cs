using System.Text.Json;
using System.Text.Json.Nodes;
using EdgeSdk.Text.Constraints;
using Microsoft.Extensions.AI;

namespace EdgeSdk.Chat;

/// <summary>What a request wants of an answer's form (docs/chat-options.md): JSON, by a schema or not, another language, and calls that must come or must fit their tools' schemas.</summary>
/// <param name="Constraint">Holds the model to it; null: any text, any call.</param>
/// <param name="Told">What the model is told of it, since its chat template knows only of tools; null: nothing.</param>
internal sealed record AnswerForm(Constraint? Constraint, string? Told)
{
    /// <summary>The characters that spans may be of.</summary>
    private const int MostOfSpans = 32 * 1024;

    /// <summary>Reads what <paramref name="options"/> ask for.</summary>
    /// <param name="options">May be null.</param>
    /// <param name="messages">The conversation in the form of chat templates: where spans must stand.</param>
    /// <exception cref="ArgumentException">A call is required, and there is no tool to call.</exception>
    /// <exception cref="NotSupportedException">A schema has what cannot be constrained; the message names the field and the JSON pointer.</exception>
    public static AnswerForm From(ChatOptions? options, JsonArray messages)
    {
        var format = options?.ResponseFormat as ChatResponseFormatJson;
        AIFunctionDeclaration[] tools = options?.ToolMode is NoneChatToolMode ? [] : [.. options?.Tools?.OfType<AIFunctionDeclaration>() ?? []];
        bool required = Require(options, ref tools);
        if (Language(options) is { } language)
        {
            return format is null && tools.Length == 0 ? new(language, null) : throw new NotSupportedException(
                "ChatOptions.AdditionalProperties has a regex or a grammar, which the whole answer must be of. Leave out ResponseFormat and Tools, or set ToolMode to None.");
        }

        bool spans = MoreOptions.Spans(options);
        bool calls = tools.Length > 0 && (required || spans || format is not null || tools.Any(tool => MoreOptions.IsStrict(options, tool)));
        var texts = spans ? SpanTexts(messages) : null;
        var schema = format?.Schema is { } given ? Schema(given, spans) : null;
        string? told = schema is null ? null : Tell(format!);
        return new(calls ? ToolsConstraint() : JsonConstraint(), told);

        Constraint? JsonConstraint()
        {
            if (schema is null)
                return format is null ? null : Constraint.JsonObject();

            if (schema is JsonObject described && texts is not null)
                described["x-edge-texts"] = texts.DeepClone();

            return Compile(nameof(options.ResponseFormat), () => Constraint.JsonSchema(ChatMessages.Json(schema)));
        }

        Constraint ToolsConstraint()
        {
            var source = new JsonObject
            {
                ["tools"] = new JsonArray([.. tools.Select(tool => Tool(tool, spans || MoreOptions.IsStrict(options, tool), spans))]),
                ["required"] = required,
                ["parallel"] = options!.AllowMultipleToolCalls is not false,
            };
            if (texts is not null)
                source["texts"] = texts;

            if (format is not null && !required)
            {
                _ = JsonConstraint(); // what is wrong with it is the format's fault, not the tools'
                source["answer"] = schema?.DeepClone() ?? new JsonObject { ["type"] = "object" };
            }

            return Compile(nameof(options.Tools), () => Constraint.Tools(ChatMessages.Json(source)));
        }
    }

    /// <summary>What the whole answer must be of; null: any text.</summary>
    private static Constraint? Language(ChatOptions? options) => (MoreOptions.Regex(options), MoreOptions.Grammar(options)) switch
    {
        (null, null) => null,
        ({ } regex, null) => Compile("AdditionalProperties[\"regex\"]", () => Constraint.Regex(regex)),
        (null, { } grammar) => Compile("AdditionalProperties[\"grammar\"]", () => Constraint.Grammar(grammar)),
        _ => throw new NotSupportedException("ChatOptions.AdditionalProperties has a regex and a grammar; an answer can be held to one of them."),
    };

    /// <summary>Whether a call must come; <paramref name="tools"/> becomes those that it may be of.</summary>
    private static bool Require(ChatOptions? options, ref AIFunctionDeclaration[] tools)
    {
        if (options?.ToolMode is not RequiredChatToolMode mode)
            return false;

        if (mode.RequiredFunctionName is { } name)
            tools = [.. tools.Where(tool => tool.Name == name)];

        return tools.Length > 0 ? true
            : throw new ArgumentException($"ChatOptions.ToolMode requires a call of {mode.RequiredFunctionName ?? "a tool"}, which ChatOptions.Tools does not hold.", nameof(options));
    }

    /// <summary>A tool whose arguments fit its schema where that is asked for and says anything; else they are an object.</summary>
    private static JsonObject Tool(AIFunctionDeclaration tool, bool isStrict, bool spans)
    {
        var parameters = isStrict && Schema(tool.JsonSchema, spans, tool) is JsonObject { Count: > 0 } schema ? schema : new JsonObject { ["type"] = "object" };
        if (parameters["properties"] is JsonObject { Count: 0 })
            parameters.TryAdd("additionalProperties", false); // a function without parameters

        return new JsonObject { ["name"] = tool.Name, ["parameters"] = parameters };
    }

    private static JsonNode Schema(JsonElement schema, bool spans, AIFunctionDeclaration? of = null)
    {
        var node = JsonNode.Parse(schema.GetRawText())!;
        if (of is not null && node is JsonObject parameters)
            ParameterTypes.AddTo(parameters, of);

        // The schema of a type, which Microsoft.Extensions.AI marks so, does not say how wide an integer is. An int is what nearly all are, and is not read where it overflows.
        bool isOfType = of is null && node is JsonObject marked && marked.ContainsKey("$schema");
        foreach (var part in SchemaParts.Of(node))
        {
            SchemaParts.Narrow(part);
            if (isOfType && SchemaParts.IsAnyInteger(part))
                part["format"] = "int32";

            if (spans && SchemaParts.IsAnyString(part))
                part["x-edge-span"] = true;
        }

        return node;
    }

    /// <summary>
    /// What a span may be of: the messages' texts; of results and earlier calls, which are JSON, their values. Of a long conversation the newest of them, since
    /// what is said long ago is seldom meant and every word costs a place in the constraint.
    /// </summary>
    private static JsonArray SpanTexts(JsonArray messages)
    {
        var texts = messages.Reverse().SelectMany(message => Values(message!["content"]).Concat(Arguments(message["tool_calls"]))).Where(text => text.Any(char.IsLetterOrDigit));
        var kept = new JsonArray();
        int left = MostOfSpans;
        foreach (string text in texts.Distinct(StringComparer.Ordinal).TakeWhile(text => (left -= text.Length) >= 0))
            kept.Add((JsonNode)text);

        return kept;
    }

    private static IEnumerable<string> Arguments(JsonNode? calls) => (calls as JsonArray ?? []).SelectMany(call => Values(call!["function"]!["arguments"]));

    private static IEnumerable<string> Values(JsonNode? node) => node switch
    {
        JsonObject members => members.SelectMany(member => Values(member.Value)),
        JsonArray items => items.SelectMany(Values),
        JsonValue value when value.TryGetValue(out string? text) => AsJson(text) is { } json ? Values(json) : [text],
        JsonValue value => [value.ToJsonString()],
        _ => [],
    };

    /// <summary>A tool's result that is JSON; null for other text.</summary>
    private static JsonNode? AsJson(string text)
    {
        if (text.TrimStart() is not ['{' or '[', ..])
            return null;

        try
        {
            return JsonNode.Parse(text);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static string Tell(ChatResponseFormatJson format)
    {
        string what = string.IsNullOrWhiteSpace(format.SchemaDescription) ? "" : $" ({format.SchemaDescription.Trim()})";
        return $"Answer in JSON{what} that fits this schema: {ChatMessages.Json(format.Schema)}";
    }

    private static Constraint Compile(string field, Func<Constraint> compile)
    {
        try
        {
            return compile();
        }
        catch (EdgeException e)
        {
            throw new NotSupportedException($"ChatOptions.{field}: {e.Message}", e);
        }
    }
}
