using EdgeSdk.Protocol;
using Grpc.Core;
using Microsoft.AspNetCore.Http;

namespace EdgeSdk.Server;

/// <summary>
/// Sends the frames of one stream, one after another whoever sends them. A write waits while the device does not read; one that does not read at all is
/// dropped after a while.
/// </summary>
internal sealed class FrameWriter : IDisposable
{
    private readonly IServerStreamWriter<ServerFrame> _stream;
    private readonly TimeSpan _patience;
    private readonly SemaphoreSlim _turn = new(1);
    private readonly CancellationTokenSource _unread;
    private readonly CancellationTokenRegistration _dropping;

    /// <param name="stream">The frames' way out.</param>
    /// <param name="call">Reset where the device does not read: nothing else reaches it then.</param>
    /// <param name="patience">How long a frame may stay unread.</param>
    /// <param name="time">Measures it.</param>
    public FrameWriter(IServerStreamWriter<ServerFrame> stream, HttpContext call, TimeSpan patience, TimeProvider time)
    {
        _stream = stream;
        _patience = patience;
        _unread = new CancellationTokenSource(Timeout.InfiniteTimeSpan, time);
        _dropping = _unread.Token.Register(call.Abort);
    }

    public async Task WriteAsync(ServerFrame frame, CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            _unread.CancelAfter(_patience);
            await _stream.WriteAsync(frame, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _unread.CancelAfter(Timeout.InfiniteTimeSpan);
            _turn.Release();
        }
    }

    public void Dispose()
    {
        _dropping.Dispose();
        _unread.Dispose();
        _turn.Dispose();
    }
}
