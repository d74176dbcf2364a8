using EdgeSdk.Sampling;

namespace EdgeSdk.Decoding;

/// <summary>The world of a simulated turn: two models, a network between them, and what goes wrong.</summary>
internal sealed record SimulatedWorld
{
    /// <summary>What the server's model says.</summary>
    public required Table Server { get; init; }

    /// <summary>What the device's model says.</summary>
    public required Table Device { get; init; }

    /// <summary>Vocabulary, context and end tokens of both.</summary>
    public required ModelInfo Info { get; init; }

    /// <summary>The prompt's ids.</summary>
    public required int[] Prompt { get; init; }

    /// <summary>The output limit.</summary>
    public required int MaxTokens { get; init; }

    /// <summary>Whether to go on past end tokens.</summary>
    public bool IgnoreEnd { get; init; }

    /// <summary>How tokens are chosen.</summary>
    public SamplerSpec Sampler { get; init; } = SamplerSpec.Greedy;

    /// <summary>The server's passes.</summary>
    public required StepCost ServerCost { get; init; }

    /// <summary>The device's passes; one token's is t_d.</summary>
    public required StepCost DeviceCost { get; init; }

    /// <summary>What the server's model states of its passes, which decides how many drafts it verifies and what the gate thinks of it; unknown: the truth.</summary>
    public StepCost ServerStated { get; init; }

    /// <summary>What the device's model states of its passes, before it has timed a draft; unknown: the truth.</summary>
    public StepCost DeviceStated { get; init; }

    /// <summary>The server's time for the whole prompt, its first token included, seconds.</summary>
    public double ServerPromptSeconds { get; init; }

    /// <summary>The device's time for the whole prompt, its first draft included, seconds.</summary>
    public double DevicePromptSeconds { get; init; }

    /// <summary>The network's round trip, seconds.</summary>
    public double RoundTripSeconds { get; init; }

    /// <summary>Each frame is late by up to this much more, seconds; frames of one direction stay in order.</summary>
    public double JitterSeconds { get; init; }

    /// <summary>Share of draft frames that are lost.</summary>
    public double DraftLoss { get; init; }

    /// <summary>Share of draft frames that arrive as nonsense: wrong places, wrong ids, wrong claims.</summary>
    public double DraftNonsense { get; init; }

    /// <summary>The connection is cut this long after it was made, seconds; one entry for each connection that is cut.</summary>
    public IReadOnlyList<double> Cuts { get; init; } = [];

    /// <summary>From a cut to the next connection, seconds.</summary>
    public double ReconnectSeconds { get; init; } = 0.1;

    /// <summary>Picks that one step of either model may give.</summary>
    public int MaxStep { get; init; } = Verifier.MostPerOffer + 1;

    /// <summary>Who decides whether drafts are sent.</summary>
    public GateMode GateMode { get; init; }

    /// <summary>Agreement known before the turn.</summary>
    public Agreement Earlier { get; init; } = new();

    /// <summary>Seeds the network's chances.</summary>
    public int Seed { get; init; }

    /// <summary>
    /// The world that predicts a turn: a text of <paramref name="agrees"/>.Count tokens of which the device guesses those right that are marked so, wherever it
    /// is on the right text.
    /// </summary>
    /// <param name="promptTokens">At least 1.</param>
    /// <param name="agrees">One entry for each place behind the prompt: as measured, or by <see cref="FreeRun.Draw"/>.</param>
    /// <param name="serverCost">The server's passes.</param>
    /// <param name="deviceCost">The device's passes.</param>
    public static SimulatedWorld Scripted(int promptTokens, IReadOnlyList<bool> agrees, StepCost serverCost, StepCost deviceCost)
    {
        // A vocabulary so large that a draft on a wrong text is never right by chance.
        const int Bits = 24;
        Pick Server(ulong text, int place, in SamplerSpec sampler) => new((int)(text >> (64 - Bits)), 0, 1);
        Pick Device(ulong text, int place, in SamplerSpec sampler)
        {
            var right = Server(text, place, sampler);
            int index = Math.Min(place - promptTokens, agrees.Count - 1);
            return agrees[index] ? right : right with { Token = right.Token ^ 1 };
        }

        return new()
        {
            Server = Server,
            Device = Device,
            Info = new("script", "script", "script", 1 << Bits, int.MaxValue, []),
            Prompt = new int[promptTokens],
            MaxTokens = agrees.Count,
            ServerCost = serverCost,
            DeviceCost = deviceCost,
        };
    }

    /// <summary>The server alone on the same network: seconds from the turn's start to the last of <paramref name="tokens"/> tokens at the device.</summary>
    public double PlainSeconds(int tokens) => RoundTripSeconds + ServerPromptSeconds + (tokens - 1) * ServerCost.Pass(1);
}

