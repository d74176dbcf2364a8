using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;

namespace EdgeSdk.ProcessTests;

/// <summary>The command line as its users run it: a process. EDGE_BINARY names a published one; else the build's own is taken.</summary>
internal sealed partial class Edge : IAsyncDisposable
{
    /// <summary>A question of whose answer the shipped device is not sure.</summary>
    public const string HardQuestion = "I want to find a restaurant in San Jose";

    private readonly Process _process;
    private readonly Task<string> _errors;

    private Edge(Process process)
    {
        _process = process;
        _errors = process.StandardError.ReadToEndAsync(Cancellation);
    }

    /// <summary>The repository's root.</summary>
    public static string Repository { get; } = FindRepository();

    /// <summary>The shipped pair's device.</summary>
    public static string Device => Path.Combine(Repository, "samples", "models", "device");

    /// <summary>The shipped pair's server.</summary>
    public static string Server => Path.Combine(Repository, "samples", "models", "server");

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>The folder of this build's configuration, such as bin/Release.</summary>
    private static DirectoryInfo Configuration { get; } = new DirectoryInfo(AppContext.BaseDirectory).Parent!;

    private static string Binary { get; } = Environment.GetEnvironmentVariable("EDGE_BINARY") is { Length: > 0 } published
        ? Path.GetFullPath(published, FindRepository())
        : Path.Combine(FindRepository(), "src", "EdgeSdk.Cli", "bin", Configuration.Name, "net10.0", OperatingSystem.IsWindows() ? "edge.exe" : "edge");

    /// <summary>A path under tests/data.</summary>
    public static string Data(string path) => Path.Combine(Repository, "tests", "data", path);

    /// <summary>A path beside the project; skips the test where it is not on this machine.</summary>
    public static string External(string path)
    {
        string root = Environment.GetEnvironmentVariable("EDGE_ASSETS") ?? Path.Combine(Repository, "..", "shared");
        string full = Path.GetFullPath(Path.Combine(root, path));
        Assert.SkipUnless(Path.Exists(full), $"{path} is not on this machine; set EDGE_ASSETS to the folder that holds it (looked at {full}).");
        return full;
    }

    /// <summary>Runs a command to its end.</summary>
    public static Task<Ended> RunAsync(params string[] arguments) => RunWithInputAsync("", arguments);

    /// <summary>The same with text on its standard input.</summary>
    public static Task<Ended> RunWithInputAsync(string input, params string[] arguments) => RunWithInputAsync(Encoding.UTF8.GetBytes(input), arguments);

    /// <summary>The same with bytes, which need not be a text.</summary>
    public static async Task<Ended> RunWithInputAsync(byte[] input, params string[] arguments)
    {
        await using var edge = Start(arguments);
        await edge._process.StandardInput.BaseStream.WriteAsync(input);
        edge._process.StandardInput.Close();
        return await edge.EndAsync();
    }

    /// <summary>Starts a command and leaves it running.</summary>
    public static Edge Start(params string[] arguments) => StartProgram(Binary, arguments);

