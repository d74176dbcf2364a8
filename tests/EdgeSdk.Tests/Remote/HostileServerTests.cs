using EdgeSdk.Protocol;
using Grpc.Core;

namespace EdgeSdk.Tests.Remote;

public sealed class HostileServerTests
{
    private const int First = 3; // the place behind the prompt

    /// <summary>What the server does wrong behind Opened, and what the message must say.</summary>
    private static readonly Dictionary<string, (ServerFrame[] Frames, string Says)> Lies = new()
    {
        ["a gap"] = ([Commit(First + 1, 20)], "commits place 4 where 3 is next"),
        ["a commit twice"] = ([Commit(First, 20), Commit(First, 20)], "commits place 3 where 4 is next"),
        ["a place below zero"] = ([Commit(int.MinValue, 20)], "commits place -2147483648"),
        ["nothing"] = ([Commit(First)], "a commit of 0 tokens"),
        ["a negative id"] = ([Commit(First, -1)], "the id -1"),
        ["an id beyond the vocabulary"] = ([Commit(First, 20, ScriptedServer.Vocabulary)], "the id 50"),
        ["more than was asked for"] = ([Commit(First, 20, 20, 20, 20, 20, 20)], "more than the 5 tokens"),
        ["more than was asked for, bit by bit"] = ([.. Enumerable.Range(0, 6).Select(i => Commit(First + i, 20))], "more than the 5 tokens"),
        ["on behind the end, in one commit"] = ([Commit(First, ScriptedServer.EndToken, 20)], "behind an end token, at place 4"),
        ["on behind the end, in the next commit"] = ([Commit(First, ScriptedServer.EndToken), Commit(First + 1, 20)], "behind an end token, at place 4"),
        ["more accepted than there is"] = ([With(commit => commit.Accepted = 2)], "counts 2 accepted"),
        ["less than nothing accepted"] = ([With(commit => commit.Accepted = -1)], "counts -1 accepted"),
        ["less than nothing wasted"] = ([With(commit => commit.Wasted = int.MinValue)], "wasted"),
        ["a time that is none"] = ([With(commit => commit.PassSeconds = float.NaN)], "NaN s"),
        ["margins for other tokens"] = ([With(commit => commit.Margins.AddRange([1f, 2f]))], "2 margins"),
        ["log-probabilities for other tokens"] = ([With(commit => commit.LogProbs.AddRange([-1f, -2f]))], "2 log-probabilities"),
        ["a probability above one"] = ([With(commit => commit.LogProbs.Add(0.5f))], "log-probability 0.5"),
        ["a probability that is none"] = ([With(commit => commit.LogProbs.Add(float.NaN))], "log-probability NaN"),
        ["a flood of text"] = ([With(commit => commit.Text = Google.Protobuf.ByteString.CopyFrom(new byte[5000]))], "5000 bytes of text"),
        ["an end without an end token"] = ([Commit(First, 20), Finish(Finished.Types.Reason.End)], "finishes (End) after 1 of 5"),
        ["an end before the limit"] = ([Commit(First, 20), Finish(Finished.Types.Reason.Length)], "finishes (Length) after 1 of 5"),
        ["an end that nobody asked for"] = ([Finish(Finished.Types.Reason.Cancelled)], "finishes (Cancelled) after 0 of 5"),
        ["an end of no known kind"] = ([Finish((Finished.Types.Reason)99)], "finishes (99) after 0 of 5"),
    };

    /// <summary>First frames that are not the Opened that is due.</summary>
    private static readonly Dictionary<string, ServerFrame> FalseStarts = new()
    {
        ["a commit"] = Commit(First, 20),
        ["an empty frame"] = new(),
        ["no description"] = new() { Opened = new() { PromptTokens = 3 } },
        ["another prompt"] = new() { Opened = new() { PromptTokens = 4, Info = ScriptedServer.Info() } },
        ["a model without a vocabulary"] = new() { Opened = new() { PromptTokens = 3, Info = new() { ContextLength = 10 } } },
        ["an end token that is none"] = new() { Opened = new() { PromptTokens = 3, Info = With(info => info.EndTokens.Add(50)) } },
        ["a thought beyond the vocabulary"] = new() { Opened = new() { PromptTokens = 3, Info = With(info => info.Thought = new() { Begin = 1, End = 50, BeginText = "a", EndText = "b" }) } },
        ["a thought without text"] = new() { Opened = new() { PromptTokens = 3, Info = With(info => info.Thought = new() { Begin = 1, End = 2 }) } },
        ["a pass that takes no number of seconds"] = new() { Opened = new() { PromptTokens = 3, Info = With(info => info.PassSeconds.Add(float.NaN)) } },
    };

