using System.Net;
using EdgeSdk.Cli;
using EdgeSdk.Decoding;
using EdgeSdk.Remote;
using EdgeSdk.Sampling;
using EdgeSdk.Server;
using EdgeSdk.Tests.Server;

namespace EdgeSdk.Tests.Remote;

/// <summary>A device that agrees with the server's model most of the time, and the server, over real sockets.</summary>
public sealed class TogetherTests
{
    private const int Tokens = 60;

    private static readonly int[] Prompt = [5, 9, 17, 33];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static Table DeviceTable { get; } = TableModel.Mostly(
        TableModel.Random(seed: 7, ServedModel.Vocabulary, spread: 6), TableModel.Random(seed: 8, ServedModel.Vocabulary, spread: 6), share: 0.8, seed: 1);

    [Fact]
    public async Task Device_and_server_write_what_the_server_writes_alone()
    {
        await using var server = await StartAsync(ServedModel.Create(async _ => await Task.Yield()));
        await using var remote = new RemoteServer(new() { Address = server.Address });
        int accepted = 0;
        for (ulong seed = 1; seed <= 60; seed++)
        {
            var sampler = new SamplerSpec(seed % 3 == 0 ? 0 : 0.9f, seed);
            var turn = await WriteAsync(remote, sampler, ignoreEnd: seed % 2 == 0);
            Assert.True((await AloneAsync(sampler, ignoreEnd: seed % 2 == 0)).SequenceEqual(turn.Tokens), $"seed {seed}");
            accepted += turn.Accepted;
        }

        Assert.True(accepted > 0, "No draft was accepted.");
        Assert.Equal(0, server.Sessions);
    }

    [Fact]
    public async Task Every_token_says_who_wrote_it()
    {
        await using var server = await StartAsync(ServedModel.Create(async _ => await Task.Yield()));
        await using var remote = new RemoteServer(new() { Address = server.Address });

        var turn = await WriteAsync(remote, new(0.9f, 4));

        Assert.Equal(Tokens, turn.Tokens.Count);
        Assert.Equal(turn.Accepted, turn.Drafted.Count(drafted => drafted));
        Assert.Equal(Tokens - turn.Accepted, turn.Passes);
    }

