using EdgeSdk.Models;
using EdgeSdk.Routing;
using EdgeSdk.Runtime;
using EdgeSdk.Text;

namespace EdgeSdk.Chat;

/// <summary>The model on the device with all that makes it a chat model.</summary>
internal sealed class Device : IAsyncDisposable
{
    private Device(OnnxModel model, Tokenizer tokenizer, ChatTemplate template, HandOver handOver, int keptConversations)
    {
        Model = model;
        Tokenizer = tokenizer;
        Template = template;
        HandOver = handOver;
        Sequences = new DeviceSequences(model, keptConversations);
        CallToken = tokenizer.IdOf(AnswerReader.CallToken) ?? -1;
    }

    public OnnxModel Model { get; }

    public Tokenizer Tokenizer { get; }

    public ChatTemplate Template { get; }

    public HandOver HandOver { get; }

    public DeviceSequences Sequences { get; }

    /// <summary>The token that begins a call; -1 where the vocabulary has none.</summary>
    public int CallToken { get; }

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
            var handOver = folder.Routing is { } chosen ? new HandOver(chosen.Tokens, chosen.Threshold) : HandOver.Default;
            return new Device(model, Tokenizer.Load(file), template, handOver, options.KeptConversations);
        }
        catch
        {
            await model.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>The prompt's ids.</summary>
    public int[] Tokenise(ChatRequest request) => ChatPrompt.Encode(Tokenizer, Template, request.Messages, request.Tools);

    public async ValueTask DisposeAsync()
    {
        await Sequences.DisposeAsync().ConfigureAwait(false);
        await Model.DisposeAsync().ConfigureAwait(false);
    }

    private static EdgeException NotForChat(ModelFolder folder, string missing) => new(
        EdgeErrorCode.InvalidModel, $"{folder.Directory} has no {missing}, which a chat needs. Copy it from the model that it was converted from.");
}
