using System.Diagnostics;
using System.Text.Json.Nodes;
using EdgeSdk.Modeling;
using TorchSharp;
using static TorchSharp.torch;

namespace EdgeSdk.Distillation;

/// <summary>What a training run is asked to do.</summary>
internal sealed record TrainingOptions
{
    /// <summary>Minutes of training in all; the learning rate falls to its end with them, so that a slow machine ends in time too.</summary>
    public required double Minutes { get; init; }

    /// <summary>The run lasts longer than its minutes where they are too short for so many steps.</summary>
    public int LeastSteps { get; init; }

    /// <summary>The folder that checkpoints go to.</summary>
    public required string Output { get; init; }

    /// <summary>The file of the state from which a stopped run goes on.</summary>
    public required string State { get; init; }

    public int Seed { get; init; } = 1;

    /// <summary>The highest learning rate.</summary>
    public double LearningRate { get; init; } = 2e-3;

    /// <summary>What the loss of a token counts.</summary>
    public TokenWeights Weights { get; init; } = new(Call: 2, Other: 0.25f);

    /// <summary>How often a dialogue is read with other values (<see cref="ValueSwap"/>).</summary>
    public double SwapShare { get; init; } = 0.5;

    /// <summary>How often a batch of the dialogues' stage is one of copying.</summary>
    public double CopyShare { get; init; } = 0.07;

    /// <summary>At most this share of the time goes to learning to copy first.</summary>
    public double CopyFirstShare { get; init; } = 0.15;

    /// <summary>A folder whose weights are taken up, with a fresh optimiser; they have learnt to copy already.</summary>
    public string? From { get; init; }

    /// <summary>Minutes between checkpoints.</summary>
    public double CheckpointMinutes { get; init; } = 3;

    /// <summary>Dev dialogues that the log's scores are measured on.</summary>
    public int DevDialogues { get; init; } = 32;

    /// <summary>How much of the run is over; 1 at its end.</summary>
    public double ShareAfter(double minutes, int steps) => Math.Min(minutes / Minutes, LeastSteps == 0 ? double.PositiveInfinity : (double)steps / LeastSteps);
}

