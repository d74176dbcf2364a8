using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace EdgeSdk.Distillation;

/// <summary>docs/pair.md: the pair's figures with their marks, tables and plots, written from what lies beside the models alone.</summary>
internal sealed class PairPage
{
    /// <summary>The plots' folder beside the page.</summary>
    private const string Plots = "pair";

    private static readonly string[] s_sides = ["server", "device"];

    private static readonly (string Name, string What)[] s_constraints = [("schemas", "schemas"), ("spans", "schemas and spans"), ("spans_or_known", "schemas and spans or known")];

    private readonly Measured _measured;
    private readonly JsonObject _found;
    private readonly StringBuilder _text = new();

    private PairPage(Measured measured) => (_measured, _found) = (measured, measured.Evaluation);

    /// <summary>Writes page and plots.</summary>
    /// <returns>The files.</returns>
    public static IEnumerable<JsonNode> Write(string folder, Measured measured)
    {
        var page = new PairPage(measured);
        string path = Path.Combine(folder, "pair.md");
        Directory.CreateDirectory(Path.Combine(folder, Plots));
        File.WriteAllText(path, page.Compose());
        return [path, .. PairPlots.Draw(Path.Combine(folder, Plots), measured)];
    }

    private (string Turns, IReadOnlyList<BenchRow> Rows)[] Benches => [("10", _measured.Bench("default")), ("30", _measured.Bench("40"))];

    private string Compose()
    {
        Opening();
        Marks();
        Calls();
        Constrained();
        Spoken();
        Agreement();
        Network();
        Lossless();
        Margin();
        Routing();
        Domains();
        Transformers();
        return _text.ToString();
    }

    private void Opening() => Say($"""
        # The shipped pair in figures

        Server `{Short("server")}` and device `{Short("device")}` of [samples/models](../samples/models), on the *test* split of Schema-Guided Dialogue, which neither saw in
        training. Every answer is written behind the whole reference history, at most {_found["limit"]} tokens long, greedily where nothing else is said. This page
        is written by a program; the figures lie in [evaluation.json](../samples/models/evaluation.json). To make both again:

            cd samples/Distillation
            dotnet run -c Release -- evaluate
            dotnet run -c Release -- page

        `evaluate` needs no TorchSharp and takes about eight minutes on two cores.

        """);

    private void Marks()
    {
        JsonNode greedy = At("agreement", "greedy"), sampled = At("agreement", "sampled"), seen = At("calls", "seen");
        double first = Number(greedy["R(1)"]), apart = Math.Abs(first - Number(sampled["R(1)"]));
        Say("""
            ## The marks

            | mark | wanted | found | |
            | --- | --- | --- | --- |
            """);
        Mark("R(1) at T = 0", "at least 0.68", first, first >= 0.68);
        Mark("R(4) at T = 0", "at least 0.36", Number(greedy["R(4)"]), Number(greedy["R(4)"]) >= 0.36);
        Mark("R(1) at T = 0.7, how far from that at T = 0", "at most 0.06", apart, apart <= 0.06);
        Mark("agreement over all positions", "at least 0.82", Number(greedy["all_positions"]), Number(greedy["all_positions"]) >= 0.82);
        double copied = Number(seen["server"]!["context_values_right"]), whole = Number(seen["server"]!["whole_right"]);
        JsonNode ahead = seen["whole_right_difference"]!;
        Mark("calls of seen tools, server: values that stand in the context, copied right", "at least 0.80", copied, copied >= 0.8);
        Mark("calls of seen tools, server: whole calls right", "at least 0.40", whole, whole >= 0.4);
        Mark("the same, ahead of the device", "at least 0.05", Number(ahead["points"]), Number(ahead["points"]) >= 0.05);
        Mark("lower end of that difference's 95 % interval", "above 0", Number(ahead["interval"]![0]), Number(ahead["interval"]![0]) > 0);
        double valid = ((string[])["seen", "unseen"]).SelectMany(split => s_sides, (split, side) => At("constrained", split, side))
            .SelectMany(side => s_constraints, (side, constraint) => Number(side[constraint.Name]!["valid"])).Min();
        Mark("constrained calls that parse and validate", "all", valid, valid == 1);
        NetworkMarks();
        AtMost("`passes_per_token` of verify-lossless, a server's step of 40 ms, T = 0", 0.6, Number(_measured.Lossless?["--temperature 0 --step-ms 40"]?["passes_per_token"]));
        double differences = _measured.Lossless?.Sum(run => Number(run.Value!["differences"])) ?? double.NaN;
        Mark("differences that verify-lossless found", "0", differences, differences == 0);
        double unlike = _measured.Transformers is { } transformers ? transformers.Sum(model => Number(model.Value!["tokens"]) - Number(model.Value["tokens_equal"])) : double.NaN;
        Mark("greedy tokens that differ from transformers'", "0", unlike, unlike == 0);
        AtMost("the models' folders, MB", 45, _measured.Megabytes);
        Say("""

            How the pair came to these figures, and what other tries gave: [training.md](training.md).

            """);
    }

