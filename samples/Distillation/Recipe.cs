using System.Runtime.CompilerServices;
using System.Text.Json.Nodes;
using EdgeSdk.Cli;
using static TorchSharp.torch;

namespace EdgeSdk.Distillation;

/// <summary>The steps from dialogues to the shipped pair.</summary>
internal static class Recipe
{
    private static readonly string s_folder = Here();
    private static readonly string s_repository = Path.GetFullPath(Path.Combine(s_folder, "..", ".."));

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
            OtherWeight = 0.25f,
        };
        return Train(NewServer(options.Seed), null, Read(arguments, "train"), Read(arguments, "dev"), Work(arguments), options, cancellationToken);
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
            LearningRate = arguments.Number("learning-rate", 3e-3),
            OtherWeight = 0.1f,
        };
        using ServerModel server = NewServer(options.Seed);
        Checkpoint.Load(Path.Combine(Output(arguments), "server"), server);
        using LanguageModel teacher = server.Freeze();
        return Train(NewDevice(options.Seed), teacher, Read(arguments, "train"), Read(arguments, "dev"), Work(arguments), options, cancellationToken);
    }

    /// <summary>All of it on the excerpt, 40 dialogues to train, 5 dev, 5 test.</summary>
    public static JsonObject Smoke(Arguments arguments, CancellationToken cancellationToken)
    {
        IReadOnlyList<Dialogue> all = Dialogues.Read(Path.Combine(s_repository, "samples", "data", "dialogues.jsonl"));
        Dialogue[] train = [.. all.Take(40)], dev = [.. all.Skip(40).Take(5)];
        string work = Directory.CreateTempSubdirectory("distillation-").FullName;
        try
        {
            LearnTokenizer(train, work);
            TrainingOptions options = new()
            {
                Minutes = arguments.Number("minutes", 2) / 2,
                Output = Path.Combine(work, "server"),
                State = Path.Combine(work, "server.state"),
                CopyFirstShare = 0.6,
            };
            using ServerModel server = NewServer(options.Seed);
            JsonObject trained = Train(server, null, train, dev, work, options, cancellationToken);
            using LanguageModel teacher = server.Freeze();
            options = options with { Output = Path.Combine(work, "device"), State = Path.Combine(work, "device.state"), OtherWeight = 0.1f };
            using DeviceModel device = NewDevice(options.Seed);
            JsonObject distilled = Train(device, teacher, train, dev, work, options, cancellationToken);
            return new JsonObject { ["server"] = trained, ["device"] = distilled };
        }
        finally
        {
            Directory.Delete(work, recursive: true);
        }
    }

    private static ServerModel NewServer(int seed) => new(new ServerShape(), new Generator((ulong)seed));

    private static DeviceModel NewDevice(int seed) => new(new DeviceShape(), new Generator((ulong)seed));

    private static JsonObject LearnTokenizer(IReadOnlyList<Dialogue> dialogues, string folder)
    {
        var trainer = new BpeTrainer();
        foreach (Dialogue dialogue in dialogues) trainer.Count(ChatFormat.Render(dialogue.Messages, dialogue.ToolsAsJson(), false));
        var merges = trainer.Learn();
        BpeTrainer.Write(folder, merges);
        File.Copy(Path.Combine(s_folder, "chat_template.jinja"), Path.Combine(folder, "chat_template.jinja"), overwrite: true);
        return new JsonObject { ["dialogues"] = dialogues.Count, ["merges"] = merges.Count, ["folder"] = folder };
    }

    private static JsonObject Train(
        LanguageModel model,
        LanguageModel? teacher,
        IReadOnlyList<Dialogue> train,
        IReadOnlyList<Dialogue> dev,
        string tokenizer,
        TrainingOptions options,
        CancellationToken cancellationToken)
    {
        var format = new ChatFormat(tokenizer);
        Checkpoint.CopyTokenizer(tokenizer, options.Output);
        Corpus trainCorpus = Corpus.From(train, format), devCorpus = Corpus.From(dev, format);
        Console.Error.WriteLine($"{model.Weights.Count:N0} parameters; {train.Count:N0} dialogues, {trainCorpus.Tokens:N0} tokens; {options.Minutes} minutes");
        return new Training(model, teacher, trainCorpus, devCorpus, format, options).Run(cancellationToken);
    }

    private static IReadOnlyList<Dialogue> Read(Arguments arguments, string split)
    {
        string assets = Environment.GetEnvironmentVariable("EDGE_ASSETS") ?? Path.Combine(s_repository, "..", "shared");
        string folder = Path.GetFullPath(arguments.Text("data", Path.Combine(assets, "data", "sgd")));
        string plain = Path.Combine(folder, split + ".jsonl");
        IReadOnlyList<Dialogue> dialogues = Dialogues.Read(File.Exists(plain) ? plain : plain + ".xz");
        return [.. dialogues.Take(arguments.Integer("dialogues", int.MaxValue))];
    }

    private static string Output(Arguments arguments) => Path.GetFullPath(arguments.Text("output", Path.Combine(s_repository, "samples", "models")));

    private static string Work(Arguments arguments)
    {
        string folder = Path.GetFullPath(arguments.Text("work", Path.Combine(s_repository, "artifacts", "distillation")));
        Directory.CreateDirectory(folder);
        return folder;
    }

    private static string Here([CallerFilePath] string file = "") => Path.GetDirectoryName(file)!;
}
