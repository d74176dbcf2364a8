using System.Text.Json.Nodes;

namespace EdgeSdk.Text;

/// <summary>A chat template, as model folders carry them (<c>chat_template.jinja</c>): turns messages into the prompt's text.</summary>
/// <remarks>Immutable once parsed, and safe for concurrent use.</remarks>
public sealed class ChatTemplate
{
    /// <summary>Parses a template.</summary>
    /// <param name="source">The template's text.</param>
    /// <param name="name">What error messages call it.</param>
    /// <exception cref="EdgeException">The template is damaged or uses what is not supported; the message names line and column.</exception>
    public static ChatTemplate Parse(string source, string name) => throw new NotImplementedException();

    /// <summary>The prompt of a conversation.</summary>
    /// <param name="messages">Objects with <c>role</c>, <c>content</c> and what else the template reads.</param>
    /// <param name="tools">Function schemas as <c>{"type":"function","function":{...}}</c>; null for none.</param>
    /// <param name="addGenerationPrompt">Whether to open the assistant's turn at the end.</param>
    /// <param name="more">Further variables, such as <c>bos_token</c>.</param>
    /// <exception cref="EdgeException">The template refused the conversation, or failed; the message names line and column.</exception>
    public string Render(JsonArray messages, JsonArray? tools, bool addGenerationPrompt, JsonObject? more = null) => throw new NotImplementedException();
}
