using System.Text.Json;
using System.Text.Json.Nodes;
using EdgeSdk.Cli;
using EdgeSdk.Decoding;
using EdgeSdk.Sampling;

namespace EdgeSdk.Distillation;

/// <summary>An assistant's turn to be answered behind its reference history.</summary>
/// <param name="Prompt">The whole history's tokens up to and with the assistant's role token.</param>
/// <param name="Calls">The reference's calls; empty where it speaks.</param>
internal sealed record Turn(int[] Prompt, IReadOnlyList<ToolCall> Calls)
{
    /// <summary>Every assistant turn of the dialogues, in their order, until there are <paramref name="count"/>.</summary>
    public static List<Turn> Of(IEnumerable<Dialogue> dialogues, ChatFormat format, int count) =>
        [.. dialogues.SelectMany(dialogue => dialogue.AssistantTurns().Select(at => new Turn(
            format.Encode(dialogue.History(at), dialogue.ToolsAsJson(), prompt: true),
            ToolCall.Of(dialogue.Messages[at]!)))).Where(turn => turn.Prompt.Length < LanguageModel.ContextLength - 256).Take(count)];
}

/// <summary>A call of a tool with its arguments as compact JSON by name.</summary>
internal sealed record ToolCall(string Name, IReadOnlyDictionary<string, string> Arguments)
{
    /// <summary>The calls of a message.</summary>
    public static IReadOnlyList<ToolCall> Of(JsonNode message) =>
        [.. ((message["tool_calls"] as JsonArray) ?? []).Select(call => new ToolCall(
            (string)call!["function"]!["name"]!,
            call["function"]!["arguments"]!.AsObject().ToDictionary(a => a.Key, a => Dialogues.Compact(a.Value))))];

    /// <summary>The calls in a written turn; what is not JSON counts as a call without arguments.</summary>
    public static IReadOnlyList<ToolCall> Of(string text)
    {
        string[] parts = text.Replace(Vocabulary.Special[Vocabulary.End], "", StringComparison.Ordinal).Split(Vocabulary.Special[Vocabulary.Call]);
        return [.. parts.Skip(1).Select(Parse)];
    }

    private static ToolCall Parse(string written)
    {
        int brace = written.IndexOf('{', StringComparison.Ordinal);
        if (brace < 0) return new ToolCall(written, new Dictionary<string, string>());
        try
        {
            JsonObject arguments = JsonNode.Parse(written[brace..])!.AsObject();
            return new ToolCall(written[..brace], arguments.ToDictionary(a => a.Key, a => Dialogues.Compact(a.Value)));
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or ArgumentException)
        {
            return new ToolCall(written[..brace], new Dictionary<string, string>());
        }
    }
}

/// <summary>What a model wrote, greedily.</summary>
internal sealed record Written(int[] Ids, float[] LogProbs)
{
    /// <summary>Continues a prompt to its end token, or for <paramref name="limit"/> tokens.</summary>
    public static async Task<Written> ByAsync(ILanguageModel model, int[] prompt, int limit, CancellationToken cancellationToken)
    {
        await using ISequence sequence = await model.OpenAsync(SamplerSpec.Greedy, cancellationToken);
        var ids = new List<int>();
        var logProbs = new List<float>();
        var pick = new Pick[1];
        ReadOnlyMemory<int> next = prompt;
        do
        {
            await sequence.StepAsync(next, pick, cancellationToken);
            ids.Add(pick[0].Token);
            logProbs.Add(pick[0].LogProb);
            next = new[] { pick[0].Token };
        }
        while (ids.Count < limit && !model.Info.EndTokens.Contains(ids[^1]));
        return new Written([.. ids], [.. logProbs]);
    }

    /// <summary>For each token of <paramref name="text"/> behind the prompt whether it is the model's own first choice.</summary>
    public static async Task<bool[]> AgreesAsync(ILanguageModel model, int[] prompt, int[] text, CancellationToken cancellationToken)
    {
        await using ISequence sequence = await model.OpenAsync(SamplerSpec.Greedy, cancellationToken);
        var agrees = new List<bool>();
        ReadOnlyMemory<int> next = prompt;
        var first = new Pick[1];
        await sequence.StepAsync(next, first, cancellationToken);
        agrees.Add(first[0].Token == text[0]);
        for (int at = 0; at < text.Length - 1;)
        {
            var picks = new Pick[Math.Min(model.Traits.MaxStep, text.Length - 1 - at)];
            await sequence.StepAsync(text.AsMemory(at, picks.Length), picks, cancellationToken);
            for (int i = 0; i < picks.Length; i++, at++) agrees.Add(picks[i].Token == text[at + 1]);
        }

        return [.. agrees];
    }
}
