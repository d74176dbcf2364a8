// The product at work: a small model on the device and a mixture-of-experts model on a server hold test dialogues together.
//
//   dotnet run -c Release --project samples/Quickstart                      plays three dialogues, then it is your turn
//   dotnet run -c Release --project samples/Quickstart -- --once            the same without you; one line of JSON at the end
//
//   --dialogues N   how many of samples/data to play (3)          --route R   auto, device, server or together (auto)
//   --edge PATH     a published `edge` to serve with              --seed N    with --temperature T above 0
//   --step-ms N     the least time of a pass of the server (20)
using System.Globalization;
using System.Text.Json;
using EdgeSdk;
using Microsoft.Extensions.AI;
using Quickstart;

var arguments = Arguments.Parse(args);
if (arguments is null)
{
    Console.Error.WriteLine("usage: Quickstart [--once] [--dialogues N] [--route auto|device|server|together] [--temperature T] [--seed N] [--edge PATH] [--step-ms N]");
    return 2;
}

using var stop = new CancellationTokenSource();
Console.CancelKeyPress += (_, e) =>
{
    e.Cancel = !stop.IsCancellationRequested;
    stop.Cancel();
};

try
{
    string samples = Repository.Samples();
    var screen = new Screen();
    screen.Note($"Starting the server: edge serve samples/models/server --step-ms {arguments.StepMs}, its passes as long as a larger model's");
    await using var server = await ServerProcess.StartAsync(arguments.Edge, Path.Combine(samples, "models", "server"), stop.Token, arguments.StepMs);

    await using var client = await EdgeChatClient.LoadAsync(
        new EdgeOptions { Model = Path.Combine(samples, "models", "device"), Server = { Address = server.Address } }, cancellationToken: stop.Token);

    var statistics = new Statistics();
    Dialogue[] dialogues = [.. Dialogue.Read(Path.Combine(samples, "data", "dialogues.jsonl")).Take(arguments.Dialogues)];
    foreach (var dialogue in dialogues)
        await PlayAsync(client, dialogue, screen, statistics);

    screen.Note(statistics.Summary());
    if (arguments.Once)
        Console.WriteLine(statistics.ToJson());
    else
        await TalkAsync(client, screen, [.. dialogues.SelectMany(d => d.Tools).DistinctBy(tool => tool.Name)]);

    return 0;
}
catch (OperationCanceledException) when (stop.IsCancellationRequested)
{
    return 130;
}
catch (EdgeException e)
{
    Console.Error.WriteLine(e.Message);
    return 1;
}

// Every turn of the assistant is answered anew, behind the dialogue as it went in the data.
async Task PlayAsync(EdgeChatClient client, Dialogue dialogue, Screen screen, Statistics statistics)
{
    screen.Title($"Dialogue {dialogue.Id}: {string.Join(", ", dialogue.Services)}");
    var history = new List<ChatMessage>();
    foreach (var message in dialogue.Messages)
    {
        if (message.Role == ChatRole.Assistant)
        {
            var answer = await AnswerAsync(client, history, dialogue.Tools, screen);
            statistics.Add(answer.GetEdge()!);
        }
        else
        {
            Screen.Message(message);
        }

        history.Add(message);
    }
}

// The services of the dialogues stay in reach. Nothing real is behind them: whoever sits there is asked for what a call returns.
async Task TalkAsync(EdgeChatClient client, Screen screen, IList<AITool> tools)
{
    screen.Title("Your turn. An empty line ends.");
    screen.Note($"In reach: {string.Join(", ", tools.Select(tool => tool.Name))}. You answer their calls too, in JSON; an empty line finds nothing.");
    var history = new List<ChatMessage>();
    while (screen.Ask("you:       ") is { Length: > 0 } line)
    {
        history.Add(new ChatMessage(ChatRole.User, line));
        while (true)
        {
            var answer = await AnswerAsync(client, history, tools, screen);
            history.AddMessages(answer);
            FunctionCallContent[] calls = [.. answer.Messages.SelectMany(m => m.Contents).OfType<FunctionCallContent>()];
            if (calls.Length == 0)
                break;

            var results = new List<AIContent>();
            foreach (var call in calls)
            {
                if (screen.Ask("tool:      ") is not { } result)
                    return;

                results.Add(new FunctionResultContent(call.CallId, result.Length > 0 ? result : "[]"));
            }

            history.Add(new ChatMessage(ChatRole.Tool, results));
        }
    }
}

