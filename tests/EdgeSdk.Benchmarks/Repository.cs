using System.Runtime.CompilerServices;

namespace EdgeSdk.Benchmarks;

/// <summary>Where the files lie that are measured with.</summary>
internal static class Repository
{
    private static readonly string Root = Find();

    /// <summary>A path under tests/data.</summary>
    public static string Data(string path) => Path.Combine(Root, "tests", "data", path);

    /// <summary>A path beside the project: EDGE_ASSETS names the folder, or <c>../shared</c>; null where it is not there.</summary>
    public static string? External(string path)
    {
        string full = Path.GetFullPath(Path.Combine(Environment.GetEnvironmentVariable("EDGE_ASSETS") ?? Path.Combine(Root, "..", "shared"), path));
        return Path.Exists(full) ? full : null;
    }

    private static string Find([CallerFilePath] string here = "") => Path.GetFullPath(Path.Combine(Path.GetDirectoryName(here)!, "..", ".."));
}
