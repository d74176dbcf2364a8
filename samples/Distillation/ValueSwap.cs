using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using EdgeSdk.Cli;

namespace EdgeSdk.Distillation;

/// <summary>
/// Puts other values into a dialogue, each in all its places: what the user named, the call that repeats it, the result and the answer that reads it
/// out. Where every dialogue about flights goes to the same twenty cities a small model learns the cities; where the city may be any word it learns to look.
/// </summary>
internal sealed partial class ValueSwap
{
    /// <summary>How often a value gives way, to one of the same slot or to a made-up one.</summary>
    private const double SwapShare = 0.7, SameSlotShare = 0.5;

    private const int ShortestValue = 3;

    private readonly Dictionary<string, string[]> _valuesOfSlot;
    private readonly string[] _pieces;

    /// <summary>Collects the slots' values, and the tokenizer's word pieces, of which made-up words consist.</summary>
    public ValueSwap(IEnumerable<Dialogue> dialogues, ChatFormat format)
    {
        _valuesOfSlot = dialogues.SelectMany(Slots).Where(slot => IsSwappable(slot.Value)).GroupBy(slot => slot.Name, slot => slot.Value)
            .ToDictionary(group => group.Key, group => group.Distinct().Order(StringComparer.Ordinal).ToArray());
        _pieces = [.. Enumerable.Range(Vocabulary.FirstMerge, Vocabulary.Size - Vocabulary.FirstMerge).Select(format.Letters).Where(piece => Piece().IsMatch(piece))];
    }

    /// <summary>The dialogue with other values, a function of the random numbers alone.</summary>
    public Dialogue Apply(Dialogue dialogue, Random random)
    {
        var messages = (JsonArray)dialogue.Messages.DeepClone();
        var others = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach ((string name, string value) in Slots(dialogue))
        {
            if (!IsSwappable(value) || others.ContainsKey(value) || !IsCopied(messages, value) || random.NextDouble() >= SwapShare) continue;
            others[value] = random.NextDouble() < SameSlotShare && HasLetter(value) ? _valuesOfSlot[name][random.Next(_valuesOfSlot[name].Length)] : MadeUp(value, random);
        }

        if (others.Count == 0) return dialogue;
        // Longest first: "San Jose International Airport" is one value, not "San Jose" with something behind it.
        string any = string.Join('|', others.Keys.OrderByDescending(value => value.Length).ThenBy(value => value, StringComparer.Ordinal).Select(Regex.Escape));
        var places = new Regex($@"(?<![\p{{L}}\p{{N}}_])(?:{any})(?![\p{{L}}\p{{N}}_])", RegexOptions.CultureInvariant | RegexOptions.IgnoreCase);
        string Other(Match match) => match.Value.Any(char.IsUpper) ? others[match.Value] : others[match.Value].ToLowerInvariant();
        foreach (JsonNode? message in messages) Replace(message!.AsObject(), text => places.Replace(text, Other));
        return dialogue with { Messages = messages };
    }

    /// <summary>Arguments of calls and the properties of their results.</summary>
    private static IEnumerable<(string Name, string Value)> Slots(Dialogue dialogue)
    {
        foreach (JsonNode? message in dialogue.Messages)
        {
            IEnumerable<JsonObject> objects = ((message!["tool_calls"] as JsonArray) ?? []).Select(call => call!["function"]!["arguments"]!.AsObject());
            if ((string?)message["role"] == "tool" && JsonNode.Parse((string)message["content"]!) is JsonArray results) objects = objects.Concat(results.OfType<JsonObject>());
            foreach ((string name, JsonNode? value) in objects.SelectMany(o => o))
            {
                if (value is JsonValue text && text.TryGetValue(out string? written)) yield return (name, written);
            }
        }
    }

    /// <summary>Whether the value is spoken word for word, and nothing calls with it before it was spoken or found: the others were said in other words.</summary>
    private static bool IsCopied(JsonArray messages, string value)
    {
        bool isKnown = false, isSpoken = false;
        foreach (JsonNode? message in messages)
        {
            if (!isKnown && Arguments(message!).Any(argument => argument == value)) return false;
            if ((string?)message!["content"] is not { } content || !content.Contains(value, StringComparison.Ordinal)) continue;
            isKnown = true;
            isSpoken |= (string?)message["role"] != "tool";
        }

        return isSpoken;
    }

    private static IEnumerable<string> Arguments(JsonNode message) =>
        ToolCall.Of(message).SelectMany(call => call.Arguments.Values).Select(json => json.Trim('"'));

    private static void Replace(JsonObject message, Func<string, string> change)
    {
        if ((string?)message["content"] is { } content) message["content"] = change(content);
        foreach (JsonNode? call in (message["tool_calls"] as JsonArray) ?? [])
        {
            JsonObject arguments = call!["function"]!["arguments"]!.AsObject();
            foreach ((string name, JsonNode? value) in arguments.ToArray())
            {
                if (value is JsonValue text && text.TryGetValue(out string? written)) arguments[name] = change(written);
            }
        }
    }

    private static bool IsSwappable(string value) =>
        value.Length >= ShortestValue && value is not ("True" or "False" or "dontcare") && !Moment().IsMatch(value) && value.AsSpan().IndexOfAny('"', '\\') < 0;

    private static bool HasLetter(string value) => value.Any(char.IsLetter);

    /// <summary>The value's shape with other words, of one or two pieces each, and other digits.</summary>
    private string MadeUp(string value, Random random)
    {
        var text = new StringBuilder();
        foreach (Match part in Part().Matches(value))
        {
            if (char.IsDigit(part.Value[0])) text.Append((char)('0' + random.Next(10)));
            else if (!char.IsLetter(part.Value[0])) text.Append(part.Value);
            else text.Append(Word(random, char.IsUpper(part.Value[0])));
        }

        return text.ToString();
    }

    private string Word(Random random, bool capital)
    {
        string word = _pieces[random.Next(_pieces.Length)];
        if (random.Next(3) == 0) word += _pieces[random.Next(_pieces.Length)];
        return capital ? char.ToUpperInvariant(word[0]) + word[1..] : word;
    }

    /// <summary>A date or a time: its other mentions are in words.</summary>
    [GeneratedRegex(@"^\d{4}-\d\d-\d\d$|^\d\d:\d\d$")]
    private static partial Regex Moment();

    [GeneratedRegex("^[a-z]{3,}$")]
    private static partial Regex Piece();

    [GeneratedRegex(@"\p{L}+|.", RegexOptions.Singleline)]
    private static partial Regex Part();
}
