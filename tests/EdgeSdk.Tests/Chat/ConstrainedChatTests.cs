using System.ComponentModel;
using System.Net;
using System.Text.Json;
using EdgeSdk.Cli;
using Json.Schema;
using Microsoft.Extensions.AI;

namespace EdgeSdk.Tests.Chat;

public sealed class ConstrainedChatTests(ShippedPair pair, GoldenPair golden) : IClassFixture<ShippedPair>, IClassFixture<GoldenPair>
{
    private const string Question = "I want a table for two at Sino in San Jose at 7 pm, please. Outside, if there is room.";
    private static readonly EvaluationOptions s_flag = new() { OutputFormat = OutputFormat.Flag };

    private static readonly AITool s_find = AIFunctionFactory.CreateDeclaration(
        "Restaurants_2_FindRestaurants", null, JsonElement.Parse("""{"type":"object","properties":{"category":{"type":"string"},"location":{"type":"string"}},"required":["category","location"]}"""));

    private static readonly AITool s_reserve = AIFunctionFactory.CreateDeclaration(
        "Restaurants_2_ReserveRestaurant", null, JsonElement.Parse("""{"type":"object","properties":{"location":{"type":"string"},"number_of_seats":{"type":"integer","minimum":1,"maximum":12},"restaurant_name":{"type":"string"}},"required":["location","number_of_seats","restaurant_name"]}"""));

    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    private enum Meal
    {
        Breakfast,
        Lunch,
        Dinner,
    }

    [Description("What was booked")]
    private sealed record Booking(string Restaurant, int Guests, Meal Meal, bool Outside, double Deposit, DateOnly? Day, string[] Notes, Guest? Host);

    private sealed record Guest(string Name, Guest? Partner);

    [Fact]
    public async Task A_typed_answer_parses_on_every_route_and_together_is_what_the_server_writes()
    {
        await using var client = new EdgeChatClient(pair.Options());
        await using var remote = new EdgeChatClient(pair.RemoteOptions());
        for (long seed = 1; seed <= 2; seed++)
        {
            var texts = new Dictionary<EdgeRoute, string>();
            foreach (var route in Enum.GetValues<EdgeRoute>())
            {
                var options = new ChatOptions { Seed = seed, Temperature = seed % 2, MaxOutputTokens = 80 }.WithRoute(route);
                texts[route] = await AnswerAsync(client, options);
            }

            string turns = await AnswerAsync(remote, new() { Seed = seed, Temperature = seed % 2, MaxOutputTokens = 80 });
            Assert.True(texts[EdgeRoute.Server] == texts[EdgeRoute.Together], $"seed {seed}: {texts[EdgeRoute.Server]} alone, {texts[EdgeRoute.Together]} together");
            Assert.Equal(texts[EdgeRoute.Server], turns);
        }

        async Task<string> AnswerAsync(EdgeChatClient from, ChatOptions options)
        {
            var response = await from.GetResponseAsync<Booking>(Question, options, cancellationToken: Cancelled);
            Assert.NotNull(response.Result.Restaurant);
            Assert.Equal(ChatFinishReason.Stop, response.FinishReason);
            return response.Text;
        }
    }

    [Fact]
    public async Task Without_a_schema_the_answer_is_an_object()
    {
        await using var client = new EdgeChatClient(pair.Options(EdgeRoute.Together));

        var response = await client.GetResponseAsync(Question, new ChatOptions { ResponseFormat = ChatResponseFormat.Json, MaxOutputTokens = 40 }, Cancelled);

        Assert.Equal(JsonValueKind.Object, JsonElement.Parse(response.Text).ValueKind);
    }

