using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Text.RegularExpressions;

namespace EdgeSdk.ProcessTests;

public partial class ReadmeTests
{
    [Fact]
    public async Task The_program_in_the_README_compiles_and_runs()
    {
        string repository = Path.GetFullPath(Path.Combine(Path.GetDirectoryName(ThisFile())!, "..", ".."));
        string model = Path.Combine(repository, "samples", "models", "device");
        Assert.SkipUnless(File.Exists(Path.Combine(model, "edge.json")), "the shipped pair is not in this clone");
        string readme = await File.ReadAllTextAsync(Path.Combine(repository, "README.md"), TestContext.Current.CancellationToken);
        string program = FirstProgram().Match(readme).Groups[1].Value;
        string folder = Directory.CreateTempSubdirectory("edge-readme-").FullName;
        try
        {
            await File.WriteAllTextAsync(Path.Combine(folder, "Program.cs"), program, TestContext.Current.CancellationToken);
            await File.WriteAllTextAsync(Path.Combine(folder, "Readme.csproj"), $"""
                <Project Sdk="Microsoft.NET.Sdk">
                  <PropertyGroup>
                    <OutputType>Exe</OutputType>
                    <TargetFramework>net10.0</TargetFramework>
                    <ImplicitUsings>enable</ImplicitUsings>
                    <Nullable>enable</Nullable>
                    <InvariantGlobalization>true</InvariantGlobalization>
                  </PropertyGroup>
                  <ItemGroup>
                    <ProjectReference Include="{Path.Combine(repository, "src", "EdgeSdk", "EdgeSdk.csproj")}" />
                  </ItemGroup>
                </Project>
                """, TestContext.Current.CancellationToken);

            (int exit, string output) = await RunAsync("dotnet", ["run", "-c", "Release", "--project", folder], repository);

            Assert.True(exit == 0, output);
            Assert.Matches(@"\[(Device): .+\]", output);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<(int Exit, string Output)> RunAsync(string program, string[] arguments, string folder)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = folder };
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        var error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, await output + await error);
    }

    private static string ThisFile([CallerFilePath] string file = "") => file;

    [GeneratedRegex("```csharp\n(using EdgeSdk;.*?)```", RegexOptions.Singleline)]
    private static partial Regex FirstProgram();
}
