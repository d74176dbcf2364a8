using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using EdgeSdk.Cli;

namespace EdgeSdk.Distillation;

/// <summary>
/// JSON schemas of a file's tools, much as their authors would have written them: dialogues give the parameters' names alone, so the rest is rebuilt from the calls
/// of the file's other dialogues; a dialogue's own would give its answers away.
/// </summary>
internal sealed partial class ToolSchemas
{
    /// <summary>A parameter with at most so many different values is a choice among them.</summary>
    public const int MostChoices = 6;

    private const string TimePattern = @"^([01]\d|2[0-3]):[0-5]\d$", NumberPattern = @"^\d{1,6}(\.\d{1,2})?$";

    private static readonly string[] s_truths = ["False", "True"];

    private readonly ILookup<string, (string Dialogue, Dictionary<string, string> Arguments)> _calls;

    /// <param name="dialogues">All of a file.</param>
    public ToolSchemas(IReadOnlyList<Dialogue> dialogues) => _calls = Calls(dialogues).ToLookup(call => call.Name, call => (call.Dialogue, call.Arguments));

    /// <summary>The schema of a tool's arguments: an object of strings, required where every call has them.</summary>
    /// <param name="tool">Name and parameters.</param>
    /// <param name="dialogue">Whose calls are left out.</param>
    /// <param name="text">What a parameter is that is neither date, time, number nor choice.</param>
    public JsonObject Of(DialogueTool tool, string dialogue, Func<string, JsonObject> text)
    {
        Dictionary<string, string>[] calls = [.. _calls[tool.Name].Where(call => call.Dialogue != dialogue).Select(call => call.Arguments)];
        var properties = new JsonObject();
        foreach (string name in tool.Parameters)
            properties[name] = Known(calls.Where(call => call.ContainsKey(name)).Select(call => call[name])) ?? text(name);

        IEnumerable<string> required = calls.Length == 0 ? [] : tool.Parameters.Where(name => calls.All(call => call.ContainsKey(name)));
        return new JsonObject
        {
            ["type"] = "object",
            ["properties"] = properties,
            ["required"] = new JsonArray([.. required.Select(name => JsonValue.Create(name))]),
            ["additionalProperties"] = false,
        };
    }

    /// <summary>Every value that calls give a parameter of a name, whatever the tool.</summary>
    public static ILookup<string, string> ValuesByName(IReadOnlyList<Dialogue> dialogues) =>
        Calls(dialogues).SelectMany(call => call.Arguments).Distinct().ToLookup(argument => argument.Key, argument => argument.Value);

    /// <summary>What the values show; null: any text.</summary>
    private static JsonObject? Known(IEnumerable<string> met)
    {
        string[] values = [.. met.Distinct().Order(StringComparer.Ordinal)];
        if (values.Length == 0) return null;
        if (values.All(Date().IsMatch)) return new JsonObject { ["type"] = "string", ["format"] = "date" };
        if (values.All(value => Regex.IsMatch(value, TimePattern))) return new JsonObject { ["type"] = "string", ["pattern"] = TimePattern };
        if (values.Length <= MostChoices) return Choice(values.All(s_truths.Contains) ? s_truths : values);
        return values.All(value => Regex.IsMatch(value, NumberPattern)) ? new JsonObject { ["type"] = "string", ["pattern"] = NumberPattern } : null;
    }

    /// <summary>One of some values.</summary>
    public static JsonObject Choice(IEnumerable<string> values) => new() { ["enum"] = new JsonArray([.. values.Select(value => JsonValue.Create(value))]) };

    private static IEnumerable<(string Dialogue, string Name, Dictionary<string, string> Arguments)> Calls(IReadOnlyList<Dialogue> dialogues) =>
        dialogues.SelectMany(dialogue => dialogue.Messages
            .SelectMany(message => (message!["tool_calls"] as JsonArray) ?? [])
            .Select(call => call!["function"]!)
            .Select(called => (dialogue.Id, (string)called["name"]!, Text(called["arguments"]!.AsObject()))));

    private static Dictionary<string, string> Text(JsonObject arguments) => arguments.ToDictionary(a => a.Key, a => (string)a.Value!);

    [GeneratedRegex(@"^\d{4}-\d\d-\d\d$")]
    private static partial Regex Date();
}
