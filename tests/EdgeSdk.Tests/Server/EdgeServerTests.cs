using EdgeSdk.Decoding;
using EdgeSdk.Protocol;
using EdgeSdk.Sampling;
using EdgeSdk.Server;
using Grpc.Core;
using Microsoft.Extensions.Time.Testing;

namespace EdgeSdk.Tests.Server;

public sealed class EdgeServerTests
{
    private static readonly int[] Prompt = [5, 9, 17, 33];

    private static Task<EdgeServer> StartAsync(ILanguageModel model, Action<EdgeServerOptions>? configure = null)
    {
        var options = new EdgeServerOptions { Urls = "http://127.0.0.1:0" };
        configure?.Invoke(options);
        return EdgeServer.StartAsync(model, options);
    }

    [Theory]
    [InlineData(0f)]
    [InlineData(0.8f)]
    public async Task A_text_equals_the_one_that_the_model_writes_alone(float temperature)
    {
        await using var server = await StartAsync(ServedModel.Create());

        var text = await DeviceStream.DecodeAsync(server.Address, DeviceStream.OpenFor(Prompt, 60, temperature, seed: 3));

        Assert.Equal(await ServedModel.AloneAsync(Prompt, 60, new(temperature, 3), ignoreEnd: true), text.Tokens);
        Assert.Equal(Prompt.Length, text.Commits[0].Place);
        Assert.Equal(Finished.Types.Reason.Length, text.Finished.Reason);
        Assert.Equal((Prompt.Length, 60, text.Commits.Count), (text.Finished.PromptTokens, text.Finished.OutputTokens, text.Finished.Passes));
        Assert.All(text.Commits, commit => Assert.Equal((commit.Ids.Count, 0), (commit.Margins.Count, commit.LogProbs.Count)));
    }

    [Fact]
    public async Task A_text_ends_with_its_end_token()
    {
        await using var server = await StartAsync(ServedModel.Create());
        var open = DeviceStream.OpenFor(Prompt, 4000, temperature: 1, seed: 11);
        open.IgnoreEnd = false;

        var text = await DeviceStream.DecodeAsync(server.Address, open);

        Assert.Equal(Finished.Types.Reason.End, text.Finished.Reason);
        Assert.Equal(ServedModel.EndToken, text.Tokens[^1]);
        Assert.Equal(await ServedModel.AloneAsync(Prompt, 4000, new(1, 11)), text.Tokens);
    }

    [Fact]
    public async Task Drafts_are_accepted_where_they_agree_and_leave_the_text_as_it_is()
    {
        await using var server = await StartAsync(ServedModel.Create());
        int[] alone = await ServedModel.AloneAsync(Prompt, 40, SamplerSpec.Greedy, ignoreEnd: true);
        var open = DeviceStream.OpenFor(Prompt, 40);
        open.Drafts = new() { Ids = { alone[..6] } };
        open.Drafts.Ids.Add((alone[6] + 1) % ServedModel.Vocabulary);

        var text = await DeviceStream.DecodeAsync(server.Address, open);

        Assert.Equal(alone, text.Tokens);
        Assert.Equal(7, text.Finished.Drafted);
        Assert.InRange(text.Finished.Accepted, 1, 6);
        Assert.Equal(text.Finished.Accepted, text.Commits.Sum(commit => commit.Accepted));
        Assert.Equal(40, text.Finished.Passes + text.Finished.Accepted);
    }

    [Fact]
    public async Task Drafts_that_arrive_on_the_way_are_accepted()
    {
        using var passes = new SemaphoreSlim(0);
        await using var server = await StartAsync(ServedModel.Create(async _ => await passes.WaitAsync()));
        int[] alone = await ServedModel.AloneAsync(Prompt, 40, SamplerSpec.Greedy, ignoreEnd: true);
        await using var stream = new DeviceStream(server.Address);
        await stream.SendAsync(DeviceStream.OpenFor(Prompt, 40));
        await stream.ReadOpenedAsync();
        await stream.SendAsync(new Protocol.Draft { Place = Prompt.Length + 1, Heard = Prompt.Length, Ids = { alone[1..9] } });
        await stream.SyncAsync(1);
        passes.Release(1000);

        var text = await stream.ReadToEndAsync();

        Assert.Equal(alone, text.Tokens);
        Assert.True(text.Finished.Accepted > 0, "No draft was accepted.");
    }

