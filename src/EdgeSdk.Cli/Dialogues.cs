using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using SharpCompress.Compressors.Xz;

namespace EdgeSdk.Cli;

/// <summary>A tool in reach of a dialogue.</summary>
/// <param name="Name"><c>Service_Method</c>.</param>
/// <param name="Parameters">Its parameters' names, in the order of its schema.</param>
internal sealed record DialogueTool(string Name, IReadOnlyList<string> Parameters)
{
    /// <summary>The tool as a chat template takes it: a function with a JSON schema of its parameters.</summary>
    public JsonObject ToJson()
    {
        var properties = new JsonObject();
        foreach (string parameter in Parameters)
            properties[parameter] = new JsonObject { ["type"] = "string" };

        var schema = new JsonObject { ["type"] = "object", ["properties"] = properties };
        return new JsonObject { ["type"] = "function", ["function"] = new JsonObject { ["name"] = Name, ["parameters"] = schema } };
    }
}

/// <summary>A dialogue of a user with an assistant that calls services, in the messages of docs/chat-format.md.</summary>
/// <param name="Id">Its name in the file.</param>
/// <param name="Services">The services that it is about.</param>
/// <param name="Tools">The tools in reach.</param>
/// <param name="Messages">Messages of a chat template: <c>role</c>, <c>content</c>, <c>tool_calls</c>. The first is the user's.</param>
internal sealed record Dialogue(string Id, IReadOnlyList<string> Services, IReadOnlyList<DialogueTool> Tools, JsonArray Messages)
{
    /// <summary>The tools as a chat template takes them.</summary>
    public JsonArray ToolsAsJson() => new([.. Tools.Select(tool => tool.ToJson())]);

    /// <summary>The first <paramref name="count"/> messages, copied so that they may be given to another array.</summary>
    public JsonArray History(int count) => new([.. Messages.Take(count).Select(message => message!.DeepClone())]);

    /// <summary>The places of the assistant's messages.</summary>
    public IEnumerable<int> AssistantTurns() =>
        Enumerable.Range(0, Messages.Count).Where(i => (string?)Messages[i]!["role"] == "assistant");
}

/// <summary>Reads files of dialogues (docs/chat-format.md, "Dialogues in this format").</summary>
internal static class Dialogues
{
    private static readonly JsonWriterOptions s_compact = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Reads every dialogue of a <c>.jsonl</c> or <c>.jsonl.xz</c> file, in its order.</summary>
    /// <exception cref="EdgeException">The file is missing, or a line is not a dialogue.</exception>
    public static IReadOnlyList<Dialogue> Read(string path)
    {
        List<JsonObject> lines = ReadLines(path);
        var parametersOfMethod = ParametersByService(lines);
        var dialogues = new List<Dialogue>(lines.Count);
        for (int i = 0; i < lines.Count; i++)
        {
            try
            {
                dialogues.Add(Parse(lines[i], parametersOfMethod));
            }
            catch (Exception e) when (e is KeyNotFoundException or InvalidOperationException or FormatException or NullReferenceException)
            {
                throw Malformed(path, i + 1, "it needs id, services and turns of speaker and utterance (docs/chat-format.md)", e);
            }
        }

        return dialogues;
    }

