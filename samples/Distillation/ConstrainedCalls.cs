using System.Text.Json;
using System.Text.Json.Nodes;
using EdgeSdk.Cli;
using EdgeSdk.Runtime;
using EdgeSdk.Sampling;
using EdgeSdk.Text.Constraints;
using Json.Schema;

namespace EdgeSdk.Distillation;

/// <summary>
/// What constraints do for calls: the same turns written freely, within the schemas of the tools in reach, and with values that must stand in the dialogue besides.
/// </summary>
/// <param name="known">Values of the training split's calls by parameter.</param>
internal sealed class ConstrainedCalls(OnnxModel server, OnnxModel device, ChatFormat format, ToolSchemas schemas, ILookup<string, string> known, int limit)
{
    private static readonly JsonObject s_string = new() { ["type"] = "string" }, s_span = new() { ["type"] = "string", ["x-edge-span"] = true };

    /// <summary>What a parameter that takes any text is, by the constraint's name.</summary>
    private IReadOnlyList<(string Name, Func<string, JsonObject> Text)> Kinds =>
    [
        ("schemas", _ => Copy(s_string)),
        ("spans", _ => Copy(s_span)),
        ("spans_or_known", name => known.Contains(name)
            ? new JsonObject { ["anyOf"] = new JsonArray(Copy(s_span), ToolSchemas.Choice(known[name].Order(StringComparer.Ordinal))) } : Copy(s_span)),
    ];

    /// <summary>Writes turns that are due a call under every constraint, and compares with what was written freely.</summary>
    public async Task<JsonObject> CompareAsync(IReadOnlyList<Answered> free, Action<string> log, CancellationToken cancellationToken)
    {
        IReadOnlyList<Turn> turns = [.. free.Select(a => a.Turn)];
        Toolbox[] plain = [.. turns.Select(turn => new Toolbox(turn, schemas, Kinds[0].Text))];
        JsonObject ofServer = new() { ["free"] = Score(turns, [.. free.Select(a => a.ServerAnswer)], plain, null) };
        JsonObject ofDevice = new() { ["free"] = Score(turns, [.. free.Select(a => a.DeviceAnswer)], plain, null) };
        JsonObject allowed = [];
        foreach ((string name, Func<string, JsonObject> text) in Kinds)
        {
            Toolbox[] tools = [.. turns.Select(turn => new Toolbox(turn, schemas, text))];
            allowed[name] = Figure.Share(turns.Zip(tools).Count(pair => pair.First.Reference.Calls.All(pair.Second.Allows)), turns.Count);
            ofServer[name] = Score(turns, await WriteAsync(server, turns, tools, cancellationToken), tools, [.. free.Select(a => a.ServerAnswer)]);
            ofDevice[name] = Score(turns, await WriteAsync(device, turns, tools, cancellationToken), tools, [.. free.Select(a => a.DeviceAnswer)]);
            log($"{turns.Count} of them again, constrained: {name}");
        }

        return new JsonObject { ["reference"] = Reference(turns, plain), ["allowed"] = allowed, ["server"] = ofServer, ["device"] = ofDevice };
    }

    /// <summary>Where the reference's values could be taken from.</summary>
    private JsonObject Reference(IReadOnlyList<Turn> turns, Toolbox[] tools)
    {
        (Turn Turn, string Name, string Value, bool IsText)[] values = [.. turns.Zip(tools).SelectMany(pair => pair.First.Reference.Calls
            .SelectMany(call => call.Arguments.Select(a => (pair.First, a.Key, Toolbox.Plain(a.Value), pair.Second.IsText(call.Name, a.Key)))))];
        static bool Stands((Turn Turn, string Name, string Value, bool IsText) v) => Toolbox.Stands(v.Value, v.Turn);
        var texts = values.Where(v => v.IsText).ToArray();
        return new JsonObject
        {
            ["values"] = values.Length,
            ["standing"] = Figure.Share(values.Count(Stands), values.Length),
            ["texts"] = texts.Length,
            ["texts_standing"] = Figure.Share(texts.Count(Stands), texts.Length),
            ["texts_standing_or_known"] = Figure.Share(texts.Count(v => Stands(v) || known[v.Name].Contains(v.Value)), texts.Length),
        };
    }

    private async Task<Answer[]> WriteAsync(OnnxModel model, IReadOnlyList<Turn> turns, Toolbox[] tools, CancellationToken cancellationToken)
    {
        var answers = new Answer[turns.Count];
        var options = new ParallelOptions { MaxDegreeOfParallelism = Answering.Workers, CancellationToken = cancellationToken };
        await Parallel.ForAsync(0, turns.Count, options, async (i, cancel) =>
        {
            var constraint = Constraint.Tools(tools[i].Source);
            await using var reader = new Reader(model, SamplerSpec.Greedy with { Constrained = format.Constrain(constraint, turns[i].Prompt.Length, limit) });
            answers[i] = Answer.Of(format.Decode(Answering.Ids(await reader.WriteAsync(turns[i].Prompt, limit, cancel))));
        });
        return answers;
    }

