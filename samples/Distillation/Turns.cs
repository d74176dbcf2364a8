using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using EdgeSdk.Cli;

namespace EdgeSdk.Distillation;

/// <summary>An assistant's turn to be answered behind its reference history.</summary>
/// <param name="Prompt">The whole history's tokens up to and with the assistant's role token.</param>
/// <param name="Reference">What the reference answers.</param>
/// <param name="Earlier">Every earlier message's text, calls and results as compact JSON; without the system message.</param>
/// <param name="Values">Names, times and prices of the context that the reference repeats, where it speaks.</param>
/// <param name="Source">The dialogue, with the tools in reach.</param>
/// <param name="Texts">What every earlier message says, and each value of its calls and results: what a call's values can be taken from.</param>
/// <param name="Tool">The tool that the turn is about: that of the call whose result has just come, else of the next call, else of the last one; empty in a dialogue without calls.</param>
internal sealed record Turn(
    int[] Prompt, Answer Reference, string Earlier, IReadOnlyList<string> Values, Dialogue Source, IReadOnlyList<string> Texts, string Tool)
{
    /// <summary>What an answer may still take behind a prompt.</summary>
    private const int Room = 512;

    /// <summary>The tool's domain: its service without the number behind it.</summary>
    public string Domain => Tool.Split('_')[0];

    /// <summary>Assistant turns as they come: every n-th of all dialogues, about <paramref name="count"/>.</summary>
    public static List<Turn> Every(IReadOnlyList<Dialogue> dialogues, ChatFormat format, int count)
    {
        (Dialogue Dialogue, int At)[] all = [.. dialogues.SelectMany(dialogue => dialogue.AssistantTurns().Select(at => (dialogue, at)))];
        int chosen = Math.Min(count, all.Length);
        return [.. Enumerable.Range(0, chosen).Select(i => all[(int)((long)i * all.Length / chosen)]).Select(turn => Of(turn.Dialogue, turn.At, format)).Where(turn => turn.Fits)];
    }

    /// <summary>
    /// Turns that are due a call of a chosen tool: drawn by chance from all dialogues, one of a dialogue at most so that they are independent, in the dialogues' order.
    /// </summary>
    public static List<Turn> DueCalls(IReadOnlyList<Dialogue> dialogues, ChatFormat format, Func<string, bool> chosen, int count, int seed)
    {
        (int Dialogue, int At)[] due = [.. dialogues.SelectMany((dialogue, i) => dialogue.AssistantTurns()
            .Where(at => ToolCall.Of(dialogue.Messages[at]!) is [var call, ..] && chosen(call.Name)).Select(at => (i, at)))];
        new Random(seed).Shuffle(due);
        return [.. due.DistinctBy(d => d.Dialogue).Select(d => (d.Dialogue, Turn: Of(dialogues[d.Dialogue], d.At, format)))
            .Where(d => d.Turn.Fits).Take(count).OrderBy(d => d.Dialogue).Select(d => d.Turn)];
    }

    private bool Fits => Prompt.Length < LanguageModel.ContextLength - Room;

    private static Turn Of(Dialogue dialogue, int at, ChatFormat format)
    {
        JsonArray history = dialogue.History(at);
        var answer = Answer.Of(dialogue.Messages[at]!);
        string earlier = string.Join('\n', history.Select(Written));
        string Called(int message) => ToolCall.Of(dialogue.Messages[message]!).Select(call => call.Name).FirstOrDefault("");
        string last = Enumerable.Range(0, at).Reverse().Select(Called).FirstOrDefault(name => name.Length > 0, "");
        string next = Enumerable.Range(at, dialogue.Messages.Count - at).Select(Called).FirstOrDefault(name => name.Length > 0, "");
        bool afterResult = at > 0 && (string?)dialogue.Messages[at - 1]!["role"] == "tool";
        return new Turn(
            format.Encode(history, dialogue.ToolsAsJson(), prompt: true),
            answer,
            earlier,
            answer.Calls.Count > 0 ? [] : ContextValues.In(answer.Text, history, earlier),
            dialogue,
            [.. history.SelectMany(message => ContextValues.Texts(message!)).Distinct()],
            (afterResult && last.Length > 0) || next.Length == 0 ? last : next);
    }

    private static string Written(JsonNode? message) =>
        string.Join('\n', [(string?)message!["content"] ?? "", .. ToolCall.Of(message).SelectMany(call => call.Arguments.Values)]);
}

/// <summary>What an assistant's turn says, and the calls that it makes.</summary>
internal sealed partial record Answer(string Text, IReadOnlyList<ToolCall> Calls)
{
    /// <summary>Whether it asks the user something.</summary>
    public bool Asks => Text.Contains('?', StringComparison.Ordinal);