    public static TheoryData<string> LieNames => [.. Lies.Keys];

    public static TheoryData<string> FalseStartNames => [.. FalseStarts.Keys];

    [Theory]
    [MemberData(nameof(LieNames))]
    public async Task A_server_that_breaks_the_protocol_ends_the_stream_and_none_of_its_lies_is_handed_on(string what)
    {
        var (frames, says) = Lies[what];
        await using var server = await ScriptedServer.StartAsync(async call =>
        {
            await call.OpenedAsync();
            foreach (var frame in frames)
                await call.SendAsync(frame);

            await call.WaitForEndAsync();
        });
        await using var device = server.Connect();
        await using var stream = await ScriptedServer.OpenAsync(device);
        var tokens = new List<int>();

        var failure = await Assert.ThrowsAsync<EdgeException>(() => ScriptedServer.ReadAsync(stream, tokens));

        Assert.Equal(EdgeErrorCode.Protocol, failure.Code);
        Assert.Contains(says, failure.Message, StringComparison.Ordinal);
        Assert.Equal(frames.SkipLast(1).SelectMany(frame => frame.Commit.Ids), tokens);
        Assert.Equal(1, server.Streams);
    }

    [Theory]
    [MemberData(nameof(FalseStartNames))]
    public async Task A_stream_that_does_not_begin_with_Opened_ends(string what)
    {
        await using var server = await ScriptedServer.StartAsync(async call =>
        {
            await call.SendAsync(FalseStarts[what]);
            await call.WaitForEndAsync();
        });
        await using var device = server.Connect();
        await using var stream = await ScriptedServer.OpenAsync(device);

        var failure = await Assert.ThrowsAsync<EdgeException>(() => ScriptedServer.ReadAsync(stream));

        Assert.Equal(EdgeErrorCode.Protocol, failure.Code);
    }

    [Fact]
    public async Task A_frame_that_is_no_message_ends_the_stream()
    {
        await using var server = await ScriptedServer.StartAsync(async call =>
        {
            await call.OpenedAsync();
            var body = call.Call.GetHttpContext().Response.BodyWriter;
            await body.WriteAsync(new byte[] { 0, 0, 0, 0, 3, 0x0A, 0xFF, 0xFF });
            await call.WaitForEndAsync();
        });
        await using var device = server.Connect();
        await using var stream = await ScriptedServer.OpenAsync(device);

        var failure = await Assert.ThrowsAsync<EdgeException>(() => ScriptedServer.ReadAsync(stream));

        Assert.True(EdgeErrorCode.Protocol == failure.Code, failure.ToString());
    }

    [Fact]
    public async Task Pongs_that_nobody_asked_for_do_not_bring_the_server_nearer()
    {
        await using var server = await ScriptedServer.StartAsync(async call =>
        {
            await call.OpenedAsync();
            for (ulong i = 0; i < 1000; i++)
                await call.SendAsync(new() { Pong = new() { Id = i } });

            await call.CommitAsync(First, 20, 21, 22, 23, 24);
            await call.FinishedAsync(Finished.Types.Reason.Length);
        });
        await using var device = server.Connect();
        await device.DescribeAsync(TestContext.Current.CancellationToken);
        double before = device.RoundTripSeconds;
        await using var stream = await ScriptedServer.OpenAsync(device);

        Assert.Equal([20, 21, 22, 23, 24], await ScriptedServer.ReadAsync(stream));
        Assert.InRange(device.RoundTripSeconds, double.Epsilon, before);
    }

    private static ServerFrame Commit(int place, params int[] ids) => new() { Commit = new() { Place = place, Ids = { ids } } };

    private static ServerFrame With(Action<Commit> change)
    {
        var frame = Commit(First, 20);
        change(frame.Commit);
        return frame;
    }

    private static ServerInfo With(Action<ServerInfo> change)
    {
        var info = ScriptedServer.Info();
        change(info);
        return info;
    }

    private static ServerFrame Finish(Finished.Types.Reason reason) => new() { Finished = new() { Reason = reason } };
}
