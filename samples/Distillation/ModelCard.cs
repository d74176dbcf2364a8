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
        JsonNode pair = evaluation["pair"]!, routing = evaluation["routing"]!;
        void Row(string what, JsonNode server, JsonNode device) => text.Append(CultureInfo.InvariantCulture, $"| {what} | {server} | {device} |\n");
        void Language(string what, string name) => Row(what, evaluation["server"]![name]!, evaluation["device"]![name]!);
        string Values(JsonNode runs) => string.Join(", ", runs.AsObject().Select(run => $"{run.Key} {run.Value}"));

        text.Append("| on test, full reference history | server | device |\n| --- | --- | --- |\n");
        Language($"perplexity of the assistant's tokens, {evaluation["dialogues"]} dialogues", "perplexity");
        Language("tokens inside calls that are the first choice", "call_tokens_right");
        Language("values that stand in the context, copied", "context_values_copied");
        foreach ((string split, string tools) in ((string, string)[])[("all", "calls"), ("seen", "calls of tools seen in training"), ("unseen", "calls of other tools")])
        {
            JsonNode server = pair["server_calls"]![split]!, device = pair["device_calls"]![split]!;
            string of = $"{tools} ({server["due"]} due)";
            Row($"{of}: made", server["made"]!, device["made"]!);
            Row($"{of}: method right", server["method_right"]!, device["method_right"]!);
            Row($"{of}: values right", server["values_right"]!, device["values_right"]!);
            Row($"{of}: whole call right", server["whole_right"]!, device["whole_right"]!);
        }

        Row("turns that speak, with a call that is not due", pair["server_calls"]!["made_where_not_due"]!, pair["device_calls"]!["made_where_not_due"]!);
        Row("worth of an answer, 0 to 1 (F1 of the words, or share of the call's parts)", pair["server_worth"]!, pair["device_worth"]!);
        text.Append(CultureInfo.InvariantCulture, $"""

            The device's agreement with the server on the server's own text: greedy ({pair["turns"]} turns, {pair["tokens"]} tokens) {Values(pair["agreement"]!)},
            over all positions {pair["agreement_all_positions"]}; at temperature 0.7 ({pair["sampled_turns"]} turns, {pair["sampled_tokens"]} tokens) {Values(pair["sampled_agreement"]!)}.
            Whole greedy turns equal: {pair["turns_equal"]}.

            Auto's rule, chosen on {routing["dev_turns"]} turns of dev: the device goes on alone where the mean log-probability of its first {routing["tokens"]} tokens is at least
            {routing["threshold"]}. It keeps {routing["kept"]} of the turns; there its answers are worth {routing["kept_device_worth"]}, the server's {routing["kept_server_worth"]}
            (over all turns {routing["device_worth"]} and {routing["server_worth"]}), and {routing["kept_equal"]} of them are the server's word for word.

            """);
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
}
