using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace EdgeSdk.Cli;

/// <summary>
/// A model folder served by <c>edge serve</c> in a process of its own, on a free port of this machine: the device then shares with it what a machine shares
/// (processors, memory) and nothing else, neither thread pool nor garbage collector.
/// </summary>
internal sealed class ServerProcess : IAsyncDisposable
{
    private readonly Process _process;

    private ServerProcess(Process process, Uri address) => (_process, Address) = (process, address);

    /// <summary>Where it listens.</summary>
    public Uri Address { get; }

    /// <summary>Starts it and waits until it is ready.</summary>
    /// <param name="folder">A model folder.</param>
    /// <param name="step">Every pass takes at least this long, in whole milliseconds.</param>
    /// <param name="threads">Threads of a pass; 0: one for each processor.</param>
    /// <param name="cancellationToken">Ends the wait, and the process.</param>
    /// <exception cref="EdgeException">Unavailable: it ended before it was ready; it has said why on standard error.</exception>
    public static async Task<ServerProcess> StartAsync(string folder, TimeSpan step, int threads, CancellationToken cancellationToken)
    {
        var process = Process.Start(Command(folder, step, threads))!;
        try
        {
            string line = await process.StandardOutput.ReadLineAsync(cancellationToken).ConfigureAwait(false)
                ?? throw new EdgeException(EdgeErrorCode.Unavailable, $"edge serve {folder} ended before it was ready; see its message above.");
            using var ready = JsonDocument.Parse(line);
            return new(process, new Uri(ready.RootElement.GetProperty("url").GetString()!));
        }
        catch
        {
            await EndAsync(process).ConfigureAwait(false);
            throw;
        }
    }

    public async ValueTask DisposeAsync() => await EndAsync(_process).ConfigureAwait(false);

    private static ProcessStartInfo Command(string folder, TimeSpan step, int threads)
    {
        string program = Environment.ProcessPath!;
        var command = new ProcessStartInfo(program) { RedirectStandardOutput = true };

        // Not published, this program is an assembly that `dotnet` runs.
        if (Path.GetFileNameWithoutExtension(program) == "dotnet")
            command.ArgumentList.Add(Environment.GetCommandLineArgs()[0]);

        string milliseconds = step.TotalMilliseconds.ToString(CultureInfo.InvariantCulture);
        foreach (string argument in (ReadOnlySpan<string>)["serve", folder, "--urls", "http://127.0.0.1:0", "--json", "--step-ms", milliseconds, "--threads", $"{threads}"])
            command.ArgumentList.Add(argument);

        return command;
    }

    private static async Task EndAsync(Process process)
    {
        if (!process.HasExited)
            process.Kill();

        await process.WaitForExitAsync(CancellationToken.None).ConfigureAwait(false);
        process.Dispose();
    }
}
