using System.CommandLine;
using Microsoft.Extensions.AI;

namespace EdgeSdk.Cli.Commands;

/// <summary><c>edge chat</c>: a conversation in the terminal. A line of standard input is a turn, its end is the conversation's.</summary>
internal static class ChatCommand
{
    public static Command Create(Terminal terminal)
    {
        var pair = new PairOptions();
        var command = new Command("chat", "Talk with a device, a server, or both together; an empty line ends.");
        pair.AddTo(command);
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var client = await pair.LoadAsync(parsed, cancellationToken).ConfigureAwait(false);
            await using var owned = client.ConfigureAwait(false);
            var history = new List<ChatMessage>();
            while (await terminal.AskAsync("> ", cancellationToken).ConfigureAwait(false) is { Length: > 0 } line)
            {
                history.Add(new(ChatRole.User, line));
                var answer = await client.AnswerAsync(history, pair.Request(parsed), terminal, pair.Display(parsed), cancellationToken).ConfigureAwait(false);
                history.AddMessages(answer);
            }
        });
        return command.WithExamples(
            "edge chat --device models/device --server http://127.0.0.1:5005",
            "edge chat --device models/device --route device --temperature 0.7 --seed 42");
    }
}
