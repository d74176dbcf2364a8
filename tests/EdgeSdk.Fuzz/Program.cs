using System.Globalization;
using EdgeSdk.Fuzz;

// edge-fuzz TARGET|all [--seconds 20] [--seed 1] [--corpus FOLDER] [--keep]   runs the corpus and mutations of it, in this process
// edge-fuzz TARGET --input FILE                                             runs one input
// edge-fuzz TARGET --afl                                                    reads inputs as afl-fuzz gives them (SharpFuzz's documentation)
var options = args.Skip(1).Where(arg => arg.StartsWith("--", StringComparison.Ordinal)).ToHashSet();
var targets = FuzzTarget.All.Where(target => args is ["all", ..] || args is [var name, ..] && name == target.Name).ToList();
if (targets.Count == 0 || (targets.Count > 1 && (options.Contains("--input") || options.Contains("--afl"))))
{
    Console.Error.WriteLine($"usage: edge-fuzz {string.Join('|', FuzzTarget.All.Select(target => target.Name))}|all [--seconds N] [--seed N] [--corpus FOLDER] [--keep] [--input FILE] [--afl]");
    return 2;
}

if (options.Contains("--afl"))
{
    SharpFuzz.Fuzzer.OutOfProcess.Run(stream =>
    {
        using var input = new MemoryStream();
        stream.CopyTo(input);
        targets[0].Run(input.ToArray());
    });
    return 0;
}

if (Value("--input") is { } file)
{
    _ = new Coverage(); // an instrumented assembly writes branches down, whether they are asked for or not
    targets[0].Run(File.ReadAllBytes(file));
    return 0;
}

var time = TimeSpan.FromSeconds(double.Parse(Value("--seconds") ?? "20", CultureInfo.InvariantCulture));
int seed = Value("--seed") is { } given ? int.Parse(given, CultureInfo.InvariantCulture) : 1;
string corpus = Value("--corpus") ?? "corpus";
bool areFine = true;
foreach (var target in targets)
    areFine &= new Fuzzer(target, corpus, seed).Run(time, options.Contains("--keep"));

return areFine ? 0 : 1;

string? Value(string option) => Array.IndexOf(args, option) is >= 0 and var at && at + 1 < args.Length ? args[at + 1] : null;
