namespace EdgeSdk.Server;

/// <summary>Counts the streams and the texts under way, admits no more texts than a limit, and sees all out when the server stops.</summary>
internal sealed class Sessions(int most) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _draining = new();
    private readonly CancellationTokenSource _ending = new();
    private readonly TaskCompletionSource _empty = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _streams, _texts;
    private bool _closed;

    /// <summary>Texts being decoded.</summary>
    public int Texts => Volatile.Read(ref _texts);

    /// <summary>Cancelled when no further text is admitted.</summary>
    public CancellationToken Draining => _draining.Token;

    /// <summary>Cancelled when the texts still under way must end.</summary>
    public CancellationToken Ending => _ending.Token;

    /// <summary>Held while a request is read, by so few at a time that threads are left for the texts that are being written.</summary>
    public SemaphoreSlim Reading { get; } = new(Math.Max(1, Environment.ProcessorCount / 2));

    /// <summary>A stream has begun; disposing the result says that its last byte is out.</summary>
    /// <exception cref="Grpc.Core.RpcException">The server is stopping.</exception>
    public IDisposable EnterStream()
    {
        lock (_gate)
        {
            if (_closed)
                throw Refusal.Stopping();

            _streams++;
        }

        return new Visit(LeaveStream);
    }

    /// <summary>Admits a text; disposing the result gives its place back.</summary>
    /// <exception cref="Grpc.Core.RpcException">There is no place, or the server is stopping.</exception>
    public IDisposable EnterText()
    {
        lock (_gate)
        {
            if (_closed)
                throw Refusal.Stopping();

            if (_texts >= most)
                throw Refusal.Full(most);

            _texts++;
        }

        return new Visit(LeaveText);
    }

    /// <summary>Admits nobody any more, waits until all have left, and after <paramref name="limit"/> ends the rest.</summary>
    public async Task DrainAsync(TimeSpan limit, TimeProvider time, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            _closed = true;
            if (_streams == 0)
                _empty.TrySetResult();
        }

        await _draining.CancelAsync().ConfigureAwait(false);
        try
        {
            await _empty.Task.WaitAsync(limit, time, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is TimeoutException or OperationCanceledException)
        {
            await _ending.CancelAsync().ConfigureAwait(false);
        }
    }

    public void Dispose()
    {
        _draining.Dispose();
        _ending.Dispose();
        Reading.Dispose();
    }

    private void LeaveStream()
    {
        lock (_gate)
        {
            _streams--;
            if (_streams == 0 && _closed)
                _empty.TrySetResult();
        }
    }

    private void LeaveText()
    {
        lock (_gate)
            _texts--;
    }

    private sealed class Visit(Action leave) : IDisposable
    {
        private Action? _leave = leave;

        public void Dispose() => Interlocked.Exchange(ref _leave, null)?.Invoke();
    }
}