    /// <summary>call, question or statement.</summary>
    public string Kind => Calls.Count > 0 ? "call" : Asks ? "question" : "statement";

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
        return reference.Calls.Count > 0 ? CallWorth(reference) : WordsInCommon(reference);
    }

    /// <summary>
    /// How far the answer does what the reference's does, 0 to 1, however it is worded: a call's share of methods and values as in <see cref="Worth"/>; where it
    /// speaks, the mean of whether it asks or states as the reference does and of the share of the reference's context values that it repeats.
    /// </summary>
    public double Deed(Turn turn)
    {
        if (Calls.Count > 0 != turn.Reference.Calls.Count > 0) return 0;
        if (Calls.Count > 0) return CallWorth(turn.Reference);
        double kind = Asks == turn.Reference.Asks ? 1 : 0;
        return turn.Values.Count == 0 ? kind : (kind + (double)Repeats(turn.Values) / turn.Values.Count) / 2;
    }

    /// <summary>How many of the values it says.</summary>
    public int Repeats(IReadOnlyList<string> values) => values.Count(value => ContextValues.Stands(value, Text, StringComparison.OrdinalIgnoreCase));

    private double CallWorth(Answer reference)
    {
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

/// <summary>Names, times, prices: what the context holds and an answer can repeat word for word.</summary>
internal static partial class ContextValues
{
    private static readonly string[] s_noValues = ["true", "false", "dontcare"];

    /// <summary>The values in a text: every value of the history's calls and results, and every number, time and price of the context, that stands in it; none inside another.</summary>
    public static IReadOnlyList<string> In(string text, JsonArray history, string earlier)
    {
        var candidates = history.SelectMany(message => Leaves(Json(message!)))
            .Concat(Quantity().Matches(text).Select(match => match.Value).Where(quantity => Stands(quantity, earlier, StringComparison.OrdinalIgnoreCase)))
            .Where(value => value.Length > 0 && !s_noValues.Contains(value.ToLowerInvariant()))
            .Distinct(StringComparer.OrdinalIgnoreCase).OrderByDescending(value => value.Length);
        var found = new List<string>();
        string left = text;
        foreach (string value in candidates.Where(value => Stands(value, text, StringComparison.OrdinalIgnoreCase)))
        {
            if (!Stands(value, left, StringComparison.OrdinalIgnoreCase)) continue;
            found.Add(value);
            left = left.Replace(value, "\n", StringComparison.OrdinalIgnoreCase);
        }

        return found;
    }

    /// <summary>A message's own text, or the values of its calls or its result.</summary>
    public static IEnumerable<string> Texts(JsonNode message) =>
        Leaves(Json(message)).Concat((string?)message["role"] == "tool" ? [] : [(string?)message["content"] ?? ""]).Where(text => text.Length > 0);

    /// <summary>Whether a value stands in a text as whole words.</summary>
    public static bool Stands(string value, string text, StringComparison comparison)
    {
        for (int at = text.IndexOf(value, comparison); at >= 0; at = text.IndexOf(value, at + 1, comparison))
        {
            int end = at + value.Length;
            bool freeBefore = at == 0 || !char.IsLetterOrDigit(text[at - 1]) || !char.IsLetterOrDigit(value[0]);
            bool freeBehind = end == text.Length || !char.IsLetterOrDigit(text[end]) || !char.IsLetterOrDigit(value[^1]);
            if (freeBefore && freeBehind) return true;
        }

        return false;
    }

    private static IEnumerable<JsonNode?> Json(JsonNode message)
    {
        if ((string?)message["role"] == "tool") yield return JsonNode.Parse((string)message["content"]!);
        foreach (JsonNode? call in (message["tool_calls"] as JsonArray) ?? []) yield return call!["function"]!["arguments"];
    }

    private static IEnumerable<string> Leaves(IEnumerable<JsonNode?> nodes) => nodes.SelectMany(node => node switch
    {
        JsonObject members => Leaves(members.Select(member => member.Value)),
        JsonArray items => Leaves(items),
        JsonValue value => [value.GetValueKind() == JsonValueKind.String ? (string)value! : value.ToJsonString()],
        _ => [],
    });

    [GeneratedRegex(@"\$?\d+(?:[:.,]\d+)*(?: ?[ap]m\b)?", RegexOptions.IgnoreCase)]
    private static partial Regex Quantity();
}

/// <summary>A call of a tool with its arguments as compact JSON by name.</summary>
internal sealed record ToolCall(string Name, IReadOnlyDictionary<string, string> Arguments)
{
    /// <summary>Whether its arguments were a JSON object, as a call that was written may not be.</summary>
    public bool Parses { get; init; } = true;

    /// <summary>The calls of a message.</summary>
    public static IReadOnlyList<ToolCall> Of(JsonNode message) =>
        [.. ((message["tool_calls"] as JsonArray) ?? []).Select(call => new ToolCall(
            (string)call!["function"]!["name"]!,
            call["function"]!["arguments"]!.AsObject().ToDictionary(a => a.Key, a => Dialogues.Compact(a.Value))))];

    /// <summary>A written call; what is not JSON counts as a call without arguments.</summary>
    public static ToolCall Parse(string written)
    {
        int brace = written.IndexOf('{', StringComparison.Ordinal);
        if (brace < 0) return new ToolCall(written, new Dictionary<string, string>()) { Parses = false };
        try
        {
            JsonObject arguments = JsonNode.Parse(written[brace..])!.AsObject();
            return new ToolCall(written[..brace], arguments.ToDictionary(a => a.Key, a => Dialogues.Compact(a.Value)));
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or ArgumentException)
        {
            return new ToolCall(written[..brace], new Dictionary<string, string>()) { Parses = false };
        }
    }

    /// <summary>The arguments whose values stand word for word in a text.</summary>
    public IEnumerable<KeyValuePair<string, string>> ArgumentsIn(string text) =>
        Arguments.Where(argument => ContextValues.Stands(argument.Value.Trim('"'), text, StringComparison.Ordinal));

    /// <summary>Whether this call has that value under that name.</summary>
    public bool Has(KeyValuePair<string, string> argument) => Arguments.GetValueOrDefault(argument.Key) == argument.Value;

    /// <summary>How many of this call's values the other one has under the same names.</summary>
    public int ValuesIn(ToolCall other) => Arguments.Count(other.Has);
}