/// <summary>What came of a simulated turn.</summary>
/// <param name="Tokens">The text behind the prompt.</param>
/// <param name="Finish">Why it ended.</param>
/// <param name="Seconds">From the turn's start to its last token at the device.</param>
/// <param name="FirstTokenSeconds">From the turn's start to its first token at the device.</param>
/// <param name="Server">Passes and drafts as the server counted them, all connections together.</param>
/// <param name="Sent">Drafts that the device sent.</param>
/// <param name="Agreement">The turn's own.</param>
/// <param name="Decision">The gate's last decision.</param>
/// <param name="Connections">Connections made.</param>
internal sealed record SimulatedTurn(
    int[] Tokens, FinishReason? Finish, double Seconds, double FirstTokenSeconds, VerifierUsage Server, int Sent, Agreement Agreement, GateDecision Decision,
    int Connections);

/// <summary>
/// A turn of device and server in virtual time: the real <see cref="Verifier"/>, <see cref="DraftWindow"/>, <see cref="Gate"/> and <see cref="TogetherTurn"/>
/// between scripted models and a scripted network. Deterministic: one world, one outcome.
/// </summary>
internal sealed class Simulation
{
    private readonly SimulatedWorld _world;
    private readonly VirtualClock _clock = new();
    private readonly Random _random;
    private readonly TableModel _server, _device;
    private readonly StopRule _stop;

    private Simulation(SimulatedWorld world)
    {
        _world = world;
        _random = new(world.Seed);
        _server = ModelOf(world.Server, world.ServerStated, world.ServerCost, world.ServerPromptSeconds);
        _device = ModelOf(world.Device, world.DeviceStated, world.DeviceCost, world.DevicePromptSeconds);
        _stop = StopRule.For(world.Info, world.Prompt.Length, world.MaxTokens, world.IgnoreEnd);
    }

    /// <summary>Plays the turn.</summary>
    public static SimulatedTurn Run(SimulatedWorld world)
    {
        var simulation = new Simulation(world);
        return simulation._clock.Run(simulation.RunAsync());
    }

    private async Task<SimulatedTurn> RunAsync()
    {
        var sequence = await _device.OpenAsync(_world.Sampler).ConfigureAwait(false);
        var window = new DraftWindow(_device, sequence, _stop, _clock);
        await using var owned = window.ConfigureAwait(false);
        SimulatedStream? stream = null;
        var turn = new TogetherTurn(window, new Gate(_world.GateMode), _world.Earlier, _server.Traits.Cost, _world.RoundTripSeconds, drafts =>
        {
            stream = new SimulatedStream(this);
            stream.Connect(drafts.ToArray());
            return stream;
        });

        var tokens = new List<int>();
        double first = double.NaN, last = double.NaN;
        await foreach (var token in turn.RunAsync(_world.Prompt).ConfigureAwait(false))
        {
            last = _clock.Seconds;
            first = double.IsNaN(first) ? last : first;
            tokens.Add(token.Token);
        }

        await turn.CompareRestAsync().ConfigureAwait(false);
        return new([.. tokens], turn.Finish, last, first, stream!.Usage, turn.Drafted, window.Agreement, turn.Decision, stream.Connections);
    }

    private TableModel ModelOf(Table table, StepCost stated, StepCost cost, double promptSeconds) =>
        new(_world.Info, new(_world.MaxStep, 1, stated.IsKnown ? stated : cost), table, pass => _clock.Wait(SecondsOf(pass, cost, promptSeconds)));

    /// <summary>The prompt's tokens cost their share of the prompt's time, drafts verified in the same pass what they add to a pass, other passes what they cost.</summary>
    private double SecondsOf(TablePass pass, StepCost cost, double promptSeconds)
    {
        int ofPrompt = Math.Clamp(_world.Prompt.Length - pass.Length, 0, pass.Tokens), others = pass.Tokens - ofPrompt;
        if (ofPrompt == 0)
            return cost.Pass(pass.Tokens);

        return promptSeconds * ofPrompt / _world.Prompt.Length + (others > 0 ? cost.Pass(others + 1) - cost.Pass(1) : 0);
    }

    /// <summary>The network and the server behind it, as the device sees them.</summary>
    private sealed class SimulatedStream(Simulation simulation) : IVerifierStream
    {
        private readonly SimulatedWorld _world = simulation._world;
        private readonly Queue<Commit> _arrived = [];
        private readonly List<int> _text = [.. simulation._world.Prompt];
        private Connection? _connection;
        private TaskCompletionSource? _waiter;

        public StepCost Cost => simulation._server.Traits.Cost;

        public double RoundTripSeconds => _world.RoundTripSeconds;

        public int Connections { get; private set; }

        public FinishReason? Finish { get; private set; }

        /// <summary>The verifiers' counts.</summary>
        public VerifierUsage Usage { get; private set; }

