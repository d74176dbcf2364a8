using System.Net;
using System.Net.Sockets;
using EdgeSdk.Cli;
using Microsoft.Extensions.AI;

namespace EdgeSdk.Tests.Chat;

public sealed class EdgeChatClientTests(GoldenPair pair) : IClassFixture<GoldenPair>
{
    private static CancellationToken Cancelled => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Streaming_folds_into_the_response()
    {
        await using var client = new EdgeChatClient(pair.Options(EdgeRoute.Device));
        var updates = await client.GetStreamingResponseAsync("the cat", cancellationToken: Cancelled).ToListAsync(Cancelled);
        var response = await client.GetResponseAsync("the cat", cancellationToken: Cancelled);

        Assert.Equal(string.Concat(updates.Select(u => u.Text)), response.Text);
        Assert.NotEmpty(response.Text);
        Assert.Single(updates.Select(u => u.ResponseId).Distinct());
        Assert.Single(updates.Select(u => u.MessageId).Distinct());
        Assert.All(updates, u => Assert.True(u is { CreatedAt: not null, ModelId: "device", Role: not null }));
        Assert.All(updates, u => Assert.Equal(EdgeWriter.Device, u.GetEdge()!.Writer));
        Assert.Null(updates[0].FinishReason);
        Assert.NotNull(updates[^1].FinishReason);
        Assert.IsType<UsageContent>(Assert.Single(updates[^1].Contents));
        Assert.Equal(24, response.Usage!.OutputTokenCount);
        Assert.Equal(ChatFinishReason.Length, response.FinishReason);
        Assert.Equal(response.Usage.InputTokenCount + 24, response.Usage.TotalTokenCount);
    }

    [Theory]
    [InlineData(0f)]
    [InlineData(0.8f)]
    public async Task Together_writes_what_the_server_writes_alone(float temperature)
    {
        await using var client = new EdgeChatClient(pair.Options());
        for (long seed = 1; seed <= 5; seed++)
        {
            var options = new ChatOptions { Temperature = temperature, Seed = seed };
            var alone = await client.GetResponseAsync("a b c", options.WithRoute(EdgeRoute.Server), Cancelled);
            var together = await client.GetResponseAsync("a b c", options.Clone().WithRoute(EdgeRoute.Together), Cancelled);

            Assert.True(alone.Text == together.Text, $"seed {seed}: '{alone.Text}' alone, '{together.Text}' together");
            Assert.Equal(EdgeRoute.Server, alone.GetEdge()!.Route);
            Assert.Equal(EdgeRoute.Together, together.GetEdge()!.Route);
            Assert.True(alone.GetEdge()!.Exact);
            Assert.Equal(8, together.GetEdge()!.Agreement.Length);
            Assert.Equal(alone.Usage!.OutputTokenCount, together.Usage!.OutputTokenCount);
        }
    }

    [Fact]
    public async Task The_next_turn_of_a_conversation_pays_only_for_what_is_new()
    {
        await using var client = new EdgeChatClient(pair.Options(EdgeRoute.Device));
        List<ChatMessage> history = [new(ChatRole.User, "one two three four five six seven")];
        var first = await client.GetResponseAsync(history, cancellationToken: Cancelled);
        history.AddMessages(first);
        history.Add(new(ChatRole.User, "and more"));

        var second = await client.GetResponseAsync(history, cancellationToken: Cancelled);
        await using var fresh = new EdgeChatClient(pair.Options(EdgeRoute.Device));
        var alone = await fresh.GetResponseAsync(history, cancellationToken: Cancelled);

        Assert.Equal(0, first.Usage!.CachedInputTokenCount);
        Assert.True(second.Usage!.CachedInputTokenCount >= first.Usage.InputTokenCount);
        Assert.Equal(0, alone.Usage!.CachedInputTokenCount);
        Assert.Equal(alone.Text, second.Text);
    }

