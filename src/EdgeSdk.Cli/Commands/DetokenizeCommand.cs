using System.CommandLine;
using EdgeSdk.Text;

namespace EdgeSdk.Cli.Commands;

/// <summary><c>edge detokenize</c>: token ids to text.</summary>
internal static class DetokenizeCommand
{
    public static Command Create(Terminal terminal)
    {
        var model = SharedOptions.Model("A model folder, or one that holds a tokenizer.json alone");
        var ids = SharedOptions.Numbers("--ids", "The token ids; special tokens are kept in the text", least: 0);
        ids.Required = true;
        var command = new Command("detokenize", "Turn token ids into text.") { model, ids };
        command.SetAction(parsed =>
        {
            string folder = parsed.GetRequiredValue(model);
            var tokenizer = Tokenizer.Load(folder);
            int[] given = parsed.GetValue(ids) ?? [];
            if (given.FirstOrDefault(id => id >= tokenizer.VocabularySize) is > 0 and int beyond)
                throw new EdgeException(EdgeErrorCode.InvalidArgument, $"--ids holds {beyond}; the ids of {folder} are 0 to {tokenizer.VocabularySize - 1}.");

            string text = tokenizer.Decode(given);
            if (parsed.GetValue(SharedOptions.Json))
                terminal.Json(json => json.WriteString("text", text));
            else
                terminal.Out.WriteLine(text);
        });
        return command.WithExamples("edge detokenize --model models/device --ids 15496,995");
    }
}