        public void Connect(int[] drafts)
        {
            _connection = new(simulation, this, [.. _text]);
            int cut = Connections++;
            var made = _connection;
            made.ToServer(() => made.ServeAsync(drafts).ContinueWith(
                serving => _waiter?.TrySetException(serving.Exception!.InnerExceptions),
                CancellationToken.None,
                TaskContinuationOptions.OnlyOnFaulted | TaskContinuationOptions.ExecuteSynchronously,
                TaskScheduler.Default));
            if (cut < _world.Cuts.Count)
                simulation._clock.After(_world.Cuts[cut], () => Cut(made));

            Wake();
        }

        public ValueTask SendAsync(int place, ReadOnlyMemory<int> drafts, int heard, CancellationToken cancellationToken)
        {
            _connection?.Send(place, drafts.ToArray(), heard);
            return ValueTask.CompletedTask;
        }

        public bool TryRead(out Commit commit) => _arrived.TryDequeue(out commit);

        public async ValueTask<bool> WaitAsync(CancellationToken cancellationToken)
        {
            if (_arrived.Count == 0 && Finish is null)
            {
                _waiter = new();
                await _waiter.Task.ConfigureAwait(false);
            }

            return _arrived.Count > 0 || Finish is null;
        }

        private void Cut(Connection cut)
        {
            if (Finish is not null)
                return;

            cut.Break();
            _connection = null;
            simulation._clock.After(_world.ReconnectSeconds, () => Connect([]));
        }

        private void Arrive(Commit commit)
        {
            _text.AddRange(commit.Tokens.Span);
            _arrived.Enqueue(commit);
            Wake();
        }

        private void End(FinishReason reason)
        {
            Finish = reason;
            Wake();
        }

        private void Count(VerifierUsage usage) => Usage = new(
            Usage.Passes + usage.Passes, Usage.Drafted + usage.Drafted, Usage.Accepted + usage.Accepted, Usage.Wasted + usage.Wasted);

        private void Wake()
        {
            var waiting = _waiter;
            _waiter = null;
            waiting?.SetResult();
        }

        /// <summary>One connection, and the server's verifier at its other end.</summary>
        private sealed class Connection(Simulation simulation, SimulatedStream stream, int[] text)
        {
            private bool _broken;
            private Action<int, int[], int>? _offer;
            private double _lastToServer, _lastToDevice;

            private CancellationToken Unbroken => new(canceled: _broken);

            public void Break() => _broken = true;

            public void ToServer(Action arrival) => Deliver(arrival, ref _lastToServer);

            public void Send(int place, int[] drafts, int heard)
            {
                var random = simulation._random;
                if (random.NextDouble() < simulation._world.DraftLoss)
                    return;

                if (random.NextDouble() < simulation._world.DraftNonsense)
                {
                    place += random.Next(-4, 5) * random.Next(1, 400);
                    heard += random.Next(-10, 10);
                    drafts = [.. Enumerable.Range(0, random.Next(0, 100)).Select(_ => random.Next(-1, simulation._world.Info.VocabularySize + 1))];
                }

                ToServer(() => _offer?.Invoke(place, drafts, heard));
            }

            /// <summary>What a server does with a stream: verify freely until the text ends, and say so.</summary>
            public async Task ServeAsync(int[] drafts)
            {
                var sequence = await simulation._server.OpenAsync(simulation._world.Sampler).ConfigureAwait(false);
                var verifier = new Verifier(simulation._server, sequence, simulation._stop, simulation._clock);
                await using var owned = verifier.ConfigureAwait(false);
                _offer = (place, more, heard) => verifier.Offer(place, more, heard);
                try
                {
                    verifier.Offer(text.Length, drafts, text.Length);
                    var commit = await verifier.StartAsync(text, Unbroken).ConfigureAwait(false);
                    for (; commit is not null; commit = await verifier.NextAsync(Unbroken).ConfigureAwait(false))
                    {
                        var frame = commit.Value with { Tokens = commit.Value.Tokens.ToArray(), Margins = commit.Value.Margins.ToArray(), LogProbs = commit.Value.LogProbs.ToArray() };
                        ToDevice(() => stream.Arrive(frame));
                    }

                    var reason = verifier.Finish!.Value;
                    ToDevice(() => stream.End(reason));
                }
                catch (OperationCanceledException)
                {
                    // Cut: the next connection goes on.
                }

                _offer = null;
                stream.Count(verifier.Usage);
            }

            private void ToDevice(Action arrival) => Deliver(arrival, ref _lastToDevice);

            private void Deliver(Action arrival, ref double last)
            {
                double delay = simulation._world.RoundTripSeconds / 2 + simulation._random.NextDouble() * simulation._world.JitterSeconds;
                last = Math.Max(last, simulation._clock.Seconds + delay);
                simulation._clock.After(last - simulation._clock.Seconds, () =>
                {
                    if (!_broken)
                        arrival();
                });
            }
        }
    }
}
