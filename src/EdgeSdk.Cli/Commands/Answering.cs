using Microsoft.Extensions.AI;

namespace EdgeSdk.Cli.Commands;

/// <summary>How an answer is shown: as it is written, or whole in JSON, there with its tokens if wanted.</summary>
internal readonly record struct AnswerDisplay(bool AsJson, bool Tokens);

/// <summary>Puts one request to the pair and shows the answer, as text while it is written or as JSON when it is whole.</summary>
internal static class Answering
{
    /// <summary>Answers the last of <paramref name="history"/>.</summary>
    public static async Task<ChatResponse> AnswerAsync(
        this EdgeChatClient client, IEnumerable<ChatMessage> history, ChatOptions request, Terminal terminal, AnswerDisplay display, CancellationToken cancellationToken)
    {
        var updates = new List<ChatResponseUpdate>();
        await foreach (var update in client.GetStreamingResponseAsync(history, request, cancellationToken).ConfigureAwait(false))
        {
            updates.Add(update);
            if (!display.AsJson)
                Show(update, terminal);
        }

        var response = updates.ToChatResponse();
        var report = response.GetEdge()!;
        if (display.AsJson)
        {
            terminal.Json(json =>
            {
                json.WriteString("text", string.Concat(response.Messages.SelectMany(m => m.Contents).Select(Shown)));
                if (Thought(response.Messages.SelectMany(m => m.Contents)) is { Length: > 0 } thought)
                    json.WriteString("thought", thought);

                if (display.Tokens)
                    json.WriteTokens(updates.SelectMany(update => update.GetEdge()!.Tokens));

                json.WriteString("route", Name(report.Route));
                json.WriteString("reason", report.Reason);
                json.WriteNumber("drafted", report.Drafted);
                json.WriteNumber("accepted", report.Accepted);
                json.WriteNumber("server_passes", report.ServerPasses);
                json.WriteNumber("tokens", report.Tokens);
                json.WriteMeasured("first_token_ms", report.FirstToken.TotalMilliseconds);
            });
        }
        else
        {
            terminal.Out.WriteLine();
            string drafts = report.Route == EdgeRoute.Together ? $", {report.Accepted} of {report.Drafted} drafts accepted in {report.ServerPasses} passes" : "";
            terminal.Note($"{Name(report.Route)}: {report.Tokens} tokens{drafts}, first after {report.FirstToken.TotalMilliseconds:0} ms ({report.Reason})");
        }

        return response;
    }

    private static string Thought(IEnumerable<AIContent> contents) => string.Concat(contents.OfType<TextReasoningContent>().Select(part => part.Text));

    private static void Show(ChatResponseUpdate update, Terminal terminal)
    {
        terminal.Thought(Thought(update.Contents));
        foreach (var content in update.Contents)
        {
            if (Shown(content) is { } text)
                terminal.Answer(text, update.GetEdge()?.Writer);
        }
    }

    /// <summary>Text as it is, and a tool's call, which nobody here can run, as the model's wish.</summary>
    private static string? Shown(AIContent content) => content switch
    {
        TextContent piece => piece.Text,
        FunctionCallContent call => $"[{call.Name}({string.Join(", ", (call.Arguments ?? new Dictionary<string, object?>()).Select(a => $"{a.Key}: {a.Value}"))})]",
        _ => null,
    };

    private static string Name(EdgeRoute route) => route switch
    {
        EdgeRoute.Device => "device",
        EdgeRoute.Server => "server",
        _ => "together",
    };
}
