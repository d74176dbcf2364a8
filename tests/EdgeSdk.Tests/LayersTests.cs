using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace EdgeSdk.Tests;

/// <summary>Dependencies point one way: between projects, and between the folders of a project.</summary>
public partial class LayersTests
{
    private static readonly string s_source = Path.Combine(Assets.Repository, "src");

    /// <summary>What each project may refer to.</summary>
    public static TheoryData<string, string[]> Projects => new()
    {
        { "EdgeSdk.Core", [] },
        { "EdgeSdk.Protocol", [] },
        { "EdgeSdk", ["EdgeSdk.Core", "EdgeSdk.Protocol"] },
        { "EdgeSdk.Server", ["EdgeSdk"] },
        { "EdgeSdk.Modeling", ["EdgeSdk"] },
        { "EdgeSdk.Cli", ["EdgeSdk.Server", "EdgeSdk.Modeling"] },
    };

    /// <summary>The folders of a project, each using only those before it.</summary>
    public static TheoryData<string, string[]> Folders => new()
    {
        { "EdgeSdk.Core", ["Text", "Sampling", "Decoding", "Routing"] },
        { "EdgeSdk", ["Onnx", "Models", "Runtime", "Remote", "Chat"] },
    };

    [Theory]
    [MemberData(nameof(Projects))]
    public void A_project_refers_to_those_below_it_alone(string project, string[] allowed)
    {
        var references = XDocument.Load(Path.Combine(s_source, project, project + ".csproj")).Descendants("ProjectReference")
            .Select(r => Path.GetFileNameWithoutExtension(((string)r.Attribute("Include")!).Replace('\\', '/')));

        Assert.Equal(allowed, references);
    }

    [Fact]
    public void Every_project_has_its_place() =>
        Assert.Equal(Projects.Select(p => p.Data.Item1).Order(), Directory.EnumerateDirectories(s_source).Select(Path.GetFileName).Order());

    [Fact]
    public void The_core_needs_neither_native_code_nor_a_network()
    {
        var packages = XDocument.Load(Path.Combine(s_source, "EdgeSdk.Core", "EdgeSdk.Core.csproj")).Descendants("PackageReference");

        Assert.Equal(["System.Numerics.Tensors"], packages.Select(p => (string)p.Attribute("Include")!));
        Assert.DoesNotContain(SourcesOf("EdgeSdk.Core"), file => Native().IsMatch(File.ReadAllText(file)));
    }

    [Theory]
    [MemberData(nameof(Folders))]
    public void A_folder_uses_only_those_before_it(string project, string[] order)
    {
        var wrong = new List<string>();
        foreach (string file in SourcesOf(project))
        {
            string folder = Path.GetRelativePath(Path.Combine(s_source, project), file).Split(Path.DirectorySeparatorChar)[0];
            int own = Array.IndexOf(order, folder);
            if (own < 0)
                continue; // the project's face uses every folder

            wrong.AddRange(order.Skip(own + 1).Where(later => Uses(File.ReadAllText(file), later)).Select(later => $"{file} uses {later}"));
        }

        Assert.Empty(wrong);
    }

    [Theory]
    [MemberData(nameof(Folders))]
    public void Every_folder_has_its_place(string project, string[] order)
    {
        var folders = SourcesOf(project).Select(f => Path.GetRelativePath(Path.Combine(s_source, project), f).Split(Path.DirectorySeparatorChar))
            .Where(parts => parts.Length > 1).Select(parts => parts[0]).Distinct();

        Assert.Empty(folders.Except(order));
    }

    private static bool Uses(string source, string folder) =>
        Regex.IsMatch(source, $@"(?<![\w.""])(using\s+|EdgeSdk\.){folder}\s*[.;]|using\s+EdgeSdk\.{folder}\s*[.;]");

    private static IEnumerable<string> SourcesOf(string project)
    {
        char separator = Path.DirectorySeparatorChar;
        return Directory.EnumerateFiles(Path.Combine(s_source, project), "*.cs", SearchOption.AllDirectories)
            .Where(file => !file.Contains($"{separator}obj{separator}", StringComparison.Ordinal) && !file.Contains($"{separator}bin{separator}", StringComparison.Ordinal));
    }

    [GeneratedRegex(@"\b(DllImport|LibraryImport|System\.Net\.|Socket|HttpClient)\b")]
    private static partial Regex Native();
}