    [Fact]
    public async Task Eight_streams_each_give_their_solo_text()
    {
        await using var server = await StartAsync(ServedModel.Create(async _ => await Task.Yield()));

        await Task.WhenAll(Enumerable.Range(0, 8).Select(async i =>
        {
            int[] prompt = [.. Prompt, i];
            int[] alone = await ServedModel.AloneAsync(prompt, 100, new(0.8f, (ulong)i), ignoreEnd: true);
            var open = DeviceStream.OpenFor(prompt, 100, 0.8f, (ulong)i);
            open.Drafts = new() { Ids = { alone[..(4 * i)] } };
            Assert.Equal(alone, (await DeviceStream.DecodeAsync(server.Address, open)).Tokens);
        }));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(29)]
    [InlineData(30)]
    public async Task A_resume_goes_on_right_behind_what_was_committed(int committed)
    {
        await using var server = await StartAsync(ServedModel.Create());
        int[] alone = await ServedModel.AloneAsync(Prompt, 30, new(0.8f, 5), ignoreEnd: true);
        var open = DeviceStream.OpenFor(Prompt, 30, 0.8f, 5);
        open.Committed = new() { Ids = { alone[..committed] } };

        var text = await DeviceStream.DecodeAsync(server.Address, open);

        Assert.Equal(alone[committed..], text.Tokens);
        Assert.All(text.Commits.Take(1), commit => Assert.Equal(Prompt.Length + committed, commit.Place));
        Assert.Equal((Prompt.Length, 30), (text.Finished.PromptTokens, text.Finished.OutputTokens));
    }

    [Fact]
    public async Task Leaving_a_stream_frees_its_session()
    {
        await using var server = await StartAsync(ServedModel.Create(async _ => await Task.Delay(1)));
        await using (var stream = new DeviceStream(server.Address))
        {
            await stream.SendAsync(DeviceStream.OpenFor(Prompt, 4000));
            await stream.ReadOpenedAsync();
            Assert.Equal(1, server.Sessions);
        }

        await Eventually.HoldsAsync(() => server.Sessions == 0, "the session that was left is gone");
    }

    [Fact]
    public async Task A_cancelled_text_ends_after_the_pass_under_way()
    {
        using var passes = new SemaphoreSlim(3);
        await using var server = await StartAsync(ServedModel.Create(async _ => await passes.WaitAsync()));
        await using var stream = new DeviceStream(server.Address);
        await stream.SendAsync(DeviceStream.OpenFor(Prompt, 4000));
        await stream.ReadOpenedAsync();
        for (int i = 0; i < 3; i++)
            Assert.NotNull((await stream.ReadAsync()).Commit);

        await stream.SendAsync(new Cancel { LastPlace = -1 });
        await stream.SyncAsync(1);
        passes.Release(1000);
        var text = await stream.ReadToEndAsync();

        Assert.Equal(Finished.Types.Reason.Cancelled, text.Finished.Reason);
        Assert.InRange(text.Commits.Count, 0, 1);
        Assert.Equal(0, server.Sessions);
    }

    [Fact]
    public async Task A_text_cancelled_at_a_place_is_written_up_to_it()
    {
        using var passes = new SemaphoreSlim(0);
        await using var server = await StartAsync(ServedModel.Create(async _ => await passes.WaitAsync()));
        await using var stream = new DeviceStream(server.Address);
        await stream.SendAsync(DeviceStream.OpenFor(Prompt, 4000));
        await stream.ReadOpenedAsync();
        await stream.SendAsync(new Cancel { LastPlace = Prompt.Length + 9 });
        await stream.SyncAsync(1);
        passes.Release(1000);

        var text = await stream.ReadToEndAsync();

        Assert.Equal(await ServedModel.AloneAsync(Prompt, 10, SamplerSpec.Greedy, ignoreEnd: true), text.Tokens);
        Assert.Equal(Finished.Types.Reason.Cancelled, text.Finished.Reason);
    }

    [Fact]
    public async Task A_text_cancelled_during_its_prompt_costs_no_further_pass()
    {
        using var passes = new SemaphoreSlim(0);
        int begun = 0;
        await using var server = await StartAsync(ServedModel.Create(async _ =>
        {
            begun++;
            await passes.WaitAsync();
        }));
        await using var stream = new DeviceStream(server.Address);
        await stream.SendAsync(DeviceStream.OpenFor(Prompt, 4000));
        await stream.ReadOpenedAsync();
        await Eventually.HoldsAsync(() => begun == 1, "the prompt's pass has begun");
        await stream.SendAsync(new Cancel { LastPlace = -1 });
        await stream.SyncAsync(1);
        passes.Release(1000);

        var text = await stream.ReadToEndAsync();

        Assert.Equal((Finished.Types.Reason.Cancelled, 0), (text.Finished.Reason, text.Finished.OutputTokens));
        Assert.Empty(text.Tokens);
        Assert.Equal(1, begun);
    }

