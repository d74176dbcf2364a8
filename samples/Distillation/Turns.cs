using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using EdgeSdk.Cli;

namespace EdgeSdk.Distillation;

/// <summary>An assistant's turn to be answered behind its reference history.</summary>
/// <param name="Prompt">The whole history's tokens up to and with the assistant's role token.</param>
/// <param name="Reference">What the reference answers.</param>
internal sealed record Turn(int[] Prompt, Answer Reference)
{
    /// <summary>Every assistant turn of the dialogues, in their order, until there are <paramref name="count"/>.</summary>
    public static List<Turn> Of(IEnumerable<Dialogue> dialogues, ChatFormat format, int count) =>
        [.. dialogues.SelectMany(dialogue => dialogue.AssistantTurns().Select(at => new Turn(
            format.Encode(dialogue.History(at), dialogue.ToolsAsJson(), prompt: true),
            Answer.Of(dialogue.Messages[at]!)))).Where(turn => turn.Prompt.Length < LanguageModel.ContextLength - 256).Take(count)];
}

/// <summary>What an assistant's turn says, and the calls that it makes.</summary>
internal sealed partial record Answer(string Text, IReadOnlyList<ToolCall> Calls)
{
    /// <summary>A message's.</summary>
    public static Answer Of(JsonNode message) => new((string?)message["content"] ?? "", ToolCall.Of(message));

    /// <summary>A written turn's.</summary>
    public static Answer Of(string written)
    {
        string[] parts = written.Replace(Vocabulary.Special[Vocabulary.End], "", StringComparison.Ordinal).Split(Vocabulary.Special[Vocabulary.Call]);
        return new Answer(parts[0], [.. parts.Skip(1).Select(ToolCall.Parse)]);
    }

    /// <summary>
    /// How good the answer is, 0 to 1: where the reference calls, the share of its methods and values that this one has; where it speaks, the F1 of
    /// the words. Speech where a call is due, and a call where none is, is worth nothing.
    /// </summary>
    public double Worth(Answer reference)
    {
        if (Calls.Count > 0 != reference.Calls.Count > 0) return 0;
        if (reference.Calls.Count == 0) return WordsInCommon(reference);
        int wanted = reference.Calls.Sum(call => 1 + call.Arguments.Count);
        int right = reference.Calls.Zip(Calls).Where(pair => pair.First.Name == pair.Second.Name).Sum(pair => 1 + pair.First.ValuesIn(pair.Second));
        return (double)right / wanted;
    }

    private double WordsInCommon(Answer reference)
    {
        string[] own = Words(Text), wanted = Words(reference.Text);
        int common = own.GroupBy(word => word).Join(wanted.GroupBy(word => word), o => o.Key, w => w.Key, (o, w) => Math.Min(o.Count(), w.Count())).Sum();
        return own.Length + wanted.Length == 0 ? 1 : 2.0 * common / (own.Length + wanted.Length);
    }

    private static string[] Words(string text) => [.. Word().Matches(text.ToLowerInvariant()).Select(match => match.Value)];

    [GeneratedRegex(@"[\p{L}\p{N}]+")]
    private static partial Regex Word();
}

/// <summary>A call of a tool with its arguments as compact JSON by name.</summary>
internal sealed record ToolCall(string Name, IReadOnlyDictionary<string, string> Arguments)
{
    /// <summary>The calls of a message.</summary>
    public static IReadOnlyList<ToolCall> Of(JsonNode message) =>
        [.. ((message["tool_calls"] as JsonArray) ?? []).Select(call => new ToolCall(
            (string)call!["function"]!["name"]!,
            call["function"]!["arguments"]!.AsObject().ToDictionary(a => a.Key, a => Dialogues.Compact(a.Value))))];

    /// <summary>A written call; what is not JSON counts as a call without arguments.</summary>
    public static ToolCall Parse(string written)
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

    /// <summary>How many of this call's values the other one has under the same names.</summary>
    public int ValuesIn(ToolCall other) => Arguments.Count(argument => other.Arguments.GetValueOrDefault(argument.Key) == argument.Value);
}
