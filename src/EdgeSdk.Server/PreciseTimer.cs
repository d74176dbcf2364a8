using System.Diagnostics;
using System.Runtime.InteropServices;

namespace EdgeSdk.Server;

/// <summary>
/// Waits that end within about a tenth of a millisecond of their time, where a runtime timer's tick is a millisecond or more. One background thread
/// serves all waits; it sleeps while none is near.
/// </summary>
internal sealed partial class PreciseTimer
{
    private static readonly long Near = Stopwatch.Frequency / 500; // 2 ms: farther than a coarse wait oversleeps
    private static readonly long Nap = Stopwatch.Frequency / 5_000; // 0.2 ms: how late a wait can be noticed that was added during a nap
    private static readonly long Spin = Stopwatch.Frequency / 12_500; // 0.08 ms: more than a nap oversleeps

    private readonly PriorityQueue<TaskCompletionSource, long> _waits = new();
    private readonly object _gate = new();

    private PreciseTimer() => new Thread(Run) { IsBackground = true, Name = "EdgeSdk precise timer", Priority = ThreadPriority.AboveNormal }.Start();

    /// <summary>The timer of this process.</summary>
    public static PreciseTimer Shared => Only.Timer;

    /// <summary>Completes when <see cref="Stopwatch.GetTimestamp"/> reaches <paramref name="timestamp"/>, or at once where it has.</summary>
    public Task WaitUntilAsync(long timestamp, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
            return Task.FromCanceled(cancellationToken);

        if (Stopwatch.GetTimestamp() >= timestamp)
            return Task.CompletedTask;

        var wait = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_gate)
        {
            if (!_waits.TryPeek(out _, out long next) || timestamp < next)
                Monitor.Pulse(_gate);

            _waits.Enqueue(wait, timestamp);
        }

        // A cancelled wait stays in the queue until its time.
        return cancellationToken.CanBeCanceled ? wait.Task.WaitAsync(cancellationToken) : wait.Task;
    }

    private void Run()
    {
        while (true)
        {
            TaskCompletionSource? due = null;
            long left;
            lock (_gate)
            {
                if (!_waits.TryPeek(out _, out long next))
                {
                    Monitor.Wait(_gate);
                    continue;
                }

                left = next - Stopwatch.GetTimestamp();
                if (left > Near)
                {
                    Monitor.Wait(_gate, TimeSpan.FromSeconds((left - Near) / (double)Stopwatch.Frequency));
                    continue;
                }

                if (left <= 0)
                    due = _waits.Dequeue();
            }

            if (due is not null)
                due.TrySetResult();
            else if (left > Spin)
                Doze(Math.Min(left - Spin, Nap));
            else
                Thread.SpinWait(20);
        }
    }

    private static void Doze(long ticks)
    {
        if (OperatingSystem.IsWindows())
        {
            // Windows has no short sleep without a timer of its own: give the processor to whoever wants it.
            Thread.Yield();
            return;
        }

        var time = new TimeSpec { Nanoseconds = (nint)(ticks * (1_000_000_000.0 / Stopwatch.Frequency)) };
        _ = NanoSleep(in time, 0);
    }

    [LibraryImport("libc", EntryPoint = "nanosleep")]
    private static partial int NanoSleep(in TimeSpec time, nint remaining);

    private struct TimeSpec
    {
        public nint Seconds;
        public nint Nanoseconds;
    }

    /// <summary>Starts the thread with the first use.</summary>
    private static class Only
    {
        public static readonly PreciseTimer Timer = new();
    }
}
