namespace EdgeSdk.Decoding;

/// <summary>
/// A clock that only moves from one event to the next, and the queue of these events: asynchronous code that waits by this clock alone runs on one thread, in
/// one order, as fast as it can be computed.
/// </summary>
internal sealed class VirtualClock : TimeProvider
{
    private readonly PriorityQueue<Action, (long At, long Order)> _events = new();
    private long _now, _order;

    /// <summary>Seconds since the clock was made.</summary>
    public double Seconds => _now / (double)TimestampFrequency;

    /// <inheritdoc/>
    public override long TimestampFrequency => 1_000_000_000;

    /// <inheritdoc/>
    public override long GetTimestamp() => _now;

    /// <inheritdoc/>
    public override DateTimeOffset GetUtcNow() => DateTimeOffset.UnixEpoch + TimeSpan.FromSeconds(Seconds);

    /// <summary>Not to be had: whoever waits in virtual time uses <see cref="Wait"/>.</summary>
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        throw new NotSupportedException("The virtual clock has no timers; wait by Wait.");

    /// <summary>Calls <paramref name="action"/> after <paramref name="seconds"/>; what is due at one time runs in the order in which it was asked for.</summary>
    public void After(double seconds, Action action) =>
        _events.Enqueue(action, (_now + (long)Math.Round(Math.Max(0, seconds) * TimestampFrequency), _order++));

    /// <summary>Completes after <paramref name="seconds"/>; its continuation runs within the event.</summary>
    public ValueTask Wait(double seconds)
    {
        if (seconds <= 0)
            return ValueTask.CompletedTask;

        var due = new TaskCompletionSource();
        After(seconds, due.SetResult);
        return new(due.Task);
    }

    /// <summary>Runs events until <paramref name="task"/> has completed; gives its result or throws its exception.</summary>
    /// <exception cref="InvalidOperationException">It waits for something that no event will bring.</exception>
    public T Run<T>(Task<T> task)
    {
        // Continuations run within the event that they wait for only where no context would take them elsewhere.
        var context = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(null);
        try
        {
            while (!task.IsCompleted)
            {
                if (!_events.TryDequeue(out var action, out var due))
                    throw new InvalidOperationException($"At {Seconds:0.000} s of virtual time nothing is left to happen, but the task still waits.");

                _now = due.At;
                action();
            }
        }
        finally
        {
            SynchronizationContext.SetSynchronizationContext(context);
        }

        return task.GetAwaiter().GetResult();
    }
}
