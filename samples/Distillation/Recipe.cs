using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using EdgeSdk.Cli;
using EdgeSdk.Runtime;
using EdgeSdk.Text;
using static TorchSharp.torch;

namespace EdgeSdk.Distillation;

/// <summary>The steps from dialogues to the shipped pair.</summary>
internal static class Recipe
{
    private static readonly string s_folder = Here();

    /// <summary>How often the server writes a dialogue of its own text greedily; else at a temperature of 0.7.</summary>
    private const double GreedyShare = 0.6;

    /// <summary>The device writes what the assistant writes: little else counts.</summary>
    private static readonly TokenWeights s_deviceWeights = new(Call: 1, Other: 0.1f);

    /// <summary>The repository that this was built in.</summary>
    public static string Repository { get; } = Path.GetFullPath(Path.Combine(s_folder, "..", ".."));

    /// <summary>Learns the encoding on the training split.</summary>
    public static JsonObject LearnTokenizer(Arguments arguments) => LearnTokenizer(Read(arguments, "train"), Work(arguments));

    /// <summary>Trains the server's model.</summary>
    public static JsonObject TrainServer(Arguments arguments, CancellationToken cancellationToken)
    {
        string output = Path.Combine(Output(arguments), "server");
        var options = new TrainingOptions
        {
            Minutes = arguments.Number("minutes", 50),
            Output = output,
            State = Path.Combine(Work(arguments), "server.state"),
            Seed = arguments.Integer("seed", 1),
            LearningRate = arguments.Number("learning-rate", 2e-3),
            CheckpointMinutes = arguments.Number("checkpoint-minutes", 3),
            From = arguments.Has("from") ? arguments.Text("from", "") : null,
        };
        SetThreads(arguments);
        return Train(NewServer(options.Seed), null, null, Read(arguments, "train"), Read(arguments, "dev"), Work(arguments), options, cancellationToken);
    }

    /// <summary>Distils the device's model from the server's checkpoint.</summary>
    public static JsonObject DistilDevice(Arguments arguments, CancellationToken cancellationToken)
    {
        var options = new TrainingOptions
        {
            Minutes = arguments.Number("minutes", 28),
            Output = Path.Combine(Output(arguments), "device"),
            State = Path.Combine(Work(arguments), "device.state"),
            Seed = arguments.Integer("seed", 1),
            LearningRate = arguments.Number("learning-rate", arguments.Has("from") ? 5e-4 : 3e-3), // a high peak throws trained weights back for minutes
            CheckpointMinutes = arguments.Number("checkpoint-minutes", 3),
            Weights = s_deviceWeights,
            SwapShare = 0.25,
            From = arguments.Has("from") ? arguments.Text("from", "") : null,
        };
        SetThreads(arguments);
        using ServerModel server = NewServer(options.Seed);
        Checkpoint.Load(Path.Combine(Output(arguments), "server"), server);
        using LanguageModel teacher = server.Freeze();
        Corpus? own = ReadOwnText(OwnTextPath(Work(arguments)));
        return Train(NewDevice(options.Seed, arguments), teacher, own, Read(arguments, "train"), Read(arguments, "dev"), Work(arguments), options, cancellationToken);
    }

    /// <summary>Adds the layer that predicts the second token to the server's checkpoint.</summary>
    public static JsonObject TrainSecondToken(Arguments arguments, CancellationToken cancellationToken)
    {
        var options = new TrainingOptions
        {
            Minutes = arguments.Number("minutes", 5),
            Output = Path.Combine(Output(arguments), "server"),
            State = Path.Combine(Work(arguments), "mtp.state"),
            Seed = arguments.Integer("seed", 1),
            LearningRate = arguments.Number("learning-rate", 2e-3),
        };
        SetThreads(arguments);
        return TrainSecondToken(Read(arguments, "train"), Read(arguments, "dev"), OwnTextPath(Work(arguments)), options, cancellationToken);
    }

