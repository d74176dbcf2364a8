using EdgeSdk.Remote;
using Microsoft.Extensions.AI;

namespace EdgeSdk.ProcessTests;

/// <summary>Servers and commands that end while texts are under way, and servers that never come back.</summary>
public sealed class EndingTests
{
    /// <summary>Heat that makes every token about as likely as any other: a text that is seen as it is written, and goes on for long.</summary>
    private static readonly string[] s_babble = ["--temperature", "100", "--seed", "5"];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_server_that_is_told_to_stop_writes_what_it_has_begun_to_its_end()
    {
        var (server, url) = await Edge.ServeAsync(Edge.Server, "--step-ms", "20");
        await using var owned = server;
        string[] ask = ["ask", "--device", Edge.Device, "--server", url, "--route", "server", .. s_babble, "--max-tokens", "60", Edge.HardQuestion];
        var alone = await Edge.RunAsync(ask);
        await using var device = Edge.Start(ask);
        string beginning = await device.ReadAsync();

        server.Signal(Signal.Terminate);

        var answer = await device.EndAsync();
        Assert.Equal((0, alone.Output), (answer.Exit, beginning + answer.Output));
        Assert.Equal(0, (await server.EndAsync()).Exit);
    }

    [Fact]
    public async Task Interrupting_an_answer_ends_the_command_with_130_and_frees_the_server()
    {
        var (server, url) = await Edge.ServeAsync(Edge.Server, "--step-ms", "100");
        await using var owned = server;
        await using var device = Edge.Start(["ask", "--server", url, .. s_babble, "--max-tokens", "2000", Edge.HardQuestion]);
        Assert.NotEqual("", await device.ReadAsync());

        device.Signal(Signal.Interrupt);

        var ended = await device.EndAsync();
        Assert.True(ended.Exit == 130, $"exit code {ended.Exit}: {ended.Errors}");
        Assert.Equal("", ended.Errors);
        server.Signal(Signal.Terminate); // would wait ten seconds for a text under way, and say that it was cut
        Assert.Equal(0, (await server.EndAsync()).Exit);
    }

    [Fact]
    public async Task A_server_that_dies_and_never_comes_back_is_3()
    {
        var (server, url) = await Edge.ServeAsync(Edge.Server, "--step-ms", "50");
        await using var owned = server;
        await using var device = Edge.Start(["ask", "--server", url, .. s_babble, "--max-tokens", "2000", Edge.HardQuestion]);
        Assert.NotEqual("", await device.ReadAsync());

        server.Signal(Signal.Kill);

        var ended = await device.EndAsync();
        Assert.True(ended.Exit == 3, $"exit code {ended.Exit}: {ended.Errors}");
        Assert.Contains(url, ended.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", ended.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_conversation_whose_server_dies_between_two_turns_goes_on_alone_under_Auto()
    {
        var (server, url) = await Edge.ServeAsync(Edge.Server);
        await using var owned = server;
        await using var client = new EdgeChatClient(new EdgeOptions { Model = Edge.Device, Server = { Address = new(url) } });
        var options = new ChatOptions { MaxOutputTokens = 16 };
        var first = await client.GetResponseAsync(Edge.HardQuestion, options, Cancellation);
        Assert.NotEqual(EdgeRoute.Device, first.GetEdge()!.Route);

        server.Signal(Signal.Kill);
        await server.EndAsync();
        var second = await client.GetResponseAsync(Edge.HardQuestion, options, Cancellation);

        Assert.Equal(EdgeRoute.Device, second.GetEdge()!.Route);
        Assert.Contains("no server answers", second.GetEdge()!.Reason, StringComparison.Ordinal);
        Assert.NotEqual(0, second.GetEdge()!.Tokens);
    }

    [Fact]
    public async Task A_server_killed_again_and_again_loses_nothing()
    {
        const int seed = 12, tokens = 60;
        var (server, url) = await Edge.ServeAsync(Edge.Server, "--step-ms", "10");
        await using var remote = new RemoteServer(new() { Address = new(url), ResumeAttempts = 30 });
        var model = await remote.DescribeAsync(Cancellation);
        var open = OpenFrame.For([5, 9, 17, 33], model.Info.VocabularyFingerprint, new(0.8f, seed), tokens);
        open.IgnoreEnd = true;
        var whole = new List<int>();
        await using (var unbroken = remote.Open(open.Clone(), model))
        {
            await foreach (var commit in unbroken.ReadAllAsync(Cancellation))
                whole.AddRange(commit.Commit.Tokens.Span);
        }

        var random = new Random(seed);
        var (written, lives, killAt) = (new List<int>(), 1, random.Next(1, 20));
        await using (var stream = remote.Open(open, model))
        {
            await foreach (var commit in stream.ReadAllAsync(Cancellation))
            {
                written.AddRange(commit.Commit.Tokens.Span);
                if (written.Count >= killAt && lives < 4)
                {
                    server.Signal(Signal.Kill);
                    await server.DisposeAsync();
                    (server, _) = await Edge.ServeAsync(Edge.Server, "--step-ms", "10", "--urls", url);
                    lives++;
                    killAt = written.Count + random.Next(1, 20);
                }
            }
        }

        await server.DisposeAsync();
        Assert.True(whole.SequenceEqual(written), $"seed {seed}, {lives} lives: {string.Join(',', whole)} and {string.Join(',', written)}");
        Assert.Equal((tokens, 4), (whole.Count, lives));
    }

    [Theory]
    [InlineData("{taken}", 1, "another port")]
    [InlineData("http://0.0.0.0:0", 2, "no token is set")]
    [InlineData("https://127.0.0.1:0", 2, "certificate")]
    [InlineData("127.0.0.1:5005", 2, "no address to listen at")]
    public async Task An_address_that_cannot_be_served_is_said_to_be_so(string urls, int exit, string says)
    {
        using var taken = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
        taken.Start();
        urls = urls.Replace("{taken}", $"http://{taken.LocalEndpoint}", StringComparison.Ordinal);

        (await Edge.RunAsync("serve", Edge.Server, "--urls", urls)).Failed(exit, urls, says);
    }
}
