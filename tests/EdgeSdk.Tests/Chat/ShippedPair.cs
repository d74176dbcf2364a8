using System.Text.Json;
using System.Text.Json.Nodes;
using EdgeSdk.Cli;
using Microsoft.Extensions.AI;

namespace EdgeSdk.Tests.Chat;

/// <summary>The pair of samples/models, its server on loopback, and the test dialogues of samples/data.</summary>
public sealed class ShippedPair : IAsyncLifetime
{
    private HostedServer? _server;

    public static string Device { get; } = Path.Combine(Assets.Repository, "samples", "models", "device");

    public Uri Address => _server!.Address;

    public async ValueTask InitializeAsync() => _server = await HostedServer.StartAsync(Path.Combine(Assets.Repository, "samples", "models", "server"));

    internal EdgeOptions Options(EdgeRoute route = EdgeRoute.Auto) =>
        new() { Model = Device, Server = { Address = Address }, Route = route, MaxOutputTokens = 160 };

    /// <summary>The device's end alone: it sends whole turns.</summary>
    internal EdgeOptions RemoteOptions() => new() { Server = { Address = Address }, MaxOutputTokens = 160 };

    /// <summary>The histories before an assistant's turn with calls, of the first dialogues that have one, with the tools in reach.</summary>
    internal static IEnumerable<(IReadOnlyList<ChatMessage> History, IList<AITool> Tools)> TurnsWithCalls() =>
        from dialogue in Dialogues.Read(Path.Combine(Assets.Repository, "samples", "data", "dialogues.jsonl"))
        let turn = dialogue.AssistantTurns().FirstOrDefault(at => dialogue.Messages[at]!["tool_calls"] is not null)
        where turn > 0
        select ((IReadOnlyList<ChatMessage>)[.. dialogue.History(turn).SelectMany(Message)], (IList<AITool>)[.. dialogue.Tools.Select(Tool)]);

    private static IEnumerable<ChatMessage> Message(JsonNode? message) =>
        (string?)message!["content"] is { } text ? [new(new ChatRole((string)message["role"]!), text)] : [];

    private static AITool Tool(DialogueTool tool) =>
        AIFunctionFactory.CreateDeclaration(tool.Name, null, JsonElement.Parse(tool.ToJson()["function"]!["parameters"]!.ToJsonString()));

    public async ValueTask DisposeAsync() => await _server!.DisposeAsync();
}
