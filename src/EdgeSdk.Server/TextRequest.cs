using System.Text.Json;
using System.Text.Json.Nodes;
using EdgeSdk.Decoding;
using EdgeSdk.Protocol;
using EdgeSdk.Sampling;
using EdgeSdk.Text;
using EdgeSdk.Text.Constraints;
using Google.Protobuf.Collections;
using Grpc.Core;

namespace EdgeSdk.Server;

/// <summary>An Open frame that was checked: what to decode, and how.</summary>
/// <param name="Text">The prompt, and behind it what an earlier stream committed.</param>
/// <param name="PromptTokens">Tokens of the prompt.</param>
/// <param name="Sampler">How tokens are chosen.</param>
/// <param name="Stop">When the text ends.</param>
/// <param name="Drafts">Guesses for the places behind the text.</param>
/// <param name="SpeaksText">The device sent turns: commits carry text, and it has no drafts to send.</param>
internal sealed record TextRequest(int[] Text, int PromptTokens, SamplerSpec Sampler, StopRule Stop, int[] Drafts, bool SpeaksText)
{
    /// <summary>The protocol version spoken here.</summary>
    public const uint Version = 1;

    private const string Noise = "edge-1";

    /// <summary>Tokens that are followed under a constraint before other work gets its turn.</summary>
    private const int TokensATurn = 16;

    /// <summary>Whether commits tell log-probabilities.</summary>
    public bool TellsLogProbs { get; init; }

    /// <summary>Whether turns were rendered to a prompt that ends inside a thought.</summary>
    public bool BeginsInThought { get; init; }

    /// <summary>Checks <paramref name="open"/> against the model and the limits.</summary>
    /// <exception cref="RpcException">INVALID_ARGUMENT or FAILED_PRECONDITION, with the field.</exception>
    public static TextRequest From(Open open, ModelInfo model, EdgeServerOptions options)
    {
        CheckVersion("Open.version", open.Version);
        if (open.Identity.Length > 0 && open.Identity != model.Identity)
        {
            throw Refusal.Mismatch(
                $"Open.identity is {Shown(open.Identity)}; this server runs {model.Name}, {model.Identity}. " +
                "Ask for that one, leave the field empty to take any, or go to another server.");
        }

        var sampler = ReadSampler(open.Sampler, model);
        bool speaksText = open.TextCase == Open.TextOneofCase.Turns;
        int[] prompt = open.TextCase switch
        {
            Open.TextOneofCase.Prompt => ReadPrompt(open, model),
            Open.TextOneofCase.Turns => RenderTurns(open.Turns, ReadBudget(open.Sampler), options),
            _ => throw Refusal.Field("Open.text", "missing", "be a prompt of tokens, or turns"),
        };
        int[] committed = ReadIds("Open.committed.ids", open.Committed, model);
        int[] drafts = ReadIds("Open.drafts.ids", open.Drafts, model);
        if (drafts.Length > Verifier.MostPerOffer)
            throw Refusal.Field("Open.drafts.ids", $"{drafts.Length} long", $"have at most {Verifier.MostPerOffer} ids");

        if (speaksText && drafts.Length > 0)
            throw Refusal.Frame("Open.drafts", "A device that sends turns has another vocabulary and cannot draft; leave the field empty.");

        var stop = ReadStop(open, prompt.Length, committed.Length, model, options.Limits);
        int[] text = [.. prompt, .. committed];
        var thought = ReadThought(open, prompt, options);
        sampler = sampler.Behind(prompt.Length) with { Thought = thought };
        if (open.Sampler is { ConstraintKind.Length: > 0 })
            sampler = sampler with { Constrained = ReadConstraint(open, stop, model, options) };

        return new(text, prompt.Length, sampler, stop, drafts, speaksText)
        {
            TellsLogProbs = open.LogProbs,
            BeginsInThought = speaksText && options.Thought?.IsOpenBehind(prompt, options.Tokenizer!) is true,
        };
    }

    /// <summary>Follows what was committed under the constraint. That is as dear as it was to write, so other work gets its turn in between.</summary>
    /// <exception cref="RpcException">INVALID_ARGUMENT: it does not fit.</exception>
    public async ValueTask CheckCommittedAsync(CancellationToken cancellationToken)
    {
        if (Sampler.Constrained is not { } constrained)
            return;

        var state = constrained.Begin();
        var thought = Sampler.Thought is { } limit ? new ThoughtState(limit) : null;
        for (int length = PromptTokens; length < Text.Length; await Task.Yield())
        {
            cancellationToken.ThrowIfCancellationRequested();
            length = Math.Min(length + TokensATurn, Text.Length);
            thought?.Follow(Text.AsSpan(0, length));
            state.Follow(Text.AsSpan(0, length), thought);
        }

        if (!state.Fits)
            throw Refusal.Text("Open.committed.ids does not fit Open.sampler.constraint. Resume with the constraint that the text began with.");
    }

