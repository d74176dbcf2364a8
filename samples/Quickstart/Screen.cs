using System.Text.Json;
using EdgeSdk;
using Microsoft.Extensions.AI;

namespace Quickstart;

/// <summary>The terminal: messages, and answers in the colour of who wrote them. Standard error, so that standard output stays data.</summary>
internal sealed class Screen
{
    private const string Bold = "1", Dim = "2", Green = "32", Blue = "36", Yellow = "33";

    private readonly bool _colours = !Console.IsErrorRedirected && Environment.GetEnvironmentVariable("NO_COLOR") is null or "";
    private bool _answering;

    public void Title(string text)
    {
        Console.Error.WriteLine();
        Write(Bold, text);
        Console.Error.WriteLine();
        Write(Dim, "   ");
        Write(Green, "by the device  ");
        Write(Blue, "drafted by the device, confirmed by the server  ");
        Write(Yellow, "by the server");
        Console.Error.WriteLine();
    }

    public void Note(string text)
    {
        Write(Dim, text);
        Console.Error.WriteLine();
    }

    public static void Message(ChatMessage message)
    {
        foreach (var content in message.Contents)
        {
            Console.Error.WriteLine(content switch
            {
                FunctionResultContent result => $"tool:      {Shorten(result.Result?.ToString() ?? "")}",
                _ => $"user:      {content}",
            });
        }
    }

    /// <summary>Asks the person in front of it; null at the end of input.</summary>
    public string? Ask(string who)
    {
        Write(Bold, who);
        return Console.ReadLine()?.Trim();
    }

    public void Update(ChatResponseUpdate update)
    {
        if (!_answering)
        {
            Write(Bold, "assistant: ");
            _answering = true;
        }

        string colour = update.GetEdge()?.Writer switch
        {
            EdgeWriter.Device => Green,
            EdgeWriter.AcceptedDraft => Blue,
            _ => Yellow,
        };
        foreach (var content in update.Contents)
        {
            if (content is TextContent text)
            {
                Write(colour, text.Text);
            }
            else if (content is FunctionCallContent call)
            {
                Write(colour, $"[{call.Name}({string.Join(", ", (call.Arguments ?? new Dictionary<string, object?>()).Select(a => $"{a.Key}: {Value(a.Value)}"))})]");
            }
        }
    }

    public void End(EdgeReport report)
    {
        _answering = false;
        Console.Error.WriteLine();
        string drafts = report.Route == EdgeRoute.Together ? $", {report.Accepted} of {report.Drafted} drafts accepted, {report.ServerPasses} server passes" : "";
        Note($"           {report.Route}: {report.Tokens} tokens{drafts}, first after {report.FirstToken.TotalMilliseconds:0} ms");
    }

    private static string Value(object? value) => value is JsonElement { ValueKind: JsonValueKind.String } text ? text.GetString()! : $"{value}";

    private static string Shorten(string text) => text.Length <= 150 ? text : text[..147] + "...";

    private void Write(string style, string text) => Console.Error.Write(_colours ? $"\u001b[{style}m{text}\u001b[0m" : text);
}
