using System.Text.Json.Nodes;

namespace EdgeSdk.Text;

/// <summary>How the shipped pair writes the calls of tools (docs/chat-format.md): the one format that answers are read in and calls are constrained to.</summary>
internal static class CallFormat
{
    /// <summary>The token that begins a call; behind it the tool's name and its arguments in JSON without spaces.</summary>
    public const string Token = "<|call|>";

    /// <summary>Whether a template writes calls so, found by rendering one. Calls may be constrained only then: the model knows no other format than its template's.</summary>
    public static bool IsWrittenBy(ChatTemplate template)
    {
        var user = new JsonObject { ["role"] = "user", ["content"] = "a" };
        var call = new JsonObject
        {
            ["id"] = "1",
            ["type"] = "function",
            ["function"] = new JsonObject { ["name"] = "b", ["arguments"] = new JsonObject { ["c"] = "d" } },
        };
        var answer = new JsonObject { ["role"] = "assistant", ["content"] = "", ["tool_calls"] = new JsonArray(call) };
        try
        {
            return template.Render(new JsonArray(user, answer), null, addGenerationPrompt: false).Contains(Token + """b{"c":"d"}""", StringComparison.Ordinal);
        }
        catch (EdgeException)
        {
            return false; // a template that takes no calls
        }
    }
}
