using System.Text.Json.Nodes;
using EdgeSdk.Sampling;
using EdgeSdk.Text.Constraints;
using Microsoft.Extensions.AI;

namespace EdgeSdk.Chat;

/// <summary>A request in the SDK's own terms: what a chat template renders, how tokens are chosen, when to stop.</summary>
/// <param name="Messages">In the form of chat templates: <c>role</c>, <c>content</c>, <c>tool_calls</c>.</param>
/// <param name="Tools">Functions with their schemas; null for none.</param>
/// <param name="Sampler">How the next token is chosen.</param>
/// <param name="MaxOutputTokens">The output limit.</param>
/// <param name="Route">Who writes.</param>
/// <param name="Limits">What else ends the answer.</param>
internal sealed record ChatRequest(JsonArray Messages, JsonArray? Tools, SamplerSpec Sampler, int MaxOutputTokens, EdgeRoute Route, AnswerLimits Limits)
{
    private const int MostStopSequences = 256, LongestStopSequence = 1024;

    /// <summary>What the answer must look like; null: anything.</summary>
    public Constraint? Constraint { get; init; }

    /// <summary>Whether a server tells the log-probabilities of what it writes.</summary>
    public bool LogProbs { get; init; }

    /// <summary>Tokens inside thoughts, at most; null: as many as the model likes.</summary>
    public int? ThinkingBudget { get; init; }

    /// <summary>Whether the model is to think; null: as its template likes.</summary>
    public bool? Thinks => ThinkingBudget is null ? null : ThinkingBudget > 0;

    /// <summary>Whether thoughts are part of the answer that the caller gets.</summary>
    public bool ShowsThoughts { get; init; }

    /// <summary>Reads a request. Neither argument is changed.</summary>
    /// <param name="messages">At least one.</param>
    /// <param name="options">May be null.</param>
    /// <param name="defaults">Of the client.</param>
    /// <param name="seed">The noise's key where the request names none.</param>
    /// <param name="modelId">The model that answers: a request for another is refused.</param>
    /// <exception cref="ArgumentException">A value lies outside its range, or there is no message.</exception>
    /// <exception cref="NotSupportedException">A field or a content that is not honoured; the message names it.</exception>
    public static ChatRequest From(IEnumerable<ChatMessage> messages, ChatOptions? options, EdgeOptions defaults, ulong seed, string modelId)
    {
        RefuseWhatIsNotHonoured(options, modelId);
        var sampler = new SamplerSpec(
            options?.Temperature ?? 0,
            options?.Seed is { } own ? unchecked((ulong)own) : seed,
            options?.TopK ?? 0,
            options?.TopP ?? 1,
            MoreOptions.MinP(options) ?? 0)
        {
            FrequencyPenalty = options?.FrequencyPenalty ?? 0,
            PresencePenalty = options?.PresencePenalty ?? 0,
            RepetitionPenalty = MoreOptions.RepetitionPenalty(options) ?? 1,
            Bias = MoreOptions.LogitBias(options),
        };
        sampler.Validate();
        int limit = options?.MaxOutputTokens ?? defaults.MaxOutputTokens;
        if (limit < 1)
            throw new ArgumentOutOfRangeException(nameof(options), limit, "ChatOptions.MaxOutputTokens must be at least 1.");

        bool withTools = options?.Tools is { Count: > 0 } && options.ToolMode is not NoneChatToolMode;
        var json = ChatMessages.ToJson(messages, options?.Instructions, options?.Tools);
        var form = AnswerForm.From(options, json);
        if (form.Told is { } told)
            ChatMessages.Tell(json, told);

        return new(
            json,
            withTools ? Functions(options!.Tools!) : null,
            sampler,
            limit,
            options.Route() ?? defaults.Route,
            new AnswerLimits(StopSequences(options), options?.AllowMultipleToolCalls is false))
        {
            Constraint = form.Constraint,
            LogProbs = MoreOptions.LogProbs(options),
            ThinkingBudget = MoreOptions.ThinkingBudget(options) ?? ThinkingBudgetOf(options?.Reasoning?.Effort, limit),
            ShowsThoughts = options?.Reasoning?.Output is not ReasoningOutput.None,
        };
    }