    private static JsonObject Score(IReadOnlyList<Turn> turns, Answer[] answers, Toolbox[] tools, Answer[]? free)
    {
        CallScore[] scores = Scores(turns, answers);
        (ToolCall Call, Toolbox Tools)[] made = [.. answers.Zip(tools).SelectMany(pair => pair.First.Calls.Select(call => (call, pair.Second)))];
        JsonObject json = CallScore.Shares(scores);
        json["parse"] = Figure.Share(made.Count(m => m.Call.Parses), made.Length);
        json["valid"] = Figure.Share(made.Count(m => m.Tools.Allows(m.Call)), made.Length);
        if (free is null) return json;
        CallScore[] before = Scores(turns, free);
        json["whole_right_gain"] = CallScore.Difference(scores, before, s => s.Whole, s => s.Due);
        json["values_right_gain"] = CallScore.Difference(scores, before, s => s.ValuesRight, s => s.Values);
        json["context_values_right_gain"] = CallScore.Difference(scores, before, s => s.ContextValuesRight, s => s.ContextValues);
        return json;
    }

    private static CallScore[] Scores(IReadOnlyList<Turn> turns, Answer[] answers) => [.. turns.Zip(answers, CallScore.Of)];

    private static JsonObject Copy(JsonObject schema) => schema.DeepClone().AsObject();

    /// <summary>The tools in a turn's reach as a constraint takes them, and whether a call keeps to it, by a validator that knows nothing of how it was written.</summary>
    private sealed class Toolbox(Turn turn, ToolSchemas schemas, Func<string, JsonObject> text)
    {
        // The dialect whose unknown keywords, as x-edge-span, are annotations.
        private static readonly BuildOptions s_dialect = new() { Dialect = Dialect.Draft202012 };

        private static readonly EvaluationOptions s_strict = new() { RequireFormatValidation = true };

        private readonly Dictionary<string, JsonObject> _schemas = turn.Source.Tools.ToDictionary(tool => tool.Name, tool => schemas.Of(tool, turn.Source.Id, text));

        /// <summary>The constraint's source.</summary>
        public string Source => Dialogues.Compact(new JsonObject
        {
            ["tools"] = new JsonArray([.. _schemas.Select(tool => new JsonObject { ["name"] = tool.Key, ["parameters"] = tool.Value.DeepClone() })]),
            ["texts"] = new JsonArray([.. turn.Texts.Select(said => JsonValue.Create(said))]),
        });

        /// <summary>Whether a call parses, is of a tool in reach, validates, and has its spans from the dialogue.</summary>
        public bool Allows(ToolCall call)
        {
            if (!call.Parses || !_schemas.TryGetValue(call.Name, out JsonObject? schema)) return false;
            using JsonDocument arguments = JsonDocument.Parse($"{{{string.Join(',', call.Arguments.Select(a => $"{JsonSerializer.Serialize(a.Key)}:{a.Value}"))}}}");
            return JsonSchema.FromText(schema.ToJsonString(), s_dialect).Evaluate(arguments.RootElement, s_strict).IsValid
                && call.Arguments.All(a => StandsWhereItMust(schema["properties"]![a.Key]!, Plain(a.Value)));
        }

        /// <summary>Whether a parameter takes any text.</summary>
        public bool IsText(string tool, string parameter) => _schemas[tool]["properties"]![parameter] is JsonObject { Count: 1 } schema && schema.ContainsKey("type");

        /// <summary>Whether a turn's dialogue says a value.</summary>
        public static bool Stands(string value, Turn turn) => turn.Texts.Any(said => ContextValues.Stands(value, said, StringComparison.Ordinal));

        /// <summary>A value without its quotes and escapes.</summary>
        public static string Plain(string json) => JsonNode.Parse(json) is JsonValue value && value.TryGetValue(out string? text) ? text : json;

        private bool StandsWhereItMust(JsonNode parameter, string value) => parameter switch
        {
            JsonObject when parameter["anyOf"] is JsonArray either => either.Any(one => StandsWhereItMust(one!, value)),
            JsonObject when parameter["enum"] is JsonArray choices => choices.Any(choice => (string?)choice == value),
            _ => parameter["x-edge-span"] is null || Stands(value, turn),
        };
    }
}