async Task<ChatResponse> AnswerAsync(EdgeChatClient client, IEnumerable<ChatMessage> history, IList<AITool> tools, Screen screen)
{
    // Strict: what it calls is a tool in reach, and the arguments fit its schema.
    var options = new ChatOptions
    {
        Tools = tools,
        Temperature = arguments.Temperature,
        Seed = arguments.Seed,
        AdditionalProperties = new() { ["strict"] = true },
    }.WithRoute(arguments.Route);
    var updates = new List<ChatResponseUpdate>();
    await foreach (var update in client.GetStreamingResponseAsync(history, options, stop.Token))
    {
        screen.Update(update);
        updates.Add(update);
    }

    var response = updates.ToChatResponse();
    screen.End(response.GetEdge()!);
    return response;
}

/// <summary>What the command line asks for.</summary>
internal sealed record Arguments(bool Once, int Dialogues, EdgeRoute Route, float Temperature, long? Seed, string? Edge, int StepMs)
{
    public static Arguments? Parse(string[] args)
    {
        var parsed = new Arguments(false, 3, EdgeRoute.Auto, 0, null, null, 20);
        for (int i = 0; i < args.Length; i++)
        {
            string? value = i + 1 < args.Length ? args[i + 1] : null;
            switch (args[i])
            {
                case "--once":
                    parsed = parsed with { Once = true };
                    continue;
                case "--dialogues" when int.TryParse(value, out int count) && count > 0:
                    parsed = parsed with { Dialogues = count };
                    break;
                case "--route" when Enum.TryParse(value, ignoreCase: true, out EdgeRoute route):
                    parsed = parsed with { Route = route };
                    break;
                case "--temperature" when float.TryParse(value, CultureInfo.InvariantCulture, out float temperature):
                    parsed = parsed with { Temperature = temperature };
                    break;
                case "--seed" when long.TryParse(value, out long seed):
                    parsed = parsed with { Seed = seed };
                    break;
                case "--step-ms" when int.TryParse(value, out int milliseconds) && milliseconds >= 0:
                    parsed = parsed with { StepMs = milliseconds };
                    break;
                case "--edge" when File.Exists(value):
                    parsed = parsed with { Edge = value };
                    break;
                default:
                    return null;
            }

            i++;
        }

        return parsed;
    }
}

/// <summary>What came of all turns.</summary>
internal sealed class Statistics
{
    private readonly Dictionary<EdgeRoute, int> _routes = [];
    private int _turns, _tokens, _drafted, _accepted, _passes;

    public void Add(EdgeReport report)
    {
        _turns++;
        _tokens += report.Tokens;
        _drafted += report.Drafted;
        _accepted += report.Accepted;
        _passes += report.ServerPasses;
        _routes[report.Route] = _routes.GetValueOrDefault(report.Route) + 1;
    }

    public string Summary() =>
        $"{_turns} turns, {_tokens} tokens: {Of(EdgeRoute.Device)} by the device, {Of(EdgeRoute.Server)} by the server, {Of(EdgeRoute.Together)} together; "
        + $"{_drafted} tokens drafted, {_accepted} accepted, {_passes} passes of the server.";

    public string ToJson()
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteNumber("turns", _turns);
            json.WriteNumber("tokens", _tokens);
            json.WriteNumber("drafted", _drafted);
            json.WriteNumber("accepted", _accepted);
            json.WriteNumber("server_passes", _passes);
            json.WriteStartObject("routes");
            json.WriteNumber("device", Of(EdgeRoute.Device));
            json.WriteNumber("server", Of(EdgeRoute.Server));
            json.WriteNumber("together", Of(EdgeRoute.Together));
            json.WriteEndObject();
            json.WriteEndObject();
        }

        return System.Text.Encoding.UTF8.GetString(buffer.ToArray());
    }

    private int Of(EdgeRoute route) => _routes.GetValueOrDefault(route);
}