    private void NetworkMarks()
    {
        double Ratio(string bench, int step, int roundTrip, double temperature) => _measured.Bench(bench).Where(row => row.Is(step, roundTrip, temperature)).Select(row => row.Ratio).FirstOrDefault(double.NaN);
        AtMost("together / alone, step 40 ms, round trip 20 ms, T = 0", 0.6, Ratio("40", 40, 20, 0));
        AtMost("... round trip 200 ms", 0.95, Ratio("40", 40, 200, 0));
        AtMost("... round trip 2 ms", 0.55, Ratio("40", 40, 2, 0));
        AtMost("... round trip 20 ms, T = 0.7", 0.65, Ratio("40", 40, 20, 0.7));
        AtMost("... step 10 ms, round trip 200 ms, T = 0", 1.02, Ratio("default", 10, 200, 0));
        AtMost("time together, how far from the predicted one, at most over all rows", 0.1, Benches.SelectMany(bench => bench.Rows).Select(row => Math.Abs(row.Together / row.Predicted - 1)).DefaultIfEmpty(double.NaN).Max());
    }

    private void Calls()
    {
        Say($"""
            ## Calls

            Of the turns as they come few are due a call of a tool that training saw. So calls are measured on samples of their own, drawn by chance from all turns of test
            that are due one (seed {At("calls", "draw_seed")}), one of a dialogue at most. Seen tools are those that a call of the *train* split uses. A value counts where method, name and value are the
            reference's; a value stands in the context where an earlier message has it word for word. The difference is paired by turn, its interval from 10,000
            resamples of the turns.

            | | seen: server | device | unseen: server | device |
            | --- | --- | --- | --- | --- |
            """);
        JsonNode seen = At("calls", "seen"), unseen = At("calls", "unseen");
        void Row(string what, string name, Func<JsonNode?, string>? text = null)
        {
            text ??= Text;
            Say($"| {what} | {text(seen["server"]![name])} | {text(seen["device"]![name])} | {text(unseen["server"]![name])} | {text(unseen["device"]![name])} |");
        }

        Say($"| calls due | {seen["due"]} | {seen["due"]} | {unseen["due"]} | {unseen["due"]} |");
        Row("made", "made");
        Row("method right", "method_right");
        Row("values right", "values_right");
        Row("values that stand in the context, right", "context_values_right");
        Row("the same, where the method is right", "context_values_right_where_method_is");
        Row("whole call right", "whole_right");
        Row("95 % interval", "whole_right_interval", interval => ModelCard.Range(interval!));
        Say($"""

            Whole calls, the server ahead of the device: seen {Difference(seen, "whole_right_difference")}; unseen {Difference(unseen, "whole_right_difference")}.
            Context values: seen {Difference(seen, "context_values_right_difference")}; unseen {Difference(unseen, "context_values_right_difference")}.

            Behind the reference's own tokens, over {At("language", "dialogues")} whole dialogues, seen and unseen tools together:

            | | server | device |
            | --- | --- | --- |
            """);
        Both("perplexity of the assistant's tokens", "language", "perplexity");
        Both("tokens inside calls that are the first choice", "language", "call_tokens_right");
        Both("values of three letters or more that stand in the context: every token the first choice", "language", "context_values_copied");
        Say("");
    }

