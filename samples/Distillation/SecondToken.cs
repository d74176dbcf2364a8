using System.Diagnostics;
using System.Text.Json.Nodes;
using EdgeSdk.Models;
using Microsoft.ML.OnnxRuntime;
using TorchSharp;
using static TorchSharp.torch;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

namespace EdgeSdk.Distillation;

/// <summary>Trains the server's layer that predicts the second token, on a main model that stays as it is: its distribution one place later is the target.</summary>
internal sealed class SecondTokenTraining(ServerModel model, Corpus train, Corpus? own, Corpus dev, ChatFormat format, TrainingOptions options)
{
    private const int WarmUpSteps = 50;

    private readonly AdamW _optimiser = new(model.Weights);
    private readonly Windows _windows = new(train, own, format, options.Weights, options.SwapShare);
    private readonly Stopwatch _clock = new();

    private double ShareAt(int step) => options.ShareAfter(_clock.Elapsed.TotalMinutes, step);

    /// <summary>Trains to the end, or until cancelled, and writes the whole model.</summary>
    public JsonObject Run(CancellationToken cancellationToken)
    {
        model.TrainSecondTokenOnly();
        _clock.Start();
        int step = 0;
        long tokens = 0;
        double nextReport = 10;
        for (; ShareAt(step) < 1 && !cancellationToken.IsCancellationRequested; step++)
        {
            (double loss, int taken) = Step(step);
            tokens += taken;
            if (_clock.Elapsed.TotalSeconds < nextReport) continue;
            Log($"second token step {step} divergence {loss:F3}, {tokens / 1e6:F2}M tokens, {Environment.WorkingSet / 1e9:F1} GB, {options.Minutes - _clock.Elapsed.TotalMinutes:F1} min left");
            nextReport += 10;
        }

        Checkpoint.Write(options.Output, model);
        double agreed = Agreed();
        Log($"second token: {agreed:P1} of dev's are the main model's own");
        return new JsonObject { ["minutes"] = Math.Round(_clock.Elapsed.TotalMinutes, 1), ["steps"] = step, ["tokens"] = tokens, ["dev_agreed"] = Math.Round(agreed, 4) };
    }

    private (double Loss, int Tokens) Step(int step)
    {
        using var scope = NewDisposeScope();
        Batch batch = _windows.Draw(new Random(unchecked(options.Seed * 1_000_003 + step)));
        Tensor ids = batch.Inputs();
        long places = ids.shape[1] - 1;
        (Tensor hidden, Tensor target) = Main(ids);
        Tensor logits = model.Logits(model.SecondHidden(hidden.narrow(1, 0, places), ids.narrow(1, 1, places))).flatten(0, 1);
        Tensor weights = batch.WeightTensor().narrow(1, 1, places).flatten();
        Tensor loss = (Training.Divergence(target, logits) * weights).sum() / weights.sum();
        loss.backward();
        _optimiser.Step(options.LearningRate * Math.Min(1, (step + 1.0) / WarmUpSteps) * (0.02 + 0.98 * (0.5 + 0.5 * Math.Cos(Math.PI * Math.Min(1, ShareAt(step))))));
        model.AfterStep();
        return (loss.ToDouble(), batch.Tokens);
    }

    /// <summary>The main model's states [batch, n, hidden], and its log-probabilities from the second place on, [batch * (n - 1), vocabulary].</summary>
    private (Tensor Hidden, Tensor Target) Main(Tensor ids)
    {
        using var _ = no_grad();
        Tensor hidden = model.Hidden(ids);
        return (hidden, nn.functional.log_softmax(model.Logits(hidden.narrow(1, 1, ids.shape[1] - 1)).flatten(0, 1), -1));
    }

    private double Agreed()
    {
        using var _ = no_grad();
        var agreement = new SecondTokenAgreement();
        foreach (TokenisedDialogue dialogue in dev.Dialogues)
        {
            using var scope = NewDisposeScope();
            int n = Math.Min(dialogue.Ids.Length, SecondTokenAgreement.LongestText);
            Tensor ids = tensor(dialogue.Ids[..n], [1, n]).to(ScalarType.Int64);
            (Tensor hidden, Tensor target) = Main(ids);
            Tensor second = model.Logits(model.SecondHidden(hidden.narrow(1, 0, n - 1), ids.narrow(1, 1, n - 1))).flatten(0, 1);
            agreement.Add(dialogue, target.argmax(-1).data<long>().ToArray(), second.argmax(-1).data<long>().ToArray());
        }

        return agreement.Share;
    }

