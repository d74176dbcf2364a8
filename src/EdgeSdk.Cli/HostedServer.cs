using EdgeSdk.Decoding;
using EdgeSdk.Runtime;
using EdgeSdk.Server;

namespace EdgeSdk.Cli;

/// <summary>A model folder served on a free port of this machine, for a command that measures or tests.</summary>
internal sealed class HostedServer : IAsyncDisposable
{
    private readonly EdgeServer _server;
    private readonly ILanguageModel _model;

    private HostedServer(EdgeServer server, ILanguageModel model) => (_server, _model) = (server, model);

    /// <summary>Where it listens.</summary>
    public Uri Address => _server.Address;

    /// <summary>Loads the folder as a verifier and serves it.</summary>
    /// <param name="folder">A model folder.</param>
    /// <param name="step">Every pass takes at least this long: a stand-in for a larger model.</param>
    /// <param name="threads">Threads of a pass; 0: one for each processor.</param>
    /// <param name="progress">Of the load.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="EdgeException">The folder is no model.</exception>
    public static async Task<HostedServer> StartAsync(
        string folder, TimeSpan step = default, int threads = 0, IProgress<LoadProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        var options = new OnnxModelOptions { MinimumRows = 2, Threads = threads };
        var model = await OnnxModel.LoadAsync(folder, options, progress, cancellationToken).ConfigureAwait(false);
        try
        {
            ILanguageModel served = step > TimeSpan.Zero ? new PaddedModel(model, step) : model;
            var serving = new EdgeServerOptions { Urls = "http://127.0.0.1:0" };
            serving.TakeWholeTurns(folder, cancellationToken);
            var server = await EdgeServer.StartAsync(served, serving, cancellationToken: cancellationToken).ConfigureAwait(false);
            return new(server, model);
        }
        catch
        {
            await model.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync().ConfigureAwait(false);
        await _model.DisposeAsync().ConfigureAwait(false);
    }
}
