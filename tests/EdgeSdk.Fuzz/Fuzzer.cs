using System.Diagnostics;
using System.Security.Cryptography;

namespace EdgeSdk.Fuzz;

/// <summary>Runs a target's corpus, then mutations of it for a bounded time; inputs that take new branches join in.</summary>
internal sealed class Fuzzer(FuzzTarget target, string corpusFolder, int seed)
{
    private const int MaxLength = 1 << 16;

    /// <summary>What an input may take; the machine may be busy, so the processor's time counts.</summary>
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(2);

    private readonly Coverage coverage = new();
    private readonly List<byte[]> corpus = [];

    /// <summary>Keeps an input until it is done: what ends the process is found there.</summary>
    private readonly string lastFile = Path.Combine(Path.GetTempPath(), $"edge-fuzz-{target.Name}-{Environment.ProcessId}");

    /// <summary>Fuzzes; false after a finding, which is written beside the corpus.</summary>
    public bool Run(TimeSpan time, bool keep)
    {
        using var last = new FileStream(lastFile, FileMode.Create, FileAccess.Write, FileShare.Read, bufferSize: 0);
        string folder = Path.Combine(corpusFolder, target.Name);
        foreach (string path in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal))
        {
            byte[] input = File.ReadAllBytes(path);
            if (!Try(input, last, out _))
                return false;

            corpus.Add(input);
        }

        Console.WriteLine($"{target.Name}: {corpus.Count} inputs of the corpus are fine, {coverage.Branches} branches; mutating for {time.TotalSeconds:0} s, seed {seed}");
        bool isFine = Mutate(time, keep ? folder : null, last);
        File.Delete(lastFile);
        return isFine;
    }

    private bool Mutate(TimeSpan time, string? keepIn, FileStream last)
    {
        var random = new Random(seed);
        var mutator = new Mutator(random, target.Words, MaxLength);
        int runs = 0, added = 0;
        for (var watch = Stopwatch.StartNew(); watch.Elapsed < time; runs++)
        {
            byte[] input = mutator.Mutate(corpus[random.Next(corpus.Count)], corpus[random.Next(corpus.Count)]);
            if (!Try(input, last, out bool isNew))
                return false;
            if (!isNew)
                continue;

            corpus.Add(input);
            added++;
            if (keepIn is not null)
                File.WriteAllBytes(Path.Combine(keepIn, Name(input)), input);
        }

        Console.WriteLine($"{target.Name}: {runs} runs, no finding; {added} inputs took new branches, {coverage.Branches} in all");
        return true;
    }

    private bool Try(byte[] input, FileStream last, out bool isNew)
    {
        last.Position = 0;
        last.Write(input);
        last.SetLength(input.Length);
        coverage.Reset();
        var (watch, before) = (Stopwatch.StartNew(), Environment.CpuUsage.TotalTime);
        string? finding = null;
        try
        {
            target.Run(input);
        }
        catch (Exception e)
        {
            finding = e.ToString();
        }

        isNew = coverage.AddsAny();
        if (finding is null && watch.Elapsed > s_limit && Environment.CpuUsage.TotalTime - before is var used && used > s_limit)
            finding = $"It took {used.TotalSeconds:0.0} s of processor time; {s_limit.TotalSeconds:0} are allowed.";
        if (finding is null)
            return true;

        string path = Path.GetFullPath(Path.Combine(corpusFolder, $"finding-{target.Name}-{Name(input)}"));
        File.WriteAllBytes(path, input);
        Console.WriteLine($"{target.Name}: FINDING (seed {seed}), written to {path}; run it again with: edge-fuzz {target.Name} --input {path}\n{finding}");
        return false;
    }

    private static string Name(byte[] input) => Convert.ToHexStringLower(SHA256.HashData(input))[..16];
}
