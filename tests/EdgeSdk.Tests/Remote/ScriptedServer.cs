using System.Net;
using EdgeSdk.Protocol;
using EdgeSdk.Remote;
using EdgeSdk.Sampling;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace EdgeSdk.Tests.Remote;

/// <summary>One stream as a scripted server sees it.</summary>
/// <param name="Number">1 for the first stream.</param>
/// <param name="Open">Its first frame.</param>
/// <param name="Frames">The others.</param>
/// <param name="Answers">The way back.</param>
/// <param name="Call">The call.</param>
internal sealed record ScriptedCall(int Number, Open Open, IAsyncStreamReader<DeviceFrame> Frames, IServerStreamWriter<ServerFrame> Answers, ServerCallContext Call)
{
    public Task OpenedAsync() => SendAsync(new ServerFrame
    {
        Opened = new() { Session = "scripted", Info = ScriptedServer.Info(), PromptTokens = Open.Prompt.Ids.Count },
    });

    public Task CommitAsync(int place, params int[] ids) => SendAsync(new ServerFrame { Commit = new() { Place = place, Ids = { ids } } });

    public Task FinishedAsync(Finished.Types.Reason reason) => SendAsync(new ServerFrame { Finished = new() { Reason = reason } });

    public Task SendAsync(ServerFrame frame) => Answers.WriteAsync(frame);

    /// <summary>Waits until the device has left.</summary>
    public async Task WaitForEndAsync()
    {
        var left = new TaskCompletionSource();
        await using var registration = Call.CancellationToken.Register(left.SetResult);
        await left.Task;
    }
}

/// <summary>A server that says what a test has it say, true or not.</summary>
internal sealed class ScriptedServer : IAsyncDisposable
{
    public const int Vocabulary = 50, Context = 1000, EndToken = 1;

    private readonly WebApplication _app;
    private readonly Service _service;

    private ScriptedServer(WebApplication app, Service service) => (_app, _service) = (app, service);

    public Uri Address => new(_app.Urls.First());

    /// <summary>Streams begun so far.</summary>
    public int Streams => _service.Streams;

    public static ServerInfo Info() => new()
    {
        Version = 1,
        Model = "scripted",
        Identity = "scripted",
        VocabularyFingerprint = "words",
        VocabularySize = Vocabulary,
        ContextLength = Context,
        EndTokens = { EndToken },
    };

    public static async Task<ScriptedServer> StartAsync(Func<ScriptedCall, Task> script)
    {
        var service = new Service(script);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddSingleton(service);
        builder.Services.AddGrpc();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2));
        var app = builder.Build();
        app.MapGrpcService<Service>();
        await app.StartAsync();
        return new(app, service);
    }

    /// <summary>A device connected to it.</summary>
    public RemoteServer Connect(TimeProvider? time = null, int resumeAttempts = 6) => new(
        new()
        {
            Address = Address,
            ResumeAttempts = resumeAttempts,
            FirstBackoff = TimeSpan.FromMilliseconds(1),
            LongestBackoff = TimeSpan.FromMilliseconds(4),
            FarewellTimeout = TimeSpan.FromMilliseconds(100),
        },
        time);

    /// <summary>A text of <paramref name="maxTokens"/> tokens behind the prompt 10, 11, 12.</summary>
    public static async Task<RemoteStream> OpenAsync(RemoteServer device, int maxTokens = 5, bool ignoreEnd = false)
    {
        var open = OpenFrame.For([10, 11, 12], "words", SamplerSpec.Greedy, maxTokens);
        open.IgnoreEnd = ignoreEnd;
        return device.Open(open, await device.DescribeAsync());
    }

    /// <summary>The tokens up to the stream's end, in <paramref name="into"/> also those before a failure.</summary>
    public static async Task<List<int>> ReadAsync(RemoteStream stream, List<int>? into = null)
    {
        into ??= [];
        await foreach (var commit in stream.ReadAllAsync(TestContext.Current.CancellationToken))
            into.AddRange(commit.Commit.Tokens.Span);

        return into;
    }

    public async ValueTask DisposeAsync()
    {
        using var now = new CancellationTokenSource(TimeSpan.Zero);
        await _app.StopAsync(now.Token);
        await _app.DisposeAsync();
    }

    private sealed class Service(Func<ScriptedCall, Task> script) : Edge.EdgeBase
    {
        private int _streams;

        public int Streams => Volatile.Read(ref _streams);

        public override Task<ServerInfo> Describe(DescribeRequest request, ServerCallContext context) => Task.FromResult(Info());

        public override async Task Generate(IAsyncStreamReader<DeviceFrame> requestStream, IServerStreamWriter<ServerFrame> responseStream, ServerCallContext context)
        {
            int number = Interlocked.Increment(ref _streams);
            await requestStream.MoveNext(context.CancellationToken);
            await script(new(number, requestStream.Current.Open, requestStream, responseStream, context));
        }
    }
}