/// <summary>
/// The recipe, the same for both models: copying until it is mastered, then dialogues with some copying mixed in; AdamW with a warm-up and a
/// cosine. With a teacher the loss is mostly the divergence from its distribution.
/// </summary>
internal sealed class Training(
    LanguageModel model,
    LanguageModel? teacher,
    Corpus train,
    Corpus? own,
    Corpus dev,
    ChatFormat format,
    TrainingOptions options)
{
    /// <summary>With a teacher: what its distribution counts against the data's own token.</summary>
    private const double SoftShare = 0.85;

    private const int WarmUpSteps = 100;
    private const double Mastered = 0.95;

    private readonly AdamW _optimiser = new(model.Weights);
    private readonly CopyTask _copyTask = new(format.Twins());
    private readonly Windows _windows = new(train, own, format, options.Weights, options.SwapShare);
    private readonly Stopwatch _clock = new();
    private double _secondsBefore;
    private int _step;
    private int _copiedAt = -1;
    private long _tokens;

    private double Seconds => _secondsBefore + _clock.Elapsed.TotalSeconds;

    private double Share => options.ShareAfter(Seconds / 60, _step);

    /// <summary>Trains to the end, or until cancelled; a state on disk is taken up.</summary>
    /// <returns>The scores at the end.</returns>
    public JsonObject Run(CancellationToken cancellationToken)
    {
        Resume();
        _clock.Start();
        double nextReport = Seconds + 10, nextCheckpoint = Seconds + options.CheckpointMinutes * 60, running = 0, weight = 0;
        long tokensBefore = _tokens;
        while (Share < 1 && !cancellationToken.IsCancellationRequested)
        {
            bool copying = _copiedAt < 0;
            (double loss, int tokens) = Step(copying);
            (running, weight) = (running * 0.98 + loss, weight * 0.98 + 1);
            _tokens += tokens;
            if (copying && _step % 25 == 0) LeaveCopyingWhenMastered();
            if (Seconds >= nextReport)
            {
                double rate = (_tokens - tokensBefore) / (Seconds - nextReport + 10);
                string stage = copying ? "copying" : teacher is null ? "training" : "distilling";
                Log($"{stage} step {_step} loss {running / weight:F3}, copied {_copyTask.Score(model, parts: 2):P0}, {rate:F0} tokens/s, {_tokens / 1e6:F2}M tokens, {Environment.WorkingSet / 1e9:F1} GB, {options.Minutes - Seconds / 60:F1} min left");
                (nextReport, tokensBefore) = (Seconds + 10, _tokens);
            }

            if (Seconds >= nextCheckpoint)
            {
                Save();
                Scores();
                nextCheckpoint = Seconds + options.CheckpointMinutes * 60;
            }
        }

        JsonObject scores = Scores();
        Save();
        return scores;
    }

    private (double Loss, int Tokens) Step(bool copying)
    {
        using var scope = NewDisposeScope();
        var random = new Random(unchecked(options.Seed * 1_000_003 + _step));
        bool synthetic = copying || random.NextDouble() < options.CopyShare;
        Batch batch = copying ? _copyTask.Draw(random, 24, 64, 7)
            : synthetic ? _copyTask.Draw(random, 3, 384, random.Next(2) == 0 ? 7 : 250)
            : _windows.Draw(random);
        if (model is ServerModel server) server.Routed = !copying;

        Tensor weights = batch.WeightTensor().flatten(), inputs = batch.Inputs();
        Tensor logits = model.Logits(model.Hidden(inputs)).flatten(0, 1);
        Tensor losses = nn.functional.cross_entropy(logits, batch.Targets().flatten(), reduction: nn.Reduction.None);
        if (teacher is not null && !synthetic) losses = losses * (1 - SoftShare) + Divergence(FromTeacher(inputs), logits) * SoftShare;
        Tensor loss = (losses * weights).sum() / weights.sum();
        loss.backward();
        _optimiser.Step(LearningRate(copying));
        model.AfterStep();
        _step++;
        return (loss.ToDouble(), batch.Tokens);
    }

    /// <summary>KL(target, own) of each place, in nats.</summary>
    /// <param name="target">Log-probabilities [places, vocabulary].</param>
    /// <param name="logits">[places, vocabulary].</param>
    public static Tensor Divergence(Tensor target, Tensor logits) => (target.exp() * (target - nn.functional.log_softmax(logits, -1))).sum(-1);

    private Tensor FromTeacher(Tensor inputs)
    {
        using var _ = no_grad();
        return nn.functional.log_softmax(teacher!.Logits(teacher.Hidden(inputs)).flatten(0, 1), -1);
    }

    private double LearningRate(bool copying)
    {
        if (copying) return options.LearningRate * Math.Min(1, (_step + 1.0) / WarmUpSteps);
        double warm = Math.Min(1, (_step - _copiedAt + 1.0) / WarmUpSteps);
        return options.LearningRate * warm * (0.02 + 0.98 * (0.5 + 0.5 * Math.Cos(Math.PI * Math.Min(1, Share))));
    }

    private void LeaveCopyingWhenMastered()
    {
        double score = _copyTask.Score(model);
        Log($"copying step {_step} copied {score:P1} of repeated segments, {Seconds:F0} s");
        if (score < Mastered && Share < options.CopyFirstShare) return;
        _copiedAt = _step;
    }

    private JsonObject Scores()
    {
        DevScore score = DevScore.Measure(model, dev, format, options.DevDialogues);
        double near = _copyTask.Score(model), far = _copyTask.Score(model, 512, 250);
        Log($"dev loss {score.Loss:F3}, call tokens right {score.CallTokens:P1}, values of the context copied {score.ValuesCopied:P1}, segments copied {near:P1} near, {far:P1} far");
        return new JsonObject
        {
            ["minutes"] = Math.Round(Seconds / 60, 1),
            ["steps"] = _step,
            ["copying_steps"] = _copiedAt,
            ["tokens"] = _tokens,
            ["dev_loss"] = Math.Round(score.Loss, 4),
            ["dev_call_tokens_right"] = Math.Round(score.CallTokens, 4),
            ["dev_values_copied"] = Math.Round(score.ValuesCopied, 4),
            ["segments_copied_near"] = Math.Round(near, 4),
            ["segments_copied_far"] = Math.Round(far, 4),
        };
    }

    private void Save()
    {
        Checkpoint.Write(options.Output, model);
        var progress = new Dictionary<string, string>
        {
            ["step"] = $"{_step}",
            ["copied_at"] = $"{_copiedAt}",
            ["tokens"] = $"{_tokens}",
            ["seconds"] = $"{Seconds:R}",
        };
        using var scope = NewDisposeScope();
        var masters = model.Weights.Tensors.Select(t => ("master." + t.Key, t.Value));
        TensorFile.Write(options.State, masters.Concat(_optimiser.Save()), SafetensorsType.F32, progress);
    }

    private void Resume()
    {
        if (!File.Exists(options.State))
        {
            Begin();
            return;
        }

        (Dictionary<string, Tensor> state, IReadOnlyDictionary<string, string> progress) = TensorFile.Read(options.State);
        using (no_grad())
        {
            foreach ((string name, Tensor master) in model.Weights.Tensors) master.copy_(state["master." + name]);
        }

        _optimiser.Load(state);
        foreach (Tensor tensor in state.Values) tensor.Dispose();
        (_step, _copiedAt) = (int.Parse(progress["step"]), int.Parse(progress["copied_at"]));
        (_tokens, _secondsBefore) = (long.Parse(progress["tokens"]), double.Parse(progress["seconds"]));
        Log($"goes on from step {_step}, minute {_secondsBefore / 60:F1}, of {options.State}");
    }

    private void Begin()
    {
        if (options.From is null) return;
        Checkpoint.Load(options.From, model);
        _copiedAt = 0;
        Log($"begins with the weights of {options.From}");
    }

    private static void Log(string line) => Console.Error.WriteLine($"{DateTime.UtcNow:HH:mm:ss} {line}");
}
