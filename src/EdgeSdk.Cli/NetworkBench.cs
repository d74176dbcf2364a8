using System.Net;
using EdgeSdk.Decoding;
using EdgeSdk.Models;
using EdgeSdk.Remote;
using EdgeSdk.Runtime;
using EdgeSdk.Sampling;

namespace EdgeSdk.Cli;

/// <summary>Starts a server whose every pass takes at least <paramref name="step"/>.</summary>
internal delegate Task<BenchServer> BenchHost(TimeSpan step, CancellationToken cancellationToken);

/// <summary>A server of a bench.</summary>
/// <param name="Address">Where it listens, on loopback.</param>
/// <param name="Process">Ends it.</param>
internal sealed record BenchServer(Uri Address, IAsyncDisposable Process) : IAsyncDisposable
{
    public ValueTask DisposeAsync() => Process.DisposeAsync();
}

/// <summary>
/// Times whole turns of real dialogues behind a network of a given round trip: written by the server alone, and by device and server together with the gate
/// deciding, beside what the simulation predicts. Both take the prompt in from its first token, over one warm connection, in rounds that alternate; both must
/// write the same tokens.
/// </summary>
/// <remarks>
/// The gate knows the pair's agreement on these turns from the first time that the server wrote them, as it would after some minutes of use.
/// </remarks>
internal sealed class NetworkBench
{
    private const int RoundTrips = 4;

    private readonly NetworkBenchOptions _options;
    private readonly ILanguageModel _device;
    private readonly IReadOnlyList<int[]> _prompts;
    private readonly IProgress<NetworkBenchProgress>? _progress;
    private readonly Dictionary<float, BenchTurn[]> _turnsOf = [];

    private NetworkBench(NetworkBenchOptions options, ILanguageModel device, IReadOnlyList<int[]> prompts, IProgress<NetworkBenchProgress>? progress)
    {
        _options = options;
        _device = device;
        _prompts = prompts;
        _progress = progress;
    }

    /// <summary>Loads the device, starts a server process for each step, and fills the rows.</summary>
    /// <exception cref="EdgeException">A folder or the file is not what it should be, the vocabularies differ, or a text written together is another than the
    /// server's alone.</exception>
    public static async Task<IReadOnlyList<NetworkBenchRow>> RunAsync(
        NetworkBenchOptions options, IProgress<NetworkBenchProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ModelFolder.Open(options.Server, ModelVerification.Sizes, cancellationToken);
        var prompts = Spread([.. DialoguePrompts.Read(options.Device, options.Dialogues, int.MaxValue, cancellationToken).SelectMany(turns => turns)], options.Turns);
        if (prompts.Count == 0)
            throw new EdgeException(EdgeErrorCode.InvalidArgument, $"{options.Dialogues} has no turn of an assistant whose history fits into the device's context.");

        var device = await OnnxModel.LoadAsync(options.Device, new() { MinimumRows = 2, Threads = options.Threads }, cancellationToken: cancellationToken).ConfigureAwait(false);
        await using var owned = device.ConfigureAwait(false);
        return await RunAsync(options, device, prompts, StartAsync, progress, cancellationToken).ConfigureAwait(false);

        async Task<BenchServer> StartAsync(TimeSpan step, CancellationToken stop)
        {
            var process = await ServerProcess.StartAsync(options.Server, step, options.Threads, stop).ConfigureAwait(false);
            return new(process.Address, process);
        }
    }

