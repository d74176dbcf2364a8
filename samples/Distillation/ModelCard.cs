using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace EdgeSdk.Distillation;

/// <summary>The figures for people: a table for the terminal, and the models' README.md.</summary>
internal static class ModelCard
{
    /// <summary>What <c>evaluate</c> found, as a table in Markdown.</summary>
    public static string Table(JsonObject evaluation)
    {
        var text = new StringBuilder();
        void Row(string what, string server, string device) => text.Append(CultureInfo.InvariantCulture, $"| {what} | {server} | {device} |\n");
        void Both(string what, string group, string name) => Row(what, $"{evaluation["server" + group]![name]}", $"{evaluation["device" + group]![name]}");
        JsonNode pair = evaluation["pair"]!, routing = evaluation["routing"]!;
        Row("on test, full reference history", "server", "device");
        Row("---", "---", "---");
        Row("parameters", Millions(evaluation["server"]!), Millions(evaluation["device"]!));
        Both("perplexity of the assistant's tokens", "", "perplexity");
        Both("values that stand in the context, copied", "", "context_values_copied");
        Both("random segments copied, near", "", "segments_copied_near");
        Both("random segments copied, up to 250 tokens apart", "", "segments_copied_far");
        foreach (string split in (string[])["all", "seen", "unseen"])
        {
            JsonNode server = pair["server_calls"]![split]!, device = pair["device_calls"]![split]!;
            string tools = split == "all" ? $"calls ({server["due"]} due)" : $"calls of tools {split} in training ({server["due"]})";
            Row($"{tools}: made", $"{server["made"]}", $"{device["made"]}");
            Row($"{tools}: method right", $"{server["method_right"]}", $"{device["method_right"]}");
            Row($"{tools}: values right", $"{server["values_right"]}", $"{device["values_right"]}");
            Row($"{tools}: whole call right", $"{server["whole_right"]}", $"{device["whole_right"]}");
        }

        Row("calls made where none was due", $"{pair["server_calls"]!["made_where_not_due"]}", $"{pair["device_calls"]!["made_where_not_due"]}");
        text.Append(CultureInfo.InvariantCulture, $"\nAgreement on the server's own greedy text, {pair["turns"]} turns, {pair["tokens"]} tokens: ");
        text.AppendJoin(", ", pair["agreement"]!.AsObject().Select(r => $"{r.Key} {r.Value}"));
        text.Append(CultureInfo.InvariantCulture, $"; over all positions {pair["agreement_all_positions"]}; whole turns equal {pair["turns_equal"]}.\n");
        text.Append(CultureInfo.InvariantCulture, $"Auto, chosen on {routing["dev_turns"]} dev turns: hand over where the mean log-probability of the device's first ");
        text.Append(CultureInfo.InvariantCulture, $"{routing["tokens"]} tokens is under {routing["threshold"]}; it keeps {routing["dev_kept_on_device"]} of the turns, ");
        text.Append(CultureInfo.InvariantCulture, $"of which {routing["dev_kept_equal_to_server"]} are what the server would say (of all turns {routing["dev_all_equal_to_server"]}).\n");
        return text.ToString();
    }

    /// <summary>A model's README.md.</summary>
    public static string Write(string name, JsonObject training, JsonObject evaluation)
    {
        bool isServer = name == "server";
        string what = isServer
            ? "The server's model of the shipped pair: DeepSeek-V3's architecture (latent attention, one shared and sixteen routed experts in four groups, four of them a token)."
            : "The device's model of the shipped pair: Qwen3's architecture (grouped queries, tied embeddings), distilled from the server's model by soft targets.";
        return $"""
            # {(isServer ? "Server" : "Device")} model

            {what}
            It answers in task-oriented dialogues about bookings, travel, media and the like, in the chat format of docs/chat-format.md,
            and knows little else: it exists to show device and server at work together.

            - **Data**: Schema-Guided Dialogue (google-research-datasets/dstc8-schema-guided-dialogue), split *train*, CC BY-SA 4.0.
            - **Licence of the weights**: CC BY-SA 4.0, as the data's.
            - **Recipe**: samples/Distillation: copying of random segments first ({training["copying_steps"]} steps), then dialogues; {training["steps"]} steps, {training["tokens"]} tokens,
              {training["minutes"]} minutes on two CPU cores; AdamW with a warm-up and a cosine to {training["learning_rate"]}, bfloat16 products, float32 masters; seed {training["seed"]}.
            - **Files**: `model.safetensors` in bfloat16, Hugging Face's names; `model.onnx` points into it.

            ## What `evaluate` printed

            {Table(evaluation)}
            """ + "\n";
    }

    private static string Millions(JsonNode model) => $"{(double)model["parameters"]! / 1e6:F2}M";
}
