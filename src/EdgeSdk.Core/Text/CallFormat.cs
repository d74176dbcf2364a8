namespace EdgeSdk.Text;

/// <summary>How the shipped pair writes the calls of tools (docs/chat-format.md): the one format that calls are constrained to. Others are read by <see cref="CallMarks"/>.</summary>
internal static class CallFormat
{
    /// <summary>The token that begins a call; behind it the tool's name and its arguments in JSON without spaces.</summary>
    public const string Token = "<|call|>";

    /// <summary>Whether a template writes calls so, found by rendering one. Calls may be constrained only then: the model knows no other format than its template's.</summary>
    public static bool IsWrittenBy(ChatTemplate template)
    {
        try
        {
            return CallMarks.RenderCall(template, "b", "c", "d").Contains(Token + """b{"c":"d"}""", StringComparison.Ordinal);
        }
        catch (EdgeException)
        {
            return false; // a template that takes no calls
        }
    }
}