    /// <summary>The same with a loaded device and servers of the caller's making.</summary>
    /// <param name="options">Its folders, its file and its count of turns are not looked at.</param>
    /// <param name="device">Drafts.</param>
    /// <param name="prompts">Of the turns.</param>
    /// <param name="host">Starts the servers.</param>
    /// <param name="progress">Told of each turn of each row.</param>
    /// <param name="cancellationToken">Ends the bench.</param>
    public static async Task<IReadOnlyList<NetworkBenchRow>> RunAsync(
        NetworkBenchOptions options,
        ILanguageModel device,
        IReadOnlyList<int[]> prompts,
        BenchHost host,
        IProgress<NetworkBenchProgress>? progress,
        CancellationToken cancellationToken)
    {
        try
        {
            return await new NetworkBench(options, device, prompts, progress).RunAsync(host, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not OperationCanceledException && cancellationToken.IsCancellationRequested)
        {
            // Ctrl+C reaches the server's process too: what its end looks like from here is not what happened.
            throw new OperationCanceledException("The bench was ended.", e, cancellationToken);
        }
    }

    /// <summary>As many of <paramref name="all"/> as wanted, evenly spread.</summary>
    internal static IReadOnlyList<int[]> Spread(int[][] all, int count)
    {
        int most = Math.Min(count, all.Length);
        return [.. Enumerable.Range(0, most).Select(i => all[(int)((long)i * all.Length / most)])];
    }

    private async Task<IReadOnlyList<NetworkBenchRow>> RunAsync(BenchHost host, CancellationToken cancellationToken)
    {
        var rows = new List<NetworkBenchRow>(_options.Rows);
        foreach (int step in _options.StepMs)
        {
            var server = await host(TimeSpan.FromMilliseconds(step), cancellationToken).ConfigureAwait(false);
            await using var ownedServer = server.ConfigureAwait(false);
            var network = new FaultProxy(new(IPAddress.Loopback, server.Address.Port));
            await using var ownedNetwork = network.ConfigureAwait(false);
            foreach (int roundTrip in _options.RoundTripMs)
            {
                network.Delay = TimeSpan.FromMilliseconds(roundTrip / 2.0);
                var connection = new RemoteServer(new() { Address = network.Address });
                await using var ownedConnection = connection.ConfigureAwait(false);
                var model = await SharedVocabulary.DescribeAsync(connection, _device, cancellationToken).ConfigureAwait(false);
                double distance = await MeasureRoundTripAsync(connection, cancellationToken).ConfigureAwait(false);
                foreach (float temperature in _options.Temperatures)
                {
                    Action<int> tell = turn => _progress?.Report(new(rows.Count + 1, _options.Rows, step, roundTrip, temperature, turn, _prompts.Count));
                    tell(0);
                    var row = new Row(_options, _device, connection, model, distance, new SamplerSpec(temperature, 1));
                    if (!_turnsOf.TryGetValue(temperature, out var turns))
                        _turnsOf[temperature] = turns = await row.MeasureTurnsAsync(_prompts, cancellationToken).ConfigureAwait(false);

                    var (times, gate) = await row.FillAsync(turns, tell, cancellationToken).ConfigureAwait(false);
                    rows.Add(new(step, roundTrip, temperature, turns.Sum(turn => turn.Text.Length), times, gate));
                }
            }
        }

        return rows;
    }

    /// <summary>The round trip while neither side computes: the least of a few.</summary>
    private static async Task<double> MeasureRoundTripAsync(RemoteServer connection, CancellationToken cancellationToken)
    {
        for (int i = 0; i < RoundTrips; i++)
        {
            connection.Forget();
            await connection.DescribeAsync(cancellationToken).ConfigureAwait(false);
        }

        return connection.RoundTripSeconds;
    }

    /// <summary>What one writing of a turn gave and took.</summary>
    /// <param name="Tokens">The text.</param>
    /// <param name="Finish">Why it ended.</param>
    /// <param name="FirstSeconds">From the turn's start to its first token at the device.</param>
    /// <param name="Seconds">To its last.</param>
    /// <param name="Passes">Commits.</param>
    /// <param name="DraftSeconds">The device's time for a draft at the turn's end; NaN where it took no part.</param>
    private sealed record Writing(int[] Tokens, FinishReason? Finish, double FirstSeconds, double Seconds, int Passes, double DraftSeconds);

    /// <summary>The server alone and both together on one connection, at one temperature.</summary>
    private sealed class Row(NetworkBenchOptions options, ILanguageModel device, RemoteServer server, RemoteModel model, double roundTrip, SamplerSpec sampler)
    {
        /// <summary>Lets the server write every turn once, and the device compare; a warm-up besides.</summary>
        public async Task<BenchTurn[]> MeasureTurnsAsync(IReadOnlyList<int[]> prompts, CancellationToken cancellationToken)
        {
            var turns = new List<BenchTurn>(prompts.Count);
            foreach (int[] prompt in prompts)
            {
                var text = await WriteAloneAsync(prompt, cancellationToken).ConfigureAwait(false);
                turns.Add(await BenchTurn.MeasureAsync(prompt, text.Tokens, text.Finish, sampler, device, StopFor(prompt), cancellationToken).ConfigureAwait(false));
            }

            return [.. turns];
        }

        /// <summary>Plays the turns where that is asked for, and asks the gate.</summary>
        public async Task<(NetworkBenchTimes? Times, GateNumbers Gate)> FillAsync(BenchTurn[] turns, Action<int> tell, CancellationToken cancellationToken)
        {
            var agreement = BenchTurn.AgreementOf(turns);
            double draft = Median(turns.Select(turn => turn.DraftSeconds));
            NetworkBenchTimes? times = null;
            if (options.Plays)
            {
                var (alone, together) = await PlayAsync(turns, agreement, tell, cancellationToken).ConfigureAwait(false);
                times = Times(turns, agreement, alone, together);
                draft = times.DraftSeconds;
            }

            var decision = new Gate().Decide(new(Cost, roundTrip, draft, agreement));
            return (times, new(decision, Cost, agreement.Report()));
        }

        private StepCost Cost => model.Cost.IsKnown ? model.Cost : FreeRun.AssumedCost;

        /// <summary>Every turn in rounds of both ways, each way first in every other round.</summary>
        private async Task<(Writing[][] Alone, Writing[][] Together)> PlayAsync(
            BenchTurn[] turns, Agreement agreement, Action<int> tell, CancellationToken cancellationToken)
        {
            var alone = turns.Select(_ => new Writing[options.Rounds]).ToArray();
            var together = turns.Select(_ => new Writing[options.Rounds]).ToArray();
            for (int t = 0; t < turns.Length; t++)
            {
                for (int round = 0; round < options.Rounds; round++)
                {
                    if (round % 2 == 1)
                        together[t][round] = await WriteTogetherAsync(turns[t].Prompt, agreement, cancellationToken).ConfigureAwait(false);

                    alone[t][round] = await WriteAloneAsync(turns[t].Prompt, cancellationToken).ConfigureAwait(false);
                    if (round % 2 == 0)
                        together[t][round] = await WriteTogetherAsync(turns[t].Prompt, agreement, cancellationToken).ConfigureAwait(false);

                    Check(t, turns[t], alone[t][round], "by the server alone");
                    Check(t, turns[t], together[t][round], "together");
                }

                tell(t + 1);
            }

            return (alone, together);
        }

        private NetworkBenchTimes Times(BenchTurn[] turns, Agreement agreement, Writing[][] alone, Writing[][] together)
        {
            double draft = Median(together.SelectMany(rounds => rounds).Select(writing => writing.DraftSeconds));
            var steps = alone.SelectMany(rounds => rounds).Where(writing => writing.Passes > 1).Select(writing => (writing.Seconds - writing.FirstSeconds) / (writing.Passes - 1));
            var cost = steps.Any() ? TurnPredictor.Longer(Cost, Median(steps) - Cost.Pass(1)) : Cost;
            var predictor = new TurnPredictor(Cost, cost, device.Traits.Cost, TurnPredictor.Scaled(device.Traits.Cost, draft), roundTrip, agreement);
            double predicted = 0;
            for (int t = 0; t < turns.Length; t++)
                predicted += predictor.Seconds(turns[t], Math.Max(0, Median(alone[t].Select(writing => writing.FirstSeconds)) - roundTrip));

            var medians = together.Select(Median).ToArray();
            return new(alone.Sum(rounds => Median(rounds).Seconds), medians.Sum(writing => writing.Seconds), medians.Sum(writing => writing.Passes), draft, predicted);
        }

        private async Task<Writing> WriteAloneAsync(int[] prompt, CancellationToken cancellationToken)
        {
            var timing = new Timing();
            var stream = server.Open(OpenFor(prompt), model);
            await using var leave = stream.ConfigureAwait(false);
            var text = new List<int>();
            int passes = 0;
            await foreach (var arrived in stream.ReadAllAsync(cancellationToken).ConfigureAwait(false))
            {
                timing.Token();
                text.AddRange(arrived.Commit.Tokens.Span);
                passes++;
            }

            return new([.. text], stream.Finish, timing.First, timing.Last, passes, double.NaN);
        }

        private async Task<Writing> WriteTogetherAsync(int[] prompt, Agreement agreement, CancellationToken cancellationToken)
        {
            var timing = new Timing();
            var sequence = await device.OpenAsync(sampler, cancellationToken).ConfigureAwait(false);
            var window = new DraftWindow(device, sequence, StopFor(prompt), TimeProvider.System);
            await using var owned = window.ConfigureAwait(false);
            RemoteStream? stream = null;
            var turn = new TogetherTurn(window, new Gate(), agreement, model.Cost, server.RoundTripSeconds, drafts =>
            {
                var open = OpenFor(prompt);
                open.Drafts = OpenFrame.TokensOf(drafts.Span);
                return stream = server.Open(open, model);
            });
            try
            {
                var text = new List<int>();
                await foreach (var token in turn.RunAsync(prompt, cancellationToken).ConfigureAwait(false))
                {
                    timing.Token();
                    text.Add(token.Token);
                }

                return new([.. text], turn.Finish, timing.First, timing.Last, turn.Passes, window.DraftSeconds);
            }
            finally
            {
                if (stream is not null)
                    await stream.DisposeAsync().ConfigureAwait(false);
            }
        }

        private Protocol.Open OpenFor(int[] prompt) => OpenFrame.For(prompt, device.Info.VocabularyFingerprint, sampler, options.MaxTokens);

        private StopRule StopFor(int[] prompt) => StopRule.For(model.Info, prompt.Length, options.MaxTokens);

        private static void Check(int number, BenchTurn turn, Writing writing, string how)
        {
            int same = turn.Text.AsSpan().CommonPrefixLength(writing.Tokens);
            if (same == turn.Text.Length && same == writing.Tokens.Length && writing.Finish == turn.Finish)
                return;

            throw new EdgeException(
                EdgeErrorCode.Engine,
                $"Turn {number + 1}, written {how}, parts at token {same} from what the server wrote first: times of different texts are not compared. edge verify-lossless finds out more.");
        }

        private static double Median(IEnumerable<double> values) => Middle([.. values.Order()]);

        private static Writing Median(Writing[] rounds) => Middle([.. rounds.OrderBy(writing => writing.Seconds)]);

        /// <summary>The middle one; of two the lower.</summary>
        private static T Middle<T>(T[] ordered) => ordered[(ordered.Length - 1) / 2];
    }

    /// <summary>A turn's clock: starts when it is made.</summary>
    private sealed class Timing
    {
        private readonly long _start = TimeProvider.System.GetTimestamp();

        /// <summary>Seconds to the first token; NaN before it.</summary>
        public double First { get; private set; } = double.NaN;

        /// <summary>Seconds to the last one so far.</summary>
        public double Last { get; private set; } = double.NaN;

        /// <summary>A token has arrived.</summary>
        public void Token()
        {
            Last = TimeProvider.System.GetElapsedTime(_start).TotalSeconds;
            First = double.IsNaN(First) ? Last : First;
        }
    }
}