    [Fact]
    public async Task Eight_turns_at_once_each_give_their_solo_text()
    {
        await using var server = await StartAsync(ServedModel.Create(async _ => await Task.Yield()));
        await using var remote = new RemoteServer(new() { Address = server.Address });

        await Task.WhenAll(Enumerable.Range(1, 8).Select(async seed =>
        {
            var sampler = new SamplerSpec(0.9f, (ulong)seed);
            var turn = await Task.Run(() => WriteAsync(remote, sampler), Cancellation);
            Assert.Equal(await AloneAsync(sampler), turn.Tokens);
        }));

        Assert.Equal(0, server.Sessions);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_connection_cut_at_any_byte_is_taken_up_again_and_the_text_is_whole(bool onTheWayToTheServer)
    {
        await using var server = await StartAsync(ServedModel.Create(async _ => await Task.Yield()));
        await using var proxy = new FaultProxy(new(IPAddress.Loopback, server.Address.Port));
        await using var remote = new RemoteServer(new() { Address = proxy.Address, FirstBackoff = TimeSpan.FromMilliseconds(1) });
        int seed = Random.Shared.Next(), resumes = 0;
        var random = new Random(seed);
        for (int i = 0; i < 100; i++)
        {
            var sampler = new SamplerSpec(0.9f, (ulong)i);
            int bytes = random.Next(2500);
            proxy.CutAfter(onTheWayToTheServer ? ProxyDirection.ToServer : ProxyDirection.ToDevice, bytes);
            var turn = await WriteAsync(remote, sampler);
            Assert.True((await AloneAsync(sampler)).SequenceEqual(turn.Tokens), $"seed {seed}, text {i}, cut after {bytes} bytes");
            resumes += turn.Resumes;
        }

        Assert.True(resumes > 10, $"seed {seed}: only {resumes} of 100 texts were cut.");
        await Eventually.HoldsAsync(() => server.Sessions == 0, "the sessions that were cut are gone");
    }

    [Fact]
    public async Task A_peer_that_vanishes_without_a_word_is_found_out_by_both_sides()
    {
        var limits = new EdgeServerLimits { PingDelay = TimeSpan.FromSeconds(1), PingTimeout = TimeSpan.FromSeconds(1) };
        using var passes = new SemaphoreSlim(10);
        await using var server = await StartAsync(ServedModel.Create(async _ => await passes.WaitAsync()), limits);
        await using var proxy = new FaultProxy(new(IPAddress.Loopback, server.Address.Port));
        using var handler = new SocketsHttpHandler
        {
            KeepAlivePingDelay = TimeSpan.FromSeconds(1),
            KeepAlivePingTimeout = TimeSpan.FromSeconds(1),
            EnableMultipleHttp2Connections = true,
        };
        await using var remote = new RemoteServer(new() { Address = proxy.Address, Handler = handler });
        var model = await remote.DescribeAsync(Cancellation);
        await using var stream = remote.Open(OpenFor(SamplerSpec.Greedy), model);
        await stream.WaitAsync(Cancellation);
        proxy.Blackhole = true;

        await Eventually.HoldsAsync(() => stream.Connections > 1, "the device has found out");
        await Eventually.HoldsAsync(() => server.Sessions == 0 || passes.CurrentCount == 0, "the server's session waits for a pass");
        passes.Release(1000);
        await Eventually.HoldsAsync(() => server.Sessions == 0, "the server has found out");
        proxy.Blackhole = false;

        Assert.Equal(await AloneAsync(SamplerSpec.Greedy), await ScriptedServer.ReadAsync(stream));
    }

    [Fact]
    public async Task Leaving_a_turn_early_frees_both_sides()
    {
        await using var server = await StartAsync(ServedModel.Create(async _ => await Task.Delay(1)));
        await using var remote = new RemoteServer(new() { Address = server.Address });
        var model = await remote.DescribeAsync(Cancellation);
        for (int i = 0; i < 5; i++)
        {
            await using var text = await BeginAsync(remote, model, new(0.9f, (ulong)i), ignoreEnd: true);
            await foreach (var _ in text.Turn.RunAsync(Prompt, Cancellation))
                break;
        }

        await Eventually.HoldsAsync(() => server.Sessions == 0, "the sessions that were left are gone");
        Assert.Equal(await AloneAsync(new(0.9f, 9)), (await WriteAsync(remote, new(0.9f, 9))).Tokens);
    }

    [Fact]
    public async Task A_server_that_stops_hands_its_texts_to_the_one_that_follows()
    {
        using var passes = new SemaphoreSlim(20);
        var first = await StartAsync(ServedModel.Create(async _ => await passes.WaitAsync()));
        await using var remote = new RemoteServer(new() { Address = first.Address });
        var model = await remote.DescribeAsync(Cancellation);
        await using var stream = remote.Open(OpenFor(new(0.9f, 3)), model);
        await stream.WaitAsync(Cancellation);
        string address = first.Address.ToString();
        passes.Release(10);
        await first.DisposeAsync();
        await using var second = await EdgeServer.StartAsync(ServedModel.Create(), new() { Urls = address }, cancellationToken: Cancellation);

        Assert.Equal(await AloneAsync(new(0.9f, 3)), await ScriptedServer.ReadAsync(stream));
        Assert.True(stream.Connections > 1);
    }

    private static Task<EdgeServer> StartAsync(TableModel model, EdgeServerLimits? limits = null) =>
        EdgeServer.StartAsync(model, new() { Urls = "http://127.0.0.1:0", Limits = limits ?? new() }, cancellationToken: Cancellation);

    private static Task<int[]> AloneAsync(SamplerSpec sampler, bool ignoreEnd = true) => ServedModel.AloneAsync(Prompt, Tokens, sampler, ignoreEnd);

    private static Protocol.Open OpenFor(SamplerSpec sampler, bool ignoreEnd = true)
    {
        var open = OpenFrame.For(Prompt, ServedModel.Info.VocabularyFingerprint, sampler, Tokens);
        open.IgnoreEnd = ignoreEnd;
        return open;
    }

    private static async Task<WrittenTurn> WriteAsync(RemoteServer remote, SamplerSpec sampler, bool ignoreEnd = true)
    {
        await using var text = await BeginAsync(remote, await remote.DescribeAsync(Cancellation), sampler, ignoreEnd);
        var (tokens, drafted) = (new List<int>(), new List<bool>());
        await foreach (var token in text.Turn.RunAsync(Prompt, Cancellation))
        {
            tokens.Add(token.Token);
            drafted.Add(token.Drafted);
        }

        return new(tokens, drafted, text.Turn.Accepted, text.Turn.Passes, text.Stream!.Connections - 1);
    }

    private static async Task<TurnUnderWay> BeginAsync(RemoteServer remote, RemoteModel model, SamplerSpec sampler, bool ignoreEnd)
    {
        var device = new TableModel(ServedModel.Info, new(MaxStep: 64, ExactFrom: 1, Cost: default), DeviceTable, async _ => await Task.Yield());
        var stop = StopRule.For(model.Info, Prompt.Length, Tokens, ignoreEnd);
        var text = new TurnUnderWay(new DraftWindow(device, await device.OpenAsync(sampler), stop, TimeProvider.System));
        text.Turn = new TogetherTurn(text.Window, new Gate(GateMode.AlwaysOn), new(), model.Cost, remote.RoundTripSeconds, drafts =>
        {
            var open = OpenFor(sampler, ignoreEnd);
            open.Drafts = OpenFrame.TokensOf(drafts.Span);
            return text.Stream = remote.Open(open, model);
        });
        return text;
    }

    private sealed record WrittenTurn(List<int> Tokens, List<bool> Drafted, int Accepted, int Passes, int Resumes);

    private sealed class TurnUnderWay(DraftWindow window) : IAsyncDisposable
    {
        public DraftWindow Window => window;

        public TogetherTurn Turn { get; set; } = null!;

        public RemoteStream? Stream { get; set; }

        public async ValueTask DisposeAsync()
        {
            await window.DisposeAsync();
            if (Stream is not null)
                await Stream.DisposeAsync();
        }
    }
}
