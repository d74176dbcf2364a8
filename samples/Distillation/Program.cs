using System.Globalization;
using System.Text.Json.Nodes;
using EdgeSdk;
using EdgeSdk.Distillation;

return await Commands.RunAsync(args);

/// <summary>The command line.</summary>
internal static class Commands
{
    private const string Usage = """
        distillation COMMAND [--name value ...]

          tokenizer          learns the byte-pair encoding
          train server       trains the mixture-of-experts model
          train mtp          adds the layer that predicts its second token
          own-text           lets it write the assistant's turns of training dialogues
          distil device      distils the device's model from it, on the data and on that text
          evaluate           measures the pair on test, chooses Auto's rule on dev, notes it in device/edge.json; writes evaluation.json beside the models
          compare            R(n), step and simulated time together of several devices on one split, to choose among them
          page               writes docs/pair.md and its plots from evaluation.json
          cards              writes the model cards from what training and evaluate found
          --check            compares the shipped graphs' logits with the trained models', times the device's step
          --smoke            the whole recipe on samples/data in under three minutes on two idle cores, failing where nothing was learnt; its weights are discarded

          --data DIR         holds train, dev and test.jsonl[.xz]    (EDGE_ASSETS/data/sgd, else ../shared/data/sgd beside the repository)
          --output DIR       holds server/ and device/               (samples/models)
          --work DIR         states from which a stopped run goes on (artifacts/distillation)
          --minutes N        of training                             (server 50, device 28, mtp 5)
          --from DIR         weights to begin with, for a stage of its own (train, distil; a state in --work goes first)
          --checkpoint-minutes N                             (3)
          --hidden N --layers N --heads N --key-value-heads N --intermediate N    the device's sizes (160, 4, 6, 2, 448); distil, --check
          --texts N          dialogues that own-text writes         (1000)
          --learning-rate N  --seed N  --threads N  --dialogues N (reads only the first N of each file)
          --devices DIR,DIR  --split NAME  --temperatures N,N    what compare reads          (device/ of --output, dev, 0,0.7)
          --greedy-share N                                       of the dialogues that own-text writes, those written greedily (0.6)
          --docs DIR         where page writes                   (docs)
          --turns N  --seen-calls N  --unseen-calls N  --tuning-turns N  --whole-dialogues N  --limit N
                             what evaluate reads                 (300, 300, 100, 300, 40; at most 160 tokens an answer)
        """;

    /// <summary>Runs one command; 0 is success.</summary>
    public static async Task<int> RunAsync(string[] args)
    {
        using var stop = new CancellationTokenSource();
        Console.CancelKeyPress += (_, e) =>
        {
            e.Cancel = true;
            stop.Cancel();
        };
        try
        {
            var arguments = Arguments.Parse(args);
            JsonObject? result = arguments.Command switch
            {
                "tokenizer" => Recipe.LearnTokenizer(arguments),
                "train server" => Recipe.TrainServer(arguments, stop.Token),
                "train mtp" => Recipe.TrainSecondToken(arguments, stop.Token),
                "own-text" => await Recipe.WriteOwnTextAsync(arguments, stop.Token),
                "distil device" => Recipe.DistilDevice(arguments, stop.Token),
                "evaluate" => await Evaluating.EvaluateAsync(arguments, stop.Token),
                "compare" => await Evaluating.CompareAsync(arguments, stop.Token),
                "page" => Evaluating.WritePage(arguments),
                "cards" => Evaluating.WriteCards(arguments),
                "" when arguments.Has("check") => await Recipe.CheckAsync(arguments, stop.Token),
                "" when arguments.Has("smoke") => await Recipe.SmokeAsync(arguments, stop.Token),
                _ => null,
            };
            if (result is null)
            {
                Console.Error.WriteLine(Usage);
                return 2;
            }

            Console.WriteLine(result.ToJsonString());
            return 0;
        }
        catch (EdgeException e)
        {
            Console.Error.WriteLine(e.Message);
            return e.Code == EdgeErrorCode.InvalidArgument ? 2 : 1;
        }
    }
}

/// <summary>A command and its options.</summary>
internal sealed record Arguments(string Command, IReadOnlyDictionary<string, string> Options)
{
    private static readonly string[] s_switches = ["check", "smoke"];

    public static Arguments Parse(string[] args)
    {
        var words = new List<string>();
        var options = new Dictionary<string, string>();
        for (int i = 0; i < args.Length; i++)
        {
            if (!args[i].StartsWith("--", StringComparison.Ordinal))
            {
                words.Add(args[i]);
                continue;
            }

            string name = args[i][2..];
            bool isSwitch = s_switches.Contains(name);
            if (!isSwitch && i + 1 == args.Length) throw new EdgeException(EdgeErrorCode.InvalidArgument, $"--{name} wants a value.");
            options[name] = isSwitch ? "" : args[++i];
        }

        return new Arguments(string.Join(' ', words), options);
    }

    public bool Has(string name) => Options.ContainsKey(name);

    public string Text(string name, string otherwise) => Options.GetValueOrDefault(name, otherwise);

    public int Integer(string name, int otherwise) => (int)Number(name, otherwise);

    public double Number(string name, double otherwise)
    {
        if (!Options.TryGetValue(name, out string? text)) return otherwise;
        return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value)
            ? value
            : throw new EdgeException(EdgeErrorCode.InvalidArgument, $"--{name} {text} is not a number.");
    }
}
