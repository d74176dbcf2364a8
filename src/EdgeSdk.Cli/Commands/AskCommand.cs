using System.CommandLine;
using Microsoft.Extensions.AI;

namespace EdgeSdk.Cli.Commands;

/// <summary><c>edge ask</c>: one question to the pair.</summary>
internal static class AskCommand
{
    public static Command Create(Terminal terminal)
    {
        var pair = new PairOptions();
        var text = new Argument<string>("TEXT") { Description = "The question; - reads standard input" };
        var command = new Command("ask", "Put one question to a device, a server, or both together.") { text };
        pair.AddTo(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            string given = parsed.GetRequiredValue(text);
            string question = given == "-" ? await Terminal.ReadAllAsync(cancellationToken).ConfigureAwait(false) : given;
            var client = await pair.LoadAsync(parsed, cancellationToken).ConfigureAwait(false);
            await using var owned = client.ConfigureAwait(false);
            ChatMessage[] history = [new(ChatRole.User, question)];
            await client.AnswerAsync(history, pair.Request(parsed), terminal, pair.Display(parsed), cancellationToken).ConfigureAwait(false);
        });
        return command.WithExamples(
            "edge ask --device models/device --server http://127.0.0.1:5005 \"A table for two in San Jose tonight, please\"",
            "edge ask --device models/device --regex \"yes|no\" \"Is San Jose in California?\"",
            "edge ask --server https://server:5005 --token-file token --json - < question.txt");
    }
}
