using System.Text.Json.Nodes;
using EdgeSdk.Cli;
using EdgeSdk.Decoding;
using EdgeSdk.Models;
using EdgeSdk.Runtime;
using EdgeSdk.Sampling;

namespace EdgeSdk.Distillation;

/// <summary>How much is evaluated.</summary>
/// <param name="Turns">Assistant turns of test, answered by both models.</param>
/// <param name="SampledTurns">Of those, the first that are answered at temperature 0.7 too.</param>
/// <param name="TuningTurns">Assistant turns of dev, from which Auto's rule is chosen.</param>
/// <param name="Dialogues">Whole dialogues of test whose assistant tokens are scored.</param>
/// <param name="Limit">The longest answer, in tokens.</param>
internal sealed record EvaluationSize(int Turns = 300, int SampledTurns = 100, int TuningTurns = 200, int Dialogues = 40, int Limit = 160);

/// <summary>What the pair is worth on dialogues that it never saw, always behind the whole reference history.</summary>
internal sealed class Evaluation(OnnxModel server, OnnxModel device, ChatFormat format, EvaluationSize size)
{
    /// <summary>What routing may cost: this share of what the server's answers to all turns are worth.</summary>
    private const double Allowance = 0.01;

    private static readonly int[] s_runs = [1, 2, 4, 8];

    private static readonly SamplerSpec s_sampled = new(Temperature: 0.7f, Seed: 1);

    /// <summary>What both models wrote for one turn.</summary>
    private sealed record Answered(Turn Turn, Pick[] Server, Pick[] Device)
    {
        public int[] ServerIds { get; } = [.. Server.Select(pick => pick.Token)];

        public int[] DeviceIds { get; } = [.. Device.Select(pick => pick.Token)];

        public bool Equal => ServerIds.AsSpan().SequenceEqual(DeviceIds);
    }

    /// <summary>Evaluates on test; <paramref name="seenTools"/> are those that a call of train uses.</summary>
    public async Task<JsonObject> RunAsync(IReadOnlyList<Dialogue> test, IReadOnlySet<string> seenTools, CancellationToken cancellationToken)
    {
        List<Turn> turns = Turns(test, size.Turns);
        (List<Answered> answers, Agreement greedy) = await AnswerAsync(turns, SamplerSpec.Greedy, cancellationToken);
        (_, Agreement sampled) = await AnswerAsync(turns.Take(size.SampledTurns), s_sampled, cancellationToken);
        return new JsonObject
        {
            ["turns"] = answers.Count,
            ["tokens"] = greedy.Places,
            ["agreement"] = Runs(greedy),
            ["agreement_all_positions"] = Round((double)greedy.Agreed / greedy.Places),
            ["sampled_turns"] = Math.Min(turns.Count, size.SampledTurns),
            ["sampled_tokens"] = sampled.Places,
            ["sampled_agreement"] = Runs(sampled),
            ["turns_equal"] = Round(answers.Average(a => a.Equal ? 1.0 : 0)),
            ["server_worth"] = Round(answers.Average(a => Worth(a.Turn, a.ServerIds))),
            ["device_worth"] = Round(answers.Average(a => Worth(a.Turn, a.DeviceIds))),
            ["server_calls"] = Calls(answers, a => a.ServerIds, seenTools),
            ["device_calls"] = Calls(answers, a => a.DeviceIds, seenTools),
        };
    }

    /// <summary>
    /// Chooses Auto's rule on dev: how many of its first tokens the device holds back, and from which mean log-probability of them on it goes on alone.
    /// The rule is the one that keeps most turns while all answers together are worth (<see cref="Answer.Worth"/>) what the server's are, to within
    /// <see cref="Allowance"/>: the share kept local at a loss of 1 %, as routers are compared.
    /// </summary>
    public async Task<(RoutingThresholds Rule, JsonObject Found)> ChooseRoutingAsync(IReadOnlyList<Dialogue> dev, CancellationToken cancellationToken)
    {
        (List<Answered> answers, _) = await AnswerAsync(Turns(dev, size.TuningTurns), SamplerSpec.Greedy, cancellationToken);
        var worths = answers.ToDictionary(a => a, a => (Server: Worth(a.Turn, a.ServerIds), Device: Worth(a.Turn, a.DeviceIds)));
        double allowed = Allowance * worths.Values.Sum(worth => worth.Server);
        var rule = new RoutingThresholds(1, 0);
        List<Answered> kept = [];
        foreach (int tokens in (int[])[1, 2, 4, 8, 12])
        {
            List<(Answered Answer, double Sureness)> surest =
                [.. answers.Select(a => (a, a.Device.Take(tokens).Average(pick => (double)pick.LogProb))).OrderByDescending(a => a.Item2)];
            double lost = 0;
            for (int i = 0; i < surest.Count; i++)
            {
                (double serverWorth, double deviceWorth) = worths[surest[i].Answer];
                lost += serverWorth - deviceWorth;
                double threshold = Math.Floor(surest[i].Sureness * 1e4) / 1e4;
                if (i < kept.Count || lost > allowed || (i + 1 < surest.Count && surest[i + 1].Sureness >= threshold)) continue;
                (rule, kept) = (new RoutingThresholds(tokens, Math.Min(0, threshold)), [.. surest.Take(i + 1).Select(a => a.Answer)]);
            }
        }

        return (rule, new JsonObject
        {
            ["tokens"] = rule.Tokens,
            ["threshold"] = rule.Threshold,
            ["dev_turns"] = answers.Count,
            ["kept"] = Round((double)kept.Count / answers.Count),
            ["kept_device_worth"] = Round(kept.Select(a => worths[a].Device).DefaultIfEmpty().Average()),
            ["kept_server_worth"] = Round(kept.Select(a => worths[a].Server).DefaultIfEmpty().Average()),
            ["kept_equal"] = Round(kept.Select(a => a.Equal ? 1.0 : 0).DefaultIfEmpty().Average()),
            ["device_worth"] = Round(worths.Values.Average(w => w.Device)),
            ["server_worth"] = Round(worths.Values.Average(w => w.Server)),
        });
    }

