using System.CommandLine;
using EdgeSdk.Text;

namespace EdgeSdk.Cli.Commands;

/// <summary><c>edge tokenize</c>: text to token ids.</summary>
internal static class TokenizeCommand
{
    public static Command Create(Terminal terminal)
    {
        var model = SharedOptions.Model("A model folder, or one that holds a tokenizer.json alone");
        var plain = new Option<bool>("--no-special") { Description = "Leave out what the tokenizer puts around a text, such as a token for its beginning" };
        var text = new Argument<string>("TEXT") { Description = "The text; - reads standard input, as does none", DefaultValueFactory = _ => "-" };
        var command = new Command("tokenize", "Turn text into token ids.") { model, plain, text };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var tokenizer = Tokenizer.Load(parsed.GetRequiredValue(model));
            string given = parsed.GetRequiredValue(text);
            string source = given == "-" ? await Terminal.ReadAllAsync(cancellationToken).ConfigureAwait(false) : given;
            int[] ids = tokenizer.Encode(source, addSpecialTokens: !parsed.GetValue(plain));
            if (parsed.GetValue(SharedOptions.Json))
                terminal.Json(json => json.WriteNumbers("ids", ids));
            else
                terminal.Out.WriteLine(string.Join(',', ids));
        });
        return command.WithExamples(
            "edge tokenize --model models/device \"Hello world\"",
            "edge tokenize --model models/device --json - < letter.txt");
    }
}
