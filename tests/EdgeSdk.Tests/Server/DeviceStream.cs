using EdgeSdk.Protocol;
using Grpc.Core;
using Grpc.Net.Client;

namespace EdgeSdk.Tests.Server;

/// <summary>A device that speaks edge.proto frame by frame, rightly or wrongly.</summary>
internal sealed class DeviceStream : IAsyncDisposable
{
    private readonly GrpcChannel _channel;
    private readonly CancellationTokenSource _watchdog = new(TimeSpan.FromSeconds(60));
    private readonly AsyncDuplexStreamingCall<DeviceFrame, ServerFrame> _call;

    public DeviceStream(Uri address, string? token = null)
    {
        _channel = GrpcChannel.ForAddress(address);
        _call = new Edge.EdgeClient(_channel).Generate(Headers(token), cancellationToken: _watchdog.Token);
    }

    public static Metadata Headers(string? token) => token is null ? [] : new() { { "authorization", token } };

    /// <summary>A well-formed Open for a prompt of tokens.</summary>
    public static Open OpenFor(int[] prompt, int maxTokens, float temperature = 0, ulong seed = 0) => new()
    {
        Version = 1,
        Client = "test",
        VocabularyFingerprint = ServedModel.Info.VocabularyFingerprint,
        Sampler = new() { Temperature = temperature, Seed = seed, TopP = 1, Noise = "edge-1" },
        Prompt = new() { Ids = { prompt } },
        MaxTokens = maxTokens,
        IgnoreEnd = true,
    };

    /// <summary>Decodes a text from Open to Finished.</summary>
    public static async Task<ServedText> DecodeAsync(Uri address, Open open, string? token = null)
    {
        await using var stream = new DeviceStream(address, token);
        await stream.SendAsync(open);
        await stream.ReadOpenedAsync();
        return await stream.ReadToEndAsync();
    }

    public Task SendAsync(Open open) => SendAsync(new DeviceFrame { Open = open });

    public Task SendAsync(Draft draft) => SendAsync(new DeviceFrame { Draft = draft });

    public Task SendAsync(Cancel cancel) => SendAsync(new DeviceFrame { Cancel = cancel });

    public Task SendAsync(DeviceFrame frame) => _call.RequestStream.WriteAsync(frame);

    /// <summary>Sends a frame that the server may refuse before it is through; the status then comes by reading.</summary>
    public async Task SendWhileOpenAsync(DeviceFrame frame)
    {
        try
        {
            await SendAsync(frame);
        }
        catch (Exception e) when (e is RpcException or InvalidOperationException)
        {
        }
    }

    /// <summary>Waits until the server has taken in everything that was sent: frames are read in order. Commits on the way are dropped.</summary>
    public async Task SyncAsync(ulong id)
    {
        await SendAsync(new DeviceFrame { Ping = new() { Id = id } });
        while ((await ReadAsync()).Pong?.Id != id)
        {
        }
    }

    public async Task<ServerFrame> ReadAsync() =>
        await _call.ResponseStream.MoveNext(_watchdog.Token) ? _call.ResponseStream.Current : throw new EndOfStreamException("The stream ended.");

    public async Task<Opened> ReadOpenedAsync() => (await ReadAsync()).Opened ?? throw new InvalidDataException("The first frame is not Opened.");

    /// <summary>The commits that follow, and Finished; nothing follows that.</summary>
    public async Task<ServedText> ReadToEndAsync()
    {
        var text = new ServedText([], [], new());
        for (var frame = await ReadAsync(); ; frame = await ReadAsync())
        {
            if (frame.Commit is { } commit)
                text.Add(commit);

            if (frame.Finished is not { } finished)
                continue;

            Assert.False(await _call.ResponseStream.MoveNext(_watchdog.Token));
            return text with { Finished = finished };
        }
    }

    /// <summary>The status that ends the stream.</summary>
    public async Task<RpcException> ReadFailureAsync() => await Assert.ThrowsAsync<RpcException>(async () =>
    {
        while (await _call.ResponseStream.MoveNext(_watchdog.Token))
        {
        }
    });

    public ValueTask DisposeAsync()
    {
        _call.Dispose();
        _channel.Dispose();
        _watchdog.Dispose();
        return ValueTask.CompletedTask;
    }
}

/// <summary>What a server sent for a text.</summary>
internal sealed record ServedText(List<Commit> Commits, List<int> Tokens, Finished Finished)
{
    public string Text => string.Concat(Commits.Select(commit => commit.Text.ToStringUtf8()));

    public void Add(Commit commit)
    {
        if (Commits.Count > 0)
            Assert.Equal(Commits[^1].Place + Commits[^1].Ids.Count, commit.Place);

        Commits.Add(commit);
        Tokens.AddRange(commit.Ids);
    }
}