    [Fact]
    public async Task The_next_turn_may_choose_its_tokens_otherwise()
    {
        await using var client = new EdgeChatClient(pair.Options(EdgeRoute.Device));
        ChatOptions[] turns =
        [
            new() { Temperature = 1, Seed = 5 },
            new() { FrequencyPenalty = 2, PresencePenalty = 1 },
            new() { FrequencyPenalty = 2, ResponseFormat = ChatResponseFormat.Json },
            new() { Temperature = 1, Seed = 7, ResponseFormat = ChatResponseFormat.Json, MaxOutputTokens = 12 },
            new(),
        ];
        List<ChatMessage> history = [new(ChatRole.User, "one two three four five six seven")];
        foreach (var options in turns)
        {
            var answer = await client.GetResponseAsync(history, options, Cancelled);
            await using var fresh = new EdgeChatClient(pair.Options(EdgeRoute.Device));
            var alone = await fresh.GetResponseAsync(history, options, Cancelled);

            Assert.Equal(alone.Text, answer.Text);
            Assert.True(history.Count == 1 || answer.Usage!.CachedInputTokenCount > 0, "nothing was kept");
            history.AddMessages(answer);
            history.Add(new(ChatRole.User, "and more"));
        }
    }

    [Theory]
    [InlineData(EdgeRoute.Device)]
    [InlineData(EdgeRoute.Server)]
    [InlineData(EdgeRoute.Together)]
    public async Task Eight_answers_side_by_side_are_each_the_one_that_it_is_alone(EdgeRoute route)
    {
        await using var client = new EdgeChatClient(pair.Options(route));
        string[] questions = [.. Enumerable.Range(0, 8).Select(i => $"question {i} of eight")];
        var alone = new List<string>();
        foreach (string question in questions)
            alone.Add((await client.GetResponseAsync(question, cancellationToken: Cancelled)).Text);

        var together = await Task.WhenAll(questions.Select(q => Task.Run(() => client.GetResponseAsync(q, cancellationToken: Cancelled))));

        Assert.Equal(alone, together.Select(r => r.Text));
    }

    [Theory]
    [InlineData(EdgeRoute.Server)]
    [InlineData(EdgeRoute.Together)]
    public async Task Leaving_a_stream_early_frees_both_sides(EdgeRoute route)
    {
        await using var client = new EdgeChatClient(pair.Options(route));
        await foreach (var _ in client.GetStreamingResponseAsync("leave me", new ChatOptions { MaxOutputTokens = 400 }, Cancelled))
            break;

        await UntilAsync(() => pair.Server.Sessions == 0);
        Assert.NotEmpty((await client.GetResponseAsync("and again", cancellationToken: Cancelled)).Text);
    }

