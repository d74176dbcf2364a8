using System.CommandLine;
using System.Text.Json;
using EdgeSdk.Text.Constraints;
using Microsoft.Extensions.AI;

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
                result.AddError($"{command.Name} takes one of --schema, --grammar and --regex.");
        });
    }

    /// <exception cref="EdgeException">InvalidArgument: which option, which file, and what is wrong with it.</exception>
    public Constraint? Read(ParseResult parsed) =>
        parsed.GetValue(_schema) is { } schema ? Compile("--schema " + schema, () => Constraint.JsonSchema(ReadFile(schema)))
        : parsed.GetValue(_grammar) is { } grammar ? Compile("--grammar " + grammar, () => Constraint.Grammar(ReadFile(grammar)))
        : parsed.GetValue(_regex) is { } regex ? Compile("--regex", () => Constraint.Regex(regex))
        : null;

    /// <summary>Asks for it in a chat.</summary>
    /// <inheritdoc cref="Read"/>
    public void Ask(ParseResult parsed, ChatOptions request, EdgeChatOptions more)
    {
        if (Read(parsed) is not { } constraint)
            return;

        if (parsed.GetValue(_schema) is not null)
            request.ResponseFormat = ChatResponseFormat.ForJsonSchema(JsonElement.Parse(constraint.Source));
        else if (parsed.GetValue(_grammar) is not null)
            more.Grammar = constraint.Source;
        else
            more.Regex = constraint.Source;
    }

    private static Constraint Compile(string option, Func<Constraint> compile)
    {
        try
        {
            return compile();
        }
        catch (EdgeException e)
        {
            throw new EdgeException(e.Code, $"{option}: {e.Message}", e.InnerException);
        }
    }

    private static string ReadFile(string file) => File.Exists(file) ? File.ReadAllText(file)
        : throw new EdgeException(EdgeErrorCode.InvalidArgument, "There is no such file. Check the path.", new FileNotFoundException());
}
