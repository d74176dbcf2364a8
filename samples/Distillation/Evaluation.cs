using System.Text.Json.Nodes;
using EdgeSdk.Cli;
using EdgeSdk.Decoding;

namespace EdgeSdk.Distillation;

/// <summary>How much is evaluated.</summary>
/// <param name="Turns">Assistant turns of test, answered by both models.</param>
/// <param name="TuningTurns">Assistant turns of dev, from which Auto's rule is chosen.</param>
/// <param name="PerplexityDialogues">Whole dialogues whose assistant tokens are scored.</param>
/// <param name="Limit">The longest answer, in tokens.</param>
internal sealed record EvaluationSize(int Turns = 300, int TuningTurns = 200, int PerplexityDialogues = 60, int Limit = 160);

/// <summary>What the pair is worth on dialogues that it never saw, always behind the whole reference history.</summary>
internal sealed class Evaluation(ILanguageModel server, ILanguageModel device, ChatFormat format, EvaluationSize size)
{
    private static readonly int[] s_drafts = [1, 2, 4, 8];

    /// <summary>What both models wrote for one turn.</summary>
    private sealed record Answered(Turn Turn, Written Server, Written Device, bool[] Agrees);

    /// <summary>Evaluates on test; <paramref name="seenTools"/> are those that a call of train uses.</summary>
    public async Task<JsonObject> RunAsync(IReadOnlyList<Dialogue> test, IReadOnlySet<string> seenTools, CancellationToken cancellationToken)
    {
        List<Answered> answers = await AnswerAsync(test, size.Turns, cancellationToken);
        return new JsonObject
        {
            ["turns"] = answers.Count,
            ["tokens"] = answers.Sum(a => a.Server.Ids.Length),
            ["agreement_all_positions"] = Round(answers.SelectMany(a => a.Agrees).Average(agrees => agrees ? 1.0 : 0)),
            ["agreement"] = new JsonObject([.. s_drafts.Select(n => KeyValuePair.Create($"R({n})", (JsonNode?)Round(Agreement(answers, n))))]),
            ["turns_equal"] = Round(answers.Average(a => a.Server.Ids.SequenceEqual(a.Device.Ids) ? 1.0 : 0)),
            ["server_calls"] = Calls(answers, a => a.Server, seenTools),
            ["device_calls"] = Calls(answers, a => a.Device, seenTools),
        };
    }

    /// <summary>
    /// Chooses on dev how many of the device's first tokens Auto holds back, and under which mean log-probability it hands over: what separates
    /// best the turns that the device answers as the server would from the others (Youden's J: true positive rate minus false positive rate).
    /// </summary>
    public async Task<JsonObject> TuneRoutingAsync(IReadOnlyList<Dialogue> dev, CancellationToken cancellationToken)
    {
        List<Answered> answers = await AnswerAsync(dev, size.TuningTurns, cancellationToken);
        bool[] same = [.. answers.Select(a => a.Server.Ids.SequenceEqual(a.Device.Ids))];
        double sames = Math.Max(1, same.Count(s => s)), others = Math.Max(1, same.Count(s => !s));
        (int Tokens, double Threshold, double J, double Kept, double KeptSame) best = (1, 0, double.NegativeInfinity, 0, 0);
        foreach (int n in (int[])[1, 2, 3, 4, 6, 8])
        {
            double[] score = [.. answers.Select(a => a.Device.LogProbs.Take(n).Average(p => (double)p))];
            foreach (double threshold in score.Distinct())
            {
                int kept = score.Count(s => s >= threshold), keptSame = score.Zip(same).Count(p => p.First >= threshold && p.Second);
                double j = keptSame / sames - (kept - keptSame) / others;
                if (j > best.J + 1e-9) best = (n, threshold, j, (double)kept / score.Length, (double)keptSame / Math.Max(1, kept));
            }
        }

        return new JsonObject
        {
            ["tokens"] = best.Tokens,
            ["threshold"] = Round(best.Threshold),
            ["dev_turns"] = answers.Count,
            ["dev_kept_on_device"] = Round(best.Kept),
            ["dev_kept_equal_to_server"] = Round(best.KeptSame),
            ["dev_all_equal_to_server"] = Round(sames / answers.Count),
        };
    }

