using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using EdgeSdk.Cli;

namespace EdgeSdk.Tests.Server;

public sealed class FaultProxyTests : IAsyncDisposable
{
    private readonly TcpListener server = new(IPAddress.Loopback, 0);
    private readonly FaultProxy proxy;
    private readonly TcpClient device = new() { NoDelay = true };
    private readonly CancellationTokenSource watchdog = new(TimeSpan.FromSeconds(60));

    public FaultProxyTests()
    {
        server.Start();
        proxy = new((IPEndPoint)server.LocalEndpoint);
    }

    [Fact]
    public async Task Bytes_pass_in_order_both_ways_and_so_does_their_end()
    {
        proxy.Delay = TimeSpan.FromMilliseconds(2);
        using var accepted = await ConnectAsync();
        byte[] sent = [.. Enumerable.Range(0, 200_000).Select(i => (byte)(i * 31 / 7))];

        var sending = SendAllAsync(device, sent);
        byte[] arrived = await ReadToEndAsync(accepted);
        await SendAllAsync(accepted, arrived);

        Assert.Equal(sent, arrived);
        Assert.Equal(sent, await ReadToEndAsync(device));
        await sending;
    }

    [Fact]
    public async Task A_round_trip_takes_at_least_two_delays()
    {
        proxy.Delay = TimeSpan.FromMilliseconds(15);
        using var accepted = await ConnectAsync();
        byte[] one = [1];
        for (int i = 0; i < 3; i++)
        {
            long start = Stopwatch.GetTimestamp();
            await device.GetStream().WriteAsync(one, watchdog.Token);
            await accepted.GetStream().ReadExactlyAsync(one, watchdog.Token);
            await accepted.GetStream().WriteAsync(one, watchdog.Token);
            await device.GetStream().ReadExactlyAsync(one, watchdog.Token);
            Assert.True(Stopwatch.GetElapsedTime(start) >= 2 * proxy.Delay, $"A round trip took {Stopwatch.GetElapsedTime(start)}.");
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(4095)]
    [InlineData(4096)]
    public async Task A_connection_is_cut_at_the_byte_chosen(int bytes)
    {
        using var accepted = await ConnectAsync();
        proxy.CutAfter(ProxyDirection.ToServer, bytes);
        await device.GetStream().WriteAsync(new byte[8192], watchdog.Token);

        Assert.Equal(bytes, await CountUntilResetAsync(accepted));
        Assert.Equal(0, await CountUntilResetAsync(device));
    }

    [Fact]
    public async Task A_cut_on_command_resets_both_ends_and_lets_the_next_connection_through()
    {
        using (var accepted = await ConnectAsync())
        {
            proxy.Cut();
            Assert.Equal(0, await CountUntilResetAsync(device));
            Assert.Equal(0, await CountUntilResetAsync(accepted));
        }

        await Eventually.HoldsAsync(() => proxy.Connections == 0, "the cut connection is gone");
        using var second = new TcpClient();
        await second.ConnectAsync(IPAddress.Loopback, proxy.Address.Port, watchdog.Token);
        using var served = await server.AcceptTcpClientAsync(watchdog.Token);
        await second.GetStream().WriteAsync(new byte[] { 7 }, watchdog.Token);
        byte[] arrived = new byte[1];
        await served.GetStream().ReadExactlyAsync(arrived, watchdog.Token);
        Assert.Equal(7, arrived[0]);
    }

    [Fact]
    public async Task A_black_hole_swallows_bytes_and_keeps_the_connection()
    {
        using var accepted = await ConnectAsync();
        proxy.Blackhole = true;
        await device.GetStream().WriteAsync(new byte[] { 1, 2, 3 }, watchdog.Token);
        await accepted.GetStream().WriteAsync(new byte[] { 1, 2, 3 }, watchdog.Token);
        await Eventually.HoldsAsync(() => proxy.Swallowed == 6, "the bytes are swallowed");
        proxy.Blackhole = false;
        await device.GetStream().WriteAsync(new byte[] { 9 }, watchdog.Token);

        byte[] arrived = new byte[1];
        await accepted.GetStream().ReadExactlyAsync(arrived, watchdog.Token);

        Assert.Equal(9, arrived[0]);
    }

    public async ValueTask DisposeAsync()
    {
        await proxy.DisposeAsync();
        device.Dispose();
        server.Dispose();
        watchdog.Dispose();
    }

    private async Task<TcpClient> ConnectAsync()
    {
        await device.ConnectAsync(IPAddress.Loopback, proxy.Address.Port, watchdog.Token);
        var accepted = await server.AcceptTcpClientAsync(watchdog.Token);
        accepted.NoDelay = true;
        return accepted;
    }

    private async Task SendAllAsync(TcpClient to, byte[] bytes)
    {
        await to.GetStream().WriteAsync(bytes, watchdog.Token);
        to.Client.Shutdown(SocketShutdown.Send);
    }

    private async Task<byte[]> ReadToEndAsync(TcpClient from)
    {
        var all = new List<byte>();
        byte[] buffer = new byte[4096];
        while (await from.Client.ReceiveAsync(buffer, watchdog.Token) is > 0 and var count)
            all.AddRange(buffer.AsSpan(0, count));

        return [.. all];
    }

    private async Task<int> CountUntilResetAsync(TcpClient from)
    {
        byte[] buffer = new byte[1];
        for (int count = 0; ; count++)
        {
            try
            {
                await from.GetStream().ReadExactlyAsync(buffer, watchdog.Token);
            }
            catch (IOException e)
            {
                Assert.Equal(SocketError.ConnectionReset, Assert.IsType<SocketException>(e.InnerException).SocketErrorCode);
                return count;
            }
        }
    }
}