    /// <summary>Lets the server write the assistant's turns of train's dialogues, for <see cref="DistilDevice"/>.</summary>
    public static async Task<JsonObject> WriteOwnTextAsync(Arguments arguments, CancellationToken cancellationToken)
    {
        string folder = Path.Combine(Output(arguments), "server");
        int threads = arguments.Integer("threads", Math.Max(1, Environment.ProcessorCount));
        int seed = arguments.Integer("seed", 1);
        Dialogue[] dialogues = Spread([.. Read(arguments, "train").Skip(seed - 1)], arguments.Integer("texts", 1000)); // other seeds, other dialogues
        return await WriteOwnTextAsync(folder, dialogues, OwnTextPath(Work(arguments)), threads, arguments.Number("greedy-share", GreedyShare), seed, cancellationToken);
    }

    /// <summary>All of it on the excerpt, 40 dialogues to train and 5 dev; fails where a model did not learn.</summary>
    public static async Task<JsonObject> SmokeAsync(Arguments arguments, CancellationToken cancellationToken)
    {
        SetThreads(arguments);
        IReadOnlyList<Dialogue> all = Excerpt();
        Dialogue[] train = [.. all.Take(40)], dev = [.. all.Skip(40).Take(5)];
        string work = Directory.CreateTempSubdirectory("distillation-").FullName;
        try
        {
            LearnTokenizer(train, work);
            TrainingOptions options = new()
            {
                Minutes = arguments.Number("minutes", 1.6) / 2,
                LeastSteps = 150, // what two idle cores do in that time: a busy machine takes longer, and learns as much
                Output = Path.Combine(work, "server"),
                State = Path.Combine(work, "server.state"),
                CopyFirstShare = 0.5,
            };
            using ServerModel server = NewServer(options.Seed);
            JsonObject trained = TrainOrFail(server, null, null, train, dev, work, options, cancellationToken);
            JsonObject written = await WriteOwnTextAsync(options.Output, train[..6], OwnTextPath(work), Environment.ProcessorCount, GreedyShare, options.Seed, cancellationToken);
            if ((long)written["tokens"]! == 0) throw new EdgeException(EdgeErrorCode.Engine, "The server wrote none of its own text.");
            JsonObject secondToken = await SmokeSecondTokenAsync(train, dev, work, options, cancellationToken);
            using LanguageModel teacher = server.Freeze();
            options = options with { Output = Path.Combine(work, "device"), State = Path.Combine(work, "device.state"), LeastSteps = 230, Weights = s_deviceWeights };
            using DeviceModel device = NewDevice(options.Seed, arguments);
            JsonObject distilled = TrainOrFail(device, teacher, OwnText.Read(OwnTextPath(work)), train, dev, work, options, cancellationToken);
            return new JsonObject { ["server"] = trained, ["own_text"] = written, ["second_token"] = secondToken, ["device"] = distilled };
        }
        finally
        {
            Directory.Delete(work, recursive: true);
        }
    }

    private static async Task<JsonObject> SmokeSecondTokenAsync(Dialogue[] train, Dialogue[] dev, string work, TrainingOptions options, CancellationToken cancellationToken)
    {
        options = options with { Minutes = options.Minutes / 4, LeastSteps = 30, State = Path.Combine(work, "mtp.state") };
        JsonObject result = TrainSecondToken(train, dev, OwnTextPath(work), options, cancellationToken);
        await using (await Pair.LoadAsync(options.Output, new OnnxModelOptions { SelfTest = false }, cancellationToken))
        {
            result["graphs"] = SecondTokenAgreement.Measure(options.Output, Corpus.From(dev, new ChatFormat(options.Output)), Environment.ProcessorCount);
        }

        double trained = (double)result["dev_agreed"]!, graphs = (double)result["graphs"]!["agreed"]!;
        if (trained > 0.02 && Math.Abs(trained - graphs) < 0.1) return result; // the trainer's products are in bfloat16
        throw new EdgeException(EdgeErrorCode.Engine, $"Second tokens that are the main model's own: {trained} by the trainer (wanted over 0.02), {graphs} by the graphs (wanted within 0.1 of it).");
    }