    /// <summary>The calls again, as constraints let them be written.</summary>
    private void Constrained()
    {
        Say($"""
            ## Calls under constraints

            The same turns, each answer held to the tools in reach ([constraints.md](constraints.md), kind `tools`): whether it calls and which tool stays the model's choice, but what it calls
            exists, and its arguments follow the tool's schema. The dialogues give parameters' names alone. So the schemas are rebuilt from the calls of the *other* dialogues of the file, much as the tools'
            authors would have written them: all values are strings; a date (`format`), a time of day or a number (`pattern`) where all values are; a choice (`enum`) where there are at most
            {At("constrained", "most_choices")} different ones; else any text. Required is what every call has, nothing else is allowed. **Spans**: a text must stand, whole words, in an earlier message or in a value of an earlier
            call or result. **Spans or known**: or be a value that some call of *train* has for a parameter of that name, since people say "SF" and the reference calls it San Francisco.

            | what the reference wants | seen | unseen |
            | --- | --- | --- |
            """);
        JsonNode seen = At("constrained", "seen"), unseen = At("constrained", "unseen");
        void Wanted(string what, string part, string name) => Say($"| {what} | {Text(seen[part]![name])} | {Text(unseen[part]![name])} |");
        Wanted("values", "reference", "values");
        Wanted("of these, standing in an earlier text", "reference", "standing");
        Wanted("values of parameters that take any text", "reference", "texts");
        Wanted("of these, standing in an earlier text", "reference", "texts_standing");
        Wanted("standing there or known", "reference", "texts_standing_or_known");
        foreach ((string name, string what) in s_constraints) Wanted($"whole calls that {what} allow", "allowed", name);
        Say("""

            Parse and valid are shares of the calls made; valid: of a tool in reach, by JsonSchema.Net, and with its spans in place. Gains are against the free answers to the same turns, in points, with 95 %
            intervals from 10,000 resamples of the turns.

            | | | parse | valid | method right | values right | gain | context values right | gain | whole call right | gain |
            | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
            """);
        foreach ((string split, JsonNode calls) in ((string, JsonNode)[])[("seen", seen), ("unseen", unseen)])
        {
            foreach (string side in s_sides)
            {
                foreach ((string name, string what) in ((string, string)[])[("free", "free"), .. s_constraints])
                {
                    JsonNode r = calls[side]![name]!;
                    Say($"| {split}, {side} | {what} | {Text(r["parse"])} | {Text(r["valid"])} | {Text(r["method_right"])} | {Text(r["values_right"])} | {Gain(r, "values_right_gain")} | {Text(r["context_values_right"])} | {Gain(r, "context_values_right_gain")} | {Text(r["whole_right"])} | {Gain(r, "whole_right_gain")} |");
                }
            }
        }

        Say("");
    }

    private void Spoken()
    {
        Say($"""
            ## Turns that speak

            {At("turns")} turns as they come, every n-th of the split; in {At("spoken", "turns")} of them the reference speaks. Its values are the names, times, prices and other values of earlier calls and results, and numbers of the
            context, that it repeats word for word ({At("spoken", "values")}). An answer's worth is the F1 of its words with the reference's or, where a call is due, the share of its method and values
            that are right; its worth by deeds is the mean of kind and values repeated instead of the F1.

            | | server | device |
            | --- | --- | --- |
            """);
        Both("no call made", "spoken", "no_call");
        Both("question or statement as in the reference", "spoken", "kind_right");
        Both("the reference's values repeated", "spoken", "values_repeated");
        Say($"""
            | worth of all answers, by words | {Text(At("worth", "server_words"))} | {Text(At("worth", "device_words"))} |
            | worth of all answers, by deeds | {Text(At("worth", "server_deed"))} | {Text(At("worth", "device_deed"))} |
            | answers without an end after {At("cut", "at")} tokens, of {At("cut", "turns")} | {At("cut", "server", "cut")} | {At("cut", "device", "cut")} |
            | of those inside a call | {At("cut", "server", "inside_call")} | {At("cut", "device", "inside_call")} |
            | of those still without an end after {At("cut", "later")} | {At("cut", "server", "still_going")} | {At("cut", "device", "still_going")} |

            Whole turns that the device writes as the server does: {Text(At("worth", "turns_equal"))}.

            """);
    }

