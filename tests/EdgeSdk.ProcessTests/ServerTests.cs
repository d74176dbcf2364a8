using Microsoft.Extensions.AI;

namespace EdgeSdk.ProcessTests;

/// <summary>A server and its devices as processes that are signalled, killed and frozen.</summary>
public sealed class ServerTests
{
    private const string Question = "I want to find a restaurant in San Jose";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_server_ends_well_when_it_is_told_to()
    {
        var (server, url) = await Edge.ServeAsync(Edge.Server);
        await using var owned = server;
        Assert.StartsWith("http://127.0.0.1:", url, StringComparison.Ordinal);

        server.Signal(Signal.Terminate);

        Assert.Equal(0, (await server.EndAsync()).Exit);
        (await Edge.RunAsync("ask", "--server", url, Question)).Failed(3, url);
    }

    [Fact]
    public async Task Only_who_shows_the_token_is_let_in()
    {
        using var scratch = new Scratch();
        File.WriteAllText(scratch["right"], "a-token-of-enough-letters\n");
        File.WriteAllText(scratch["wrong"], "another-token-of-letters\n");
        var (server, url) = await Edge.ServeAsync(Edge.Server, "--token-file", scratch["right"]);
        await using var owned = server;

        (await Edge.RunAsync("ask", "--server", url, Question)).Failed(4, url, "token");
        (await Edge.RunAsync("ask", "--server", url, "--token-file", scratch["wrong"], Question)).Failed(4, url, "token");
        var answer = await Edge.RunAsync("ask", "--server", url, "--token-file", scratch["right"], "--json", Question);
        Assert.Equal("server", answer.Json.GetProperty("route").GetString());
    }

    [Fact]
    public async Task A_server_of_another_vocabulary_takes_whole_turns_and_refuses_drafts()
    {
        using var scratch = new Scratch();
        Assert.Equal(0, (await Edge.RunAsync("convert", Edge.Data("hf/qwen3"), scratch["other"], "--to", "onnx", "--precision", "fp32")).Exit);
        var (server, url) = await Edge.ServeAsync(scratch["other"]);
        await using var owned = server;

        (await Edge.RunAsync("ask", "--device", Edge.Device, "--server", url, "--route", "together", Question)).Failed(4, url, "vocabulary");
        var alone = await Edge.RunAsync("ask", "--device", Edge.Device, "--server", url, "--route", "server", "--max-tokens", "8", "--json", Question);
        Assert.Equal(8, alone.Json.GetProperty("tokens").GetInt32());
    }

    [Fact]
    public async Task The_interrupt_key_ends_a_command_with_130()
    {
        await using var verify = Edge.Start(
            "verify-lossless", "--device", Edge.Device, "--server", Edge.Server, "--dialogues", Path.Combine(Edge.Repository, "samples", "data", "dialogues.jsonl"),
            "--count", "50", "--seeds", "1000", "--step-ms", "40", "--verbose");
        await using var server = Edge.Start("serve", Edge.Server, "--urls", "http://127.0.0.1:0");
        Assert.NotNull(await server.ReadLineAsync());

        server.Signal(Signal.Interrupt);
        verify.Signal(Signal.Interrupt);

        Assert.Equal(0, (await server.EndAsync()).Exit);
        var ended = await verify.EndAsync();
        Assert.Equal((130, ""), (ended.Exit, ended.Output));
    }

    [Theory]
    [InlineData(EdgeRoute.Server)]
    [InlineData(EdgeRoute.Together)]
    public async Task A_killed_server_that_comes_back_at_its_address_loses_nothing(EdgeRoute route)
    {
        var (first, url) = await Edge.ServeAsync(Edge.Server, "--step-ms", "30");
        await using var ownedFirst = first;
        await using var client = new EdgeChatClient(new EdgeOptions { Model = Edge.Device, Server = { Address = new(url) } });
        var (options, whole) = await LongAnswerAsync(client, route);

        var updates = new List<ChatResponseUpdate>();
        Edge? second = null;
        await foreach (var update in client.GetStreamingResponseAsync(Question, options, Cancellation))
        {
            updates.Add(update);
            if (updates.Count == 3)
            {
                first.Signal(Signal.Kill);
                (second, _) = await Edge.ServeAsync(Edge.Server, "--urls", url);
            }
        }

        await using var ownedSecond = second;
        Assert.NotNull(second);
        Assert.Equal(whole.Text, updates.ToChatResponse().Text);
    }

    [Fact]
    public async Task Eight_devices_at_once_each_get_their_solo_text()
    {
        var (server, url) = await Edge.ServeAsync(Edge.Server);
        await using var owned = server;
        Task<Ended> Ask(int seed, string route) => Edge.RunAsync(
            "ask", "--device", Edge.Device, "--server", url, "--route", route, "--temperature", "0.9", "--seed", $"{seed}", "--max-tokens", "40", "--json", Question);

        var together = await Task.WhenAll(Enumerable.Range(1, 8).Select(seed => Ask(seed, "together")));
        for (int seed = 1; seed <= 8; seed += 3)
            Assert.Equal((await Ask(seed, "server")).Json.GetProperty("text").GetString(), together[seed - 1].Json.GetProperty("text").GetString());
    }

    /// <summary>The first seed whose answer comes in many pieces, and that answer.</summary>
    private static async Task<(ChatOptions Options, ChatResponse Answer)> LongAnswerAsync(EdgeChatClient client, EdgeRoute route)
    {
        for (int seed = 1; seed <= 40; seed++)
        {
            var options = new ChatOptions { Temperature = 1, Seed = seed, MaxOutputTokens = 60 }.WithRoute(route);
            var updates = new List<ChatResponseUpdate>();
            await foreach (var update in client.GetStreamingResponseAsync(Question, options, Cancellation))
                updates.Add(update);

            if (updates.Count(update => update.Text.Length > 0) >= 10)
                return (options, updates.ToChatResponse());
        }

        Assert.Fail("None of 40 seeds gives an answer in ten pieces.");
        return default;
    }
}
