namespace EdgeSdk.Server;

/// <summary>Counts the texts under way, admits no more than a limit, and sees them out when the server stops.</summary>
internal sealed class Sessions(int most) : IDisposable
{
    private readonly Lock gate = new();
    private readonly CancellationTokenSource ending = new();
    private readonly TaskCompletionSource empty = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int count;
    private bool draining;

    public int Count => Volatile.Read(ref count);

    /// <summary>Cancelled when the streams still under way must end.</summary>
    public CancellationToken Ending => ending.Token;

    /// <summary>Admits a text; disposing the result gives its place back.</summary>
    /// <exception cref="Grpc.Core.RpcException">There is no place, or the server is stopping.</exception>
    public IDisposable Enter()
    {
        lock (gate)
        {
            if (draining)
                throw Refusal.Stopping();

            if (count >= most)
                throw Refusal.Full(most);

            count++;
        }

        return new Admission(this);
    }

    /// <summary>Admits nobody any more, waits until all have left, and after <paramref name="limit"/> ends the rest.</summary>
    public async Task DrainAsync(TimeSpan limit, TimeProvider time, CancellationToken cancellationToken)
    {
        lock (gate)
        {
            draining = true;
            if (count == 0)
                empty.TrySetResult();
        }

        try
        {
            await empty.Task.WaitAsync(limit, time, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is TimeoutException or OperationCanceledException)
        {
            await ending.CancelAsync().ConfigureAwait(false);
        }
    }

    public void Dispose() => ending.Dispose();

    private void Leave()
    {
        lock (gate)
        {
            count--;
            if (draining && count == 0)
                empty.TrySetResult();
        }
    }

    private sealed class Admission(Sessions sessions) : IDisposable
    {
        private Sessions? sessions = sessions;

        public void Dispose() => Interlocked.Exchange(ref sessions, null)?.Leave();
    }
}