    private static void Log(string line) => Console.Error.WriteLine($"{DateTime.UtcNow:HH:mm:ss} {line}");
}

/// <summary>How often the second token that was foreseen is the main model's own first choice, over the assistant's tokens of dialogues.</summary>
internal sealed class SecondTokenAgreement
{
    /// <summary>Dialogues are cut here.</summary>
    public const int LongestText = 1024;

    private int _agreed, _all;

    public double Share => (double)_agreed / Math.Max(1, _all);

    /// <summary>Adds a dialogue.</summary>
    /// <param name="main">The main model's choice behind place i + 1.</param>
    /// <param name="second">The choice for the same token, foreseen one place before.</param>
    public void Add(TokenisedDialogue dialogue, IReadOnlyList<long> main, IReadOnlyList<long> second)
    {
        for (int i = 0; i + 2 < dialogue.Ids.Length && i < second.Count; i++)
        {
            if (dialogue.Roles[i + 2] != Vocabulary.Assistant) continue;
            _all++;
            _agreed += main[i] == second[i] ? 1 : 0;
        }
    }

    /// <summary>Measures the shipped graphs, each dialogue in one pass; null for a model without the second.</summary>
    public static JsonObject? Measure(string folder, Corpus corpus, int threads)
    {
        EdgeManifest manifest = ModelFolder.Open(folder).Manifest!;
        if (manifest.Graphs.FirstOrDefault(graph => graph.Role == "mtp") is not { } secondGraph) return null;
        using var options = new SessionOptions { IntraOpNumThreads = threads };
        EdgeManifest.GraphEntry mainGraph = manifest.Graphs.First(graph => graph.Role == "step");
        using var main = new InferenceSession(Path.Combine(folder, mainGraph.File), options);
        using var second = new InferenceSession(Path.Combine(folder, secondGraph.File), options);
        var agreement = new SecondTokenAgreement();
        foreach (TokenisedDialogue dialogue in corpus.Dialogues)
        {
            int n = Math.Min(dialogue.Ids.Length, LongestText);
            (long[] choices, float[] states) = Run(main, mainGraph, dialogue.Ids.AsSpan(0, n), null);
            float[] read = states[..(states.Length / n * (n - 1))];
            (long[] foreseen, _) = Run(second, secondGraph, dialogue.Ids.AsSpan(1, n - 1), read);
            agreement.Add(dialogue, choices[1..], foreseen);
        }

        return new JsonObject { ["tokens"] = agreement._all, ["agreed"] = Math.Round(agreement.Share, 4) };
    }

    private static (long[] Choices, float[] Hidden) Run(InferenceSession session, EdgeManifest.GraphEntry graph, ReadOnlySpan<int> ids, float[]? states)
    {
        long n = ids.Length;
        var inputs = new Dictionary<string, OrtValue>();
        foreach ((string role, string name) in graph.Inputs)
        {
            if (role == "first_logit") continue;
            inputs[name] = role switch
            {
                "tokens" => OrtValue.CreateTensorValueFromMemory([.. ids.ToArray().Select(id => (long)id)], [1, n]),
                "past_length" => OrtValue.CreateTensorValueFromMemory(new long[1], [1]),
                "hidden" => OrtValue.CreateTensorValueFromMemory(states!, [1, n, states!.Length / n]),
                _ => EmptyCache(session.InputMetadata[name].Dimensions, n),
            };
        }

        using var runOptions = new RunOptions();
        using IDisposableReadOnlyCollection<OrtValue> outputs = session.Run(runOptions, inputs, [graph.Outputs["logits"], graph.Outputs["hidden"]]);
        ReadOnlySpan<float> logits = outputs[0].GetTensorDataAsSpan<float>();
        var choices = new long[n];
        for (int i = 0; i < n; i++) choices[i] = TensorPrimitives.IndexOfMax(logits.Slice(i * Vocabulary.Size, Vocabulary.Size));
        foreach (OrtValue value in inputs.Values) value.Dispose();
        return (choices, outputs[1].GetTensorDataAsSpan<float>().ToArray());
    }

    private static OrtValue EmptyCache(int[] dimensions, long capacity) =>
        OrtValue.CreateTensorValueFromMemory(new float[dimensions[1] * capacity * dimensions[3]], [1, dimensions[1], capacity, dimensions[3]]);
}
