using System.Text.Json.Nodes;

namespace EdgeSdk.Text;

/// <summary>
/// A conversation as the ids that a model continues. Only the template writes control tokens: where a message, a tool's result or a tool's description
/// spells one (<c>&lt;|end|&gt;</c>), the model reads its letters, so nobody who gets text into a conversation can end a turn or speak as another role. An assistant's
/// message may hold a thought: the tokens around it are read as such.
/// </summary>
internal static class ChatPrompt
{
    /// <summary>Renders and encodes. Neither array is changed.</summary>
    /// <param name="tokenizer">The model's.</param>
    /// <param name="template">The model's.</param>
    /// <param name="messages">The conversation.</param>
    /// <param name="tools">The tools in reach; null for none.</param>
    /// <param name="addGenerationPrompt">Whether an answer begins behind it.</param>
    /// <param name="thinks">Whether the answer is to be thought about, for templates that ask; null: as the template likes.</param>
    /// <exception cref="EdgeException">The template does not take these messages.</exception>
    public static int[] Encode(
        Tokenizer tokenizer, ChatTemplate template, JsonArray messages, JsonArray? tools, bool addGenerationPrompt = true, bool? thinks = null)
    {
        bool isGuarded = Guard(tokenizer, ref messages!) | Guard(tokenizer, ref tools);
        string text = template.Render(messages, tools, addGenerationPrompt, thinks is { } wanted ? Switches(wanted) : null);
        return isGuarded ? tokenizer.EncodeGuarded(text) : tokenizer.Encode(text, addSpecialTokens: false);
    }

    /// <summary>The variables by which templates ask: Qwen's and most others', and that of DeepSeek-V3.1 and Granite.</summary>
    private static JsonObject Switches(bool thinks) => new() { ["enable_thinking"] = thinks, ["thinking"] = thinks };

    /// <summary>Guards every string in <paramref name="array"/>, in a copy where there is anything to guard.</summary>
    private static bool Guard(Tokenizer tokenizer, ref JsonArray? array)
    {
        if (array is null || !Strings(array).Any(tokenizer.SpellsSpecial))
            return false;

        array = new JsonArray([.. array.Select(item => item is JsonObject message ? Guarded(tokenizer, message) : Guarded(tokenizer, item, mayThink: false))]);
        return true;
    }

    private static IEnumerable<string> Strings(JsonNode? node) => node switch
    {
        JsonObject members => members.SelectMany(member => Strings(member.Value).Prepend(member.Key)),
        JsonArray items => items.SelectMany(Strings),
        JsonValue value when value.TryGetValue(out string? text) => [text],
        _ => [],
    };

    private static JsonObject Guarded(Tokenizer tokenizer, JsonObject message) =>
        new(message.Select(m => KeyValuePair.Create(tokenizer.Guard(m.Key), Guarded(tokenizer, m.Value, mayThink: IsAssistantsOwn(message, m.Key)))));

    private static JsonNode? Guarded(Tokenizer tokenizer, JsonNode? node, bool mayThink) => node switch
    {
        JsonObject members => new JsonObject(members.Select(m => KeyValuePair.Create(tokenizer.Guard(m.Key), Guarded(tokenizer, m.Value, mayThink)))),
        JsonArray items => new JsonArray([.. items.Select(item => Guarded(tokenizer, item, mayThink))]),
        JsonValue value when value.TryGetValue(out string? text) => JsonValue.Create(tokenizer.Guard(text, mayThink)),
        _ => node?.DeepClone(),
    };

    /// <summary>What the assistant wrote, but for its calls, whose arguments may be another's words.</summary>
    private static bool IsAssistantsOwn(JsonObject message, string field) => field is "content" or "reasoning_content" or "reasoning" or "thinking"
        && message["role"] is JsonValue role && role.TryGetValue(out string? name) && name == "assistant";
}
