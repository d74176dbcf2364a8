using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using EdgeSdk.Cli;

namespace EdgeSdk.Tests.Server;

public sealed class FaultProxyTests : IAsyncDisposable
{
    private readonly TcpListener _server = new(IPAddress.Loopback, 0);
    private readonly FaultProxy _proxy;
    private readonly TcpClient _device = new() { NoDelay = true };
    private readonly CancellationTokenSource _watchdog = new(TimeSpan.FromSeconds(60));

    public FaultProxyTests()
    {
        _server.Start();
        _proxy = new((IPEndPoint)_server.LocalEndpoint);
    }

    [Fact]
    public async Task Bytes_pass_in_order_both_ways_and_so_does_their_end()
    {
        _proxy.Delay = TimeSpan.FromMilliseconds(2);
        using var accepted = await ConnectAsync();
        byte[] sent = [.. Enumerable.Range(0, 200_000).Select(i => (byte)(i * 31 / 7))];

        var sending = SendAllAsync(_device, sent);
        byte[] arrived = await ReadToEndAsync(accepted);
        await SendAllAsync(accepted, arrived);

        Assert.Equal(sent, arrived);
        Assert.Equal(sent, await ReadToEndAsync(_device));
        await sending;
    }

    [Fact]
    public async Task A_round_trip_takes_at_least_two_delays()
    {
        _proxy.Delay = TimeSpan.FromMilliseconds(15);
        using var accepted = await ConnectAsync();
        byte[] one = [1];
        for (int i = 0; i < 3; i++)
        {
            long start = Stopwatch.GetTimestamp();
            await _device.GetStream().WriteAsync(one, _watchdog.Token);
            await accepted.GetStream().ReadExactlyAsync(one, _watchdog.Token);
            await accepted.GetStream().WriteAsync(one, _watchdog.Token);
            await _device.GetStream().ReadExactlyAsync(one, _watchdog.Token);
            Assert.True(Stopwatch.GetElapsedTime(start) >= 2 * _proxy.Delay, $"A round trip took {Stopwatch.GetElapsedTime(start)}.");
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
        _proxy.CutAfter(ProxyDirection.ToServer, bytes);
        await _device.GetStream().WriteAsync(new byte[8192], _watchdog.Token);

        Assert.Equal(bytes, await CountUntilResetAsync(accepted));
        Assert.Equal(0, await CountUntilResetAsync(_device));
    }

    [Fact]
    public async Task A_cut_on_command_resets_both_ends_and_lets_the_next_connection_through()
    {
        using (var accepted = await ConnectAsync())
        {
            _proxy.Cut();
            Assert.Equal(0, await CountUntilResetAsync(_device));
            Assert.Equal(0, await CountUntilResetAsync(accepted));
        }

        await Eventually.HoldsAsync(() => _proxy.Connections == 0, "the cut connection is gone");
        using var second = new TcpClient();
        await second.ConnectAsync(IPAddress.Loopback, _proxy.Address.Port, _watchdog.Token);
        using var served = await _server.AcceptTcpClientAsync(_watchdog.Token);
        await second.GetStream().WriteAsync(new byte[] { 7 }, _watchdog.Token);
        byte[] arrived = new byte[1];
        await served.GetStream().ReadExactlyAsync(arrived, _watchdog.Token);
        Assert.Equal(7, arrived[0]);
    }

    [Fact]
    public async Task A_black_hole_swallows_bytes_and_keeps_the_connection()
    {
        using var accepted = await ConnectAsync();
        _proxy.Blackhole = true;
        await _device.GetStream().WriteAsync(new byte[] { 1, 2, 3 }, _watchdog.Token);
        await accepted.GetStream().WriteAsync(new byte[] { 1, 2, 3 }, _watchdog.Token);
        await Eventually.HoldsAsync(() => _proxy.Swallowed == 6, "the bytes are swallowed");
        _proxy.Blackhole = false;
        await _device.GetStream().WriteAsync(new byte[] { 9 }, _watchdog.Token);

        byte[] arrived = new byte[1];
        await accepted.GetStream().ReadExactlyAsync(arrived, _watchdog.Token);

        Assert.Equal(9, arrived[0]);
    }

    public async ValueTask DisposeAsync()
    {
        await _proxy.DisposeAsync();
        _device.Dispose();
        _server.Dispose();
        _watchdog.Dispose();
    }

    private async Task<TcpClient> ConnectAsync()
    {
        await _device.ConnectAsync(IPAddress.Loopback, _proxy.Address.Port, _watchdog.Token);
        var accepted = await _server.AcceptTcpClientAsync(_watchdog.Token);
        accepted.NoDelay = true;
        return accepted;
    }

    private async Task SendAllAsync(TcpClient to, byte[] bytes)
    {
        await to.GetStream().WriteAsync(bytes, _watchdog.Token);
        to.Client.Shutdown(SocketShutdown.Send);
    }

    private async Task<byte[]> ReadToEndAsync(TcpClient from)
    {
        var all = new List<byte>();
        byte[] buffer = new byte[4096];
        while (await from.Client.ReceiveAsync(buffer, _watchdog.Token) is > 0 and var count)
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
                await from.GetStream().ReadExactlyAsync(buffer, _watchdog.Token);
            }
            catch (IOException e)
            {
                Assert.Equal(SocketError.ConnectionReset, Assert.IsType<SocketException>(e.InnerException).SocketErrorCode);
                return count;
            }
        }
    }
}
