using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using EdgeSdk.Modeling;

namespace EdgeSdk.Distillation;

/// <summary>The figures for people: a table for the terminal, and the models' README.md.</summary>
internal static class ModelCard
{
    /// <summary>What <c>evaluate</c> found, as a table in Markdown.</summary>
    public static string Table(JsonObject evaluation)
    {
        var text = new StringBuilder();
        JsonNode agreement = evaluation["agreement"]!, greedy = agreement["greedy"]!, sampled = agreement["sampled"]!, worth = evaluation["worth"]!, cut = evaluation["cut"]!;
        JsonNode language = evaluation["language"]!, spoken = evaluation["spoken"]!, routing = evaluation["routing"]!["chosen"]!;
        void Row(string what, JsonNode? server, JsonNode? device) => text.Append(CultureInfo.InvariantCulture, $"| {what} | {Text(server)} | {Text(device)} |\n");
        void Both(string what, JsonNode from, string name) => Row(what, from["server"]![name], from["device"]![name]);

        text.Append("| on test, full reference history | server | device |\n| --- | --- | --- |\n");
        Both($"perplexity of the assistant's tokens, {language["dialogues"]} dialogues", language, "perplexity");
        Both("behind the reference's tokens: tokens inside calls that are the first choice", language, "call_tokens_right");
        Both("behind the reference's tokens: values that stand in the context, copied", language, "context_values_copied");
        foreach ((string split, string tools) in ((string, string)[])[("seen", "calls of tools seen in training"), ("unseen", "calls of other tools")])
        {
            JsonNode calls = evaluation["calls"]![split]!;
            string of = $"{tools} ({calls["due"]} due)";
            Both($"{of}: made", calls, "made");
            Both($"{of}: method right", calls, "method_right");
            Both($"{of}: values right", calls, "values_right");
            Both($"{of}: values that stand in the context, right", calls, "context_values_right");
            Both($"{of}: whole call right", calls, "whole_right");
            JsonNode constrained = evaluation["constrained"]![split]!;
            Row($"{of}: the same within the tools' schemas", constrained["server"]!["schemas"]!["whole_right"], constrained["device"]!["schemas"]!["whole_right"]);
            Row($"{of}: ... and values from the dialogue or known", constrained["server"]!["spans_or_known"]!["whole_right"], constrained["device"]!["spans_or_known"]!["whole_right"]);
            Row($"{of}: whole calls, server ahead by", calls["whole_right_difference"]!["points"], JsonValue.Create($"95 %: {Range(calls["whole_right_difference"]!["interval"]!)}"));
        }

        string speaks = $"turns that speak ({spoken["turns"]})";
        Both($"{speaks}: no call made", spoken, "no_call");
        Both($"{speaks}: question or statement as in the reference", spoken, "kind_right");
        Both($"{speaks}: the reference's {spoken["values"]} context values repeated", spoken, "values_repeated");
        Row("worth of an answer, 0 to 1 (F1 of the words, or share of the call's parts)", worth["server_words"], worth["device_words"]);
        Row("the same by deeds (kind and values, however worded)", worth["server_deed"], worth["device_deed"]);
        Row($"answers without an end after {cut["at"]} tokens, of {cut["turns"]}", cut["server"]!["cut"], cut["device"]!["cut"]);
        text.Append(CultureInfo.InvariantCulture, $"""

            The device's agreement with the server on the server's own text: greedy ({greedy["turns"]} turns, {greedy["tokens"]} tokens) {Runs(greedy)},
            over all positions {Text(greedy["all_positions"])}; at temperature {agreement["temperature"]} ({sampled["turns"]} turns, {sampled["tokens"]} tokens) {Runs(sampled)}.
            Whole greedy turns equal: {Text(worth["turns_equal"])}.

            Auto's rule, chosen on {evaluation["routing"]!["dev_turns"]} turns of dev: the device goes on alone where the log-probability of its first {routing["tokens"]} tokens together is at least
            {routing["threshold"]}{((bool)routing["calls"]! ? "" : " and they begin no call")}. On test it keeps {Text(routing["kept"])} of the turns, at the price of {Text(routing["lost"])} of the answers' worth
            (95 %: {Range(routing["lost_interval"]!)}); {Text(routing["kept_equal"])} of the kept answers are the server's word for word.

            """);
        return text.ToString();
    }

    /// <summary>A figure as people read it; what could not be measured is a dash.</summary>
    public static string Text(JsonNode? figure) =>
        figure is null ? "-" : figure.GetValueKind() == JsonValueKind.Number ? ((double)figure).ToString("0.###", CultureInfo.InvariantCulture) : figure.ToString();

    /// <summary>An interval.</summary>
    public static string Range(JsonNode interval) => $"{Text(interval[0])} to {Text(interval[1])}";

    private static string Runs(JsonNode agreement) => string.Join(", ", ((int[])[1, 2, 4, 8]).Select(n => $"R({n}) {Text(agreement[$"R({n})"])}"));