    private void Agreement()
    {
        Say("""
            ## Agreement

            On the server's own text: how often the device would have chosen the server's next n tokens. R(n) starts at the turn's start and after each disagreement;
            places with fewer than n tokens left do not count. Agreement over all positions is another figure. The kind of a turn is what the server wrote; a turn's tool is that of
            its call, of the result that has just come, or of the next call.

            | | turns | tokens | R(1) | R(2) | R(4) | R(8) | all positions |
            | --- | --- | --- | --- | --- | --- | --- | --- |
            """);
        void Row(string what, JsonNode r) => Say(
            $"| {what} | {r["turns"]} | {r["tokens"]} | {Text(r["R(1)"])} | {Text(r["R(2)"])} | {Text(r["R(4)"])} | {Text(r["R(8)"])} | {Text(r["all_positions"])} |");
        Row("T = 0", At("agreement", "greedy"));
        Row($"T = {At("agreement", "temperature")}", At("agreement", "sampled"));
        foreach ((string kind, JsonNode? r) in At("agreement", "by_kind").AsObject()) Row($"T = 0, {kind}", r!);
        foreach ((string split, JsonNode? r) in At("agreement", "by_tool").AsObject()) Row($"T = 0, tool {split}", r!);
        if (_found["mtp"] is { } mtp)
        {
            Say($"""

                The server's own layer for the second token (MTP) foresees the server's next choice at {Text(mtp["agreed"])} of {mtp["tokens"]} places of the server's greedy text.
                """);
        }

        Say($"""

            ![Agreement by position in the turn]({Plots}/agreement-by-position.png)
            ![Agreement by kind of turn]({Plots}/agreement-by-kind.png)

            """);
    }

    /// <summary>Whole turns over a network, as <c>edge bench</c> timed them.</summary>
    private void Network()
    {
        Say("""
            ## Behind a network

            Turns of the test dialogues, prompt included, by the server alone and by device and server together with the gate deciding; the server's passes take at least so long, a stand-in for a larger model, and a
            proxy makes the round trip. Predicted is what the simulation says of the parts that were measured. First ten turns, the median of three rounds; then thirty turns, one round:

                edge bench --network --device samples/models/device --server samples/models/server --json
                edge bench --network --device samples/models/device --server samples/models/server --step-ms 40 --temperature 0,0.7 --turns 30 --rounds 1 --json

            `samples/Distillation/measure.sh EDGE` runs these and all of the next part by a published `edge`, and leaves the results beside the models.
            """);
        if (!Benches.Any(bench => bench.Rows.Count > 0)) return;
        Say("""

            | turns | server step | round trip | T | tokens | alone | together | together / alone | predicted | server passes a token |
            | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
            """);
        foreach ((string turns, IReadOnlyList<BenchRow> rows) in Benches)
        {
            foreach (BenchRow row in rows)
            {
                Say(string.Create(
                    CultureInfo.InvariantCulture,
                    $"| {turns} | {row.Step} ms | {row.RoundTrip} ms | {row.Temperature} | {row.Tokens} | {row.Plain:0.00} s | {row.Together:0.00} s | {row.Ratio:0.00} | {row.Predicted:0.00} s | {row.PassesPerToken:0.00} |"));
            }
        }

        Say($"""

            ![Time together by round trip]({Plots}/network.png)

            """);
    }