    [Fact]
    public async Task Answers_under_one_constraint_side_by_side_are_each_the_one_that_it_is_alone()
    {
        await using var client = new EdgeChatClient(pair.Options());
        ChatOptions[] asked = [.. Enumerable.Range(0, 6).Select(i => new ChatOptions { Temperature = 1, Seed = i, MaxOutputTokens = 30 }.WithRoute(i < 4 ? EdgeRoute.Device : EdgeRoute.Together))];
        var alone = new List<Meal[]>();
        foreach (var options in asked)
            alone.Add((await client.GetResponseAsync<Meal[]>(Question, options, cancellationToken: Cancelled)).Result);

        var together = await Task.WhenAll(asked.Select(options => Task.Run(() => client.GetResponseAsync<Meal[]>(Question, options, cancellationToken: Cancelled))));

        Assert.Equal(alone, together.Select(response => response.Result));
    }

    [Theory]
    [InlineData(EdgeRoute.Device)]
    [InlineData(EdgeRoute.Server)]
    [InlineData(EdgeRoute.Together)]
    [InlineData(EdgeRoute.Auto)]
    public async Task A_required_call_comes_first_and_one_call_is_one_call(EdgeRoute route)
    {
        await using var client = new EdgeChatClient(pair.Options(route));
        var any = await client.GetResponseAsync("Good morning!", new ChatOptions { Tools = [s_find, s_reserve], ToolMode = ChatToolMode.RequireAny, AllowMultipleToolCalls = false }, Cancelled);
        var specific = await client.GetResponseAsync("Good morning!", Strict(new() { Tools = [s_find, s_reserve], ToolMode = ChatToolMode.RequireSpecific(s_find.Name) }), Cancelled);

        Assert.IsType<FunctionCallContent>(Assert.Single(any.Messages[0].Contents));
        Assert.Equal("", any.Text);
        Assert.Equal(ChatFinishReason.ToolCalls, any.FinishReason);
        Assert.NotEmpty(Calls(specific));
        Assert.All(Calls(specific), call => Assert.Equal(s_find.Name, call.Name));
        Assert.All(Calls(specific), call => AssertFits(s_find, call));
    }

    [Fact]
    public async Task Strict_calls_fit_their_schemas_on_the_test_dialogues_together_as_by_the_server_alone()
    {
        await using var client = new EdgeChatClient(pair.Options());
        int calls = 0;
        foreach (var (history, tools) in ShippedPair.TurnsWithCalls().Take(8))
        {
            var alone = await client.GetResponseAsync(history, Strict(new ChatOptions { Tools = tools }.WithRoute(EdgeRoute.Server)), Cancelled);
            var together = await client.GetResponseAsync(history, Strict(new ChatOptions { Tools = tools }.WithRoute(EdgeRoute.Together)), Cancelled);
            var device = await client.GetResponseAsync(history, Strict(new ChatOptions { Tools = tools, ToolMode = ChatToolMode.RequireAny, Temperature = 1, Seed = calls }.WithRoute(EdgeRoute.Device)), Cancelled);

            Assert.Equal(Shown(alone), Shown(together));
            Assert.NotEmpty(Calls(device));
            Assert.All(Calls(alone).Concat(Calls(device)), call => AssertFits(tools.Single(tool => tool.Name == call.Name), call));
            calls += Calls(alone).Count;
        }

        Assert.True(calls > 4, $"{calls} calls");
    }

    [Fact]
    public async Task With_spans_on_every_string_of_a_call_stands_in_the_dialogue()
    {
        await using var client = new EdgeChatClient(pair.Options());
        foreach (var (history, tools) in ShippedPair.TurnsWithCalls().Take(6))
        {
            string said = string.Join('\n', history.Select(message => message.Text));
            var options = new ChatOptions { Tools = tools, ToolMode = ChatToolMode.RequireAny, Temperature = 1, Seed = 3, AdditionalProperties = new() { ["edge.spans"] = true } };
            foreach (var route in (EdgeRoute[])[EdgeRoute.Device, EdgeRoute.Together])
            {
                var calls = Calls(await client.GetResponseAsync(history, options.Clone().WithRoute(route), Cancelled));

                Assert.NotEmpty(calls);
                Assert.All(calls.SelectMany(call => call.Arguments!.Values), value => Assert.Contains(((JsonElement)value!).GetString()!, said, StringComparison.Ordinal));
            }
        }
    }

