using EdgeSdk.Decoding;
using EdgeSdk.Protocol;
using EdgeSdk.Remote;
using EdgeSdk.Sampling;
using Grpc.Core;
using Microsoft.Extensions.Time.Testing;

namespace EdgeSdk.Tests.Remote;

public sealed class RemoteStreamTests
{
    private const int First = 3; // the place behind the prompt

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(StatusCode.InvalidArgument, EdgeErrorCode.InvalidArgument)]
    [InlineData(StatusCode.Unauthenticated, EdgeErrorCode.Refused)]
    [InlineData(StatusCode.PermissionDenied, EdgeErrorCode.Refused)]
    [InlineData(StatusCode.FailedPrecondition, EdgeErrorCode.Refused)]
    [InlineData(StatusCode.Unimplemented, EdgeErrorCode.Refused)]
    [InlineData(StatusCode.ResourceExhausted, EdgeErrorCode.Exhausted)]
    [InlineData(StatusCode.Internal, EdgeErrorCode.Engine)]
    [InlineData(StatusCode.Unknown, EdgeErrorCode.Engine)]
    public async Task A_status_of_the_server_is_an_error_of_its_kind_and_is_not_tried_again(StatusCode status, EdgeErrorCode code)
    {
        await using var server = await ScriptedServer.StartAsync(_ => throw new RpcException(new(status, "the detail")));
        await using var device = server.Connect();
        await using var stream = await ScriptedServer.OpenAsync(device);

        var failure = await Assert.ThrowsAsync<EdgeException>(() => ScriptedServer.ReadAsync(stream));

        Assert.Equal(code, failure.Code);
        Assert.Equal(code == EdgeErrorCode.Exhausted, failure.IsTransient);
        Assert.Contains(server.Address.ToString(), failure.Message, StringComparison.Ordinal);
        Assert.Equal(1, server.Streams);
    }

    [Fact]
    public async Task A_server_that_is_not_there_is_said_to_be_so()
    {
        var server = await ScriptedServer.StartAsync(_ => Task.CompletedTask);
        await using var device = server.Connect();
        await server.DisposeAsync();

        var failure = await Assert.ThrowsAsync<EdgeException>(async () => await device.DescribeAsync(Cancellation));

        Assert.Equal(EdgeErrorCode.Unavailable, failure.Code);
        Assert.True(failure.IsTransient);
    }

    [Fact]
    public async Task A_deadline_is_a_timeout()
    {
        await using var server = await ScriptedServer.StartAsync(_ => throw new RpcException(new(StatusCode.DeadlineExceeded, "")));
        await using var device = server.Connect();
        await using var stream = await ScriptedServer.OpenAsync(device);

        await Assert.ThrowsAsync<TimeoutException>(() => ScriptedServer.ReadAsync(stream));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_server_that_falls_silent_is_a_timeout(bool opens)
    {
        await using var server = await ScriptedServer.StartAsync(async call =>
        {
            if (opens)
                await call.OpenedAsync();

            await call.WaitForEndAsync();
        });
        var time = new FakeTimeProvider();
        await using var device = server.Connect(time);
        await using var stream = await ScriptedServer.OpenAsync(device);
        var reading = ScriptedServer.ReadAsync(stream);
        while (!reading.IsCompleted)
        {
            time.Advance(TimeSpan.FromSeconds(10));
            await Task.Delay(1, Cancellation);
        }

        await Assert.ThrowsAsync<TimeoutException>(() => reading);
        Assert.Equal(1, server.Streams);
    }

    [Fact]
    public async Task A_resume_carries_what_was_committed_and_nothing_comes_twice()
    {
        var carried = new List<int[]>();
        await using var server = await ScriptedServer.StartAsync(async call =>
        {
            carried.Add([.. call.Open.Committed.Ids]);
            await call.OpenedAsync();
            await call.CommitAsync(First + call.Open.Committed.Ids.Count, 20 + call.Number);
            if (call.Number < 5)
                throw new RpcException(new(StatusCode.Unavailable, "restarting"));

            await call.FinishedAsync(Finished.Types.Reason.Length);
        });
        await using var device = server.Connect(resumeAttempts: 1);
        await using var stream = await ScriptedServer.OpenAsync(device);

        Assert.Equal([21, 22, 23, 24, 25], await ScriptedServer.ReadAsync(stream));
        Assert.Equal([[], [21], [21, 22], [21, 22, 23], [21, 22, 23, 24]], carried);
        Assert.Equal((FinishReason.Length, 5), (stream.Finish!.Value, stream.Connections));
    }

    [Fact]
    public async Task Resumes_that_get_no_further_are_bounded()
    {
        await using var server = await ScriptedServer.StartAsync(async call =>
        {
            await call.OpenedAsync();
            if (call.Number == 1)
                await call.CommitAsync(First, 20);

            throw new RpcException(new(StatusCode.Unavailable, "no more"));
        });
        await using var device = server.Connect(resumeAttempts: 3);
        await using var stream = await ScriptedServer.OpenAsync(device);
        var tokens = new List<int>();

        var failure = await Assert.ThrowsAsync<EdgeException>(() => ScriptedServer.ReadAsync(stream, tokens));

        Assert.Equal(EdgeErrorCode.Unavailable, failure.Code);
        Assert.Equal([20], tokens);
        Assert.Equal(1 + 3, server.Streams);
    }

    [Fact]
    public async Task A_stream_that_ends_without_a_word_is_taken_up_again()
    {
        await using var server = await ScriptedServer.StartAsync(async call =>
        {
            await call.OpenedAsync();
            if (call.Number == 1)
                return;

            await call.CommitAsync(First, 20, ScriptedServer.EndToken);
            await call.FinishedAsync(Finished.Types.Reason.End);
        });
        await using var device = server.Connect();
        await using var stream = await ScriptedServer.OpenAsync(device);

        Assert.Equal([20, ScriptedServer.EndToken], await ScriptedServer.ReadAsync(stream));
        Assert.Equal(FinishReason.End, stream.Finish);
    }

    [Fact]
    public async Task A_text_that_never_began_is_tried_once_more()
    {
        await using var server = await ScriptedServer.StartAsync(_ => throw new RpcException(new(StatusCode.Unavailable, "stopping")));
        await using var device = server.Connect();
        await using var stream = await ScriptedServer.OpenAsync(device);

        var failure = await Assert.ThrowsAsync<EdgeException>(() => ScriptedServer.ReadAsync(stream));

        Assert.Equal(EdgeErrorCode.Unavailable, failure.Code);
        Assert.Equal(2, server.Streams);
    }

    [Fact]
    public async Task A_resume_waits_for_a_place_as_long_as_a_full_server_asks()
    {
        await using var server = await ScriptedServer.StartAsync(async call =>
        {
            if (call.Number == 2)
                throw new RpcException(new(StatusCode.ResourceExhausted, "full"), new Metadata { { "grpc-retry-pushback-ms", "3" } });

            await call.OpenedAsync();
            if (call.Number == 1)
                throw new RpcException(new(StatusCode.Unavailable, "restarting"));

            await call.CommitAsync(First, 20, 21, 22, 23, 24);
            await call.FinishedAsync(Finished.Types.Reason.Length);
        });
        await using var device = server.Connect();
        await using var stream = await ScriptedServer.OpenAsync(device);

        Assert.Equal([20, 21, 22, 23, 24], await ScriptedServer.ReadAsync(stream));
    }

    [Fact]
    public async Task Waiting_ends_with_the_callers_token()
    {
        await using var server = await ScriptedServer.StartAsync(async call =>
        {
            await call.OpenedAsync();
            await call.WaitForEndAsync();
        });
        await using var device = server.Connect();
        await using var stream = await ScriptedServer.OpenAsync(device);
        using var cancel = new CancellationTokenSource();
        var waiting = stream.WaitAsync(cancel.Token).AsTask();
        await cancel.CancelAsync();

        var cancelled = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);

        Assert.Equal(cancel.Token, cancelled.CancellationToken);
    }

    [Fact]
    public async Task Leaving_early_is_said_in_band_and_without_a_reset()
    {
        var cancelled = new TaskCompletionSource<(int LastPlace, bool Reset, bool Closed)>();
        await using var server = await ScriptedServer.StartAsync(async call =>
        {
            await call.OpenedAsync();
            await call.CommitAsync(First, 20);
            while (await call.Frames.MoveNext() && call.Frames.Current.Cancel is null)
            {
            }

            int lastPlace = call.Frames.Current.Cancel!.LastPlace;
            await call.CommitAsync(First + 1, 21);
            await call.FinishedAsync(Finished.Types.Reason.Cancelled);
            bool closed = !await call.Frames.MoveNext();
            cancelled.SetResult((lastPlace, call.Call.CancellationToken.IsCancellationRequested, closed));
        });
        await using var device = server.Connect();
        var stream = await ScriptedServer.OpenAsync(device);
        await stream.WaitAsync(Cancellation);

        await stream.DisposeAsync();

        Assert.Equal((-1, false, true), await cancelled.Task.WaitAsync(TimeSpan.FromSeconds(30), Cancellation));
    }

    [Fact]
    public async Task Leaving_a_server_that_does_not_listen_tears_the_call_down()
    {
        var ended = new TaskCompletionSource();
        await using var server = await ScriptedServer.StartAsync(async call =>
        {
            await call.OpenedAsync();
            await call.CommitAsync(First, 20);
            await call.WaitForEndAsync();
            ended.SetResult();
        });
        await using var device = server.Connect();
        var stream = await ScriptedServer.OpenAsync(device);
        await stream.WaitAsync(Cancellation);

        await stream.DisposeAsync();

        await ended.Task.WaitAsync(TimeSpan.FromSeconds(30), Cancellation);
    }

    [Fact]
    public async Task Leaving_between_two_attempts_does_not_wait_for_the_next()
    {
        await using var server = await ScriptedServer.StartAsync(async call =>
        {
            await call.OpenedAsync();
            throw new RpcException(new(StatusCode.Unavailable, "restarting"));
        });
        var time = new FakeTimeProvider(); // stands still: no attempt follows
        await using var device = server.Connect(time);
        var stream = await ScriptedServer.OpenAsync(device);
        var waiting = stream.WaitAsync(Cancellation).AsTask();

        await stream.DisposeAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(30), Cancellation);

        Assert.False(await waiting);
        Assert.InRange(server.Streams, 0, 1);
    }

    [Fact]
    public async Task A_slow_reader_pauses_the_server()
    {
        int sent = 0;
        await using var server = await ScriptedServer.StartAsync(async call =>
        {
            await call.OpenedAsync();
            for (int i = 0; i < 200_000; i++, sent++)
                await call.CommitAsync(First + i, 20);
        });
        await using var device = new RemoteServer(new() { Address = server.Address, FarewellTimeout = TimeSpan.FromMilliseconds(1) });
        var model = await device.DescribeAsync(Cancellation);
        model = model with { Info = model.Info with { ContextLength = 1_000_000 } };
        await using var stream = device.Open(OpenFrame.For([10, 11, 12], "words", SamplerSpec.Greedy, 200_000), model);
        await stream.WaitAsync(Cancellation);

        for (int before = -1; before != sent;)
        {
            before = sent;
            await Task.Delay(50, Cancellation);
        }

        Assert.InRange(sent, 1, 199_999);
    }
}