    /// <summary>Compares the shipped graphs with what was trained, and times the device's step on two threads.</summary>
    public static async Task<JsonObject> CheckAsync(Arguments arguments, CancellationToken cancellationToken)
    {
        SetThreads(arguments);
        string serverFolder = Path.Combine(Output(arguments), "server"), deviceFolder = Path.Combine(Output(arguments), "device");
        int[] text = Corpus.From([Excerpt()[0]], new ChatFormat(deviceFolder)).Dialogues[0].Ids;
        await using OnnxModel server = await Pair.LoadAsync(serverFolder, new OnnxModelOptions { MinimumRows = 2 }, cancellationToken);
        await using OnnxModel device = await Pair.LoadAsync(deviceFolder, new OnnxModelOptions { Threads = 2 }, cancellationToken);
        var result = new JsonObject();
        foreach ((LanguageModel trained, string folder, OnnxModel shipped) in ((LanguageModel, string, OnnxModel)[])[(NewServer(0), serverFolder, server), (NewDevice(0, arguments), deviceFolder, device)])
        {
            using (trained)
            {
                Checkpoint.Load(folder, trained);
                trained.Weights.ProductType = ScalarType.Float32;
                result[Path.GetFileName(folder)] = await Check.CompareAsync(trained, shipped, text, cancellationToken);
            }
        }

        result["device_step_ms"] = await Check.StepMillisecondsAsync(device, text, cancellationToken);
        return result;
    }

    /// <summary>Every n-th dialogue: the files are sorted by service.</summary>
    public static Dialogue[] Spread(IReadOnlyList<Dialogue> dialogues, int count) =>
        [.. dialogues.Where((_, i) => i % Math.Max(1, dialogues.Count / count) == 0).Take(count)];

    private static JsonObject TrainSecondToken(
        IReadOnlyList<Dialogue> train, IReadOnlyList<Dialogue> dev, string ownText, TrainingOptions options, CancellationToken cancellationToken)
    {
        var format = new ChatFormat(options.Output);
        using var model = new ServerModel(new ServerShape(PredictsSecondToken: true), new Generator((ulong)options.Seed));
        Checkpoint.Load(options.Output, model, partly: true);
        Corpus devCorpus = Corpus.From(Spread(dev, options.DevDialogues), format);
        JsonObject result = new SecondTokenTraining(model, Corpus.From(train, format), ReadOwnText(ownText), devCorpus, format, options).Run(cancellationToken);
        File.WriteAllText(Path.ChangeExtension(options.State, ".json"), result.ToJsonString() + "\n");
        return result;
    }

    private static Corpus? ReadOwnText(string path) => File.Exists(path) ? OwnText.Read(path) : null;

    private static string OwnTextPath(string work) => Path.Combine(work, "own-text.jsonl");

    private static async Task<JsonObject> WriteOwnTextAsync(string folder, Dialogue[] dialogues, string path, int writers, double greedyShare, int seed, CancellationToken cancellationToken)
    {
        await using OnnxModel server = await Pair.LoadAsync(folder, new OnnxModelOptions { Threads = 1, ConcurrentPasses = writers, SelfTest = false }, cancellationToken);
        var format = new ChatFormat(folder);
        long start = Stopwatch.GetTimestamp();
        void Progress(int count)
        {
            if (count % 100 == 0) Log($"own text: {count} of {dialogues.Length} dialogues, {Stopwatch.GetElapsedTime(start).TotalSeconds:F0} s");
        }

        (long own, long all) = await new OwnText(server, format, greedyShare, seed).WriteAsync(Corpus.From(dialogues, format), path, writers, Progress, cancellationToken);
        return new JsonObject { ["dialogues"] = dialogues.Length, ["own_tokens"] = own, ["tokens"] = all, ["seconds"] = Math.Round(Stopwatch.GetElapsedTime(start).TotalSeconds) };
    }

    private static ServerModel NewServer(int seed) => new(new ServerShape(), new Generator((ulong)seed));

    private static DeviceModel NewDevice(int seed, Arguments arguments)
    {
        var shape = new DeviceShape();
        shape = new DeviceShape(
            arguments.Integer("hidden", shape.Hidden),
            arguments.Integer("layers", shape.Layers),
            arguments.Integer("heads", shape.Heads),
            arguments.Integer("key-value-heads", shape.KeyValueHeads),
            arguments.Integer("intermediate", shape.Intermediate));
        return new(shape, new Generator((ulong)seed));
    }

