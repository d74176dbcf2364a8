using System.Globalization;

namespace EdgeSdk.ProcessTests;

/// <summary>What is seen of a command that runs, and the sample that runs one.</summary>
internal sealed partial class Edge
{
    /// <summary>A question of whose answer the shipped device is not sure.</summary>
    public const string HardQuestion = "I want to find a restaurant in San Jose";

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
}