    /// <summary>A node as JSON without spaces around its punctuation and without escapes that JSON does not ask for.</summary>
    public static string Compact(JsonNode? node)
    {
        if (node is null) return "null";
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer, s_compact))
        {
            node.WriteTo(writer);
        }

        return Encoding.UTF8.GetString(buffer.GetBuffer(), 0, (int)buffer.Length);
    }

    private static List<JsonObject> ReadLines(string path)
    {
        if (!File.Exists(path))
        {
            throw new EdgeException(EdgeErrorCode.InvalidArgument, $"The file of dialogues '{path}' does not exist. Check the path.", new FileNotFoundException());
        }

        using Stream file = File.OpenRead(path);
        using Stream? unpacked = path.EndsWith(".xz", StringComparison.OrdinalIgnoreCase) ? new XZStream(file) : null;
        using var reader = new StreamReader(unpacked ?? file, Encoding.UTF8);
        var lines = new List<JsonObject>();
        while (reader.ReadLine() is { } line)
        {
            if (line.Length == 0) continue;
            try
            {
                lines.Add(JsonNode.Parse(line)!.AsObject());
            }
            catch (Exception e) when (e is JsonException or InvalidOperationException)
            {
                throw Malformed(path, lines.Count + 1, "it is not a JSON object", e);
            }
        }

        return lines;
    }

    /// <summary>Service to method to the parameters that any call of the file uses: a dialogue's own calls would give its answers away.</summary>
    private static Dictionary<string, SortedDictionary<string, SortedSet<string>>> ParametersByService(List<JsonObject> lines)
    {
        var services = new Dictionary<string, SortedDictionary<string, SortedSet<string>>>();
        foreach (JsonNode? turn in lines.SelectMany(line => (line["turns"] as JsonArray) ?? []))
        {
            foreach (JsonNode? call in (turn?["calls"] as JsonArray) ?? [])
            {
                if ((string?)call?["service"] is not { } service || (string?)call["method"] is not { } method) continue;
                if (!services.TryGetValue(service, out var methods))
                    services[service] = methods = new(StringComparer.Ordinal);

                if (!methods.TryGetValue(method, out var parameters))
                    methods[method] = parameters = new(StringComparer.Ordinal);

                parameters.UnionWith(((call["parameters"] as JsonObject) ?? []).Select(p => p.Key));
            }
        }

        return services;
    }

    private static Dialogue Parse(JsonObject line, Dictionary<string, SortedDictionary<string, SortedSet<string>>> parametersOfMethod)
    {
        string[] services = [.. line["services"]!.AsArray().Select(s => (string)s!)];
        DialogueTool[] tools = line["tools"] is JsonArray own
            ? [.. own.Select(t => new DialogueTool((string)t!["name"]!, [.. t["parameters"]!.AsArray().Select(p => (string)p!)]))]
            : [.. services.Where(parametersOfMethod.ContainsKey)
                .SelectMany(service => parametersOfMethod[service].Select(m => new DialogueTool(ToolName(service, m.Key), [.. m.Value])))
                .OrderBy(tool => tool.Name, StringComparer.Ordinal)];
        var messages = new JsonArray();
        foreach (JsonNode? turn in line["turns"]!.AsArray())
            AddTurn(messages, turn!);

        return new Dialogue((string)line["id"]!, services, tools, messages);
    }

    private static void AddTurn(JsonArray messages, JsonNode turn)
    {
        if (turn["calls"] is JsonArray { Count: > 0 } calls)
        {
            messages.Add((JsonNode)new JsonObject
            {
                ["role"] = "assistant",
                ["tool_calls"] = new JsonArray([.. calls.Select(call => new JsonObject
                {
                    ["type"] = "function",
                    ["function"] = new JsonObject
                    {
                        ["name"] = ToolName((string)call!["service"]!, (string)call["method"]!),
                        ["arguments"] = call["parameters"]!.DeepClone(),
                    },
                })]),
            });
            foreach (JsonNode? call in calls)
                messages.Add((JsonNode)new JsonObject { ["role"] = "tool", ["content"] = Compact(call!["results"]) });
        }

        string role = (string)turn["speaker"]! == "USER" ? "user" : "assistant";
        messages.Add((JsonNode)new JsonObject { ["role"] = role, ["content"] = (string)turn["utterance"]! });
    }

    private static string ToolName(string service, string method) => $"{service}_{method}";

    private static EdgeException Malformed(string path, int line, string why, Exception inner) =>
        new(EdgeErrorCode.InvalidArgument, $"{path}, line {line} is not a dialogue: {why}.", inner);
}
