using System.Runtime.InteropServices;

namespace EdgeSdk.Benchmarks;

/// <summary>The time that a thread has computed, whatever else the machine does.</summary>
internal static partial class ThreadClock
{
    /// <summary>Seconds of this thread on a processor.</summary>
    public static double Seconds()
    {
        const int ThreadClockId = 3;
        return GetTime(ThreadClockId, out var time) == 0 ? time.Seconds + time.Nanoseconds * 1e-9 : throw new NotSupportedException("CLOCK_THREAD_CPUTIME_ID is Linux's.");
    }

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int GetTime(int clock, out Timespec time);

    private readonly struct Timespec
    {
        public readonly long Seconds;
        public readonly long Nanoseconds;
    }
}