    private static JsonObject LearnTokenizer(IReadOnlyList<Dialogue> dialogues, string folder)
    {
        var trainer = new BpeTrainer();
        var template = ChatTemplate.Load(s_folder);
        foreach (Dialogue dialogue in dialogues) trainer.Count(template.Render(dialogue.Messages, dialogue.ToolsAsJson(), false));
        var merges = trainer.Learn();
        BpeTrainer.Write(folder, merges);
        File.Copy(Path.Combine(s_folder, "chat_template.jinja"), Path.Combine(folder, "chat_template.jinja"), overwrite: true);
        return new JsonObject { ["dialogues"] = dialogues.Count, ["merges"] = merges.Count, ["folder"] = folder };
    }

    /// <summary>Trains, and compares with what the model was before.</summary>
    private static JsonObject TrainOrFail(
        LanguageModel model,
        LanguageModel? teacher,
        Corpus? own,
        Dialogue[] train,
        Dialogue[] dev,
        string tokenizer,
        TrainingOptions options,
        CancellationToken cancellationToken)
    {
        var format = new ChatFormat(tokenizer);
        double before = DevScore.Measure(model, Corpus.From(dev, format), format, dev.Length).Loss;
        JsonObject result = Train(model, teacher, own, train, dev, tokenizer, options, cancellationToken);
        double after = (double)result["dev_loss"]!, copied = (double)result["segments_copied_near"]!;
        if (after < 0.98 * before && copied > 0.05) return result;
        throw new EdgeException(
            EdgeErrorCode.Engine,
            $"{model.GetType().Name} did not learn: dev loss {after} (at the start {before:F4}, wanted under 98 % of it), segments copied {copied} (wanted over 0.05), in {result["steps"]} steps.");
    }

    private static JsonObject Train(
        LanguageModel model,
        LanguageModel? teacher,
        Corpus? own,
        IReadOnlyList<Dialogue> train,
        IReadOnlyList<Dialogue> dev,
        string tokenizer,
        TrainingOptions options,
        CancellationToken cancellationToken)
    {
        var format = new ChatFormat(tokenizer);
        Checkpoint.CopyTokenizer(tokenizer, options.Output);
        Corpus trainCorpus = Corpus.From(train, format), devCorpus = Corpus.From(Spread(dev, options.DevDialogues), format);
        Console.Error.WriteLine($"{model.Weights.Count:N0} parameters; {train.Count:N0} dialogues, {trainCorpus.Tokens:N0} tokens; {options.Minutes} minutes");
        JsonObject result = new Training(model, teacher, trainCorpus, own, devCorpus, format, options).Run(cancellationToken);
        result["seed"] = options.Seed;
        result["learning_rate"] = options.LearningRate;
        File.WriteAllText(Path.ChangeExtension(options.State, ".json"), result.ToJsonString() + "\n");
        return result;
    }

    public static IReadOnlyList<Dialogue> Read(Arguments arguments, string split)
    {
        string assets = Environment.GetEnvironmentVariable("EDGE_ASSETS") ?? Path.Combine(Repository, "..", "shared");
        string folder = Path.GetFullPath(arguments.Text("data", Path.Combine(assets, "data", "sgd")));
        string plain = Path.Combine(folder, split + ".jsonl");
        IReadOnlyList<Dialogue> dialogues = Dialogues.Read(File.Exists(plain) ? plain : plain + ".xz");
        return [.. dialogues.Take(arguments.Integer("dialogues", int.MaxValue))];
    }

    public static string Output(Arguments arguments) => Path.GetFullPath(arguments.Text("output", Path.Combine(Repository, "samples", "models")));

    public static string Work(Arguments arguments)
    {
        string folder = Path.GetFullPath(arguments.Text("work", Path.Combine(Repository, "artifacts", "distillation")));
        Directory.CreateDirectory(folder);
        return folder;
    }

    private static IReadOnlyList<Dialogue> Excerpt() => Dialogues.Read(Path.Combine(Repository, "samples", "data", "dialogues.jsonl"));

    private static void SetThreads(Arguments arguments) => set_num_threads(arguments.Integer("threads", Math.Max(1, Environment.ProcessorCount)));

    public static void Log(string line) => Console.Error.WriteLine($"{DateTime.UtcNow:HH:mm:ss} {line}");

    private static string Here([CallerFilePath] string file = "") => Path.GetDirectoryName(file)!;
}