    private static Edge StartProgram(string program, string[] arguments, params ReadOnlySpan<(string Name, string Value)> environment)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Repository,
        };
        start.Environment["NO_COLOR"] = "1";
        foreach (var (name, value) in environment)
            start.Environment[name] = value;

        return new(Process.Start(start)!);
    }

    /// <summary>Starts a server and waits until it is ready.</summary>
    public static Task<(Edge Process, string Url)> ServeAsync(string folder, params string[] more) =>
        ReadyAsync(Start(["serve", folder, "--json", .. more.Contains("--urls") ? more : [.. more, "--urls", "http://127.0.0.1:0"]]));

    /// <summary>The same with a collector that lets no garbage lie: what the process holds is what it needs.</summary>
    public static Task<(Edge Process, string Url)> ServeFrugallyAsync(string folder) =>
        ReadyAsync(StartProgram(Binary, ["serve", folder, "--json", "--urls", "http://127.0.0.1:0"], ("DOTNET_GCgen0size", "400000"), ("DOTNET_gcConcurrent", "0"), ("DOTNET_GCConserveMemory", "9")));

    private static async Task<(Edge Process, string Url)> ReadyAsync(Edge edge)
    {
        if (await edge.ReadLineAsync() is not { } line)
        {
            Assert.Fail("edge serve ended before it was ready: " + await edge._errors);
            return default;
        }

        using var ready = JsonDocument.Parse(line);
        Assert.True(ready.RootElement.GetProperty("ready").GetBoolean());
        return (edge, ready.RootElement.GetProperty("url").GetString()!);
    }

    /// <summary>The next line of standard output; null at its end.</summary>
    public async Task<string?> ReadLineAsync() => await _process.StandardOutput.ReadLineAsync(Cancellation);

    /// <summary>Sends a signal.</summary>
    public void Signal(Signal signal)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows has no signals.");
        Assert.SkipWhen(
            signal == ProcessTests.Signal.Interrupt && InterruptsAreIgnored,
            "These tests were started where the interrupt is ignored (behind nohup, or by & in a script), and what they start inherits that.");
        Assert.Equal(0, Kill(_process.Id, (int)signal));
    }

    /// <summary>Waits for the end.</summary>
    public async Task<Ended> EndAsync()
    {
        string output = await _process.StandardOutput.ReadToEndAsync(Cancellation), errors = await _errors;
        await _process.WaitForExitAsync(Cancellation);
        return new(_process.ExitCode, output, errors);
    }

    /// <summary>Plays the Quickstart with the command as its server.</summary>
    public static Task<Ended> QuickstartAsync(params string[] arguments) => SampleAsync("Quickstart", arguments);

    /// <summary>Runs a sample with the command as its server.</summary>
    public static async Task<Ended> SampleAsync(string name, params string[] arguments)
    {
        string sample = Path.Combine(Repository, "samples", name, "bin", Configuration.Name, "net10.0", name + ".dll");
        await using var running = StartProgram("dotnet", [sample, .. arguments, "--edge", Binary]);
        return await running.EndAsync();
    }

    /// <summary>What is on standard output by now, or the first of it that comes; empty at its end.</summary>
    public async Task<string> ReadAsync()
    {
        var characters = new char[4096];
        return new string(characters, 0, await _process.StandardOutput.ReadAsync(characters, Cancellation));
    }

    /// <summary>What it has computed.</summary>
    public TimeSpan ProcessorTime
    {
        get
        {
            _process.Refresh();
            return _process.TotalProcessorTime;
        }
    }

    /// <summary>Bytes of memory that it has now, and had at most since <see cref="ForgetPeak"/>.</summary>
    public (long Now, long Peak) Memory
    {
        get
        {
            Assert.SkipUnless(OperatingSystem.IsLinux(), "/proc says what a process holds on Linux alone.");
            string[] status = File.ReadAllLines(string.Create(CultureInfo.InvariantCulture, $"/proc/{_process.Id}/status"));
            long Kilobytes(string name) => long.Parse(status.First(line => line.StartsWith(name, StringComparison.Ordinal))[name.Length..].TrimEnd('k', 'B', ' '), CultureInfo.InvariantCulture);
            return (Kilobytes("VmRSS:") << 10, Kilobytes("VmHWM:") << 10);
        }
    }

    /// <summary>The peak of its memory begins anew.</summary>
    public void ForgetPeak() => File.WriteAllText(string.Create(CultureInfo.InvariantCulture, $"/proc/{_process.Id}/clear_refs"), "5");

    /// <summary>Waits until every thread has taken the signal to stop.</summary>
    public async Task StandsStillAsync()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "/proc says what a process does on Linux alone.");
        string tasks = string.Create(CultureInfo.InvariantCulture, $"/proc/{_process.Id}/task");
        while (!Directory.EnumerateDirectories(tasks).All(task => File.ReadAllText(Path.Combine(task, "stat")).Split(") ")[^1][0] == 'T'))
        {
            Cancellation.ThrowIfCancellationRequested();
            await Task.Yield();
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync(CancellationToken.None);
        }

        _process.Dispose();
    }

    private static bool InterruptsAreIgnored { get; } = OperatingSystem.IsLinux() && File.ReadLines("/proc/self/status")
        .Where(line => line.StartsWith("SigIgn:", StringComparison.Ordinal))
        .Any(line => (Convert.ToUInt64(line["SigIgn:".Length..].Trim(), 16) >> ((int)ProcessTests.Signal.Interrupt - 1) & 1) != 0);

    private static string FindRepository([CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", ".."));

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int process, int signal);
}

/// <summary>Linux's and macOS's numbers differ from 17 on; these are below, but for stop and go on, which only Linux tests use.</summary>
internal enum Signal
{
    Interrupt = 2,
    Kill = 9,
    Terminate = 15,
    Continue = 18,
    Stop = 19,
}

/// <summary>How a command ended.</summary>
internal sealed record Ended(int Exit, string Output, string Errors)
{
    /// <summary>The one object on standard output.</summary>
    public JsonElement Json
    {
        get
        {
            Assert.True(Exit == 0, $"exit code {Exit}: {Errors}");
            using var json = JsonDocument.Parse(Output);
            return json.RootElement.Clone();
        }
    }

    /// <summary>Holds that it failed with <paramref name="exit"/>, said each of <paramref name="words"/>, and showed nobody a stack trace.</summary>
    public void Failed(int exit, params string[] words)
    {
        Assert.True(exit == Exit, $"exit code {Exit}: {Errors}");
        Assert.Empty(Output);
        Assert.All(words, word => Assert.Contains(word, Errors, StringComparison.OrdinalIgnoreCase));
        Assert.DoesNotContain("   at ", Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("Exception", Errors, StringComparison.Ordinal);
    }
}

/// <summary>A folder that goes with the test.</summary>
internal sealed class Scratch : IDisposable
{
    public string Folder { get; } = Directory.CreateTempSubdirectory("edge-process-").FullName;

    public string this[string name] => Path.Combine(Folder, name);

    /// <summary>A copy of a model folder, to be spoilt.</summary>
    public string Copy(string folder, string name = "model")
    {
        Directory.CreateDirectory(this[name]);
        foreach (string file in Directory.EnumerateFiles(folder))
            File.Copy(file, Path.Combine(this[name], Path.GetFileName(file)));

        return this[name];
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);
}
