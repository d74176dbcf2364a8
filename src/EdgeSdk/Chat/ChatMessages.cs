using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization.Metadata;
using Microsoft.Extensions.AI;

namespace EdgeSdk.Chat;

/// <summary>Messages of Microsoft.Extensions.AI as chat templates take them.</summary>
internal static class ChatMessages
{
    private static readonly JsonWriterOptions s_compact = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Converts; instructions join the system message, or become one.</summary>
    /// <param name="messages">At least one.</param>
    /// <param name="instructions">Of the request.</param>
    /// <param name="tools">In reach; their serializer options know the types of their arguments and results.</param>
    /// <exception cref="ArgumentException">There is no message, or a result of a call that no message makes.</exception>
    /// <exception cref="NotSupportedException">A role or a content that the model cannot take.</exception>
    public static JsonArray ToJson(IEnumerable<ChatMessage> messages, string? instructions, IEnumerable<AITool>? tools)
    {
        var json = new JsonArray();
        var results = new Results(tools);
        foreach (var message in messages)
        {
            if (message is null)
                throw new ArgumentException("A message is null.", nameof(messages));

            if (message.Role == ChatRole.Tool)
            {
                results.Take(message);
                continue;
            }

            results.MoveTo(json);
            if (message.Role == ChatRole.System && json.Count == 0)
            {
                json.Add((JsonNode)Plain("system", Join(instructions, Text(message))));
                instructions = null;
            }
            else
            {
                json.Add((JsonNode)Spoken(message, tools));
                results.Expect(message);
            }
        }

        results.MoveTo(json);
        if (json.Count == 0)
            throw new ArgumentException("There is no message to answer.", nameof(messages));

        if (!string.IsNullOrEmpty(instructions))
            json.Insert(0, Plain("system", instructions));

        return json;
    }

    /// <summary>Adds a line to the system message, or makes it one.</summary>
    public static void Tell(JsonArray json, string line)
    {
        if (json[0] is JsonObject first && (string?)first["role"] == "system")
            first["content"] = Join((string?)first["content"], line);
        else
            json.Insert(0, Plain("system", line));
    }

    private static JsonObject Spoken(ChatMessage message, IEnumerable<AITool>? tools)
    {
        if (message.Role != ChatRole.User && message.Role != ChatRole.Assistant && message.Role != ChatRole.System)
            throw new NotSupportedException($"A message has the role '{message.Role}'; system, user, assistant and tool are supported.");

        var plain = Plain(message.Role.Value, Text(message));
        string thought = string.Concat(message.Contents.OfType<TextReasoningContent>().Select(part => part.Text));
        if (thought.Length > 0 && message.Role == ChatRole.Assistant)
            plain["reasoning_content"] = thought; // a template that does not read it drops it

        var calls = message.Contents.OfType<FunctionCallContent>().Select(call => Call(call, tools)).ToArray();
        if (calls.Length > 0)
            plain["tool_calls"] = new JsonArray(calls);

        return plain;
    }

    private static JsonObject Plain(string role, string content) => new() { ["role"] = role, ["content"] = content };

    private static string Text(ChatMessage message)
    {
        var text = new StringBuilder();
        foreach (var content in message.Contents)
        {
            switch (content)
            {
                case TextContent part:
                    text.Append(part.Text);
                    break;
                case FunctionCallContent when message.Role == ChatRole.Assistant:
                case UsageContent or TextReasoningContent:
                    break;
                default:
                    throw NotTaken(message, content);
            }
        }

        return text.ToString();
    }

    private static JsonObject Call(FunctionCallContent call, IEnumerable<AITool>? tools)
    {
        var arguments = new JsonObject();
        foreach (var (name, value) in call.Arguments ?? new Dictionary<string, object?>())
            arguments[name] = JsonNode.Parse(Json(value, tools));

        return new JsonObject
        {
            ["id"] = call.CallId,
            ["type"] = "function",
            ["function"] = new JsonObject { ["name"] = call.Name, ["arguments"] = arguments },
        };
    }

    /// <summary>A tool's result: a text as it is, anything else as compact JSON.</summary>
    private static string Result(ChatMessage message, FunctionResultContent result, IEnumerable<AITool>? tools)
    {
        return result.Result switch
        {
            null => result.Exception is { } failure ? Json("Error: " + failure.Message) : "null",
            string text => text,
            JsonElement { ValueKind: JsonValueKind.String } text => text.GetString()!,
            AIContent content => Part(content),
            IEnumerable<AIContent> contents => string.Concat(contents.Select(Part)),
            var value => Json(value, tools),
        };

        string Part(AIContent content) => content is TextContent part ? part.Text : throw NotTaken(message, content);
    }

    /// <summary>Compact JSON; characters beyond ASCII as they are.</summary>
    public static string Json(object? value, IEnumerable<AITool>? tools = null)
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer, s_compact))
        {
            switch (value)
            {
                case null:
                    writer.WriteNullValue();
                    break;
                case JsonElement element:
                    element.WriteTo(writer);
                    break;
                case JsonNode node:
                    node.WriteTo(writer);
                    break;
                default:
                    JsonSerializer.Serialize(writer, value, TypeInfo(value.GetType(), tools));
                    break;
            }
        }

        return Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length);
    }

    /// <summary>How a type becomes JSON, without reflection: by the tools' options, else by those of Microsoft.Extensions.AI.</summary>
    private static JsonTypeInfo TypeInfo(Type type, IEnumerable<AITool>? tools)
    {
        foreach (var options in (tools ?? []).OfType<AIFunction>().Select(tool => tool.JsonSerializerOptions).Append(AIJsonUtilities.DefaultOptions))
        {
            if (options.TryGetTypeInfo(type, out var info))
                return info;
        }

        throw new NotSupportedException(
            $"A call's argument or result is a {type}, and no tool's serializer options know that type. Give AIFunctionFactoryOptions.SerializerOptions a JsonSerializerContext that has it, or pass JSON.");
    }

    private static string Join(string? first, string second) => string.IsNullOrEmpty(first) ? second : first + "\n" + second;

    private static NotSupportedException NotTaken(ChatMessage message, AIContent content) =>
        new($"A message of role '{message.Role}' holds {content.GetType().Name}, which this model cannot take; it takes text, and functions' calls and results.");

    /// <summary>The results of one message's calls: they go to the template in the order of the calls, by which most tell them apart, whatever order they came in.</summary>
    private sealed class Results(IEnumerable<AITool>? tools)
    {
        private readonly List<(int Place, JsonObject Message)> _taken = [];
        private readonly List<FunctionCallContent> _calls = []; // of the whole conversation

        public void Expect(ChatMessage message) => _calls.AddRange(message.Contents.OfType<FunctionCallContent>());

        public void Take(ChatMessage message)
        {
            foreach (var content in message.Contents)
            {
                if (content is not FunctionResultContent result)
                    throw NotTaken(message, content);

                int call = _calls.FindLastIndex(call => call.CallId == result.CallId);
                if (call < 0)
                    throw new ArgumentException($"A message holds the result of the call '{result.CallId}', which no message before it makes. Keep calls and results together.", nameof(message));

                var plain = Plain("tool", Result(message, result, tools));
                (plain["tool_call_id"], plain["name"]) = (result.CallId, _calls[call].Name);
                _taken.Add((call, plain));
            }
        }

        public void MoveTo(JsonArray json)
        {
            foreach (var (_, message) in _taken.OrderBy(result => result.Place))
                json.Add((JsonNode)message);

            _taken.Clear();
        }
    }
}