    /// <summary>A model's README.md.</summary>
    public static string Write(string folder, JsonObject training, JsonObject evaluation)
    {
        bool isServer = Path.GetFileName(folder) == "server";
        JsonObject config = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "config.json")))!.AsObject();
        string stage = isServer ? "trained" : "distilled from the server's model (0.85 of the loss the divergence from its distribution, 0.15 the data's own tokens)";
        return $"""
            ---
            license: cc-by-sa-4.0
            language: en
            pipeline_tag: text-generation
            datasets:
              - google-research-datasets/schema_guided_dstc8
            tags: [{config["model_type"]}, onnx, safetensors, task-oriented-dialogue, function-calling{(isServer ? ", mixture-of-experts" : ", distillation")}]
            ---

            # The {(isServer ? "server" : "device")} model of the shipped pair

            It answers in English task-oriented dialogues about bookings, travel, media and the like, and calls tools. It exists to show device and server at
            work together; the format of its text is that of `chat_template.jinja`.

            ## What it is

            {(isServer ? Server(config) : Device(config))}
            {Parameters(folder, config)}{SecondToken(folder, config, evaluation)}
            Vocabulary {config["vocab_size"]} (byte-level byte-pair encoding, the same for both models of the pair), context {config["max_position_embeddings"]} tokens.
            `model.safetensors` holds the weights in bfloat16 under Hugging Face's names; `model.onnx` computes in float32 and points into it; `edge.json` describes both.

            ## How it was made

            By `samples/Distillation`, {stage} on the *train* split of Schema-Guided Dialogue by Google Research (Rastogi, Zang, Sunkara, Gupta and Khaitan,
            "Towards Scalable Multi-domain Conversational Agents: The Schema-Guided Dialogue Dataset", AAAI 2020), licensed CC BY-SA 4.0. **The weights are
            licensed CC BY-SA 4.0** accordingly.

            {training["minutes"]} minutes on two CPU cores: {training["steps"]} steps, {Beginning(training)}, {training["tokens"]} tokens in
            all; AdamW, learning rate {training["learning_rate"]} with a warm-up and a cosine; products in bfloat16, masters in float32; seed {training["seed"]}.

            ## What `evaluate` printed

            {Table(evaluation)}
            ## Limits

            - It knows the services of the training data and little else: no facts, no other languages, no other tasks. What it says of a booking is what the
              tool's result says only as often as the table shows; **check every call before you act on it**.
            - The table gives calls of tools that it never saw in training apart; expect those figures from services of your own.
            - Nothing was done about safety: it was neither filtered nor tuned for it.
            """ + "\n";
    }

    private static string Beginning(JsonObject training) => (int)training["copying_steps"]! is > 0 and int steps
        ? $"the first {steps} of them on copying random segments"
        : "from the weights of an earlier stage";

    private static string Server(JsonObject c) =>
        $"DeepSeek-V3's architecture: {c["num_hidden_layers"]} layers of width {c["hidden_size"]}, multi-head latent attention ({c["num_attention_heads"]} heads, key and value rank {c["kv_lora_rank"]}, query rank {c["q_lora_rank"]}); "
        + $"the first layer is dense, the others have one shared and {c["n_routed_experts"]} routed experts in {c["n_group"]} groups, {c["num_experts_per_tok"]} of them a token.";

    private static string Device(JsonObject c) =>
        $"Qwen3's architecture: {c["num_hidden_layers"]} layers of width {c["hidden_size"]}, {c["num_attention_heads"]} heads with {c["num_key_value_heads"]} for keys and values, feed-forward width {c["intermediate_size"]}, embedding and head tied.";

    private static string Parameters(string folder, JsonObject config)
    {
        double Millions(Func<string, bool> chosen) => ModelCard.Millions(folder, name => !IsSecondToken(name, config) && chosen(name));
        double all = Millions(name => name != "lm_head.weight"), routed = Millions(name => name.Contains(".experts.", StringComparison.Ordinal));
        if (routed == 0) return string.Create(CultureInfo.InvariantCulture, $"{all:F2} million parameters.");
        double active = all - routed * (1 - (double)config["num_experts_per_tok"]! / (double)config["n_routed_experts"]!);
        return string.Create(CultureInfo.InvariantCulture, $"{all:F2} million parameters (the head repeats the embedding and is not counted twice), {active:F2} million of them at work for a token.");
    }

    /// <summary>Of the layer behind the last one, where there is one.</summary>
    private static string SecondToken(string folder, JsonObject config, JsonObject evaluation)
    {
        double millions = Millions(folder, name => IsSecondToken(name, config));
        if (millions == 0) return "";
        string agreed = evaluation["mtp"] is { } mtp ? $": at {Text(mtp["agreed"])} of {mtp["tokens"]} places of its own greedy text on test it foresees the choice of the next place" : "";
        return string.Create(CultureInfo.InvariantCulture, $"\nBehind the last layer lies one more for the second token (multi-token prediction), {millions:F2} million parameters, in `mtp.onnx`{agreed}.");
    }

    private static bool IsSecondToken(string name, JsonObject config) => name.StartsWith($"model.layers.{config["num_hidden_layers"]}.", StringComparison.Ordinal);

    private static double Millions(string folder, Func<string, bool> chosen)
    {
        using var file = SafetensorsFile.Open(Path.Combine(folder, "model.safetensors"));
        return file.Tensors.Where(tensor => chosen(tensor.Key)).Sum(tensor => (double)tensor.Value.Shape.Aggregate(1L, (a, b) => a * b)) / 1e6;
    }
}