    /// <summary>Perplexity of the assistant's tokens on whole dialogues, and how well a model copies.</summary>
    public static JsonObject Language(LanguageModel model, Corpus corpus, ChatFormat format, int dialogues)
    {
        var copyTask = new CopyTask(format.Twins());
        DevScore score = DevScore.Measure(model, corpus, format, dialogues, LanguageModel.ContextLength);
        return new JsonObject
        {
            ["parameters"] = model.Weights.Count,
            ["perplexity"] = Round(Math.Exp(score.Loss)),
            ["call_tokens_right"] = Round(score.CallTokens),
            ["context_values_copied"] = Round(score.ValuesCopied),
            ["segments_copied_near"] = Round(copyTask.Score(model)),
            ["segments_copied_far"] = Round(copyTask.Score(model, 512, 250)),
        };
    }

    private async Task<List<Answered>> AnswerAsync(IReadOnlyList<Dialogue> dialogues, int count, CancellationToken cancellationToken)
    {
        // Files are sorted by service: a fixed stride gives every service its part.
        int stride = Math.Max(1, dialogues.Count / Math.Max(1, count / 8));
        var answers = new List<Answered>();
        foreach (Turn turn in Turn.Of(dialogues.Where((_, i) => i % stride == 0), format, count))
        {
            Written written = await Written.ByAsync(server, turn.Prompt, size.Limit, cancellationToken);
            Written own = await Written.ByAsync(device, turn.Prompt, size.Limit, cancellationToken);
            bool[] agrees = await Written.AgreesAsync(device, turn.Prompt, written.Ids, cancellationToken);
            answers.Add(new Answered(turn, written, own, agrees));
        }

        return answers;
    }

    /// <summary>R(n): at the turn's start and after each disagreement, the share of places whose next n tokens all agree.</summary>
    private static double Agreement(IEnumerable<Answered> answers, int n)
    {
        int places = 0, all = 0;
        foreach (bool[] agrees in answers.Select(a => a.Agrees))
        {
            for (int start = 0; start + n <= agrees.Length; start++)
            {
                if (start > 0 && agrees[start - 1]) continue;
                places++;
                all += agrees.AsSpan(start, n).Contains(false) ? 0 : 1;
            }
        }

        return (double)all / Math.Max(1, places);
    }

    private JsonObject Calls(List<Answered> answers, Func<Answered, Written> written, IReadOnlySet<string> seenTools)
    {
        JsonObject Over(Func<ToolCall, bool> chosen)
        {
            var tally = new CallTally();
            foreach (Answered answer in answers.Where(a => a.Turn.Calls.Count > 0 && chosen(a.Turn.Calls[0])))
            {
                tally.Add(answer.Turn.Calls, ToolCall.Of(format.Decode(written(answer).Ids)));
            }

            return tally.ToJson();
        }

        int silent = answers.Count(a => a.Turn.Calls.Count == 0);
        int undue = answers.Count(a => a.Turn.Calls.Count == 0 && written(a).Ids.Contains(Vocabulary.Call));
        return new JsonObject
        {
            ["all"] = Over(_ => true),
            ["seen"] = Over(call => seenTools.Contains(call.Name)),
            ["unseen"] = Over(call => !seenTools.Contains(call.Name)),
            ["made_where_not_due"] = Round((double)undue / Math.Max(1, silent)),
        };
    }

    private static double Round(double value) => Math.Round(value, 4);

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
                int right = reference[i].Arguments.Count(a => made[i].Arguments.GetValueOrDefault(a.Key) == a.Value);
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