    /// <summary>A share of the output limit, so that an answer finds room behind the thought.</summary>
    private static int? ThinkingBudgetOf(ReasoningEffort? effort, int limit)
    {
        int? percent = effort switch
        {
            null => null,
            ReasoningEffort.None => 0,
            ReasoningEffort.Low => 20,
            ReasoningEffort.Medium => 50,
            ReasoningEffort.High => 80,
            ReasoningEffort.ExtraHigh => 95,
            _ => throw new ArgumentOutOfRangeException(nameof(effort), effort, "ChatOptions.Reasoning.Effort must be None, Low, Medium, High or ExtraHigh."),
        };
        return (int?)(percent * (long)limit / 100);
    }

    private static string[] StopSequences(ChatOptions? options)
    {
        string[] sequences = [.. options?.StopSequences ?? []];
        if (sequences.Any(string.IsNullOrEmpty))
            throw new ArgumentException("ChatOptions.StopSequences holds an empty string, which would end every answer at once. Leave it out.", nameof(options));

        return sequences.Length <= MostStopSequences && sequences.All(sequence => sequence.Length <= LongestStopSequence) ? sequences
            : throw new ArgumentException($"ChatOptions.StopSequences may hold {MostStopSequences} sequences of {LongestStopSequence} characters; they are looked for behind every token.", nameof(options));
    }

    private static JsonArray Functions(IList<AITool> tools)
    {
        AIFunctionDeclaration[] functions = [.. tools.Select(tool => tool as AIFunctionDeclaration ?? throw new NotSupportedException(
            $"ChatOptions.Tools holds {(tool is null ? "null" : $"'{tool.Name}', a {tool.GetType().Name}")}; only functions (AIFunctionDeclaration) are supported, since nobody here can run another tool."))];
        var names = new HashSet<string>(StringComparer.Ordinal);
        foreach (var function in functions)
        {
            if (function.Name.Length == 0 || !function.Name.All(c => char.IsLetterOrDigit(c) || "_-.:/".Contains(c)))
                throw new NotSupportedException($"ChatOptions.Tools holds a function called '{function.Name}'; calls are written with names of letters, digits and _ - . : / alone. Rename it.");

            if (!names.Add(function.Name))
                throw new ArgumentException($"ChatOptions.Tools holds two functions called '{function.Name}'; a call could be of either. Rename one.", nameof(tools));
        }

        return new JsonArray([.. functions.Select(Tool)]);
    }

    private static JsonObject Tool(AIFunctionDeclaration function) => new()
    {
        ["type"] = "function",
        ["function"] = new JsonObject
        {
            ["name"] = function.Name,
            ["description"] = function.Description,
            ["parameters"] = JsonNode.Parse(function.JsonSchema.GetRawText()),
        },
    };

    private static void RefuseWhatIsNotHonoured(ChatOptions? options, string modelId)
    {
        if (options is null)
            return;

        if (options.ModelId is { } model && model != modelId)
            throw new NotSupportedException($"ChatOptions.ModelId is '{model}'; this client runs '{modelId}'.");

        Refuse(options.ConversationId is not null, nameof(options.ConversationId), "Pass the whole history with each request.");
        Refuse(options.ContinuationToken is not null, nameof(options.ContinuationToken), "No answer of this client has one: it is written while it is read, and a connection that is cut is taken up again by itself.");
        MoreOptions.RefuseUnknown(options);
    }

    private static void Refuse(bool isSet, string field, string remedy)
    {
        if (isSet)
            throw new NotSupportedException($"ChatOptions.{field} is not supported. {remedy}");
    }
}
