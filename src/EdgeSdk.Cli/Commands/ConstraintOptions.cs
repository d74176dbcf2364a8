using System.CommandLine;
using EdgeSdk.Text.Constraints;

namespace EdgeSdk.Cli.Commands;

/// <summary>What the text must look like: at most one of a JSON schema, a grammar and a regular expression.</summary>
internal sealed class ConstraintOptions
{
    private readonly Option<string?> _schema = new("--schema") { Description = "A JSON schema that the text must fit", HelpName = "FILE" };
    private readonly Option<string?> _grammar = new("--grammar") { Description = "A grammar in llama.cpp's notation that the text must fit", HelpName = "FILE" };
    private readonly Option<string?> _regex = new("--regex") { Description = "A regular expression that the whole text must match", HelpName = "TEXT" };

    public void AddTo(Command command)
    {
        command.Options.Add(_schema);
        command.Options.Add(_grammar);
        command.Options.Add(_regex);
        command.Validators.Add(result =>
        {
            if (new Option[] { _schema, _grammar, _regex }.Count(option => result.GetResult(option) is not null) > 1)
            {
                result.AddError($"{command.Name} takes one of --schema, --grammar and --regex.");
            }
        });
    }

    public Constraint? Read(ParseResult parsed) =>
        parsed.GetValue(_schema) is { } schema ? Constraint.JsonSchema(ReadFile("--schema", schema))
        : parsed.GetValue(_grammar) is { } grammar ? Constraint.Grammar(ReadFile("--grammar", grammar))
        : parsed.GetValue(_regex) is { } regex ? Constraint.Regex(regex)
        : null;

    private static string ReadFile(string option, string file) => File.Exists(file) ? File.ReadAllText(file)
        : throw new EdgeException(EdgeErrorCode.InvalidArgument, $"{option}: there is no file {file}. Give a file's path.");
}
