using System.Text.Json.Nodes;
using EdgeSdk.Cli;
using EdgeSdk.Decoding;
using EdgeSdk.Models;
using EdgeSdk.Runtime;
using EdgeSdk.Sampling;

namespace EdgeSdk.Distillation;

/// <summary>How much is evaluated.</summary>
/// <param name="Turns">Assistant turns of test as they come, answered by both models, greedily and at temperature 0.7.</param>
/// <param name="SeenCalls">Turns of test due a call of a tool seen in training: a sample of its own.</param>
/// <param name="UnseenCalls">Turns of test due a call of another tool: a sample of its own.</param>
/// <param name="TuningTurns">Assistant turns of dev, from which Auto's rule is chosen and the margin's meaning learnt.</param>
/// <param name="Dialogues">Whole dialogues of test whose assistant tokens are scored.</param>
/// <param name="Limit">The longest answer, in tokens.</param>
internal sealed record EvaluationSize(
    int Turns = 300, int SeenCalls = 300, int UnseenCalls = 100, int TuningTurns = 300, int Dialogues = 40, int Limit = 160);

/// <summary>What the pair is worth on dialogues that it never saw, always behind the whole reference history.</summary>
internal sealed class Evaluation(OnnxModel server, OnnxModel device, ChatFormat format, EvaluationSize size, IReadOnlyList<Dialogue> train, string serverFolder)
{
    /// <summary>What routing may cost: this share of what the server's answers to all turns are worth.</summary>
    public const double Allowance = 0.01;

    /// <summary>Where answers that the limit cut are stopped for good.</summary>
    private const int Runaway = 512;

    /// <summary>Turns on which the server's layer for the second token is measured.</summary>
    private const int SecondTokenTurns = 100;

    private const int DrawSeed = 1;

    private static readonly int[] s_runs = [1, 2, 4, 8];

    private static readonly double[] s_budgets = [0, 0.005, Allowance, 0.02, 0.05, 0.1];

    private static readonly SamplerSpec s_sampled = new(Temperature: 0.7f, Seed: 1);

    private readonly Answering _answering = new(server, device, format, size.Limit);

    private readonly HashSet<string> _seenTools = [.. train.SelectMany(dialogue => dialogue.Messages).SelectMany(message => ToolCall.Of(message!)).Select(call => call.Name)];