    /// <summary>Perplexity of the assistant's tokens on whole dialogues, and how well a model copies the context's values into calls.</summary>
    public static async Task<JsonObject> LanguageAsync(OnnxModel model, Corpus corpus, ChatFormat format, CancellationToken cancellationToken)
    {
        var score = new DevScore(format);
        foreach (TokenisedDialogue dialogue in corpus.Dialogues)
        {
            int[] ids = dialogue.Ids[..Math.Min(dialogue.Ids.Length, LanguageModel.ContextLength)];
            score.Add(dialogue, await Reader.ScoreAsync(model, ids, cancellationToken));
        }

        return new JsonObject
        {
            ["perplexity"] = Round(Math.Exp(score.Loss)),
            ["call_tokens_right"] = Round(score.CallTokens),
            ["context_values_copied"] = Round(score.ValuesCopied),
        };
    }

    /// <summary>The files are sorted by service: a fixed stride gives every service its part.</summary>
    private List<Turn> Turns(IReadOnlyList<Dialogue> dialogues, int count)
    {
        int stride = Math.Max(1, dialogues.Count / Math.Max(1, count / 8));
        return Turn.Of(dialogues.Where((_, i) => i % stride == 0), format, count);
    }

    /// <summary>Both models' answers, and how often the device, on the server's text, would have chosen the server's tokens.</summary>
    private async Task<(List<Answered> Answers, Agreement Agreement)> AnswerAsync(IEnumerable<Turn> turns, SamplerSpec sampler, CancellationToken cancellationToken)
    {
        await using var serverReader = new Reader(server, sampler);
        await using var deviceReader = new Reader(device, sampler);
        var answers = new List<Answered>();
        var agreement = new Agreement();
        foreach (Turn turn in turns)
        {
            Pick[] written = await serverReader.WriteAsync(turn.Prompt, size.Limit, cancellationToken);
            Pick[] own = await deviceReader.WriteAsync(turn.Prompt, size.Limit, cancellationToken);
            answers.Add(new Answered(turn, written, own));
            int[] choices = await deviceReader.FollowAsync(turn.Prompt, answers[^1].ServerIds, cancellationToken);
            agreement.BeginTurn();
            foreach ((int choice, int token) in choices.Zip(answers[^1].ServerIds)) agreement.Add(choice == token);
        }

        return (answers, agreement);
    }

    private double Worth(Turn turn, int[] written) => Answer.Of(format.Decode(written)).Worth(turn.Reference);

    private static JsonObject Runs(Agreement agreement) =>
        new([.. s_runs.Select(n => KeyValuePair.Create($"R({n})", (JsonNode?)Round(agreement.R(n))))]);

    private JsonObject Calls(List<Answered> answers, Func<Answered, int[]> written, IReadOnlySet<string> seenTools)
    {
        JsonObject Over(Func<ToolCall, bool> chosen)
        {
            var tally = new CallTally();
            foreach (Answered answer in answers.Where(a => a.Turn.Reference.Calls.Count > 0 && chosen(a.Turn.Reference.Calls[0])))
            {
                tally.Add(answer.Turn.Reference.Calls, Answer.Of(format.Decode(written(answer))).Calls);
            }

            return tally.ToJson();
        }

        List<Answered> spoken = [.. answers.Where(a => a.Turn.Reference.Calls.Count == 0)];
        return new JsonObject
        {
            ["all"] = Over(_ => true),
            ["seen"] = Over(call => seenTools.Contains(call.Name)),
            ["unseen"] = Over(call => !seenTools.Contains(call.Name)),
            ["made_where_not_due"] = Round((double)spoken.Count(a => written(a).Contains(Vocabulary.Call)) / Math.Max(1, spoken.Count)),
        };
    }

    /// <summary>Four places; what could not be measured is 0.</summary>
    private static double Round(double value) => double.IsNaN(value) ? 0 : Math.Round(value, 4);

    /// <summary>Counts calls over turns where the reference has one.</summary>
    private sealed class CallTally
    {
        private int _due, _made, _method, _values, _valuesRight, _whole;

        public void Add(IReadOnlyList<ToolCall> reference, IReadOnlyList<ToolCall> made)
        {
            _due += reference.Count;
            for (int i = 0; i < reference.Count; i++)
            {
                _values += reference[i].Arguments.Count;
                if (i >= made.Count) continue;
                _made++;
                if (made[i].Name != reference[i].Name) continue;
                _method++;
                int right = reference[i].ValuesIn(made[i]);
                _valuesRight += right;
                _whole += right == reference[i].Arguments.Count && made[i].Arguments.Count == right ? 1 : 0;
            }
        }

        public JsonObject ToJson() => new()
        {
            ["due"] = _due,
            ["made"] = Share(_made, _due),
            ["method_right"] = Share(_method, _due),
            ["values_right"] = Share(_valuesRight, _values),
            ["whole_right"] = Share(_whole, _due),
        };

        private static double Share(int part, int whole) => Round((double)part / Math.Max(1, whole));
    }
}
