using EdgeSdk.Models;
using EdgeSdk.Server;
using EdgeSdk.Text;

namespace EdgeSdk.Cli;

/// <summary>Devices of another vocabulary, or none, send whole turns, where the server's folder can render and tokenise them.</summary>
internal static class WholeTurns
{
    /// <summary>Lets the server of <paramref name="folder"/> take them, if it has a tokenizer and a chat template.</summary>
    /// <exception cref="EdgeException">InvalidModel: one of the two is damaged.</exception>
    public static void TakeWholeTurns(this EdgeServerOptions options, string folder, CancellationToken cancellationToken)
    {
        var model = ModelFolder.Open(folder, ModelVerification.Sizes, cancellationToken);
        if (model.TokenizerFile is null || model.ReadChatTemplate() is not { } template)
            return;

        options.Tokenizer = Tokenizer.Load(model.TokenizerFile);
        options.ChatTemplate = template;
    }
}
