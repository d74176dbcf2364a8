using EdgeSdk.Decoding;
using EdgeSdk.Remote;

namespace EdgeSdk.Cli;

/// <summary>What two models need to decode together.</summary>
internal static class SharedVocabulary
{
    /// <summary>Asks what the server runs.</summary>
    /// <exception cref="EdgeException">Refused: it has another vocabulary than the device. Unavailable: it cannot be reached.</exception>
    public static async ValueTask<RemoteModel> DescribeAsync(RemoteServer server, ILanguageModel device, CancellationToken cancellationToken)
    {
        var model = await server.DescribeAsync(cancellationToken).ConfigureAwait(false);
        if (model.Info.VocabularyFingerprint == device.Info.VocabularyFingerprint)
            return model;

        throw new EdgeException(
            EdgeErrorCode.Refused,
            $"Together needs one vocabulary: {model.Info.Name} at {server.Options.Address} has {model.Info.VocabularyFingerprint ?? "none"}, the device's {device.Info.Name} has {device.Info.VocabularyFingerprint ?? "none"}. Take a pair that shares its tokenizer.");
    }
}