    /// <summary>Chooses Auto's rule on dev and measures everything on test.</summary>
    public async Task<(RoutingThresholds Rule, JsonObject Found)> RunAsync(
        IReadOnlyList<Dialogue> test, IReadOnlyList<Dialogue> dev, Action<string> log, CancellationToken cancellationToken)
    {
        List<Answered> tuning = await _answering.AnswerAsync(Turn.Every(dev, format, size.TuningTurns), SamplerSpec.Greedy, cancellationToken);
        log($"{tuning.Count} turns of dev answered");
        List<Turn> turns = Turn.Every(test, format, size.Turns);
        List<Answered> answers = await _answering.AnswerAsync(turns, SamplerSpec.Greedy, cancellationToken);
        log($"{answers.Count} turns of test answered");
        List<Answered> sampled = await _answering.AnswerAsync(turns, s_sampled, cancellationToken);
        log($"and again at temperature {s_sampled.Temperature}");
        List<Answered> seen = await DueCallsAsync(test, _seenTools.Contains, size.SeenCalls, cancellationToken);
        List<Answered> unseen = await DueCallsAsync(test, tool => !_seenTools.Contains(tool), size.UnseenCalls, cancellationToken);
        log($"{seen.Count} + {unseen.Count} turns of test that are due a call of a seen and of an unseen tool");
        var constrained = new ConstrainedCalls(server, device, format, new ToolSchemas(test), ToolSchemas.ValuesByName(train), size.Limit);
        JsonObject constrainedSeen = await constrained.CompareAsync(seen, log, cancellationToken), constrainedUnseen = await constrained.CompareAsync(unseen, log, cancellationToken);
        (RoutingThresholds rule, JsonObject routing) = Routing(tuning, answers);
        return (rule, new JsonObject
        {
            ["split"] = "test",
            ["turns"] = answers.Count,
            ["limit"] = size.Limit,
            ["calls"] = Calls(seen, unseen),
            ["constrained"] = new JsonObject { ["most_choices"] = ToolSchemas.MostChoices, ["seen"] = constrainedSeen, ["unseen"] = constrainedUnseen },
            ["spoken"] = Spoken(answers),
            ["worth"] = Worth(answers),
            ["agreement"] = Agreements(answers, sampled),
            ["mtp"] = SecondTokenAgreement.Measure(serverFolder, Written(answers.Take(SecondTokenTurns)), threads: 1),
            ["margin"] = new MarginCalibration(tuning.SelectMany(a => a.Places)).ToJson([.. answers.SelectMany(a => a.Places)]),
            ["domains"] = Domains(answers, [.. seen, .. unseen]),
            ["cut"] = await CutAsync([.. answers, .. seen, .. unseen], cancellationToken),
            ["routing"] = routing,
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
            ["perplexity"] = Figure.Of(Math.Exp(score.Loss)),
            ["call_tokens_right"] = Figure.Of(score.CallTokens),
            ["context_values_copied"] = Figure.Of(score.ValuesCopied),
        };
    }

    private Task<List<Answered>> DueCallsAsync(IReadOnlyList<Dialogue> test, Func<string, bool> chosen, int count, CancellationToken cancellationToken) =>
        _answering.AnswerAsync(Turn.DueCalls(test, format, chosen, count, DrawSeed), SamplerSpec.Greedy, cancellationToken);

    /// <summary>The server's own text, in which the places count whose token its layer for the second token could have foreseen: all of a turn but the first.</summary>
    private static Corpus Written(IEnumerable<Answered> answers) => new([.. answers.Select(a =>
    {
        int[] ids = [.. a.Turn.Prompt, .. a.Server.Select(pick => pick.Token)];
        var roles = new byte[ids.Length];
        roles.AsSpan(a.Turn.Prompt.Length + 1).Fill(Vocabulary.Assistant);
        return new TokenisedDialogue(null, ids, roles, []);
    })]);

    private static JsonObject Calls(List<Answered> seen, List<Answered> unseen) => new()
    {
        ["draw_seed"] = DrawSeed,
        ["seen"] = CallScore.Compare(seen),
        ["unseen"] = CallScore.Compare(unseen),
    };

    /// <summary>Turns where the reference speaks.</summary>
    private static JsonObject Spoken(List<Answered> answers)
    {
        List<Answered> spoken = [.. answers.Where(a => a.Turn.Reference.Calls.Count == 0)];
        int values = spoken.Sum(a => a.Turn.Values.Count);
        JsonObject Of(Func<Answered, Answer> written) => new()
        {
            ["no_call"] = Figure.Share(spoken.Count(a => written(a).Calls.Count == 0), spoken.Count),
            ["kind_right"] = Figure.Share(spoken.Count(a => written(a).Kind == a.Turn.Reference.Kind), spoken.Count),
            ["values_repeated"] = Figure.Share(spoken.Sum(a => written(a).Repeats(a.Turn.Values)), values),
        };
        return new JsonObject
        {
            ["turns"] = spoken.Count,
            ["values"] = values,
            ["server"] = Of(a => a.ServerAnswer),
            ["device"] = Of(a => a.DeviceAnswer),
        };
    }

    private static JsonObject Worth(List<Answered> answers) => new()
    {
        ["server_words"] = Figure.Of(answers.Average(a => a.ServerAnswer.Worth(a.Turn.Reference))),
        ["device_words"] = Figure.Of(answers.Average(a => a.DeviceAnswer.Worth(a.Turn.Reference))),
        ["server_deed"] = Figure.Of(answers.Average(a => a.ServerAnswer.Deed(a.Turn))),
        ["device_deed"] = Figure.Of(answers.Average(a => a.DeviceAnswer.Deed(a.Turn))),
        ["turns_equal"] = Figure.Of(answers.Average(a => a.Equal ? 1.0 : 0)),
    };

    private JsonObject Agreements(List<Answered> answers, List<Answered> sampled)
    {
        JsonObject Split(Func<Answered, string> by) =>
            new([.. answers.GroupBy(by).OrderBy(g => g.Key, StringComparer.Ordinal).Select(g => KeyValuePair.Create(g.Key, (JsonNode?)Runs([.. g])))]);
        return new JsonObject
        {
            ["greedy"] = Runs(answers),
            ["sampled"] = Runs(sampled),
            ["temperature"] = Figure.Of(s_sampled.Temperature),
            ["by_kind"] = Split(a => a.ServerAnswer.Kind),
            ["by_tool"] = Split(a => _seenTools.Contains(a.Turn.Tool) ? "seen" : "unseen"),
            ["by_position"] = ByPosition(answers),
        };
    }

    private static JsonObject Runs(IReadOnlyCollection<Answered> answers)
    {
        Agreement agreement = Answered.Agreement(answers);
        var json = new JsonObject { ["turns"] = answers.Count, ["tokens"] = agreement.Places, ["all_positions"] = Figure.Share(agreement.Agreed, agreement.Places) };
        foreach (int n in s_runs) json[$"R({n})"] = Figure.Of(agreement.R(n));
        return json;
    }

    private static JsonArray ByPosition(List<Answered> answers)
    {
        // Classes of doubling width: 1, 2, 3-4, 5-8 ...
        var classes = answers.SelectMany(a => a.Places).GroupBy(place => place.Index == 0 ? 0 : 1 + (int)Math.Log2(place.Index)).OrderBy(g => g.Key);
        return new JsonArray([.. classes.Select(g => new JsonObject
        {
            ["first"] = g.Key == 0 ? 1 : (1 << (g.Key - 1)) + 1,
            ["last"] = g.Key == 0 ? 1 : 1 << g.Key,
            ["places"] = g.Count(),
            ["agree"] = Figure.Of(g.Average(place => place.Agrees ? 1.0 : 0)),
        })]);
    }

    private JsonArray Domains(List<Answered> answers, List<Answered> calls) => new([.. answers.Concat(calls)
        .GroupBy(a => a.Turn.Domain).Where(g => g.Key.Length > 0).OrderBy(g => g.Key, StringComparer.Ordinal).Select(g =>
        {
            Answered[] turns = [.. answers.Where(a => a.Turn.Domain == g.Key)], due = [.. calls.Where(a => a.Turn.Domain == g.Key)];
            double Whole(Func<Answered, Answer> written) => due.Sum(a => CallScore.Of(a.Turn, written(a)).Whole);
            return new JsonObject
            {
                ["domain"] = g.Key,
                ["agreement"] = Runs(turns),
                ["deed_server"] = Figure.Share(turns.Sum(a => a.ServerAnswer.Deed(a.Turn)), turns.Length),
                ["deed_device"] = Figure.Share(turns.Sum(a => a.DeviceAnswer.Deed(a.Turn)), turns.Length),
                ["calls"] = due.Length,
                ["calls_seen"] = due.Count(a => _seenTools.Contains(a.Turn.Tool)),
                ["whole_server"] = Figure.Share(Whole(a => a.ServerAnswer), due.Length),
                ["whole_device"] = Figure.Share(Whole(a => a.DeviceAnswer), due.Length),
            };
        })]);

    /// <summary>Answers that came to no end within the limit: how many, where, and whether they end at all.</summary>
    private async Task<JsonObject> CutAsync(List<Answered> answers, CancellationToken cancellationToken)
    {
        async Task<JsonObject> OfAsync(OnnxModel model, Func<Answered, (Pick[] Written, Answer Answer)> own)
        {
            Turn[] cut = [.. answers.Where(a => !Answering.HasEnd(own(a).Written)).Select(a => a.Turn)];
            int ended = await Answering.EndedAsync(model, cut, Runaway, cancellationToken);
            return new JsonObject
            {
                ["cut"] = cut.Length,
                ["inside_call"] = answers.Count(a => !Answering.HasEnd(own(a).Written) && own(a).Answer.Calls.Count > 0),
                ["still_going"] = cut.Length - ended,
            };
        }

        return new JsonObject
        {
            ["turns"] = answers.Count,
            ["at"] = size.Limit,
            ["later"] = Runaway,
            ["server"] = await OfAsync(server, a => (a.Server, a.ServerAnswer)),
            ["device"] = await OfAsync(device, a => (a.Device, a.DeviceAnswer)),
        };
    }

    /// <summary>
    /// Auto's rule: of all numbers of first tokens, thresholds, and calls that may stay or not, the one that keeps most turns of dev while the loss stays within
    /// <see cref="Allowance"/>; a later one must keep 1 % of the turns more. What it keeps and loses is then read on test, which had no part in the choice.
    /// </summary>
    private static (RoutingThresholds Rule, JsonObject Found) Routing(List<Answered> dev, List<Answered> test)
    {
        static double Deed(Turn turn, Answer answer) => answer.Deed(turn);
        static double Words(Turn turn, Answer answer) => answer.Worth(turn.Reference);
        (RoutingThresholds Rule, double Kept) Best(double budget)
        {
            (RoutingThresholds Rule, double Kept) best = (new RoutingThresholds(RoutingCurve.HeldBack[0], 0), 0);
            foreach ((int tokens, bool calls) in RoutingCurve.HeldBack.SelectMany(tokens => ((bool[])[true, false]).Select(calls => (tokens, calls))))
            {
                (double threshold, double kept) = RoutingCurve.Of(dev, tokens, calls, Deed).Within(budget);
                if (kept > best.Kept + (best.Kept > 0 ? 0.01 : 0)) best = (new RoutingThresholds(tokens, threshold, calls), kept);
            }

            return best;
        }

        JsonObject Read((RoutingThresholds Rule, double Kept) best)
        {
            RoutingThresholds rule = best.Rule;
            bool stays(Answered a) => best.Kept > 0 && RoutingCurve.Sureness(a, rule.Tokens, rule.Calls) >= rule.Threshold;
            Answered[] kept = [.. test.Where(stays)];
            double[] Losses(Func<Turn, Answer, double> worth) => [.. test.Select(a => stays(a) ? RoutingCurve.Loss(a, worth) : 0)];
            double[] Worths(Func<Turn, Answer, double> worth) => [.. test.Select(a => worth(a.Turn, a.ServerAnswer))];
            (double low, double high) = Bootstrap.Interval(Losses(Deed), Worths(Deed));
            return new JsonObject
            {
                ["tokens"] = rule.Tokens,
                ["threshold"] = rule.Threshold,
                ["calls"] = rule.Calls,
                ["dev_kept"] = Figure.Of(best.Kept),
                ["kept"] = Figure.Share(kept.Length, test.Count),
                ["kept_equal"] = Figure.Share(kept.Count(a => a.Equal), kept.Length),
                ["lost"] = Figure.Share(Losses(Deed).Sum(), Worths(Deed).Sum()),
                ["lost_interval"] = Figure.Interval(low, high),
                ["lost_words"] = Figure.Share(Losses(Words).Sum(), Worths(Words).Sum()),
            };
        }

        var chosen = Best(Allowance);
        var found = new JsonObject
        {
            ["dev_turns"] = dev.Count,
            ["test_turns"] = test.Count,
            ["allowance"] = Allowance,
            ["dev_lost"] = Figure.Share(dev.Sum(a => RoutingCurve.Loss(a, Deed)), dev.Sum(a => Deed(a.Turn, a.ServerAnswer))),
            ["dev_lost_on_calls"] = Figure.Share(dev.Where(a => a.DeviceAnswer.Calls.Count > 0).Sum(a => RoutingCurve.Loss(a, Deed)), dev.Sum(a => Deed(a.Turn, a.ServerAnswer))),
            ["chosen"] = Read(chosen),
            ["budgets"] = new JsonArray([.. s_budgets.Select(budget =>
            {
                JsonObject read = Read(Best(budget));
                read["budget"] = budget;
                return read;
            })]),
            ["by_tokens"] = new JsonArray([.. RoutingCurve.HeldBack.Select(tokens => new JsonObject
            {
                ["tokens"] = tokens,
                ["dev_kept"] = Figure.Of(RoutingCurve.Of(dev, tokens, calls: false, Deed).Within(Allowance).Kept),
                ["dev_kept_calls_too"] = Figure.Of(RoutingCurve.Of(dev, tokens, calls: true, Deed).Within(Allowance).Kept),
                ["curve"] = RoutingCurve.Of(test, tokens, calls: false, Deed).ToJson(),
            })]),
            ["oracle"] = RoutingCurve.Oracle(test, Deed).ToJson(),
        };
        return (chosen.Rule, found);
    }
}
