using EdgeSdk.Decoding;
using EdgeSdk.Models;
using EdgeSdk.Routing;
using EdgeSdk.Runtime;
using EdgeSdk.Sampling;
using EdgeSdk.Text;
using EdgeSdk.Text.Constraints;

namespace EdgeSdk.Chat;

/// <summary>The model on the device with all that makes it a chat model.</summary>
internal sealed class Device : IAsyncDisposable
{
    private readonly Lazy<bool> _writesCalls;
    private readonly Lazy<CallMarks?> _callMarks;

    private Device(OnnxModel model, Tokenizer tokenizer, ChatTemplate template, HandOver handOver, int keptConversations)
    {
        Model = model;
        Tokenizer = tokenizer;
        Template = template;
        HandOver = handOver;
        Sequences = new DeviceSequences(model, keptConversations);
        Thought = ThoughtBorders.Of(tokenizer);
        CallToken = tokenizer.IdOf(CallFormat.Token) ?? -1;
        _callMarks = new(() => CallMarks.Of(template));
        _writesCalls = new(() => CallToken >= 0 && CallFormat.IsWrittenBy(template));
    }

    public OnnxModel Model { get; }

    public Tokenizer Tokenizer { get; }

    public ChatTemplate Template { get; }

    public HandOver HandOver { get; }

    public DeviceSequences Sequences { get; }

    /// <summary>The tokens between which the model thinks; null: it has none.</summary>
    public ThoughtBorders? Thought { get; }

    /// <summary>The token that begins a call; -1 where the vocabulary has none.</summary>
    public int CallToken { get; }

    /// <summary>What stands around the calls of a model that writes them in a format of its own; null: it does not, or in one that is not read.</summary>
    public CallMarks? CallMarks => _callMarks.Value;

    /// <summary>Loads a folder.</summary>
    /// <exception cref="EdgeException">InvalidModel: it is no chat model, or damaged.</exception>
    public static async Task<Device> LoadAsync(EdgeOptions options, IProgress<LoadProgress>? progress, CancellationToken cancellationToken)
    {
        var folder = ModelFolder.Open(options.Model!, ModelVerification.Sizes, cancellationToken);
        string file = folder.TokenizerFile ?? throw NotForChat(folder, "tokenizer.json");
        var template = folder.ReadChatTemplate() ?? throw NotForChat(folder, "chat_template.jinja");

        // Two rows at least: a text then does not depend on how much of its prompt an earlier turn had computed, for next to nothing on a small model.
        var runtime = new OnnxModelOptions { MinimumRows = 2, Threads = options.Threads };
        var model = await OnnxModel.LoadAsync(options.Model!, runtime, progress, cancellationToken).ConfigureAwait(false);
        try
        {
            var tokenizer = Tokenizer.Load(file);
            var handOver = folder.Routing is { } chosen ? new HandOver(chosen.Tokens, chosen.Threshold, chosen.Calls ? -1 : tokenizer.IdOf(CallFormat.Token) ?? -1) : HandOver.Default;
            return new Device(model, tokenizer, template, handOver, options.KeptConversations);
        }
        catch
        {
            await model.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>The prompt's ids.</summary>
    public int[] Tokenise(ChatRequest request) => ChatPrompt.Encode(Tokenizer, Template, request.Messages, request.Tools, thinks: request.Thinks);

    /// <summary>How tokens behind a prompt are chosen: as the request says, held to its budget for thinking and to its constraint.</summary>
    /// <param name="request">The request.</param>
    /// <param name="prompt">Its prompt, as this device tokenises it.</param>
    /// <param name="writer">The model that writes: its end tokens and its context end the text.</param>
    /// <exception cref="EdgeException">InvalidArgument: calls are constrained, and this model's are written in another format.</exception>
    public SamplerSpec SamplerFor(ChatRequest request, int[] prompt, ModelInfo writer)
    {
        var sampler = request.Sampler;
        if (sampler.Bias is { } bias && bias.Ids[^1] >= Model.Info.VocabularySize)
        {
            throw new EdgeException(EdgeErrorCode.InvalidArgument, $"logit_bias names token {bias.Ids[^1]}; ids of {Model.Info.Name} are in [0, {Model.Info.VocabularySize}).");
        }

        if (Thought is { } borders && (request.ThinkingBudget is not null || request.Constraint is not null))
            sampler = sampler with { Thought = ThoughtLimit.For(borders, Tokenizer, prompt, request.ThinkingBudget) };

        if (request.Constraint is not { } constraint)
            return sampler;

        if (constraint.IsOfCalls && !_writesCalls.Value)
        {
            throw new EdgeException(
                EdgeErrorCode.InvalidArgument,
                $"The chat template of {Model.Info.Name} does not write calls as docs/chat-format.md says, the one format that they can be constrained in. Leave ChatOptions.ToolMode at Auto, strict and edge.spans unset, and ResponseFormat without Tools.");
        }

        int end = StopRule.For(writer, prompt.Length, request.MaxOutputTokens).LastPlace + 1;
        return sampler with { Constrained = ConstrainedText.For(constraint, Tokenizer, writer.EndTokens, prompt.Length, end) };
    }

    public async ValueTask DisposeAsync()
    {
        await Sequences.DisposeAsync().ConfigureAwait(false);
        await Model.DisposeAsync().ConfigureAwait(false);
    }

    private static EdgeException NotForChat(ModelFolder folder, string missing) => new(
        EdgeErrorCode.InvalidModel, $"{folder.Directory} has no {missing}, which a chat needs. Copy it from the model that it was converted from.");
}