    private void Lossless()
    {
        Say("""
            ## Lossless

            Fifty dialogues with three seeds, over a socket, by the server alone and together; the texts must be equal, token for token:

                edge verify-lossless --device samples/models/device --server samples/models/server --dialogues samples/data/dialogues.jsonl --count 50 --seeds 3 --json

            """);
        if (_measured.Lossless is not { } runs) return;
        Say("""
            | options besides | turns | tokens | differences | server passes a token |
            | --- | --- | --- | --- | --- |
            """);
        foreach ((string options, JsonNode? r) in runs) Say($"| `{options}` | {r!["turns"]} | {r["tokens"]} | {r["differences"]} | {Text(r["passes_per_token"])} |");
        Say("");
    }

    private void Margin()
    {
        JsonNode margin = At("margin");
        Say($"""
            ## The device's margin

            The margin is the device's best logit minus its second best. How well it foretells agreement, place by place: a place that agrees has the larger margin
            in {Text(margin["auc"])} of all pairs (area under the ROC curve). Turned into a chance by what *dev* showed (share agreed in 20 classes of equal size), it is off by
            {Text(margin["calibration_error"])} on average over ten classes of test's {margin["places"]} places; its Brier score is {Text(margin["brier"])}, a constant's {Text(margin["brier_constant"])}.

            | margin | places | foretold | agree |
            | --- | --- | --- | --- |
            """);
        foreach (JsonNode? c in margin["classes"]!.AsArray())
            Say($"| {Text(c!["from"])} to {Text(c["to"])} | {c["places"]} | {Text(c["predicted"])} | {Text(c["agree"])} |");

        Say($"""

            ![Agreement by the device's margin]({Plots}/agreement-by-margin.png)
            ![Calibration of the margin]({Plots}/calibration.png)

            """);
    }

    private void Routing()
    {
        JsonNode routing = At("routing"), chosen = routing["chosen"]!;
        Say($"""
            ## What Auto keeps on the device

            Auto holds back the device's first tokens and hands the turn over where their log-probability together is under a threshold, or where they begin a call that is not to stay. Number,
            threshold and whether calls stay are chosen on {routing["dev_turns"]} turns of *dev*: those that keep most turns while no more than a budget of the server's worth (by deeds) is lost. A turn that both answer alike loses nothing;
            the other turns' losses are smoothed to what only rises as the device gets less sure, and none counts under 0, so that luck buys nothing. What a rule keeps and loses is then read on
            {routing["test_turns"]} turns of test, unsmoothed, with a 95 % interval.

            | budget | first tokens | threshold | calls | kept on dev | kept on test | of those word for word the server's | worth lost on test | 95 % | lost by words |
            | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
            """);
        foreach (JsonNode? rule in routing["budgets"]!.AsArray())
        {
            Say($"| {Text(rule!["budget"])} | {rule["tokens"]} | {rule["threshold"]} | {((bool)rule["calls"]! ? "stay" : "handed over")} | {Text(rule["dev_kept"])} | {Text(rule["kept"])} | {Text(rule["kept_equal"])} | {Text(rule["lost"])} | {ModelCard.Range(rule["lost_interval"]!)} | {Text(rule["lost_words"])} |");
        }

        Say($"""

            **The default** is the budget of {Text(routing["allowance"])}: {chosen["tokens"]} tokens, {chosen["threshold"]}. By number of first tokens, that budget keeps on dev, calls handed over (and where they may stay): {string.Join(", ", routing["by_tokens"]!.AsArray().Select(b => $"{b!["tokens"]}: {Text(b["dev_kept"])} ({Text(b["dev_kept_calls_too"])})"))}.
            The shipped device writes 32 tokens in 13 ms, and stops where the turn is lost already, so that holding back costs little. Keeping every turn would lose {Text(routing["dev_lost"])} of the worth on dev,
            {Text(routing["dev_lost_on_calls"])} of it on the device's calls, whose first tokens are its surest. The plot has the whole trade on test with calls handed over, beside keeping turns by chance and beside an oracle that knows every loss. Negative losses are turns that the device answered better.

            ![Share kept on the device against worth lost]({Plots}/routing.png)

            """);
    }

