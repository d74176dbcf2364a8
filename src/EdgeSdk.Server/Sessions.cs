namespace EdgeSdk.Server;

/// <summary>Counts the streams and the texts under way, admits no more texts than a limit, and sees all out when the server stops.</summary>
internal sealed class Sessions(int most) : IDisposable
{
    private readonly Lock gate = new();
    private readonly CancellationTokenSource draining = new();
    private readonly CancellationTokenSource ending = new();
    private readonly TaskCompletionSource empty = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int streams, texts;
    private bool closed;

    /// <summary>Texts being decoded.</summary>
    public int Texts => Volatile.Read(ref texts);

    /// <summary>Cancelled when no further text is admitted.</summary>
    public CancellationToken Draining => draining.Token;

    /// <summary>Cancelled when the texts still under way must end.</summary>
    public CancellationToken Ending => ending.Token;

    /// <summary>A stream has begun; disposing the result says that its last byte is out.</summary>
    /// <exception cref="Grpc.Core.RpcException">The server is stopping.</exception>
    public IDisposable EnterStream()
    {
        lock (gate)
        {
            if (closed)
                throw Refusal.Stopping();

            streams++;
        }

        return new Visit(LeaveStream);
    }

    /// <summary>Admits a text; disposing the result gives its place back.</summary>
    /// <exception cref="Grpc.Core.RpcException">There is no place, or the server is stopping.</exception>
    public IDisposable EnterText()
    {
        lock (gate)
        {
            if (closed)
                throw Refusal.Stopping();

            if (texts >= most)
                throw Refusal.Full(most);

            texts++;
        }

        return new Visit(LeaveText);
    }

    /// <summary>Admits nobody any more, waits until all have left, and after <paramref name="limit"/> ends the rest.</summary>
    public async Task DrainAsync(TimeSpan limit, TimeProvider time, CancellationToken cancellationToken)
    {
        lock (gate)
        {
            closed = true;
            if (streams == 0)
                empty.TrySetResult();
        }

        await draining.CancelAsync().ConfigureAwait(false);
        try
        {
            await empty.Task.WaitAsync(limit, time, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is TimeoutException or OperationCanceledException)
        {
            await ending.CancelAsync().ConfigureAwait(false);
        }
    }

    public void Dispose()
    {
        draining.Dispose();
        ending.Dispose();
    }

    private void LeaveStream()
    {
        lock (gate)
        {
            streams--;
            if (streams == 0 && closed)
                empty.TrySetResult();
        }
    }

    private void LeaveText()
    {
        lock (gate)
            texts--;
    }

    private sealed class Visit(Action leave) : IDisposable
    {
        private Action? leave = leave;

        public void Dispose() => Interlocked.Exchange(ref leave, null)?.Invoke();
    }
}
