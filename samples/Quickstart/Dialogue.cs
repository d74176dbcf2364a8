using System.Text.Json;
using Microsoft.Extensions.AI;

namespace Quickstart;

/// <summary>A dialogue of samples/data (docs/chat-format.md) as chat messages and tools.</summary>
internal sealed record Dialogue(string Id, IReadOnlyList<string> Services, IList<AITool> Tools, IReadOnlyList<ChatMessage> Messages)
{
    public static IEnumerable<Dialogue> Read(string file)
    {
        foreach (string line in File.ReadLines(file))
        {
            using var json = JsonDocument.Parse(line);
            var root = json.RootElement;
            yield return new Dialogue(
                root.GetProperty("id").GetString()!,
                [.. root.GetProperty("services").EnumerateArray().Select(s => s.GetString()!)],
                [.. root.GetProperty("tools").EnumerateArray().Select(Tool)],
                [.. root.GetProperty("turns").EnumerateArray().SelectMany(MessagesOf)]);
        }
    }

    private static AITool Tool(JsonElement tool)
    {
        var parameters = tool.GetProperty("parameters").EnumerateArray().Select(p => $"\"{p.GetString()}\":{{\"type\":\"string\",\"maxLength\":60}}");
        using var schema = JsonDocument.Parse($"{{\"type\":\"object\",\"properties\":{{{string.Join(",", parameters)}}}}}");
        return AIFunctionFactory.CreateDeclaration(tool.GetProperty("name").GetString()!, null, schema.RootElement.Clone());
    }

    private static IEnumerable<ChatMessage> MessagesOf(JsonElement turn)
    {
        if (turn.TryGetProperty("calls", out var calls) && calls.GetArrayLength() > 0)
        {
            yield return new ChatMessage(ChatRole.Assistant, [.. calls.EnumerateArray().Select((call, i) => Call(call, i))]);
            yield return new ChatMessage(ChatRole.Tool, [.. calls.EnumerateArray().Select((call, i) => Result(call, i))]);
        }

        var role = turn.GetProperty("speaker").GetString() == "USER" ? ChatRole.User : ChatRole.Assistant;
        yield return new ChatMessage(role, turn.GetProperty("utterance").GetString());
    }

    private static FunctionCallContent Call(JsonElement call, int index) => new FunctionCallContent(
        $"call-{index}",
        $"{call.GetProperty("service").GetString()}_{call.GetProperty("method").GetString()}",
        call.GetProperty("parameters").EnumerateObject().ToDictionary(p => p.Name, p => (object?)p.Value.Clone()));

    private static FunctionResultContent Result(JsonElement call, int index) => new FunctionResultContent($"call-{index}", call.GetProperty("results").Clone());
}
