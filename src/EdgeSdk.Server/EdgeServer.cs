using EdgeSdk.Decoding;
using Microsoft.Extensions.Logging;

namespace EdgeSdk.Server;

/// <summary>A gRPC server (docs/protocol.md) that decodes texts with one model, alone or together with devices that draft.</summary>
/// <remarks>Thread-safe.</remarks>
public sealed class EdgeServer : IAsyncDisposable
{
    /// <summary>Starts a server; it takes streams when the task completes.</summary>
    /// <param name="model">Decodes. Stays the caller's to dispose, after the server.</param>
    /// <param name="options">Read once.</param>
    /// <param name="loggers">Where the server logs. Nothing of a text is logged below trace.</param>
    /// <param name="cancellationToken">Gives up starting.</param>
    /// <exception cref="EdgeException">An option is out of its range, or the address cannot be bound.</exception>
    public static Task<EdgeServer> StartAsync(
        ILanguageModel model, EdgeServerOptions options, ILoggerFactory? loggers = null, CancellationToken cancellationToken = default) =>
        throw new NotImplementedException();

    /// <summary>The first address, with the port that was bound.</summary>
    public Uri Address => throw new NotImplementedException();

    /// <summary>Texts being decoded now.</summary>
    public int Sessions => throw new NotImplementedException();

    /// <summary>
    /// Stops: the health service says NOT_SERVING, new streams are sent away, those under way may end within <see cref="EdgeServerLimits.Drain"/>;
    /// what is left then ends with UNAVAILABLE and can be resumed elsewhere.
    /// </summary>
    /// <param name="cancellationToken">Ends the wait for streams under way at once.</param>
    public Task StopAsync(CancellationToken cancellationToken = default) => throw new NotImplementedException();

    /// <summary>Stops without waiting for streams under way.</summary>
    public ValueTask DisposeAsync() => throw new NotImplementedException();
}
