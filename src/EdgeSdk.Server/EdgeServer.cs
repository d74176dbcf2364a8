using EdgeSdk.Decoding;
using Grpc.Health.V1;
using Grpc.HealthCheck;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace EdgeSdk.Server;

/// <summary>A gRPC server (docs/protocol.md) that decodes texts with one model, alone or together with devices that draft.</summary>
/// <remarks>Thread-safe.</remarks>
public sealed class EdgeServer : IAsyncDisposable
{
    /// <summary>
    /// A connection that is told to close does so without the status of a call that has just ended, where the device still could have sent. So the
    /// last statuses get this time first.
    /// </summary>
    private static readonly TimeSpan StatusTime = TimeSpan.FromMilliseconds(200);

    private readonly WebApplication _app;
    private readonly Sessions _sessions;
    private readonly HealthServiceImpl _health;
    private readonly EdgeServerOptions _options;
    private readonly ILogger _logger;
    private readonly SemaphoreSlim _stopping = new(1);
    private bool _stopped;

    private EdgeServer(WebApplication app, Sessions sessions, HealthServiceImpl health, EdgeServerOptions options, ILogger logger)
    {
        _app = app;
        _sessions = sessions;
        _health = health;
        _options = options;
        _logger = logger;
        Address = new Uri(app.Urls.First());
    }

    /// <summary>The first address, with the port that was bound.</summary>
    public Uri Address { get; }

    /// <summary>Texts being decoded now.</summary>
    public int Sessions => _sessions.Texts;

    /// <summary>Starts a server; it takes streams when the task completes.</summary>
    /// <param name="model">Decodes. Stays the caller's to dispose, after the server.</param>
    /// <param name="options">Read once.</param>
    /// <param name="loggers">Where the server logs. Nothing of a text is logged below trace.</param>
    /// <param name="cancellationToken">Gives up starting.</param>
    /// <exception cref="EdgeException">InvalidArgument: an option is out of its range, or an address cannot be bound.</exception>
    public static async Task<EdgeServer> StartAsync(
        ILanguageModel model, EdgeServerOptions options, ILoggerFactory? loggers = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(options);
        options.Limits.Validate();
        var addresses = ListenAddress.ParseAll(options);
        KeepThreadsForFrames();
        loggers ??= NullLoggerFactory.Instance;
        var (sessions, health) = (new Sessions(options.Limits.Streams), new HealthServiceImpl());
        var app = Build(model, options, addresses, sessions, health, loggers);
        try
        {
            await app.StartAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (IOException e)
        {
            await app.DisposeAsync().ConfigureAwait(false);
            throw new EdgeException(
                EdgeErrorCode.InvalidArgument,
                $"{nameof(EdgeServerOptions)}.{nameof(EdgeServerOptions.Urls)}: '{options.Urls}' cannot be listened at: {e.Message} Choose another port; 0 takes any free one.",
                e);
        }

        var server = new EdgeServer(app, sessions, health, options, loggers.CreateLogger<EdgeServer>());
        health.SetStatus("", HealthCheckResponse.Types.ServingStatus.Serving);
        health.SetStatus(Protocol.Edge.Descriptor.FullName, HealthCheckResponse.Types.ServingStatus.Serving);
        ServerLog.Started(server._logger, server.Address, model.Info.Name);
        return server;
    }

    /// <summary>
    /// Stops: the health service says NOT_SERVING, new streams are sent away, those under way may end within <see cref="EdgeServerLimits.Drain"/>;
    /// what is left then ends with UNAVAILABLE and can be resumed elsewhere.
    /// </summary>
    /// <param name="cancellationToken">Ends the wait for streams under way at once.</param>
    public async Task StopAsync(CancellationToken cancellationToken = default)
    {
        await _stopping.WaitAsync(CancellationToken.None).ConfigureAwait(false);
        try
        {
            if (_stopped)
                return;

            _stopped = true;
            ServerLog.Stopping(_logger, _sessions.Texts);
            _health.SetStatus("", HealthCheckResponse.Types.ServingStatus.NotServing);
            _health.SetStatus(Protocol.Edge.Descriptor.FullName, HealthCheckResponse.Types.ServingStatus.NotServing);
            await _sessions.DrainAsync(_options.Limits.Drain, _options.TimeProvider, cancellationToken).ConfigureAwait(false);
            await Task.Delay(StatusTime, CancellationToken.None).ConfigureAwait(false);
            await _app.StopAsync(CancellationToken.None).ConfigureAwait(false);
        }
        finally
        {
            _stopping.Release();
        }
    }

    /// <summary>Stops without waiting for streams under way.</summary>
    public async ValueTask DisposeAsync()
    {
        await StopAsync(new CancellationToken(canceled: true)).ConfigureAwait(false);
        await _app.DisposeAsync().ConfigureAwait(false);
        _sessions.Dispose();
    }

    /// <summary>A web application that takes nothing from the process around it: no configuration file, no environment, no signals.</summary>
    private static WebApplication Build(
        ILanguageModel model, EdgeServerOptions options, ListenAddress[] addresses, Sessions sessions, HealthServiceImpl health, ILoggerFactory loggers)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions { ApplicationName = "EdgeSdk.Server" });
        builder.Services.AddSingleton(loggers);
        builder.Services.AddLogging();
        builder.Services.AddSingleton<IHostLifetime, NoSignals>();
        // What is still connected after the drain has no text under way: watchers of the health service, idle connections.
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(1));
        builder.Services.AddSingleton(new EdgeService(model, options, new BearerToken(options.Token), sessions, loggers.CreateLogger<EdgeService>()));
        builder.Services.AddSingleton(health);
        builder.Services.AddGrpc(grpc =>
        {
            grpc.MaxReceiveMessageSize = options.Limits.FrameBytes;
            // A compressed frame could unfold to a thousand times its size.
            grpc.CompressionProviders.Clear();
        });
        builder.WebHost.UseKestrelCore();
        if (addresses.Any(address => address.IsTls))
            builder.WebHost.UseKestrelHttpsConfiguration();

        builder.WebHost.ConfigureKestrel(kestrel => Configure(kestrel, options, addresses));
        var app = builder.Build();
        app.UseRouting();
        app.MapGrpcService<EdgeService>();
        app.MapGrpcService<HealthServiceImpl>();
        return app;
    }

    /// <summary>
    /// Passes on the CPU hold the threads that they run on, up to one for each processor, and a prompt's holds it long: frames must find threads beside
    /// them without waiting for the pool to grow.
    /// </summary>
    private static void KeepThreadsForFrames()
    {
        ThreadPool.GetMinThreads(out int workers, out int completions);
        ThreadPool.SetMinThreads(Math.Max(workers, 2 * Environment.ProcessorCount + 2), completions);
    }

    private static void Configure(KestrelServerOptions kestrel, EdgeServerOptions options, ListenAddress[] addresses)
    {
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxConcurrentConnections = options.Limits.Connections;
        kestrel.Limits.Http2.KeepAlivePingDelay = options.Limits.PingDelay;
        kestrel.Limits.Http2.KeepAlivePingTimeout = options.Limits.PingTimeout;
        foreach (var address in addresses)
            address.Listen(kestrel, options);
    }

    /// <summary>Leaves signals to the application: a server inside it must not take its Ctrl+C.</summary>
    private sealed class NoSignals : IHostLifetime
    {
        public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