    [Theory]
    [InlineData(EdgeRoute.Device)]
    [InlineData(EdgeRoute.Server)]
    [InlineData(EdgeRoute.Together)]
    public async Task Cancelling_throws_with_the_callers_token_and_the_client_stays_usable(EdgeRoute route)
    {
        await using var client = new EdgeChatClient(pair.Options(route));
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(Cancelled);
        var e = await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (var _ in client.GetStreamingResponseAsync("cancel me", new ChatOptions { MaxOutputTokens = 400 }, cancel.Token))
                await cancel.CancelAsync();
        });

        Assert.Equal(cancel.Token, e.CancellationToken);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => client.GetResponseAsync("before", cancellationToken: cancel.Token));
        Assert.NotEmpty((await client.GetResponseAsync("after", cancellationToken: Cancelled)).Text);
        await UntilAsync(() => pair.Server.Sessions == 0);
    }

    [Theory]
    [InlineData(EdgeRoute.Device)]
    [InlineData(EdgeRoute.Server)]
    [InlineData(EdgeRoute.Together)]
    public async Task An_answer_ends_before_its_stop_sequence_and_frees_the_server(EdgeRoute route)
    {
        await using var client = new EdgeChatClient(pair.Options(route));
        string whole = (await client.GetResponseAsync("stop here", cancellationToken: Cancelled)).Text;
        for (int start = 0; start < whole.Length - 3; start++)
        {
            string sequence = whole.Substring(start, 3);
            string expected = whole[..whole.IndexOf(sequence, StringComparison.Ordinal)];
            var updates = await client.GetStreamingResponseAsync("stop here", new ChatOptions { StopSequences = [sequence] }, Cancelled).ToListAsync(Cancelled);

            Assert.Equal(expected, string.Concat(updates.Select(u => u.Text)));
            Assert.Equal(ChatFinishReason.Stop, updates[^1].FinishReason);
        }

        await UntilAsync(() => pair.Server.Sessions == 0);
    }

    [Fact]
    public async Task A_server_that_renders_is_stopped_at_the_stop_sequence_too()
    {
        await using var remote = new EdgeChatClient(new EdgeOptions { Server = { Address = pair.Server.Address }, MaxOutputTokens = 24 });
        string whole = (await remote.GetResponseAsync("stop here", cancellationToken: Cancelled)).Text;
        string sequence = whole[(whole.Length / 2)..][..3];

        var response = await remote.GetResponseAsync("stop here", new ChatOptions { StopSequences = [sequence] }, Cancelled);

        Assert.Equal(whole[..whole.IndexOf(sequence, StringComparison.Ordinal)], response.Text);
        Assert.Equal(ChatFinishReason.Stop, response.FinishReason);
        await UntilAsync(() => pair.Server.Sessions == 0);
    }

    [Theory]
    [InlineData(EdgeRoute.Device)]
    [InlineData(EdgeRoute.Together)]
    public async Task Updates_tell_each_token_once_and_its_probability_where_the_device_wrote_it(EdgeRoute route)
    {
        await using var client = new EdgeChatClient(pair.Options(route));

        var updates = await client.GetStreamingResponseAsync("tokens", cancellationToken: Cancelled).ToListAsync(Cancelled);
        var tokens = updates.SelectMany(u => u.GetEdge()!.Tokens).ToArray();

        Assert.Equal(updates[^1].GetEdge()!.Report!.Tokens, tokens.Length);
        Assert.All(tokens, t => Assert.True(t.Id >= 0 && (route == EdgeRoute.Device ? t.LogProb <= 0 : t.LogProb is null)));
    }

    [Fact]
    public async Task A_server_tells_the_probabilities_that_its_model_gives_alone_on_every_route_and_across_cuts()
    {
        await using var alone = new EdgeChatClient(new EdgeOptions { Model = pair.ServerModel, MaxOutputTokens = 24 });
        await using var proxy = new FaultProxy(new(IPAddress.Loopback, pair.Server.Address.Port));
        await using var client = new EdgeChatClient(new EdgeOptions { Model = pair.Device, Server = { Address = proxy.Address }, MaxOutputTokens = 24 });
        await using var remote = new EdgeChatClient(new EdgeOptions { Server = { Address = proxy.Address }, MaxOutputTokens = 24 });
        var asked = new ChatOptions { Temperature = 0.8f, Seed = 3, AdditionalProperties = new() { ["logprobs"] = true } };
        float?[] expected = await LogProbsAsync(alone, new() { Temperature = 0.8f, Seed = 3 });
        Assert.Equal(24, expected.Length);

        for (int bytes = 200; bytes < 1400; bytes += 400)
        {
            foreach (var (from, route) in new[] { (client, EdgeRoute.Server), (client, EdgeRoute.Together), (remote, EdgeRoute.Server) })
            {
                proxy.CutAfter(ProxyDirection.ToDevice, bytes);
                Assert.Equal(expected, await LogProbsAsync(from, asked.Clone().WithRoute(route)));
            }
        }

        static async Task<float?[]> LogProbsAsync(EdgeChatClient from, ChatOptions options)
        {
            var updates = await from.GetStreamingResponseAsync("probable", options, Cancelled).ToListAsync(Cancelled);
            return [.. updates.SelectMany(u => u.GetEdge()!.Tokens).Select(t => t.LogProb)];
        }
    }

    [Fact]
    public async Task With_penalties_on_together_still_writes_what_the_server_writes_alone()
    {
        await using var client = new EdgeChatClient(pair.Options());
        await using var remote = new EdgeChatClient(new EdgeOptions { Server = { Address = pair.Server.Address }, MaxOutputTokens = 24 });
        int changed = 0;
        for (long seed = 1; seed <= 6; seed++)
        {
            var options = new ChatOptions
            {
                Temperature = seed % 2 == 0 ? 0 : 0.8f,
                Seed = seed,
                FrequencyPenalty = 1.5f,
                PresencePenalty = 0.5f,
                AdditionalProperties = new() { ["repetition_penalty"] = 1.2f },
            };
            string alone = (await client.GetResponseAsync("a b c", options.Clone().WithRoute(EdgeRoute.Server), Cancelled)).Text;
            string together = (await client.GetResponseAsync("a b c", options.Clone().WithRoute(EdgeRoute.Together), Cancelled)).Text;
            string turns = (await remote.GetResponseAsync("a b c", options, Cancelled)).Text;
            string plain = (await client.GetResponseAsync("a b c", new ChatOptions { Temperature = options.Temperature, Seed = seed }.WithRoute(EdgeRoute.Server), Cancelled)).Text;

            Assert.True(alone == together, $"seed {seed}: '{alone}' alone, '{together}' together");
            Assert.Equal(alone, turns);
            changed += plain == alone ? 0 : 1;
        }

        Assert.True(changed > 0, "the penalties changed nothing");
    }

    [Fact]
    public async Task A_bias_holds_on_every_route_and_together_still_writes_what_the_server_writes_alone()
    {
        await using var client = new EdgeChatClient(pair.Options());
        var options = new ChatOptions { Temperature = 0.8f, Seed = 2 };
        var plain = await WriteAsync(EdgeRoute.Server);
        options.RawRepresentationFactory = _ => new EdgeChatOptions { LogitBias = plain.Distinct().ToDictionary(token => token, _ => -100f) };

        var alone = await WriteAsync(EdgeRoute.Server);
        var together = await WriteAsync(EdgeRoute.Together);
        options.RawRepresentationFactory = _ => new EdgeChatOptions { LogitBias = new Dictionary<int, float> { [600] = 1 } };
        var e = await Assert.ThrowsAsync<EdgeException>(() => WriteAsync(EdgeRoute.Device));

        Assert.Equal(alone, together);
        Assert.Empty(alone.Intersect(plain));
        Assert.Contains("logit_bias names token 600", e.Message, StringComparison.Ordinal);

        async Task<int[]> WriteAsync(EdgeRoute route)
        {
            var updates = await client.GetStreamingResponseAsync("bias", options.Clone().WithRoute(route), Cancelled).ToListAsync(Cancelled);
            return [.. updates.SelectMany(u => u.GetEdge()!.Tokens).Select(t => t.Id)];
        }
    }

    [Fact]
    public async Task A_bias_is_not_sent_to_a_server_of_another_vocabulary()
    {
        var options = pair.Options(EdgeRoute.Server);
        options.Model = pair.Stranger;
        await using var stranger = new EdgeChatClient(options);

        var e = await Assert.ThrowsAsync<EdgeException>(
            () => stranger.GetResponseAsync("hello", new ChatOptions { AdditionalProperties = new() { ["logit_bias"] = """{"7":1}""" } }, Cancelled));

        Assert.Contains("another", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_gates_reason_is_told_once()
    {
        await using var client = new EdgeChatClient(pair.Options(EdgeRoute.Together));

        string reason = (await client.GetResponseAsync("why", cancellationToken: Cancelled)).GetEdge()!.Reason;

        Assert.StartsWith("asked for; ", reason, StringComparison.Ordinal);
        Assert.Equal(2, reason.Split("; ").Length);
    }

    [Fact]
    public async Task A_stream_can_be_enumerated_twice()
    {
        await using var client = new EdgeChatClient(pair.Options(EdgeRoute.Device));
        var stream = client.GetStreamingResponseAsync("twice", cancellationToken: Cancelled);

        Assert.Equal(
            string.Concat(await stream.Select(u => u.Text).ToListAsync(Cancelled)),
            string.Concat(await stream.Select(u => u.Text).ToListAsync(Cancelled)));
    }

    [Fact]
    public async Task A_server_of_another_vocabulary_is_handed_whole_turns_and_refused_together()
    {
        var options = pair.Options(EdgeRoute.Server);
        options.Model = pair.Stranger;
        await using var stranger = new EdgeChatClient(options);
        await using var own = new EdgeChatClient(pair.Options(EdgeRoute.Server));

        var turns = await stranger.GetResponseAsync("hello there", cancellationToken: Cancelled);
        var ids = await own.GetResponseAsync("hello there", cancellationToken: Cancelled);
        var refused = await Assert.ThrowsAsync<EdgeException>(
            () => stranger.GetResponseAsync("hello", new ChatOptions().WithRoute(EdgeRoute.Together), Cancelled));

        Assert.Equal(ids.Text, turns.Text);
        Assert.Equal(ids.Usage!.InputTokenCount, turns.Usage!.InputTokenCount);
        Assert.Equal(EdgeErrorCode.Refused, refused.Code);
        Assert.Contains("vocabulary", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_client_without_a_model_is_a_remote_one()
    {
        await using var remote = new EdgeChatClient(new EdgeOptions { Server = { Address = pair.Server.Address }, MaxOutputTokens = 24 });
        await using var own = new EdgeChatClient(pair.Options(EdgeRoute.Server));

        var answer = await remote.GetResponseAsync("hello there", cancellationToken: Cancelled);

        Assert.Equal((await own.GetResponseAsync("hello there", cancellationToken: Cancelled)).Text, answer.Text);
        Assert.Equal(EdgeRoute.Server, answer.GetEdge()!.Route);
    }

    [Fact]
    public async Task Auto_goes_on_alone_where_no_server_answers_and_says_so()
    {
        var options = pair.Options();
        options.Server.Address = Unused();
        await using var client = new EdgeChatClient(options);

        var answer = await client.GetResponseAsync("hello", cancellationToken: Cancelled);

        Assert.Equal(EdgeRoute.Device, answer.GetEdge()!.Route);
        Assert.Contains("no server answers", answer.GetEdge()!.Reason, StringComparison.Ordinal);
        Assert.NotEmpty(answer.Text);
    }

    [Fact]
    public async Task Auto_hands_an_uncertain_turn_over_and_says_why()
    {
        await using var client = new EdgeChatClient(pair.Options());
        await using var server = new EdgeChatClient(pair.Options(EdgeRoute.Server));

        // Random weights are never sure of themselves.
        var answer = await client.GetResponseAsync("hello", cancellationToken: Cancelled);

        Assert.NotEqual(EdgeRoute.Device, answer.GetEdge()!.Route);
        Assert.Contains("the log-probability of the device's first", answer.GetEdge()!.Reason, StringComparison.Ordinal);
        Assert.Equal((await server.GetResponseAsync("hello", cancellationToken: Cancelled)).Text, answer.Text);
    }

    [Theory]
    [InlineData(EdgeRoute.Server)]
    [InlineData(EdgeRoute.Together)]
    public async Task A_server_that_is_not_there_is_a_transient_failure_that_names_it(EdgeRoute route)
    {
        var options = pair.Options(route);
        options.Server.Address = Unused();
        await using var client = new EdgeChatClient(options);

        var e = await Assert.ThrowsAsync<EdgeException>(() => client.GetResponseAsync("hello", cancellationToken: Cancelled));

        Assert.Equal(EdgeErrorCode.Unavailable, e.Code);
        Assert.True(e.IsTransient);
        Assert.Contains(options.Server.Address.Authority, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Services_are_found_by_type_and_never_by_key()
    {
        await using var client = new EdgeChatClient(pair.Options());

        var metadata = Assert.IsType<ChatClientMetadata>(client.GetService(typeof(ChatClientMetadata)));
        Assert.Equal(("edgesdk", pair.Server.Address, "device"), (metadata.ProviderName, metadata.ProviderUri, metadata.DefaultModelId));
        Assert.Same(client, client.GetService(typeof(IChatClient)));
        Assert.Same(client, client.GetService(typeof(EdgeChatClient)));
        Assert.Null(client.GetService(typeof(ChatClientMetadata), "key"));
        Assert.Null(client.GetService(typeof(string)));
        Assert.Throws<ArgumentNullException>(() => client.GetService(null!));
    }

    [Fact]
    public async Task Null_messages_and_disposed_clients_are_refused()
    {
        var client = new EdgeChatClient(pair.Options());
        Assert.Throws<ArgumentNullException>(() => client.GetStreamingResponseAsync((IEnumerable<ChatMessage>)null!, cancellationToken: Cancelled));
        await client.DisposeAsync();
        await client.DisposeAsync();
        Assert.Throws<ObjectDisposedException>(() => client.GetStreamingResponseAsync("hello", cancellationToken: Cancelled));
    }

    [Fact]
    public async Task An_empty_token_file_is_refused_by_its_key()
    {
        string file = Path.GetTempFileName();
        var options = pair.Options(EdgeRoute.Server);
        options.Server.TokenFile = file;
        await using var client = new EdgeChatClient(options);

        var e = await Assert.ThrowsAsync<EdgeException>(() => client.GetResponseAsync("hello", cancellationToken: Cancelled));
        File.Delete(file);

        Assert.Equal(EdgeErrorCode.InvalidArgument, e.Code);
        Assert.Contains("EdgeSdk:Server:TokenFile", e.Message, StringComparison.Ordinal);
    }

    private static Uri Unused()
    {
        using var socket = new TcpListener(IPAddress.Loopback, 0);
        socket.Start();
        return new Uri($"http://127.0.0.1:{((IPEndPoint)socket.LocalEndpoint).Port}");
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        while (!condition())
            await Task.Delay(5, Cancelled);
    }
}