    /// <exception cref="RpcException">FAILED_PRECONDITION: another version.</exception>
    public static void CheckVersion(string field, uint version)
    {
        if (version != Version)
            throw Refusal.Mismatch($"{field} is {version}; this server speaks version {Version} of the protocol. Update the older side.");
    }

    /// <summary>Checks that every id is in the vocabulary.</summary>
    /// <exception cref="RpcException">INVALID_ARGUMENT, with the first that is not.</exception>
    public static void CheckIds(string field, RepeatedField<int> ids, int vocabularySize)
    {
        for (int i = 0; i < ids.Count; i++)
        {
            if ((uint)ids[i] >= (uint)vocabularySize)
                throw Refusal.Field($"{field}[{i}]", ids[i], $"lie in 0 to {vocabularySize - 1}");
        }
    }

    private static int[] ReadPrompt(Open open, ModelInfo model)
    {
        string fingerprint = model.VocabularyFingerprint ?? "";
        if (open.VocabularyFingerprint != fingerprint)
        {
            throw Refusal.Mismatch(
                $"Open.vocabulary_fingerprint is {Shown(open.VocabularyFingerprint)}; this server's model has {Shown(fingerprint)}. " +
                "Tokens mean something else here: send turns, or use a device model that shares the server's tokenizer.");
        }

        if (open.Prompt.Ids.Count == 0)
            throw Refusal.Field("Open.prompt.ids", "empty", "have at least one token");

        return ReadIds("Open.prompt.ids", open.Prompt, model);
    }

    private static int[] ReadIds(string field, Tokens? tokens, ModelInfo model)
    {
        if (tokens is null)
            return [];

        CheckIds(field, tokens.Ids, model.VocabularySize);
        return [.. tokens.Ids];
    }

    private static StopRule ReadStop(Open open, int prompt, int committed, ModelInfo model, EdgeServerLimits limits)
    {
        if (open.MaxTokens < 0 || open.MaxTokens > (limits.MaxTokens ?? int.MaxValue))
            throw Refusal.Field("Open.max_tokens", open.MaxTokens, $"lie in 0 to {limits.MaxTokens ?? int.MaxValue}");

        if (committed > open.MaxTokens)
            throw Refusal.Field("Open.committed.ids", $"{committed} long", $"have at most Open.max_tokens, {open.MaxTokens}, ids");

        if (prompt >= model.ContextLength)
            throw Refusal.Text(new ContextOverflowException(prompt + 1, model.ContextLength).Message);

        if (prompt + committed > model.ContextLength)
            throw Refusal.Text(new ContextOverflowException(prompt + committed, model.ContextLength).Message);

        return StopRule.For(model, prompt, open.MaxTokens, open.IgnoreEnd);
    }

    private static SamplerSpec ReadSampler(Protocol.Sampler? sampler, ModelInfo model)
    {
        if (sampler is null)
            return SamplerSpec.Greedy;

        if (sampler.Noise != Noise && (sampler.Temperature != 0 || sampler.Noise.Length > 0))
            throw Refusal.Field("Open.sampler.noise", Shown(sampler.Noise), $"be {Noise}");

        CheckIds("Open.sampler.bias_ids", sampler.BiasIds, model.VocabularySize);
        if (sampler.Biases.Count != sampler.BiasIds.Count)
            throw Refusal.Field("Open.sampler.biases", $"{sampler.Biases.Count} long", $"be as long as bias_ids, {sampler.BiasIds.Count}");

        try
        {
            var spec = new SamplerSpec(sampler.Temperature, sampler.Seed, sampler.TopK, sampler.TopP, sampler.MinP)
            {
                FrequencyPenalty = sampler.FrequencyPenalty,
                PresencePenalty = sampler.PresencePenalty,
                RepetitionPenalty = sampler.RepetitionPenalty == 0 ? 1 : sampler.RepetitionPenalty,
                Bias = LogitBias.Of(sampler.BiasIds.Zip(sampler.Biases, KeyValuePair.Create)),
            };
            spec.Validate();
            return spec;
        }
        catch (ArgumentException e)
        {
            throw Refusal.Text("Open.sampler: " + e.Message.ReplaceLineEndings(" "));
        }
    }

