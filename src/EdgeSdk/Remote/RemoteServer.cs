using System.Net;
using EdgeSdk.Protocol;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace EdgeSdk.Remote;

/// <summary>A server, seen from the device: one warm connection, what the server runs, and how far away it is.</summary>
/// <remarks>Thread-safe. Streams are the caller's to dispose, before the server.</remarks>
internal sealed class RemoteServer : IAsyncDisposable
{
    private readonly GrpcChannel _channel;
    private readonly Edge.EdgeClient _client;
    private readonly Metadata _headers = [];
    private readonly RoundTrip _roundTrip;
    private readonly SemaphoreSlim _describing = new(1);
    private RemoteModel? _model;

    /// <summary>A server; nothing is sent yet.</summary>
    /// <exception cref="EdgeException">InvalidArgument: see <see cref="RemoteServerOptions.Validate"/>.</exception>
    public RemoteServer(RemoteServerOptions options, TimeProvider? time = null, ILoggerFactory? loggers = null)
    {
        options.Validate();
        Options = options;
        Time = time ?? TimeProvider.System;
        Logger = (loggers ?? NullLoggerFactory.Instance).CreateLogger("EdgeSdk.Remote.RemoteServer");
        _roundTrip = new RoundTrip();
        _channel = GrpcChannel.ForAddress(options.Address, new GrpcChannelOptions
        {
            HttpHandler = options.Handler ?? Sockets(),
            DisposeHttpClient = options.Handler is null,
            MaxReceiveMessageSize = RemoteStream.FrameBytes,
            LoggerFactory = NullLoggerFactory.Instance,
        });
        _client = new Edge.EdgeClient(_channel);
        if (options.Token is { } token)
            _headers.Add("authorization", "Bearer " + token);
    }

    /// <summary>Which server, and how it is reached.</summary>
    public RemoteServerOptions Options { get; }

    /// <summary>The clock of back-offs and round trips.</summary>
    public TimeProvider Time { get; }

    /// <summary>Where resumes are noted.</summary>
    public ILogger Logger { get; }

    /// <summary>The measured round trip in seconds, the least of the last few; NaN before the first.</summary>
    public double RoundTripSeconds => _roundTrip.Seconds;

    /// <summary>What the server runs; asked once, and again after <see cref="Forget"/>.</summary>
    /// <exception cref="EdgeException">Unavailable: it cannot be reached. Refused: it does not let this device in.</exception>
    public async ValueTask<RemoteModel> DescribeAsync(CancellationToken cancellationToken = default)
    {
        if (_model is { } known)
            return known;

        await _describing.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (_model is null)
            {
                // The first call pays for the connection; the second is a round trip.
                await AskAsync(measure: false, cancellationToken).ConfigureAwait(false);
                _model = await AskAsync(measure: true, cancellationToken).ConfigureAwait(false);
            }

            return _model;
        }
        finally
        {
            _describing.Release();
        }
    }

    /// <summary>Asks again next time: the server may run something else after a restart.</summary>
    public void Forget() => _model = null;

    /// <summary>Opens a stream that continues a text. The caller disposes it.</summary>
    /// <param name="open">The first frame; version, client and the resume's fields are filled in here.</param>
    /// <param name="model">What the server said it runs: the stream is held to it.</param>
    public RemoteStream Open(Open open, RemoteModel model) => new(this, open, model);

    /// <summary>Begins the duplex call.</summary>
    internal AsyncDuplexStreamingCall<DeviceFrame, ServerFrame> Generate(CancellationToken cancellationToken) =>
        _client.Generate(_headers, cancellationToken: cancellationToken);

    /// <summary>Takes in a measured round trip.</summary>
    internal void Measured(TimeSpan roundTrip) => _roundTrip.Add(roundTrip.TotalSeconds);

    /// <summary>What a failed call means to the caller.</summary>
    internal Exception Explain(RpcException e, CancellationToken cancellationToken) => RemoteErrors.Explain(e, Options.Address, cancellationToken);

    /// <summary>The wait before the next attempt: doubled for each failure in a row, and no shorter than the server asks for.</summary>
    internal TimeSpan Backoff(int failures, RpcException e)
    {
        var wait = Options.FirstBackoff * Math.Pow(2, failures);
        if (RemoteErrors.RetryAfter(e) is { } asked && asked > wait)
            wait = asked;

        return wait < Options.LongestBackoff ? wait : Options.LongestBackoff;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _channel.ShutdownAsync().ConfigureAwait(false);
        _channel.Dispose();
        _describing.Dispose();
    }

    private async Task<RemoteModel> AskAsync(bool measure, CancellationToken cancellationToken)
    {
        // One for all attempts: a machine that stands still goes on taking connections.
        var deadline = DateTime.UtcNow + Options.OpenTimeout;
        for (int failures = 0; ; failures++)
        {
            try
            {
                return await AskOnceAsync(measure, deadline, cancellationToken).ConfigureAwait(false);
            }
            catch (RpcException e) when (RemoteErrors.BrokeOff(e) && failures < Options.ResumeAttempts && !cancellationToken.IsCancellationRequested)
            {
                await Task.Delay(Backoff(failures, e), Time, cancellationToken).ConfigureAwait(false);
            }
            catch (RpcException e)
            {
                throw Explain(e, cancellationToken);
            }
        }
    }

    private async Task<RemoteModel> AskOnceAsync(bool measure, DateTime deadline, CancellationToken cancellationToken)
    {
        long start = Time.GetTimestamp();
        var call = _client.DescribeAsync(
            new DescribeRequest { Version = RemoteServerOptions.ProtocolVersion },
            _headers,
            deadline: deadline,
            cancellationToken: cancellationToken);
        var info = await call.ConfigureAwait(false);
        if (measure)
            Measured(Time.GetElapsedTime(start));

        return RemoteModel.From(info);
    }

    private static SocketsHttpHandler Sockets() => new()
    {
        KeepAlivePingDelay = TimeSpan.FromSeconds(10),
        KeepAlivePingTimeout = TimeSpan.FromSeconds(5),
        KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
        PooledConnectionIdleTimeout = Timeout.InfiniteTimeSpan,
        EnableMultipleHttp2Connections = true,
        ConnectTimeout = TimeSpan.FromSeconds(5),
        AutomaticDecompression = DecompressionMethods.None,
    };
}
