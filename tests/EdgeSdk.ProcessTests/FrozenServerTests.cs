using EdgeSdk.Remote;
using EdgeSdk.Sampling;

namespace EdgeSdk.ProcessTests;

/// <summary>A server's process that stands still: its machine goes on taking connections for it, and nothing is answered.</summary>
public sealed class FrozenServerTests
{
    private const int Tokens = 40;

    private static readonly int[] s_prompt = [5, 9, 17, 33];
    private static readonly SamplerSpec s_sampler = new(0.8f, Seed: 21);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_a_frozen_server_has_begun_ends_at_the_deadline_which_says_so()
    {
        var (server, url) = await Edge.ServeAsync(Edge.Server, "--step-ms", "20");
        await using var owned = server;
        await using var remote = new RemoteServer(new() { Address = new(url), StallTimeout = TimeSpan.FromSeconds(2) });
        await using var stream = await OpenAsync(remote);
        Assert.True(await stream.WaitAsync(Cancellation));

        server.Signal(Signal.Stop);
        var failure = await Assert.ThrowsAsync<TimeoutException>(() => ReadAsync(stream));

        Assert.Contains(new Uri(url).ToString(), failure.Message, StringComparison.Ordinal);
        Assert.Contains("2 s", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_frozen_server_that_goes_on_loses_nothing()
    {
        var (server, url) = await Edge.ServeAsync(Edge.Server, "--step-ms", "20");
        await using var owned = server;
        await using var remote = new RemoteServer(new() { Address = new(url) });
        await using var unbroken = await OpenAsync(remote);
        int[] whole = await ReadAsync(unbroken);
        await using var stream = await OpenAsync(remote);
        Assert.True(await stream.WaitAsync(Cancellation));

        server.Signal(Signal.Stop);
        await server.StandsStillAsync();
        server.Signal(Signal.Continue);

        Assert.Equal(whole, await ReadAsync(stream));
        Assert.Equal(Tokens, whole.Length);
        Assert.Equal(1, stream.Connections);
    }

    [Fact]
    public async Task A_server_that_is_frozen_is_not_waited_for_beyond_one_deadline()
    {
        var (server, url) = await Edge.ServeAsync(Edge.Server);
        await using var owned = server;
        server.Signal(Signal.Stop);
        await using var remote = new RemoteServer(new() { Address = new(url), OpenTimeout = TimeSpan.FromSeconds(1) });

        var failure = await Assert.ThrowsAsync<TimeoutException>(async () => await remote.DescribeAsync(Cancellation));

        Assert.Contains(new Uri(url).ToString(), failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Where_the_server_is_frozen_Auto_goes_on_alone_and_says_so()
    {
        var (server, url) = await Edge.ServeAsync(Edge.Server);
        await using var owned = server;
        server.Signal(Signal.Stop);

        var answer = await Edge.RunAsync("ask", "--device", Edge.Device, "--server", url, "--max-tokens", "16", "--json", Edge.HardQuestion);

        Assert.Equal("device", answer.Json.GetProperty("route").GetString());
        Assert.Contains("no server answers", answer.Json.GetProperty("reason").GetString(), StringComparison.Ordinal);
    }

    private static async Task<RemoteStream> OpenAsync(RemoteServer remote)
    {
        var model = await remote.DescribeAsync(Cancellation);
        var open = OpenFrame.For(s_prompt, model.Info.VocabularyFingerprint, s_sampler, Tokens);
        open.IgnoreEnd = true;
        return remote.Open(open, model);
    }

    private static async Task<int[]> ReadAsync(RemoteStream stream)
    {
        var tokens = new List<int>();
        await foreach (var commit in stream.ReadAllAsync(Cancellation))
            tokens.AddRange(commit.Commit.Tokens.Span);

        return [.. tokens];
    }
}
