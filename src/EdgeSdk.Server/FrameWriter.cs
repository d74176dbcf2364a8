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
    private readonly IServerStreamWriter<ServerFrame> stream;
    private readonly TimeSpan patience;
    private readonly SemaphoreSlim turn = new(1);
    private readonly CancellationTokenSource unread;
    private readonly CancellationTokenRegistration dropping;

    /// <param name="stream">The frames' way out.</param>
    /// <param name="call">Reset where the device does not read: nothing else reaches it then.</param>
    /// <param name="patience">How long a frame may stay unread.</param>
    /// <param name="time">Measures it.</param>
    public FrameWriter(IServerStreamWriter<ServerFrame> stream, HttpContext call, TimeSpan patience, TimeProvider time)
    {
        this.stream = stream;
        this.patience = patience;
        unread = new CancellationTokenSource(Timeout.InfiniteTimeSpan, time);
        dropping = unread.Token.Register(call.Abort);
    }

    public async Task WriteAsync(ServerFrame frame, CancellationToken cancellationToken)
    {
        await turn.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            unread.CancelAfter(patience);
            await stream.WriteAsync(frame, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            unread.CancelAfter(Timeout.InfiniteTimeSpan);
            turn.Release();
        }
    }

    public void Dispose()
    {
        dropping.Dispose();
        unread.Dispose();
        turn.Dispose();
    }
}
