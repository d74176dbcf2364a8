using System.Globalization;
using System.Text.Json.Nodes;
using EdgeSdk.Cli;
using EdgeSdk.Models;
using EdgeSdk.Runtime;

namespace EdgeSdk.Distillation;

/// <summary>The commands that need no TorchSharp: what the finished pair is worth, as JSON, as a page and in the models' cards.</summary>
internal static class Evaluating
{
    private const string FileName = "evaluation.json";

    /// <summary>Evaluates the pair on test, chooses Auto's rule on dev, notes it in the device's <c>edge.json</c>, and leaves <c>evaluation.json</c> beside the models.</summary>
    public static async Task<JsonObject> EvaluateAsync(Arguments arguments, CancellationToken cancellationToken)
    {
        string output = Recipe.Output(arguments), serverFolder = Path.Combine(output, "server"), deviceFolder = Path.Combine(output, "device");
        EvaluationSize size = Size(arguments);
        var options = new OnnxModelOptions { MinimumRows = 2, Threads = arguments.Integer("threads", 1), ConcurrentPasses = 2 };
        await using OnnxModel server = await Pair.LoadAsync(serverFolder, options, cancellationToken);
        await using OnnxModel device = await Pair.LoadAsync(deviceFolder, options, cancellationToken);
        Recipe.Log($"server {server.Info.Identity[..12]}, device {device.Info.Identity[..12]}");

        var format = new ChatFormat(deviceFolder);
        IReadOnlyList<Dialogue> test = Recipe.Read(arguments, "test");
        var evaluation = new Evaluation(server, device, format, size, Recipe.Read(arguments, "train"), serverFolder);
        (RoutingThresholds rule, JsonObject found) = await evaluation.RunAsync(test, Recipe.Read(arguments, "dev"), Recipe.Log, cancellationToken);
        Pair.Note(deviceFolder, rule);

        Corpus whole = Corpus.From(Recipe.Spread(test, size.Dialogues), format);
        found["language"] = new JsonObject
        {
            ["dialogues"] = whole.Dialogues.Count,
            ["server"] = await Evaluation.LanguageAsync(server, whole, format, cancellationToken),
            ["device"] = await Evaluation.LanguageAsync(device, whole, format, cancellationToken),
        };
        found["models"] = new JsonObject { ["server"] = server.Info.Identity, ["device"] = device.Info.Identity };
        Checkpoint.WriteJson(Path.Combine(output, FileName), found);
        Console.Error.WriteLine(ModelCard.Table(Found(arguments)));
        return new JsonObject { ["written"] = Path.Combine(output, FileName) };
    }

    /// <summary>Compares devices on turns of one split.</summary>
    public static async Task<JsonObject> CompareAsync(Arguments arguments, CancellationToken cancellationToken)
    {
        string output = Recipe.Output(arguments), split = arguments.Text("split", "dev");
        string[] devices = arguments.Text("devices", Path.Combine(output, "device")).Split(',');
        float[] temperatures = [.. arguments.Text("temperatures", "0,0.7").Split(',').Select(text => float.Parse(text, CultureInfo.InvariantCulture))];
        var comparison = new Comparison(Path.Combine(output, "server"), Recipe.Work(arguments), Size(arguments).Turns);
        return await comparison.RunAsync(devices, split, Recipe.Read(arguments, split), temperatures, cancellationToken);
    }

    /// <summary>Writes the page and its plots from what <see cref="EvaluateAsync"/> and other commands left beside the models.</summary>
    public static JsonObject WritePage(Arguments arguments)
    {
        string folder = Path.GetFullPath(arguments.Text("docs", Path.Combine(Recipe.Repository, "docs")));
        return new JsonObject { ["written"] = new JsonArray([.. PairPage.Write(folder, new Measured(Recipe.Output(arguments), Found(arguments)))]) };
    }

    /// <summary>Writes both model cards from what training and evaluation left.</summary>
    public static JsonObject WriteCards(Arguments arguments)
    {
        foreach (string name in (string[])["server", "device"])
        {
            string folder = Path.Combine(Recipe.Output(arguments), name);
            var training = JsonNode.Parse(File.ReadAllText(Path.Combine(Recipe.Work(arguments), name + ".json")))!.AsObject();
            File.WriteAllText(Path.Combine(folder, "README.md"), ModelCard.Write(folder, training, Found(arguments)));
        }

        return new JsonObject { ["written"] = new JsonArray("server/README.md", "device/README.md") };
    }

    private static EvaluationSize Size(Arguments arguments)
    {
        var size = new EvaluationSize();
        return new EvaluationSize(
            arguments.Integer("turns", size.Turns),
            arguments.Integer("seen-calls", size.SeenCalls),
            arguments.Integer("unseen-calls", size.UnseenCalls),
            arguments.Integer("tuning-turns", size.TuningTurns),
            arguments.Integer("whole-dialogues", size.Dialogues),
            arguments.Integer("limit", size.Limit));
    }

    private static JsonObject Found(Arguments arguments)
    {
        string path = Path.Combine(Recipe.Output(arguments), FileName);
        if (File.Exists(path)) return JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        throw new EdgeException(EdgeErrorCode.InvalidArgument, $"{path} does not exist. Run evaluate first.");
    }
}
