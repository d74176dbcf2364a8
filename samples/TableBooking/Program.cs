// A program with tools and typed answers that can be published by NativeAOT: all of its JSON is generated code.
//
//   dotnet run -c Release --project samples/TableBooking                 books with the shipped pair; one line of JSON at the end
//   dotnet publish -c Release -r linux-x64 samples/TableBooking -o out   the same as one native program: out/TableBooking
//
//   --edge PATH     a published `edge` to serve with              --ask TEXT      what to ask for
//   --route R       auto, device, server or together (together)
using System.Text.Json;
using EdgeSdk;
using Microsoft.Extensions.AI;
using Quickstart;
using TableBooking;

string ask = "I want a table for two at Sino in San Jose, a Chinese restaurant, for dinner at 7 pm.";
string? edge = null;
var route = EdgeRoute.Together;
for (int i = 0; i < args.Length; i += 2)
{
    string? value = i + 1 < args.Length ? args[i + 1] : null;
    switch (args[i])
    {
        case "--ask" when value is { Length: > 0 }:
            ask = value;
            break;
        case "--edge" when File.Exists(value):
            edge = value;
            break;
        case "--route" when Enum.TryParse(value, ignoreCase: true, out route):
            break;
        default:
            Console.Error.WriteLine("usage: TableBooking [--ask TEXT] [--route auto|device|server|together] [--edge PATH]");
            return 2;
    }
}

try
{
    string samples = Repository.Samples();
    await using var server = await ServerProcess.StartAsync(edge, Path.Combine(samples, "models", "server"), CancellationToken.None);
    var options = new EdgeOptions { Model = Path.Combine(samples, "models", "device"), Server = { Address = server.Address }, Route = route };
    var restaurants = new Restaurants();
    using var client = (await EdgeChatClient.LoadAsync(options)).AsBuilder().UseFunctionInvocation(configure: f => f.MaximumIterationsPerRequest = 4).Build();
    List<ChatMessage> history = [new(ChatRole.User, ask)];

    // The model calls the tools as it sees fit, but its first answer is a call, every call fits its tool's schema, and what it passes on was said.
    var spans = new AdditionalPropertiesDictionary { ["edge.spans"] = true };
    var booked = await client.GetResponseAsync(history, new() { Tools = restaurants.Tools(), ToolMode = ChatToolMode.RequireAny, AdditionalProperties = spans });
    history.AddMessages(booked);
    foreach (var content in booked.Messages.SelectMany(message => message.Contents))
    {
        Console.Error.WriteLine(content switch
        {
            FunctionCallContent call => $"call:      {call.Name}({string.Join(", ", call.Arguments!.Select(a => $"{a.Key}: {a.Value}"))})",
            FunctionResultContent result => $"tool:      {result.Result}",
            _ => $"assistant: {content}",
        });
    }

    // A typed answer about the conversation: its text always parses and fits the schema of the type.
    var wish = await client.GetResponseAsync<Wish>(history, BookingJson.Default.Options, new() { AdditionalProperties = spans });

    Console.WriteLine(JsonSerializer.Serialize(wish.Result, BookingJson.Default.Wish));
    Console.Error.WriteLine($"{restaurants.Calls} calls; the last answer came by {wish.GetEdge()!.Route}: {wish.GetEdge()!.Reason}");
    return restaurants.Calls > 0 ? 0 : 1;
}
catch (EdgeException e)
{
    Console.Error.WriteLine(e.Message);
    return 1;
}
