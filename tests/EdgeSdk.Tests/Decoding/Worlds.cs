using EdgeSdk.Decoding;
using EdgeSdk.Sampling;

namespace EdgeSdk.Tests.Decoding;

/// <summary>Models and worlds for the tests of decoding.</summary>
internal static class Worlds
{
    public static ModelInfo Info(int vocabulary, int context = 100_000, params int[] ends) =>
        new("table", "table", "table", vocabulary, context, [.. ends]);

    /// <summary>V(k) = step (1 + slope k).</summary>
    public static StepCost Linear(double step, double slope) =>
        new([.. Enumerable.Range(0, 8).Select(i => (float)(step * (1 + slope * ((1 << i) - 1))))]);

    /// <summary>A device of t_d a draft that takes in several known tokens in little more.</summary>
    public static StepCost Device(double draft) => Linear(draft, 0.02);

    /// <summary>A device that agrees at each place with probability alpha, independently.</summary>
    public static SimulatedWorld Independent(double alpha, double step, double slope, double roundTrip, double draft, int tokens, int seed)
    {
        var random = new Random(seed);
        bool[] agrees = [.. Enumerable.Range(0, tokens).Select(_ => random.NextDouble() < alpha)];
        return SimulatedWorld.Scripted(4, agrees, Linear(step, slope), Device(draft)) with
        {
            ServerPromptSeconds = step,
            DevicePromptSeconds = draft,
            RoundTripSeconds = roundTrip,
            GateMode = GateMode.AlwaysOn,
        };
    }

    /// <summary>A small world in which anything may happen: any pace, window, agreement, limits, losses, nonsense and cuts, greedy or sampled.</summary>
    public static SimulatedWorld Any(int seed)
    {
        var random = new Random(seed);
        int vocabulary = random.Next(2, 24);
        int[] ends = random.Next(2) == 0 ? [] : [random.Next(vocabulary)];
        int prompt = random.Next(1, 60), maxTokens = random.Next(0, 48);
        bool tight = random.Next(8) == 0;
        var sampler = random.Next(3) switch
        {
            0 => SamplerSpec.Greedy,
            1 => new SamplerSpec(0.2f + random.NextSingle(), (ulong)random.NextInt64()),
            _ => new SamplerSpec(1, (ulong)random.NextInt64(), random.Next(0, 6), random.NextSingle() / 2 + 0.5f, random.NextSingle() / 10),
        };
        var server = TableModel.Random((ulong)seed, vocabulary, 8);
        var other = TableModel.Random((ulong)~seed, vocabulary, 8);
        double step = Time(random), roundTrip = Time(random);
        return new()
        {
            Server = server,
            Device = TableModel.Mostly(server, other, random.Next(5) == 0 ? 0 : random.NextDouble(), (ulong)seed),
            Info = Info(vocabulary, tight ? prompt + random.Next(1, 20) : 200, ends),
            Prompt = [.. Enumerable.Range(0, prompt).Select(_ => random.Next(vocabulary))],
            MaxTokens = maxTokens,
            IgnoreEnd = random.Next(4) == 0,
            Sampler = sampler,
            ServerCost = random.Next(10) == 0 ? default : Linear(step, random.NextDouble() * random.NextDouble()),
            DeviceCost = Device(Time(random)),
            ServerPromptSeconds = random.NextDouble() * 0.3,
            DevicePromptSeconds = random.NextDouble() * 0.3,
            RoundTripSeconds = roundTrip,
            JitterSeconds = random.Next(2) * Time(random),
            DraftLoss = random.Next(3) == 0 ? random.NextDouble() : 0,
            DraftNonsense = random.Next(3) == 0 ? random.NextDouble() / 2 : 0,
            Cuts = random.Next(2) == 0 ? [] : [.. Enumerable.Range(0, random.Next(1, 5)).Select(_ => random.NextDouble() * (roundTrip + 20 * step))],
            ReconnectSeconds = Time(random),
            MaxStep = random.Next(1, 70),
            GateMode = (GateMode)random.Next(3),
            Seed = seed,
        };
    }

    private static double Time(Random random) => Math.Pow(10, -3 + 2 * random.NextDouble());

    /// <summary>What the server's model writes alone.</summary>
    public static async Task<(int[] Tokens, FinishReason? Finish)> AloneAsync(SimulatedWorld world, CancellationToken cancellationToken)
    {
        var model = new TableModel(world.Info, new(1, 1, default), world.Server);
        await using var sequence = await model.OpenAsync(world.Sampler, cancellationToken);
        var generation = new Generation(sequence, StopRule.For(world.Info, world.Prompt.Length, world.MaxTokens, world.IgnoreEnd));
        var tokens = new List<int>();
        await foreach (var pick in generation.RunAsync(world.Prompt, cancellationToken))
            tokens.Add(pick.Token);

        return ([.. tokens], generation.Finish);
    }
}
