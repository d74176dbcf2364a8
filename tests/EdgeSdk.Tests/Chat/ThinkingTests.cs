using System.Net;
using System.Text.Json;
using EdgeSdk.Cli;
using Microsoft.Extensions.AI;

namespace EdgeSdk.Tests.Chat;

public sealed class ThinkingTests(ThinkingPair pair, GoldenPair golden) : IClassFixture<ThinkingPair>, IClassFixture<GoldenPair>
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(9)]
    public async Task A_thought_ends_with_its_budget_and_together_thinks_and_answers_as_the_server_does(int budget)
    {
        await using var client = new EdgeChatClient(pair.Options());
        await using var remote = new EdgeChatClient(new EdgeOptions { Server = { Address = pair.Server.Address }, MaxOutputTokens = 24 });
        int spent = 0;
        for (long seed = 1; seed <= 3; seed++)
        {
            var options = new ChatOptions { Seed = seed, Temperature = 0.8f * (seed % 2), AdditionalProperties = new() { ["thinking_budget"] = budget } };
            foreach (var answer in await DeviceAndServerAsync(client, remote, options))
            {
                Assert.InRange(answer.Spent, 0, budget);
                Assert.NotEmpty(answer.Text);
                Assert.Equal(answer.Spent == 0, answer.Thought.Length == 0);
                spent = Math.Max(spent, answer.Spent);
            }
        }

        Assert.Equal(budget, spent);
    }

    [Fact]
    public async Task A_stream_that_is_cut_within_a_thought_goes_on_thinking_within_the_budget()
    {
        await using var network = new FaultProxy(new(IPAddress.Loopback, pair.Server.Address.Port));
        await using var near = new EdgeChatClient(pair.Options());
        await using var client = new EdgeChatClient(new EdgeOptions { Model = pair.Device, Server = { Address = network.Address }, MaxOutputTokens = 24 });
        await using var remote = new EdgeChatClient(new EdgeOptions { Server = { Address = network.Address }, MaxOutputTokens = 24 });
        var options = new ChatOptions { Temperature = 0.8f, Seed = 5, AdditionalProperties = new() { ["thinking_budget"] = 12 } };
        var whole = await AnswerAsync(near, options.Clone().WithRoute(EdgeRoute.Server));

        for (int bytes = 300; bytes < 1100; bytes += 160)
        {
            foreach (var (from, route) in new[] { (client, EdgeRoute.Server), (client, EdgeRoute.Together), (remote, EdgeRoute.Server) })
            {
                network.CutAfter(ProxyDirection.ToDevice, bytes);
                var cut = await AnswerAsync(from, options.Clone().WithRoute(route));
                Assert.True(whole == cut, $"cut after {bytes} bytes, {route}: {cut} instead of {whole}");
            }
        }
    }

    [Theory]
    [InlineData(ReasoningEffort.None, 0)]
    [InlineData(ReasoningEffort.Low, 8)]
    [InlineData(ReasoningEffort.Medium, 20)]
    [InlineData(ReasoningEffort.High, 32)]
    [InlineData(ReasoningEffort.ExtraHigh, 38)]
    public async Task Effort_bounds_the_thought_and_output_decides_whether_it_comes(ReasoningEffort effort, int budget)
    {
        await using var client = new EdgeChatClient(pair.Options(EdgeRoute.Device));
        foreach (var output in (ReasoningOutput?[])[null, ReasoningOutput.None, ReasoningOutput.Summary, ReasoningOutput.Full])
        {
            var response = await client.GetResponseAsync("think", new ChatOptions { Reasoning = new() { Effort = effort, Output = output }, MaxOutputTokens = 40 }, Cancelled);

            Assert.Equal(budget > 0 && output != ReasoningOutput.None, response.Messages[0].Contents.OfType<TextReasoningContent>().Any());
            Assert.Equal(budget, response.Usage!.ReasoningTokenCount);
            Assert.Equal(budget, response.GetEdge()!.ThoughtTokens);
            Assert.Equal(response.Usage.OutputTokenCount, response.GetEdgeTokens().Length);
            Assert.DoesNotContain("think>", response.Text, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(EdgeRoute.Device)]
    [InlineData(EdgeRoute.Server)]
    public async Task Stop_sequences_are_not_looked_for_in_thoughts(EdgeRoute route)
    {
        await using var client = new EdgeChatClient(pair.Options(route));
        var options = new ChatOptions { AdditionalProperties = new() { ["thinking_budget"] = 10 } };
        var whole = await AnswerAsync(client, options);
        string sequence = Enumerable.Range(0, whole.Thought.Length - 1).Select(at => whole.Thought.Substring(at, 2)).First(s => !whole.Text.Contains(s, StringComparison.Ordinal));
        options.StopSequences = [sequence];

        Assert.Equal(whole, await AnswerAsync(client, options));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(6)]
    [InlineData(null)]
    public async Task A_constrained_answer_follows_its_thought_and_finds_room(int? budget)
    {
        await using var client = new EdgeChatClient(pair.Options());
        await using var remote = new EdgeChatClient(new EdgeOptions { Server = { Address = pair.Server.Address }, MaxOutputTokens = 24 });
        var schema = JsonElement.Parse("""{"type":"object","properties":{"n":{"type":"integer","minimum":0,"maximum":99}},"required":["n"],"additionalProperties":false}""");
        for (long seed = 1; seed <= 2; seed++)
        {
            var options = new ChatOptions { Seed = seed, Temperature = 0.8f, MaxOutputTokens = 40, ResponseFormat = ChatResponseFormat.ForJsonSchema(schema) };
            if (budget is not null)
                options.AdditionalProperties = new() { ["thinking_budget"] = budget };

            foreach (var answer in await DeviceAndServerAsync(client, remote, options))
            {
                Assert.InRange(JsonElement.Parse(answer.Text).GetProperty("n").GetInt32(), 0, 99);
                Assert.InRange(answer.Spent, 0, budget ?? 40);
                Assert.Equal(budget == 0, answer.Spent == 0);
            }
        }
    }

    [Fact]
    public async Task A_model_that_cannot_think_keeps_any_budget()
    {
        await using var client = new EdgeChatClient(golden.Options());
        foreach (var route in new[] { EdgeRoute.Device, EdgeRoute.Server, EdgeRoute.Together })
        {
            var plain = await AnswerAsync(client, new ChatOptions().WithRoute(route));
            var asked = await AnswerAsync(client, new ChatOptions { Reasoning = new() { Effort = ReasoningEffort.High } }.WithRoute(route));

            Assert.Equal(plain, asked);
            Assert.Equal(("", 0), (asked.Thought, asked.Spent));
        }
    }

    [Fact]
    public async Task Thoughts_of_earlier_turns_reach_a_template_that_reads_them()
    {
        await using var client = new EdgeChatClient(pair.Options(EdgeRoute.Device));
        ChatMessage[] with = [new(ChatRole.User, "a"), new(ChatRole.Assistant, [new TextReasoningContent("one two three"), new TextContent("b")]), new(ChatRole.User, "c")];
        ChatMessage[] without = [with[0], new(ChatRole.Assistant, "b"), with[2]];

        long? longer = (await client.GetResponseAsync(with, cancellationToken: Cancelled)).Usage!.InputTokenCount;
        long? shorter = (await client.GetResponseAsync(without, cancellationToken: Cancelled)).Usage!.InputTokenCount;

        Assert.True(longer > shorter + 2, $"{longer} tokens with the thought, {shorter} without");
    }

    /// <summary>The device's answer and the server's, which both together and a client that sends whole turns get too.</summary>
    private static async Task<Answer[]> DeviceAndServerAsync(EdgeChatClient client, EdgeChatClient remote, ChatOptions options)
    {
        var device = await AnswerAsync(client, options.Clone().WithRoute(EdgeRoute.Device));
        var server = await AnswerAsync(client, options.Clone().WithRoute(EdgeRoute.Server));
        var together = await AnswerAsync(client, options.Clone().WithRoute(EdgeRoute.Together));
        var turns = await AnswerAsync(remote, options);

        Assert.Equal(server, together);
        Assert.Equal(server, turns);
        return [device, server];
    }

    private static async Task<Answer> AnswerAsync(EdgeChatClient client, ChatOptions options)
    {
        var response = await client.GetResponseAsync("think about it", options, Cancelled);
        return new(
            string.Concat(response.Messages[0].Contents.OfType<TextReasoningContent>().Select(part => part.Text)),
            response.Text,
            (int)response.Usage!.ReasoningTokenCount!);
    }

    private sealed record Answer(string Thought, string Text, int Spent);
}
