using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using EdgeSdk.Cli;
using EdgeSdk.Decoding;
using EdgeSdk.Runtime;
using EdgeSdk.Sampling;

namespace EdgeSdk.Distillation;

/// <summary>
/// Several devices against one server's texts, to choose among them: R(n), the time of a step, and what the simulation makes of both. The server writes the
/// texts once; they are kept for the next comparison.
/// </summary>
/// <param name="work">Where the texts are kept.</param>
/// <param name="turnCount">Turns that are written, spread over the split.</param>
internal sealed class Comparison(string serverFolder, string work, int turnCount)
{
    /// <summary>The server's step and the round trip that are simulated, seconds.</summary>
    private const double Step = 0.040, RoundTrip = 0.020;

    /// <summary>Each device's step is timed this many times, the devices in turn, and the least median counts: other load falls on all alike.</summary>
    private const int Timings = 5;

    /// <summary>A turn's prompt and what the server wrote.</summary>
    private sealed record Text(int[] Prompt, int[] Written);

    /// <summary>Measures the devices in those folders on turns of one split.</summary>
    public async Task<JsonObject> RunAsync(
        string[] devices, string split, IReadOnlyList<Dialogue> dialogues, float[] temperatures, CancellationToken cancellationToken)
    {
        var turns = Turn.Every(dialogues, new ChatFormat(serverFolder), turnCount);
        await using OnnxModel server = await Pair.LoadAsync(serverFolder, new OnnxModelOptions { MinimumRows = 2, Threads = 1, ConcurrentPasses = 2 }, cancellationToken);
        var found = new JsonObject { ["split"] = split, ["turns"] = turns.Count };
        foreach (string device in devices) found[device] = new JsonObject();
        double[]? steps = null;
        foreach (float temperature in temperatures)
        {
            var sampler = new SamplerSpec(Temperature: temperature, Seed: 1);
            string written = temperature.ToString(CultureInfo.InvariantCulture);
            string kept = Path.Combine(work, $"{split}-{turns.Count}-{written}-{server.Info.Identity[..12]}.jsonl");
            if (!File.Exists(kept)) await WriteAsync(server, turns, sampler, kept, cancellationToken);
            Text[] texts = [.. File.ReadLines(kept).Select(line => JsonSerializer.Deserialize<int[][]>(line)!).Select(ids => new Text(ids[0], ids[1]))];
            steps ??= await StepSecondsAsync(devices, texts[0].Prompt, cancellationToken);
            for (int i = 0; i < devices.Length; i++)
            {
                await using OnnxModel device = await Pair.LoadAsync(devices[i], new OnnxModelOptions { Threads = 1, ConcurrentPasses = 2 }, cancellationToken);
                bool[][] agrees = await AgreementsAsync(device, texts, sampler, cancellationToken);
                JsonObject figures = Figures(agrees, server.Traits.Cost.AtLeast((float)Step), steps[i]);
                Recipe.Log($"{split} T={written} {devices[i]} {figures.ToJsonString()}");
                found[devices[i]]!["step_ms"] = Figure.Of(steps[i] * 1000);
                found[devices[i]]![$"T={written}"] = figures;
            }
        }

        return found;
    }

    private static async Task WriteAsync(OnnxModel server, List<Turn> turns, SamplerSpec sampler, string path, CancellationToken cancellationToken)
    {
        var lines = new string[turns.Count];
        await Parallel.ForEachAsync(Halves(turns.Count), cancellationToken, async (half, stop) =>
        {
            await using var reader = new Reader(server, sampler);
            foreach (int i in half)
            {
                Pick[] written = await reader.WriteAsync(turns[i].Prompt, new EvaluationSize().Limit, stop);
                lines[i] = JsonSerializer.Serialize(new[] { turns[i].Prompt, [.. written.Select(pick => pick.Token)] });
            }
        });
        await File.WriteAllLinesAsync(path, lines, cancellationToken);
        Recipe.Log($"the server wrote {path}");
    }

    private static async Task<bool[][]> AgreementsAsync(OnnxModel device, Text[] texts, SamplerSpec sampler, CancellationToken cancellationToken)
    {
        var agrees = new bool[texts.Length][];
        await Parallel.ForEachAsync(Halves(texts.Length), cancellationToken, async (half, stop) =>
        {
            await using var reader = new Reader(device, sampler);
            foreach (int i in half)
            {
                Pick[] followed = await reader.FollowAsync(texts[i].Prompt, texts[i].Written, stop);
                agrees[i] = [.. followed.Zip(texts[i].Written, (pick, token) => pick.Token == token)];
            }
        });
        return agrees;
    }

    private static async Task<double[]> StepSecondsAsync(string[] devices, int[] prompt, CancellationToken cancellationToken)
    {
        double[] seconds = [.. devices.Select(_ => double.PositiveInfinity)];
        for (int round = 0; round < Timings; round++)
        {
            for (int i = 0; i < devices.Length; i++)
            {
                await using OnnxModel device = await Pair.LoadAsync(devices[i], new OnnxModelOptions { Threads = 2 }, cancellationToken);
                seconds[i] = Math.Min(seconds[i], await Check.StepMillisecondsAsync(device, prompt, cancellationToken) / 1000);
            }
        }

        return seconds;
    }

    private static IEnumerable<int>[] Halves(int count) => [Enumerable.Range(0, count / 2), Enumerable.Range(count / 2, count - count / 2)];

    private static JsonObject Figures(bool[][] turns, StepCost server, double draft)
    {
        var agreement = new Agreement();
        foreach (bool[] turn in turns)
        {
            agreement.BeginTurn();
            foreach (bool agrees in turn) agreement.Add(agrees);
        }

        var json = new JsonObject { ["tokens"] = agreement.Places, ["all_positions"] = Figure.Share(agreement.Agreed, agreement.Places) };
        foreach (int n in (int[])[1, 2, 4, 8]) json[$"R({n})"] = Figure.Of(agreement.R(n));
        json["together"] = Figure.Of(Together(turns, agreement, server, draft));
        return json;
    }

    /// <summary>Simulated: the turns' time together over their time by the server alone, both prompts taking a step.</summary>
    private static double Together(bool[][] turns, Agreement earlier, StepCost server, double draft)
    {
        double together = 0, alone = 0;
        foreach (bool[] turn in turns)
        {
            SimulatedWorld world = SimulatedWorld.Scripted(promptTokens: 8, turn, server, new StepCost([(float)draft])) with
            {
                ServerPromptSeconds = Step,
                DevicePromptSeconds = draft,
                RoundTripSeconds = RoundTrip,
                Earlier = earlier,
            };
            together += Simulation.Run(world).Seconds;
            alone += world.PlainSeconds(turn.Length);
        }

        return together / alone;
    }
}
