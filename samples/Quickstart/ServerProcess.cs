using System.Diagnostics;
using System.Text.Json;
using EdgeSdk;

namespace Quickstart;

/// <summary>A server of its own for this run: <c>edge serve</c> on a free port of this machine, ended with it.</summary>
internal sealed class ServerProcess : IAsyncDisposable
{
    private readonly Process _process;

    private ServerProcess(Process process, Uri address) => (_process, Address) = (process, address);

    public Uri Address { get; }

    public static async Task<ServerProcess> StartAsync(string? edge, string model, CancellationToken cancellationToken, int stepMs = 0)
    {
        string program = edge ?? Repository.Edge();
        var start = new ProcessStartInfo(program.EndsWith(".dll", StringComparison.Ordinal) ? "dotnet" : program) { RedirectStandardOutput = true };
        string[] serve = ["serve", model, "--urls", "http://127.0.0.1:0", "--step-ms", $"{stepMs}", "--json"];
        foreach (string argument in start.FileName == "dotnet" ? [program, .. serve] : serve)
            start.ArgumentList.Add(argument);

        var process = Process.Start(start) ?? throw new EdgeException(EdgeErrorCode.Unavailable, $"{program} does not start.");
        string? line = await process.StandardOutput.ReadLineAsync(cancellationToken);
        if (line is null)
        {
            await process.WaitForExitAsync(cancellationToken);
            throw new EdgeException(EdgeErrorCode.Unavailable, $"The server ended with exit code {process.ExitCode} before it was ready.");
        }

        using var ready = JsonDocument.Parse(line);
        return new ServerProcess(process, new Uri(ready.RootElement.GetProperty("url").GetString()!));
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync();
        }

        _process.Dispose();
    }
}

/// <summary>Where this sample's files lie, seen from its own build output.</summary>
internal static class Repository
{
    public static string Samples() => Path.Combine(Root(), "samples");

    /// <summary>The command line built along with this sample, of the same configuration.</summary>
    public static string Edge()
    {
        string configuration = Path.GetFileName(Path.GetDirectoryName(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar))!);
        return Path.Combine(Root(), "src", "EdgeSdk.Cli", "bin", configuration, "net10.0", "edge.dll");
    }

    private static string Root()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "EdgeSdk.sln")))
                return folder.FullName;
        }

        throw new EdgeException(EdgeErrorCode.InvalidArgument, $"{AppContext.BaseDirectory} lies in no clone of EdgeSdk: run the sample from one.");
    }
}
