using System.CommandLine;

namespace EdgeSdk.Cli;

/// <summary>Says what is wrong with a command line, and what may have been meant.</summary>
internal static class UsageErrors
{
    /// <summary>Edits between what was written and a name that may have been meant.</summary>
    private const int MostEdits = 2;

    /// <summary>Writes a line for each error of <paramref name="parsed"/>, and where to read on.</summary>
    public static void Tell(ParseResult parsed, Terminal terminal)
    {
        var command = parsed.CommandResult.Command;
        bool isUnknown = parsed.UnmatchedTokens.Count > 0;
        foreach (string token in parsed.UnmatchedTokens)
        {
            string meant = Meant(token, command) is { } name ? $" Did you mean '{name}'?" : "";
            terminal.Fail($"'{token}' is no {(command.Subcommands.Count > 0 ? "command" : "option or argument")} of {Path(command)}.{meant}");
        }

        // Beside an unknown word the parser misses what that word was meant to be.
        foreach (var error in parsed.Errors.Where(_ => !isUnknown))
            terminal.Fail(error.Message);

        terminal.Note($"See {Path(command)} --help.");
    }

    private static string Path(Command command) => command is RootCommand ? "edge" : $"edge {command.Name}";

    private static string? Meant(string token, Command command) => command.Subcommands.Select(c => c.Name)
        .Concat(command.Options.Select(o => o.Name))
        .Select(name => (name, edits: Edits(token, name)))
        .Where(candidate => candidate.edits <= MostEdits)
        .OrderBy(candidate => candidate.edits)
        .Select(candidate => candidate.name)
        .FirstOrDefault();

    /// <summary>Levenshtein's distance.</summary>
    private static int Edits(string from, string to)
    {
        int[] row = [.. Enumerable.Range(0, to.Length + 1)];
        for (int i = 1; i <= from.Length; i++)
        {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= to.Length; j++)
            {
                int replaced = diagonal + (from[i - 1] == to[j - 1] ? 0 : 1);
                diagonal = row[j];
                row[j] = Math.Min(replaced, Math.Min(row[j - 1], diagonal) + 1);
            }
        }

        return row[^1];
    }
}
