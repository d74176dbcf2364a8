using System.CommandLine;
using EdgeSdk.Decoding;

namespace EdgeSdk.Cli.Commands;

/// <summary><c>edge bench</c>: what the network and the pair give, measured and explained.</summary>
internal sealed class BenchCommand
{
    private readonly Option<bool> _network = new("--network") { Description = "Time whole turns: the server alone against both together, beside the simulation's prediction" };
    private readonly Option<bool> _explain = new("--explain") { Description = "Say what the gate rests on and decides; without --network nothing is timed" };
    private readonly Option<string> _device = new("--device") { Description = "The device's model folder", HelpName = "DIR", Required = true };
    private readonly Option<string> _server = new("--server") { Description = "The server's model folder; it is served for the bench by a process of its own", HelpName = "DIR", Required = true };
    private readonly Option<string> _dialogues = new("--dialogues") { Description = "Dialogues, .jsonl or .jsonl.xz (docs/chat-format.md)", HelpName = "FILE", DefaultValueFactory = _ => "samples/data/dialogues.jsonl" };
    private readonly Option<int[]> _stepMs = SharedOptions.Series("--step-ms", "The least milliseconds of a server's pass: stand-ins for larger models", [10, 40], 0, 60_000);
    private readonly Option<int[]> _rttMs = SharedOptions.Series("--rtt-ms", "Round trips of the network, milliseconds", [2, 20, 200], 0, 10_000);
    private readonly Option<float[]> _temperature = SharedOptions.Series("--temperature", "0 takes the likeliest token each time", [0f], 0f, 1000f);
    private readonly Option<int> _turns = SharedOptions.Number("--turns", "Turns to play, evenly spread over the dialogues", 10, 1, int.MaxValue);
    private readonly Option<int> _rounds = SharedOptions.Number("--rounds", "How often each turn is played in either way", 3, 1, int.MaxValue);
    private readonly Option<int> _maxTokens = SharedOptions.MaxTokens(256);
    private readonly Option<int> _threads = SharedOptions.Threads();
    private readonly Terminal _terminal;

    private BenchCommand(Terminal terminal) => _terminal = terminal;

    public static Command Create(Terminal terminal) => new BenchCommand(terminal).Build();

    private Command Build()
    {
        var command = new Command("bench", "Measure what decoding together gives over a network, or explain when it is worth it.")
        {
            _network, _explain, _device, _server, _dialogues, _stepMs, _rttMs, _temperature, _turns, _rounds, _maxTokens, _threads,
        };
        command.Validators.Add(result =>
        {
            if (!result.GetValue(_network) && !result.GetValue(_explain))
                result.AddError("Say what is wanted: --network measures, --explain says what the gate decides and why.");
        });
        command.SetAction(RunAsync);
        return command.WithExamples(
            "edge bench --network --device samples/models/device --server samples/models/server",
            "edge bench --network --device models/device --server models/server --step-ms 40 --rtt-ms 20 --turns 30 --json",
            "edge bench --explain --device models/device --server models/server --rtt-ms 2,200");
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        var options = new NetworkBenchOptions
        {
            Device = parsed.GetRequiredValue(_device),
            Server = ModelFolderOf(parsed.GetRequiredValue(_server)),
            Dialogues = parsed.GetRequiredValue(_dialogues),
            StepMs = parsed.GetRequiredValue(_stepMs),
            RoundTripMs = parsed.GetRequiredValue(_rttMs),
            Temperatures = parsed.GetRequiredValue(_temperature),
            Turns = parsed.GetValue(_turns),
            Rounds = parsed.GetValue(_rounds),
            MaxTokens = parsed.GetValue(_maxTokens),
            Threads = parsed.GetValue(_threads),
            Plays = parsed.GetValue(_network),
        };
        var rows = await NetworkBench.RunAsync(options, new Immediate<NetworkBenchProgress>(Tell), cancellationToken).ConfigureAwait(false);
        bool explain = parsed.GetValue(_explain);
        if (parsed.GetValue(SharedOptions.Json))
            WriteJson(rows, explain);
        else
            WriteTable(rows, explain);

        return ExitCode.Success;
    }

    private static string ModelFolderOf(string server) => server.Contains("://", StringComparison.Ordinal)
        ? throw new EdgeException(EdgeErrorCode.InvalidArgument, $"--server '{server}' is an address. Name the server's model folder: the bench serves it itself, since it sets the time of a pass.")
        : server;

    /// <summary>Each row's beginning, and its progress by quarters.</summary>
    private void Tell(NetworkBenchProgress at)
    {
        if (at.Turn == 0)
            _terminal.Note($"Row {at.Row} of {at.Rows}: server step {at.StepMs} ms, round trip {at.RoundTripMs} ms, T = {at.Temperature:0.##}");
        else if (4 * at.Turn / at.Turns > 4 * (at.Turn - 1) / at.Turns)
            _terminal.Note($"  {at.Turn} of {at.Turns} turns");
    }

    private void WriteJson(IReadOnlyList<NetworkBenchRow> rows, bool explain) => _terminal.Json(json =>
    {
        json.WriteStartArray("rows");
        foreach (var row in rows)
            row.Write(json, explain);

        json.WriteEndArray();
    });

    private void WriteTable(IReadOnlyList<NetworkBenchRow> rows, bool explain)
    {
        if (rows.Any(row => row.Played is not null))
            _terminal.Out.WriteLine("step ms  rtt ms     T  tokens  plain s  together s  ratio  predicted s  passes  draft ms");

        foreach (var row in rows)
        {
            if (row.Played is { } played)
            {
                _terminal.Out.WriteLine(
                    $"{row.StepMs,7}  {row.RoundTripMs,6}  {row.Temperature,4:0.0#}  {row.Tokens,6}  {played.PlainSeconds,7:0.00}  {played.TogetherSeconds,10:0.00}  "
                    + $"{played.TogetherSeconds / played.PlainSeconds,5:0.00}  {played.PredictedSeconds,11:0.00}  {played.ServerPasses,6}  {1000 * played.DraftSeconds,8:0.00}");
            }
        }

        foreach (var row in explain ? rows : [])
            Explain(row);
    }

    private void Explain(NetworkBenchRow row)
    {
        var gate = row.Gate;
        _terminal.Out.WriteLine(
            $"""

            Step {row.StepMs} ms, round trip {row.RoundTripMs} ms, T = {row.Temperature:0.0#}: {gate.Decision.Reason}
              V(0) to V({gate.VerifySeconds.Count() - 1}), ms: {string.Join(' ', gate.VerifySeconds.Select(s => $"{1000 * s:0.0}"))}
              R(1) to R({Agreement.Reported}): {string.Join(' ', gate.Agreement.Select(r => $"{r:0.00}"))}
              a token of a long text: {1000 * gate.PlainSeconds:0.0} ms by the server alone, {1000 * gate.TogetherSeconds:0.0} ms together
            """);
    }
}