    [Fact]
    public async Task A_stream_beyond_the_limit_is_told_when_to_try_again()
    {
        using var passes = new SemaphoreSlim(0);
        await using var server = await StartAsync(ServedModel.Create(async _ => await passes.WaitAsync()), options => options.Limits.Streams = 2);
        await using var first = new DeviceStream(server.Address);
        await using var second = new DeviceStream(server.Address);
        foreach (var stream in new[] { first, second })
        {
            await stream.SendAsync(DeviceStream.OpenFor(Prompt, 10));
            await stream.ReadOpenedAsync();
        }

        await using var third = new DeviceStream(server.Address);
        await third.SendAsync(DeviceStream.OpenFor(Prompt, 10));
        var refused = await third.ReadFailureAsync();

        Assert.Equal(StatusCode.ResourceExhausted, refused.StatusCode);
        Assert.True(int.Parse(refused.Trailers.GetValue("grpc-retry-pushback-ms")!) > 0);
        passes.Release(1000);
        Assert.Equal(10, (await first.ReadToEndAsync()).Tokens.Count);
        Assert.Equal(10, (await second.ReadToEndAsync()).Tokens.Count);
    }

    [Fact]
    public async Task A_stream_that_never_opens_is_closed_by_the_handshake_deadline()
    {
        var time = new FakeTimeProvider();
        await using var server = await StartAsync(ServedModel.Create(), options => options.TimeProvider = time);
        await using var stream = new DeviceStream(server.Address);
        var failure = stream.ReadFailureAsync();
        while (!failure.IsCompleted)
        {
            time.Advance(TimeSpan.FromSeconds(1));
            await Task.Delay(2, TestContext.Current.CancellationToken);
        }

        Assert.Equal(StatusCode.DeadlineExceeded, (await failure).StatusCode);
    }

    [Fact]
    public async Task A_device_that_does_not_read_is_dropped()
    {
        var time = new FakeTimeProvider();
        var model = ServedModel.Create(info: ServedModel.Info with { ContextLength = 1_000_000 });
        await using var server = await StartAsync(model, options => options.TimeProvider = time);
        await using var stream = new DeviceStream(server.Address);
        await stream.SendAsync(DeviceStream.OpenFor(Prompt, 900_000));
        await stream.ReadOpenedAsync();

        await Eventually.HoldsAsync(
            () =>
            {
                time.Advance(TimeSpan.FromSeconds(10));
                return server.Sessions == 0;
            },
            "the session of a device that does not read is gone");
    }

    [Fact]
    public async Task An_engine_that_fails_is_reported_without_its_inside()
    {
        await using var server = await StartAsync(ServedModel.Create(_ => throw new InvalidOperationException("secret of the engine")));
        await using var stream = new DeviceStream(server.Address);
        await stream.SendAsync(DeviceStream.OpenFor(Prompt, 10));

        var failure = await stream.ReadFailureAsync();

        Assert.Equal(StatusCode.Internal, failure.StatusCode);
        Assert.DoesNotContain("secret", failure.Status.Detail, StringComparison.Ordinal);
        Assert.Equal(0, server.Sessions);
    }

    [Fact]
    public async Task Describe_says_what_the_server_runs()
    {
        await using var server = await StartAsync(ServedModel.Create(), options => options.Limits.MaxTokens = 100);
        using var channel = Grpc.Net.Client.GrpcChannel.ForAddress(server.Address);

        var info = await new Edge.EdgeClient(channel).DescribeAsync(new() { Version = 1 }, cancellationToken: TestContext.Current.CancellationToken);

        Assert.Equal((1u, "table", "identity-of-table"), (info.Version, info.Model, info.Identity));
        Assert.Equal(("vocabulary-of-table", ServedModel.Vocabulary, ServedModel.Context), (info.VocabularyFingerprint, info.VocabularySize, info.ContextLength));
        Assert.Equal([ServedModel.EndToken], info.EndTokens);
        Assert.Equal((262144, 64, 1024, 100), (info.Limits.FrameBytes, info.Limits.DraftsPerFrame, info.Limits.DraftsWaiting, info.Limits.MaxTokens));
        Assert.False(info.Renders);
    }
}
