namespace EdgeSdk.Tests.Server;

internal static class Eventually
{
    /// <summary>Waits for a condition that other threads bring about; fails after a while that no machine needs.</summary>
    public static async Task HoldsAsync(Func<bool> condition, string what)
    {
        using var watchdog = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (!condition())
        {
            if (watchdog.IsCancellationRequested)
                Assert.Fail($"Not within a minute: {what}");

            await Task.Delay(2);
        }
    }
}