    [Fact]
    public async Task A_constrained_answer_goes_on_where_its_stream_is_cut()
    {
        await using var network = new FaultProxy(new IPEndPoint(IPAddress.Loopback, pair.Address.Port));
        var options = pair.Options();
        options.Server.Address = network.Address;
        await using var client = new EdgeChatClient(options);
        await using var remote = new EdgeChatClient(new EdgeOptions { Server = { Address = network.Address } });
        foreach (var (from, route) in ((EdgeChatClient, EdgeRoute)[])[(client, EdgeRoute.Server), (client, EdgeRoute.Together), (remote, EdgeRoute.Server)])
        {
            var asked = new ChatOptions { ResponseFormat = ChatResponseFormat.ForJsonSchema<Booking>(), Temperature = 1, Seed = 5, MaxOutputTokens = 60 }.WithRoute(route);
            string whole = (await from.GetResponseAsync(Question, asked, Cancelled)).Text;
            string text = "";
            bool isCut = false;
            await foreach (var update in from.GetStreamingResponseAsync(Question, asked, Cancelled))
            {
                text += update.Text;
                if (text.Length > 5 && !isCut)
                {
                    isCut = true;
                    network.Cut();
                }
            }

            Assert.True(isCut);
            Assert.Equal(whole, text);
        }
    }

    [Fact]
    public async Task Functions_are_invoked_in_required_and_parallel_calls_and_the_last_answer_is_typed()
    {
        var asked = new List<string>();
        var find = AIFunctionFactory.Create((string category, string location) => { asked.Add("find"); return "none"; }, "Restaurants_2_FindRestaurants");
        var reserve = AIFunctionFactory.Create((string location, string restaurant_name) => { asked.Add("reserve"); return true; }, "Restaurants_2_ReserveRestaurant");
        using var client = new EdgeChatClient(pair.Options()).AsBuilder().UseFunctionInvocation(configure: c => c.MaximumIterationsPerRequest = 3).Build();
        foreach (var mode in (ChatToolMode[])[ChatToolMode.RequireAny, ChatToolMode.RequireSpecific(reserve.Name)])
        {
            asked.Clear();
            var options = Strict(new() { Tools = [find, reserve], ToolMode = mode, MaxOutputTokens = 80 });

            var response = await client.GetResponseAsync<Booking>(Question, options, cancellationToken: Cancelled);

            Assert.NotEmpty(asked);
            Assert.NotEmpty(Calls(response));
            Assert.Equal(Calls(response).Count, response.Messages.SelectMany(m => m.Contents).OfType<FunctionResultContent>().Count(result => result.Exception is null));
            Assert.NotNull(response.Result.Restaurant);
            if (mode != ChatToolMode.RequireAny)
                Assert.Equal("reserve", asked[0]);
        }
    }

