using System.Net;
using System.Text.Json;
using EdgeSdk.Cli;
using Microsoft.Extensions.AI;

namespace EdgeSdk.ProcessTests;

/// <summary>Calls whose every token depends on the whole text before it: a schema, spans, a budget for thinking, a bias and all penalties. A resume must build all of that anew.</summary>
public sealed class ConstrainedResumeTests
{
    private const string Request = "I want a table for two at Sino in San Jose at 7 pm, please.";

    private static readonly AITool s_reserve = AIFunctionFactory.CreateDeclaration(
        "Restaurants_2_ReserveRestaurant", null, JsonElement.Parse("""{"type":"object","properties":{"location":{"type":"string"},"number_of_seats":{"type":"integer","minimum":1,"maximum":12},"restaurant_name":{"type":"string"},"time":{"type":"string"}},"required":["location","number_of_seats","restaurant_name","time"]}"""));

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(EdgeRoute.Server, 0f)]
    [InlineData(EdgeRoute.Together, 0f)]
    [InlineData(EdgeRoute.Server, 0.7f)]
    [InlineData(EdgeRoute.Together, 0.7f)]
    public async Task A_call_is_the_same_wherever_its_connection_is_cut(EdgeRoute route, float temperature)
    {
        var (server, url) = await Edge.ServeAsync(Edge.Server);
        await using var owned = server;
        await using var proxy = new FaultProxy(IPEndPoint.Parse(new Uri(url).Authority));
        await using var client = new EdgeChatClient(new EdgeOptions { Model = Edge.Device, Server = { Address = proxy.Address } });
        var options = Options(route, temperature);
        string whole = Written(await client.GetResponseAsync(Request, options, Cancellation));
        Assert.StartsWith("Restaurants_2_ReserveRestaurant{", whole, StringComparison.Ordinal);

        foreach (int bytes in (int[])[250, 600, 1000, 1500, 2100])
        {
            proxy.CutAfter(ProxyDirection.ToDevice, bytes);
            Assert.Equal((bytes, whole), (bytes, Written(await client.GetResponseAsync(Request, options, Cancellation))));
        }
    }

    private static ChatOptions Options(EdgeRoute route, float temperature) => new ChatOptions
    {
        Tools = [s_reserve],
        ToolMode = ChatToolMode.RequireAny,
        Temperature = temperature,
        Seed = 11,
        MaxOutputTokens = 120,
        FrequencyPenalty = 0.3f,
        PresencePenalty = 0.2f,
        AdditionalProperties = new()
        {
            ["repetition_penalty"] = 1.05f,
            ["edge.spans"] = true,
            ["thinking_budget"] = 8,
            ["logit_bias"] = new Dictionary<int, float> { [300] = -2, [301] = 1.5f },
        },
    }.WithRoute(route);

    private static string Written(ChatResponse answer) => string.Concat(answer.Messages.SelectMany(message => message.Contents).Select(content => content switch
    {
        TextContent text => text.Text,
        FunctionCallContent call => call.Name + JsonSerializer.Serialize(call.Arguments),
        _ => "",
    }));
}
