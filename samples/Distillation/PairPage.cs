using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace EdgeSdk.Distillation;

/// <summary>docs/pair.md: the pair's figures with their marks, tables and plots, written from <c>evaluation.json</c> alone.</summary>
internal sealed class PairPage
{
    /// <summary>The plots' folder beside the page.</summary>
    private const string Plots = "pair";

    private readonly JsonObject _found;
    private readonly JsonObject? _transformers;
    private readonly StringBuilder _text = new();

    private PairPage(JsonObject found, JsonObject? transformers) => (_found, _transformers) = (found, transformers);

    /// <summary>Writes page and plots.</summary>
    /// <param name="folder">Where to.</param>
    /// <param name="found">What <c>evaluate</c> left.</param>
    /// <param name="transformers">What <c>transformers-check.py</c> left, where it ran.</param>
    /// <returns>The files.</returns>
    public static IEnumerable<JsonNode> Write(string folder, JsonObject found, JsonObject? transformers)
    {
        var page = new PairPage(found, transformers);
        string path = Path.Combine(folder, "pair.md");
        Directory.CreateDirectory(Path.Combine(folder, Plots));
        File.WriteAllText(path, page.Compose());
        return [path, .. PairPlots.Draw(Path.Combine(folder, Plots), found)];
    }

    private string Compose()
    {
        Opening();
        Marks();
        Calls();
        Spoken();
        Agreement();
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

        `evaluate` needs no TorchSharp and takes a few minutes on two cores.

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
        Say("");
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
        {
            Say($"| {Text(c!["from"])} to {Text(c["to"])} | {c["places"]} | {Text(c["predicted"])} | {Text(c["agree"])} |");
        }

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

            Auto holds back the device's first tokens and hands the turn over where their mean log-probability is under a threshold. Number and threshold are chosen on
            {routing["dev_turns"]} turns of *dev*: those that keep most turns while no more than a budget of the server's worth (by deeds) is lost. A turn that both answer alike loses nothing;
            the other turns' losses are smoothed to what only rises as the device gets less sure, and none counts under 0, so that luck buys nothing. What a rule keeps and loses is then read on
            {routing["test_turns"]} turns of test, unsmoothed, with a 95 % interval.

            | budget | first tokens | threshold | kept on dev | kept on test | of those word for word the server's | worth lost on test | 95 % | lost by words |
            | --- | --- | --- | --- | --- | --- | --- | --- | --- |
            """);
        foreach (JsonNode? rule in routing["budgets"]!.AsArray())
        {
            Say($"| {Text(rule!["budget"])} | {rule["tokens"]} | {rule["threshold"]} | {Text(rule["dev_kept"])} | {Text(rule["kept"])} | {Text(rule["kept_equal"])} | {Text(rule["lost"])} | {ModelCard.Range(rule["lost_interval"]!)} | {Text(rule["lost_words"])} |");
        }

        Say($"""

            **The default** is the budget of {Text(routing["allowance"])}: {chosen["tokens"]} tokens, {chosen["threshold"]}. By number of first tokens, that budget keeps on dev: {string.Join(", ", routing["by_tokens"]!.AsArray().Select(b => $"{b!["tokens"]}: {Text(b["dev_kept"])}"))}.
            The plot has the whole trade on test, beside keeping turns by chance and beside an oracle that knows every loss. Negative losses are turns that the device answered better.

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
        if (_transformers is null) return;
        Say("""

            | model | weights | transformers | class | prompts equal | tokens equal | logits most apart |
            | --- | --- | --- | --- | --- | --- | --- |
            """);
        foreach ((string model, JsonNode? r) in _transformers)
        {
            string apart = ((double)r!["logits_most_apart"]!).ToString("0.0e+0", CultureInfo.InvariantCulture);
            Say($"| {model} | `{((string)r["weights"]!)[..12]}` | {r["transformers"]} | {r["class"]} | {r["prompts_equal"]} of {r["prompts"]} | {r["tokens_equal"]} of {r["tokens"]} | {apart} |");
        }
    }

    private string Short(string model) => ((string)At("models", model)!)[..12];

    private static string Difference(JsonNode calls, string name) =>
        string.Create(CultureInfo.InvariantCulture, $"{100 * Number(calls[name]!["points"]):0.0} points (95 %: {100 * Number(calls[name]!["interval"]![0]):0.0} to {100 * Number(calls[name]!["interval"]![1]):0.0})");

    private void Both(string what, string part, string name) => Say($"| {what} | {Text(At(part, "server", name))} | {Text(At(part, "device", name))} |");

    private void Mark(string what, string wanted, double found, bool met) =>
        Say(string.Create(CultureInfo.InvariantCulture, $"| {what} | {wanted} | {found:0.###} | {(met ? "met" : "missed")} |"));

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