    [Fact]
    public async Task Functions_without_parameters_with_defaults_that_fail_or_are_only_declared_go_through_function_invocation()
    {
        var order = new List<string>();
        var plain = AIFunctionFactory.Create(() => { order.Add("plain"); }, "Plain");
        var defaulted = AIFunctionFactory.Create((int seats = 4, Guest? host = null) => { order.Add($"defaulted {seats}"); return host; }, "Defaulted");
        var failing = AIFunctionFactory.Create(string () => throw new InvalidOperationException("no table"), "Failing");
        var declared = AIFunctionFactory.CreateDeclaration("Declared", null, JsonElement.Parse("""{"type":"object","properties":{}}"""));
        using var client = new EdgeChatClient(pair.Options(EdgeRoute.Together)).AsBuilder().UseFunctionInvocation(configure: c => c.IncludeDetailedErrors = true).Build();
        foreach (string name in (string[])["Plain", "Defaulted", "Failing", "Declared"])
        {
            var options = Strict(new() { Tools = [plain, defaulted, failing, declared], ToolMode = ChatToolMode.RequireSpecific(name), AllowMultipleToolCalls = false, MaxOutputTokens = 60 });

            var response = await client.GetResponseAsync(Question, options, Cancelled);

            Assert.Equal(name, Calls(response)[0].Name);
            var result = response.Messages.SelectMany(m => m.Contents).OfType<FunctionResultContent>().FirstOrDefault();
            Assert.Equal(name != "Declared", result is not null); // the caller's to run
            Assert.Equal(name == "Failing", result?.Exception is InvalidOperationException);
            Assert.True(name == "Declared" || response.Messages.Count >= 3, "no answer follows the result");
        }

        Assert.Contains("plain", order);
        Assert.Contains(order, ran => ran.StartsWith("defaulted", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Auto_hands_a_constrained_turn_over_and_it_is_what_the_server_writes()
    {
        await using var client = new EdgeChatClient(golden.Options());
        var options = new ChatOptions { ResponseFormat = ChatResponseFormat.ForJsonSchema<Guest>(), Temperature = 1, Seed = 9, MaxOutputTokens = 60 };

        var handedOver = await client.GetResponseAsync("Who?", options, Cancelled);
        var alone = await client.GetResponseAsync("Who?", options.Clone().WithRoute(EdgeRoute.Server), Cancelled);

        Assert.NotEqual(EdgeRoute.Device, handedOver.GetEdge()!.Route);
        Assert.Equal(alone.Text, handedOver.Text);
        Assert.NotNull(JsonSerializer.Deserialize<Guest>(alone.Text, AIJsonUtilities.DefaultOptions));
    }

    [Theory]
    [InlineData(EdgeRoute.Device)]
    [InlineData(EdgeRoute.Server)]
    [InlineData(EdgeRoute.Together)]
    public async Task Where_the_template_writes_calls_otherwise_a_required_call_is_refused(EdgeRoute route)
    {
        await using var client = new EdgeChatClient(golden.Options(route));
        var options = new ChatOptions { Tools = [s_find], ToolMode = ChatToolMode.RequireAny };

        var refused = await Assert.ThrowsAsync<EdgeException>(() => client.GetResponseAsync("hello", options, Cancelled));

        Assert.Contains("ChatOptions.ToolMode", refused.Message, StringComparison.Ordinal);
        Assert.NotEmpty((await client.GetResponseAsync("hello", new ChatOptions { ResponseFormat = ChatResponseFormat.Json }, Cancelled)).Text);
    }

    [Fact]
    public async Task A_server_that_renders_refuses_calls_that_its_template_writes_otherwise()
    {
        await using var remote = new EdgeChatClient(new EdgeOptions { Server = { Address = golden.Server.Address } });
        var options = new ChatOptions { Tools = [s_find], ToolMode = ChatToolMode.RequireAny };

        var refused = await Assert.ThrowsAsync<EdgeException>(() => remote.GetResponseAsync("hello", options, Cancelled));

        Assert.Contains("chat template", refused.Message, StringComparison.Ordinal);
    }

    private static ChatOptions Strict(ChatOptions options)
    {
        (options.AdditionalProperties ??= [])["strict"] = true;
        return options;
    }

    private static List<FunctionCallContent> Calls(ChatResponse response) => [.. response.Messages.SelectMany(m => m.Contents).OfType<FunctionCallContent>()];

    private static string Shown(ChatResponse response) => response.Text + string.Concat(Calls(response).Select(call => call.Name + JsonSerializer.Serialize(call.Arguments)));

    private static void AssertFits(AITool tool, FunctionCallContent call)
    {
        Assert.Null(call.Exception);
        var arguments = JsonSerializer.SerializeToElement(call.Arguments);
        Assert.True(JsonSchema.FromText(((AIFunctionDeclaration)tool).JsonSchema.GetRawText()).Evaluate(arguments, s_flag).IsValid, $"{call.Name}{arguments}");
    }
}
