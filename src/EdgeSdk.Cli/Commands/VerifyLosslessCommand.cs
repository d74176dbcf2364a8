using System.CommandLine;
using EdgeSdk.Remote;

namespace EdgeSdk.Cli.Commands;

/// <summary><c>edge verify-lossless</c>: the promise that drafts never change a text, checked on the user's own models.</summary>
internal sealed class VerifyLosslessCommand
{
    private readonly Option<string> _device = new("--device") { Description = "The device's model folder", HelpName = "DIR", Required = true };
    private readonly Option<string> _server = new("--server") { Description = "A server's address, or a model folder to serve for the check", HelpName = "URL|DIR", Required = true };
    private readonly Option<string?> _tokenFile = SharedOptions.TokenFile("The bearer token of a server given by its address");
    private readonly Option<string> _dialogues = new("--dialogues") { Description = "Dialogues, .jsonl or .jsonl.xz (docs/chat-format.md)", HelpName = "FILE", Required = true };
    private readonly Option<int> _count = SharedOptions.Number("--count", "Dialogues to take, from the first on", 5, 1, int.MaxValue);
    private readonly Option<int> _seeds = SharedOptions.Number("--seeds", "Seeds to play each dialogue with", 1, 1, int.MaxValue);
    private readonly Option<float> _temperature = SharedOptions.Temperature();
    private readonly Option<int> _maxTokens = SharedOptions.MaxTokens(256);
    private readonly Option<int> _delayMs = SharedOptions.Number("--delay-ms", "Delay of the network one way, milliseconds", 0, 0, 10_000);
    private readonly Option<int> _stepMs = SharedOptions.Number("--step-ms", "Let every pass of a served folder take at least so many milliseconds", 0, 0, 60_000);
    private readonly Option<bool> _cut = new("--cut") { Description = "Cut the connection at a random place of each turn" };
    private readonly ConstraintOptions _constraint = new();
    private readonly Terminal _terminal;

    private VerifyLosslessCommand(Terminal terminal) => _terminal = terminal;

    public static Command Create(Terminal terminal) => new VerifyLosslessCommand(terminal).Build();

    private Command Build()
    {
        var command = new Command("verify-lossless", "Check that device and server together write what the server writes alone.")
        {
            _device, _server, _tokenFile, _dialogues, _count, _seeds, _temperature, _maxTokens, _delayMs, _stepMs, _cut,
        };
        _constraint.AddTo(command);
        command.SetAction(RunAsync);
        return command.WithExamples(
            "edge verify-lossless --device samples/models/device --server samples/models/server --dialogues samples/data/dialogues.jsonl --count 5",
            "edge verify-lossless --device models/device --server https://server:5005 --token-file token --dialogues test.jsonl.xz --temperature 0.7 --seeds 3 --cut");
    }

    /// <summary>1 where a text differed, and where nothing was accepted: then nothing was checked.</summary>
    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var options = new VerifyLosslessOptions
        {
            Device = parsed.GetRequiredValue(_device),
            Server = parsed.GetRequiredValue(_server),
            Token = parsed.GetValue(_tokenFile) is { } file ? BearerTokenFile.Read(file, "--token-file") : null,
            Dialogues = parsed.GetRequiredValue(_dialogues),
            Constraint = _constraint.Read(parsed),
            Count = parsed.GetValue(_count),
            Seeds = parsed.GetValue(_seeds),
            Temperature = parsed.GetValue(_temperature),
            MaxTokens = parsed.GetValue(_maxTokens),
            Delay = TimeSpan.FromMilliseconds(parsed.GetValue(_delayMs)),
            Step = TimeSpan.FromMilliseconds(parsed.GetValue(_stepMs)),
            Cut = parsed.GetValue(_cut),
        };
        var result = await VerifyLossless.RunAsync(options, new Immediate<VerifyLosslessProgress>(Tell), cancellationToken).ConfigureAwait(false);
        _terminal.Out.WriteLine(parsed.GetValue(SharedOptions.Json) ? result.ToJson().ToJsonString() : Sentence(result));
        return result.Passed ? ExitCode.Success : ExitCode.Failure;
    }

    private void Tell(VerifyLosslessProgress progress)
    {
        if (progress.Difference is { } difference)
            _terminal.Warn(difference);
        else if (progress.Turn % 50 == 0 || progress.Turn == progress.Of)
            _terminal.Note($"{progress.Turn} of {progress.Of} turns");
    }

    private static string Sentence(VerifyLosslessResult result) =>
        $"{result.Differences} differences in {result.Turns} turns of {result.Tokens} tokens; {result.Accepted} of {result.Drafted} drafts accepted, "
        + $"{result.PassesPerToken:0.00} passes a token, R(1) {result.Agreement[0]:0.00}, {result.Resumes} resumes.";
}