    private void Domains()
    {
        Say("""
            ## By domain

            Turns as they come, by the domain of the turn's tool; whole calls on both samples of calls together.

            | domain | turns | R(1) | all positions | worth by deeds: server | device | calls due (seen) | whole right: server | device |
            | --- | --- | --- | --- | --- | --- | --- | --- | --- |
            """);
        foreach (JsonNode? d in At("domains").AsArray())
        {
            JsonNode agreement = d!["agreement"]!;
            Say($"| {d["domain"]} | {agreement["turns"]} | {Text(agreement["R(1)"])} | {Text(agreement["all_positions"])} | {Text(d["deed_server"])} | {Text(d["deed_device"])} | {d["calls"]} ({d["calls_seen"]}) | {Text(d["whole_server"])} | {Text(d["whole_device"])} |");
        }

        Say("");
    }

    private void Transformers()
    {
        Say("""
            ## Against transformers

            `samples/Distillation/transformers-check.py` compares a model folder, as `edge generate` runs it, with Hugging Face's transformers on the same checkpoint: 20 prompts of the
            excerpt in `samples/data`, 64 greedy tokens each, logits at four places of each within 0.001 (float32 on the same bfloat16 weights). For `server` and for `device`:

                python3 samples/Distillation/transformers-check.py prompts  samples/models/server --data samples/data/dialogues.jsonl --work check
                python3 samples/Distillation/transformers-check.py generate samples/models/server --edge edge --work check
                python3 samples/Distillation/transformers-check.py compare  samples/models/server --work check --report samples/models/transformers.json
            """);
        if (_measured.Transformers is not { } transformers) return;
        Say("""

            | model | weights | transformers | class | prompts equal | tokens equal | logits most apart |
            | --- | --- | --- | --- | --- | --- | --- |
            """);
        foreach ((string model, JsonNode? r) in transformers)
        {
            string apart = ((double)r!["logits_most_apart"]!).ToString("0.0e+0", CultureInfo.InvariantCulture);
            Say($"| {model} | `{((string)r["weights"]!)[..12]}` | {r["transformers"]} | {r["class"]} | {r["prompts_equal"]} of {r["prompts"]} | {r["tokens_equal"]} of {r["tokens"]} | {apart} |");
        }
    }

    private string Short(string model) => ((string)At("models", model)!)[..12];

    private static string Difference(JsonNode calls, string name) =>
        string.Create(CultureInfo.InvariantCulture, $"{100 * Number(calls[name]!["points"]):0.0} points (95 %: {100 * Number(calls[name]!["interval"]![0]):0.0} to {100 * Number(calls[name]!["interval"]![1]):0.0})");

    private static string Gain(JsonNode calls, string name) => calls[name] is not { } gain ? "" : string.Create(
        CultureInfo.InvariantCulture, $"{100 * Number(gain["points"]):+0.0;-0.0;0} ({100 * Number(gain["interval"]![0]):0.0} to {100 * Number(gain["interval"]![1]):0.0})");

    private void Both(string what, string part, string name) => Say($"| {what} | {Text(At(part, "server", name))} | {Text(At(part, "device", name))} |");

    private void Mark(string what, string wanted, double found, bool met) =>
        Say(string.Create(CultureInfo.InvariantCulture, $"| {what} | {wanted} | {(double.IsNaN(found) ? "-" : $"{found:0.###}")} | {(double.IsNaN(found) ? "not measured" : met ? "met" : "missed")} |"));

    private void AtMost(string what, double most, double found) => Mark(what, string.Create(CultureInfo.InvariantCulture, $"at most {most}"), found, found <= most);

    private void Say(string text) => _text.Append(text).Append('\n');

    private JsonNode At(params ReadOnlySpan<string> path)
    {
        JsonNode node = _found;
        foreach (string name in path) node = node[name]!;
        return node;
    }

    private static string Text(JsonNode? figure) => ModelCard.Text(figure);

    private static double Number(JsonNode? figure) => figure is null ? double.NaN : (double)figure;
}
