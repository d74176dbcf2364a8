using System.CommandLine;
using System.CommandLine.Invocation;
using EdgeSdk.Cli.Commands;

namespace EdgeSdk.Cli;

/// <summary><c>edge</c>: its commands, and how a run of one ends.</summary>
internal static class CommandLine
{
    /// <summary>Response files are off, so that a text may begin with an at sign; bundling too, so that it may begin with a dash.</summary>
    private static readonly ParserConfiguration s_parsing = new() { ResponseFileTokenReplacer = null, EnablePosixBundling = false };

    /// <summary>Runs one command to its exit code (<see cref="ExitCode"/>).</summary>
    public static async Task<int> RunAsync(string[] args)
    {
        using var terminal = new Terminal();
        using var signals = new Signals();
        var root = Root(terminal, signals);
        var parsed = root.Parse(args, s_parsing);
        terminal.Begin(parsed.GetValue(SharedOptions.NoColor));
        try
        {
            if (args.Length == 0)
                return ExplainUsage(root, terminal);

            if (parsed.Action is ParseErrorAction)
            {
                UsageErrors.Tell(parsed, terminal);
                return ExitCode.Usage;
            }

            return await parsed.InvokeAsync(Invocation(terminal.Out), signals.Stop).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (signals.Received is { } code)
        {
            return code;
        }
        catch (Exception e)
        {
            terminal.Fail(parsed.GetValue(SharedOptions.Verbose) ? e.ToString() : ExitCode.Message(e));
            return ExitCode.Of(e);
        }
    }

    private static int ExplainUsage(RootCommand root, Terminal terminal)
    {
        root.Parse(["--help"], s_parsing).Invoke(Invocation(terminal.Error));
        return ExitCode.Usage;
    }

    private static InvocationConfiguration Invocation(TextWriter output) => new()
    {
        Output = output,
        EnableDefaultExceptionHandler = false,
        ProcessTerminationTimeout = null, // Signals does that
    };

    private static RootCommand Root(Terminal terminal, Signals signals)
    {
        var root = new RootCommand("Small language models on the device, joined to a large one on a server by speculative decoding.")
        {
            TokenizeCommand.Create(terminal),
            DetokenizeCommand.Create(terminal),
            GenerateCommand.Create(terminal),
            ConvertCommand.Create(terminal),
            ServeCommand.Create(terminal, signals),
            AskCommand.Create(terminal),
            ChatCommand.Create(terminal),
            VerifyLosslessCommand.Create(terminal),
            BenchCommand.Create(terminal),
        };
        root.Options.Add(SharedOptions.Json);
        root.Options.Add(SharedOptions.NoColor);
        root.Options.Add(SharedOptions.Verbose);
        return root.WithExamples(
            "edge convert checkpoints/qwen3 models/device",
            "edge generate --model models/device --prompt \"Once upon a time\"",
            "edge serve models/server",
            "edge ask --device models/device --server http://127.0.0.1:5005 \"A table for two in San Jose tonight, please\"");
    }
}