    private static int? ReadBudget(Protocol.Sampler? sampler)
    {
        if (sampler is not { HasThinkingBudget: true })
            return null;

        return sampler.ThinkingBudget >= 0 ? sampler.ThinkingBudget
            : throw Refusal.Field("Open.sampler.thinking_budget", sampler.ThinkingBudget, "be 0 or more; leave it unset for as much as the model likes");
    }

    /// <summary>A model without tokens for thoughts keeps any budget.</summary>
    private static ThoughtLimit? ReadThought(Open open, int[] prompt, EdgeServerOptions options)
    {
        int? budget = ReadBudget(open.Sampler);
        if (budget is null && open.Sampler is not { ConstraintKind.Length: > 0 })
            return null;

        if (options.Tokenizer is not { } tokenizer)
            throw Refusal.Mismatch("Open.sampler has a thinking_budget or a constraint; this server has no tokenizer, which they need. Leave both unset, or go to another server.");

        return options.Thought is { } borders ? ThoughtLimit.For(borders, tokenizer, prompt, budget) : null;
    }

    /// <summary>Compiles the constraint here, so that a bad one is refused before anything is decoded.</summary>
    private static ConstrainedText ReadConstraint(Open open, StopRule stop, ModelInfo model, EdgeServerOptions options)
    {
        if (open.Sampler.Constraint.Length > options.Limits.ConstraintCharacters)
            throw Refusal.Field("Open.sampler.constraint", $"{open.Sampler.Constraint.Length} characters long", $"have at most {options.Limits.ConstraintCharacters}");

        try
        {
            var constraint = Constraint.Parse(open.Sampler.ConstraintKind, open.Sampler.Constraint);
            if (constraint.IsOfCalls && open.Turns is not null && !CallFormat.IsWrittenBy(options.ChatTemplate!))
                throw Refusal.Mismatch("Open.sampler.constraint_kind is tools; this server's chat template writes calls in another format, which cannot be constrained. Leave it empty, or go to another server.");

            var constrained = ConstrainedText.For(
                constraint, options.Tokenizer!, model.EndTokens, stop.PromptTokens, stop.LastPlace + 1);
            constrained.Begin();
            return constrained;
        }
        catch (EdgeException e)
        {
            throw Refusal.Constraint(e);
        }
    }

    private static int[] RenderTurns(Turns turns, int? budget, EdgeServerOptions options)
    {
        if (options is not { Tokenizer: { } tokenizer, ChatTemplate: { } template })
            throw Refusal.Mismatch("Open.turns is set; this server has no chat template or no tokenizer. Send the prompt as tokens, or go to another server.");

        var messages = ReadArray("Open.turns.messages_json", turns.MessagesJson);
        var tools = turns.ToolsJson.Length == 0 ? null : ReadArray("Open.turns.tools_json", turns.ToolsJson);
        if (messages.Count == 0)
            throw Refusal.Field("Open.turns.messages_json", "an empty array", "hold at least one message");

        int[] prompt = Encode(tokenizer, template, messages, tools, thinks: budget is null ? null : budget > 0);
        return prompt.Length > 0 ? prompt : throw Refusal.Text("Open.turns: the messages render to an empty prompt. Give them content.");
    }

    private static int[] Encode(Tokenizer tokenizer, ChatTemplate template, JsonArray messages, JsonArray? tools, bool? thinks)
    {
        try
        {
            return ChatPrompt.Encode(tokenizer, template, messages, tools, thinks: thinks);
        }
        catch (EdgeException e)
        {
            // What the template says may name the server's files and quote the messages: it is for the server's log.
            throw Refusal.Text(
                "Open.turns: the model's chat template does not take these messages. Check the order of the roles, and the fields of calls and tools.", e);
        }
        catch (InvalidOperationException e)
        {
            throw Refusal.Text("Open.turns holds an escape that is half a character. Correct it.", e); // JSON's strings are read when they are asked for
        }
    }

    private static JsonArray ReadArray(string field, string json)
    {
        try
        {
            if (JsonNode.Parse(json, documentOptions: new JsonDocumentOptions { AllowDuplicateProperties = false }) is JsonArray array && array.All(item => item is JsonObject))
                return array;
        }
        catch (JsonException e)
        {
            throw Refusal.Text($"{field} is no JSON (line {e.LineNumber + 1}, byte {e.BytePositionInLine}); it must be an array of objects, each name once in each.");
        }

        throw Refusal.Field(field, "other JSON", "be an array of objects");
    }

    /// <summary>A value of the device's as a message can carry it: short, printable.</summary>
    private static string Shown(string value) => value.Length == 0 ? "empty"
        : new string([.. value.Take(80).Select(c => char.IsAsciiLetterOrDigit(c) || "-_.:/".Contains(c) ? c : '?')]);
}
