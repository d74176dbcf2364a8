using System.Runtime.CompilerServices;

namespace EdgeSdk.Tests;

/// <summary>Where test data lies: what the repository holds, and what only some machines have.</summary>
internal static class Assets
{
    /// <summary>The repository's root.</summary>
    public static string Repository { get; } = FindRepository();

    /// <summary>A path under tests/data.</summary>
    public static string Data(string path) => Path.Combine(Repository, "tests", "data", path);

    /// <summary>
    /// A path beside the project: real models and data of third parties, too large for the repository. EDGE_ASSETS names their folder; without it
    /// <c>../shared</c> is taken where it exists. A test that asks for what is missing is skipped with that reason.
    /// </summary>
    public static string External(string path)
    {
        var root = Environment.GetEnvironmentVariable("EDGE_ASSETS") ?? Path.Combine(Repository, "..", "shared");
        var full = Path.GetFullPath(Path.Combine(root, path));
        Assert.SkipUnless(Path.Exists(full), $"{path} is not on this machine; set EDGE_ASSETS to the folder that holds it (looked at {full}).");
        return full;
    }

    private static string FindRepository([CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", ".."));
}
