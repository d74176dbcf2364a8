using System.Buffers;
using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;
using EdgeSdk.Server;

namespace EdgeSdk.Cli;

/// <summary>Which way bytes go through a <see cref="FaultProxy"/>.</summary>
internal enum ProxyDirection
{
    ToServer = 0,
    ToDevice = 1,
}

/// <summary>
/// A TCP proxy on loopback that behaves like a bad network: it delays each direction, cuts connections at a chosen byte or on command, or swallows
/// what it is given. Serves any number of connections; its properties may be changed at any time.
/// </summary>
/// <remarks>
/// Every chunk is stamped as it arrives and leaves one delay later, in order, so a delay adds latency and takes no bandwidth. On an idle machine it is
/// kept to about a tenth of a millisecond. Connecting is not delayed.
/// </remarks>
internal sealed class FaultProxy : IAsyncDisposable
{
    private readonly IPEndPoint _target;
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly ConcurrentDictionary<Connection, bool> _connections = new();
    private readonly Task _accepting;
    private readonly Lock _gate = new();
    private readonly long[] _bytesToCut = [long.MaxValue, long.MaxValue];
    private long _delayTicks, _swallowed;

    /// <summary>Starts a proxy in front of <paramref name="target"/> on a free port of the loopback address.</summary>
    public FaultProxy(IPEndPoint target)
    {
        _target = target;
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen();
        Address = new Uri($"http://{_listener.LocalEndPoint}");
        _accepting = AcceptAsync();
    }

    /// <summary>Where the proxy listens.</summary>
    public Uri Address { get; }

    /// <summary>One-way delay, the same for each direction.</summary>
    public TimeSpan Delay
    {
        get => Stopwatch.GetElapsedTime(0, Volatile.Read(ref _delayTicks));
        set => Volatile.Write(ref _delayTicks, (long)(value.TotalSeconds * Stopwatch.Frequency));
    }

    /// <summary>Whether bytes vanish while connections stay open, as behind a router that died.</summary>
    public bool Blackhole { get; set; }

    /// <summary>Bytes that vanished so far, both directions together.</summary>
    public long Swallowed => Volatile.Read(ref _swallowed);

    /// <summary>Connections under way.</summary>
    public int Connections => _connections.Count;

    /// <summary>Passes on <paramref name="bytes"/> more bytes in that direction, then resets the connection that carried the last of them. Once.</summary>
    public void CutAfter(ProxyDirection direction, long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        lock (_gate)
            _bytesToCut[(int)direction] = bytes;
    }

    /// <summary>Resets the connections under way.</summary>
    public void Cut()
    {
        foreach (var connection in _connections.Keys)
            connection.Reset();
    }

    public async ValueTask DisposeAsync()
    {
        _listener.Dispose();
        await _accepting.ConfigureAwait(false);
        Cut();
        await Task.WhenAll(_connections.Keys.Select(connection => connection.Serving)).ConfigureAwait(false);
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var connection = new Connection(this, await _listener.AcceptAsync().ConfigureAwait(false));
                _connections.TryAdd(connection, true);
                connection.Serving = ServeAsync(connection);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Disposed.
        }
    }

    private async Task ServeAsync(Connection connection)
    {
        await connection.RunAsync().ConfigureAwait(false);
        _connections.TryRemove(connection, out _);
    }

    /// <summary>How many of <paramref name="bytes"/> may pass before the cut.</summary>
    private int Allow(ProxyDirection direction, int bytes, out bool cut)
    {
        lock (_gate)
        {
            ref long left = ref _bytesToCut[(int)direction];
            cut = left <= bytes;
            int allowed = (int)Math.Min(left, bytes);
            left = cut || left == long.MaxValue ? long.MaxValue : left - allowed;
            return allowed;
        }
    }

    private sealed class Connection(FaultProxy proxy, Socket device) : IDisposable
    {
        private readonly Socket _server = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

        /// <summary>Completes when both ends are closed.</summary>
        public Task Serving { get; set; } = Task.CompletedTask;

        public async Task RunAsync()
        {
            try
            {
                device.NoDelay = _server.NoDelay = true;
                await _server.ConnectAsync(proxy._target).ConfigureAwait(false);
                await Task.WhenAll(
                    PassAsync(device, _server, ProxyDirection.ToServer),
                    PassAsync(_server, device, ProxyDirection.ToDevice)).ConfigureAwait(false);
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // One end broke: so does the other.
                Reset();
            }
            finally
            {
                Dispose();
            }
        }

        /// <summary>Closes both ends; what they were given still arrives.</summary>
        public void Dispose()
        {
            device.Dispose();
            _server.Dispose();
        }

        /// <summary>Closes both ends at once: each side sees a reset, and what was on its way is lost.</summary>
        public void Reset()
        {
            device.Close(timeout: 0);
            _server.Close(timeout: 0);
        }

        private async Task PassAsync(Socket from, Socket to, ProxyDirection direction)
        {
            var line = Channel.CreateBounded<Chunk>(new BoundedChannelOptions(1024) { SingleReader = true, SingleWriter = true });
            var sending = SendAsync(line.Reader, to, direction);
            try
            {
                await ReceiveAsync(from, line.Writer).ConfigureAwait(false);
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                Reset();
            }
            finally
            {
                line.Writer.TryComplete();
            }

            await sending.ConfigureAwait(false);
        }

        private static async Task ReceiveAsync(Socket from, ChannelWriter<Chunk> line)
        {
            while (true)
            {
                byte[] buffer = ArrayPool<byte>.Shared.Rent(16 * 1024);
                int count = await from.ReceiveAsync(buffer).ConfigureAwait(false);
                await line.WriteAsync(new(buffer, count, Stopwatch.GetTimestamp())).ConfigureAwait(false);
                if (count == 0)
                    return;
            }
        }

        private async Task SendAsync(ChannelReader<Chunk> line, Socket to, ProxyDirection direction)
        {
            await foreach (var chunk in line.ReadAllAsync().ConfigureAwait(false))
            {
                await PreciseTimer.Shared.WaitUntilAsync(chunk.Arrived + Volatile.Read(ref proxy._delayTicks), CancellationToken.None).ConfigureAwait(false);
                try
                {
                    await SendAsync(chunk, to, direction).ConfigureAwait(false);
                }
                catch (Exception e) when (e is SocketException or ObjectDisposedException)
                {
                    // The rest is read off, so that the receiving side never waits for room.
                    Reset();
                }

                ArrayPool<byte>.Shared.Return(chunk.Buffer);
            }
        }

        private async ValueTask SendAsync(Chunk chunk, Socket to, ProxyDirection direction)
        {
            if (proxy.Blackhole)
            {
                Interlocked.Add(ref proxy._swallowed, chunk.Count);
                return;
            }

            if (chunk.Count == 0)
            {
                to.Shutdown(SocketShutdown.Send);
                return;
            }

            int allowed = proxy.Allow(direction, chunk.Count, out bool cut);
            for (int sent = 0; sent < allowed;)
                sent += await to.SendAsync(chunk.Buffer.AsMemory(sent, allowed - sent)).ConfigureAwait(false);

            if (cut)
                Reset();
        }
    }

    /// <summary>Bytes on their way, and when they arrived; none: the sender is done.</summary>
    private readonly record struct Chunk(byte[] Buffer, int Count, long Arrived);
}
