using System.Net;
using EdgeSdk.Cli;
using EdgeSdk.Remote;
using EdgeSdk.Server;

namespace EdgeSdk.Tests.Server;

public sealed class CutStreamTests
{
    private static readonly int[] Prompt = [5, 9, 17, 33];

    /// <summary>From the first byte of the connection's preface to the last frames of the text.</summary>
    public static TheoryData<int, int> Cuts
    {
        get
        {
            var cuts = new TheoryData<int, int>();
            foreach (int bytes in new[] { 0, 1, 23, 24, 60, 150, 300, 420 })
                cuts.Add((int)ProxyDirection.ToServer, bytes);

            foreach (int bytes in new[] { 0, 1, 9, 40, 100, 333, 777, 1500, 2500, 3999 })
                cuts.Add((int)ProxyDirection.ToDevice, bytes);

            return cuts;
        }
    }

    [Theory]
    [MemberData(nameof(Cuts))]
    public async Task A_stream_cut_at_any_byte_gives_its_text_all_the_same(int direction, int bytes)
    {
        await using var server = await EdgeServer.StartAsync(
            ServedModel.Create(async _ => await Task.Yield()), new() { Urls = "http://127.0.0.1:0" }, cancellationToken: TestContext.Current.CancellationToken);
        await using var proxy = new FaultProxy(IPEndPoint.Parse(server.Address.Authority));
        await using var remote = new RemoteServer(new() { Address = proxy.Address, FirstBackoff = TimeSpan.FromMilliseconds(1) });
        var model = await remote.DescribeAsync(TestContext.Current.CancellationToken);
        proxy.CutAfter((ProxyDirection)direction, bytes);
        var tokens = new List<int>();

        await using (var stream = remote.Open(DeviceStream.OpenFor(Prompt, 150, 0.8f, 4), model))
        {
            try
            {
                await foreach (var commit in stream.ReadAllAsync(TestContext.Current.CancellationToken))
                    tokens.AddRange(commit.Commit.Tokens.Span);
            }
            catch (EdgeException e) when (e.IsTransient && tokens.Count == 0)
            {
                // Before the server has answered, the caller decides whether to try again.
                return;
            }
        }

        Assert.Equal(await ServedModel.AloneAsync(Prompt, 150, new(0.8f, 4), ignoreEnd: true), tokens);
        await Eventually.HoldsAsync(() => server.Sessions == 0, "the sessions of both connections are gone");
    }
}
