using System.Collections.Immutable;
using System.Diagnostics.Metrics;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using EdgeSdk.Chat;
using EdgeSdk.Decoding;
using EdgeSdk.Remote;
using EdgeSdk.Runtime;
using EdgeSdk.Text;
using Microsoft.Extensions.AI;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace EdgeSdk;

/// <summary>
/// A chat client over a small model on the device, a large one on a server, or both together (<see cref="EdgeRoute"/>). Without a server it is a local
/// client, without a model a remote one.
/// </summary>
/// <remarks>
/// Thread-safe: answers are written side by side, and each is the one that it would be alone. The model is loaded with the first request, or by
/// <see cref="LoadAsync"/>. Leaving a stream early frees device and server.
/// </remarks>
public sealed partial class EdgeChatClient : IChatClient, IAsyncDisposable
{
    private readonly EdgeOptions _options;
    private readonly ILoggerFactory _loggers;
    private readonly ILogger _logger;
    private readonly TimeProvider _time;
    private readonly HttpMessageHandler? _handler;
    private readonly EdgeMeter _meter;
    private readonly SemaphoreSlim _loading = new(1);
    private readonly ulong _seed = BitConverter.ToUInt64(RandomNumberGenerator.GetBytes(8));
    private readonly ChatClientMetadata _metadata;
    private Pair? _pair;
    private bool _disposed;

    /// <summary>A client of the model in <paramref name="modelFolder"/>, without a server.</summary>
    /// <exception cref="EdgeException">InvalidArgument: there is no such folder.</exception>
    public EdgeChatClient(string modelFolder)
        : this(new EdgeOptions { Model = modelFolder })
    {
    }

    /// <summary>A client; nothing is loaded yet.</summary>
    /// <param name="options">What to run. Later changes to it have no effect that is promised.</param>
    /// <param name="loggers">Where to log; prompts and answers only at level Trace.</param>
    /// <param name="time">The clock of statistics, back-offs and round trips.</param>
    /// <param name="meters">Makes the meter <c>EdgeSdk</c>.</param>
    /// <param name="handler">Replaces the HTTP handler of the connection to the server.</param>
    /// <exception cref="EdgeException">InvalidArgument: an option is outside its range; the message names its key.</exception>
    public EdgeChatClient(
        EdgeOptions options, ILoggerFactory? loggers = null, TimeProvider? time = null, IMeterFactory? meters = null, HttpMessageHandler? handler = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        EdgeOptionsValidator.ThrowIfInvalid(options);
        _options = options;
        _loggers = loggers ?? NullLoggerFactory.Instance;
        _logger = _loggers.CreateLogger<EdgeChatClient>();
        _time = time ?? TimeProvider.System;
        _handler = handler;
        _meter = new EdgeMeter(meters);
        string? model = options.Model is { } folder ? Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder))) : null;
        _metadata = new ChatClientMetadata("edgesdk", options.Server.Address, model ?? "server");
    }

    /// <summary>Makes a client and loads its model.</summary>
    /// <param name="options">What to run.</param>
    /// <param name="progress">Told how far loading has come.</param>
    /// <param name="cancellationToken">Stops loading.</param>
    /// <exception cref="EdgeException">A model or an option cannot be used; the message says which and why.</exception>
    public static async Task<EdgeChatClient> LoadAsync(
        EdgeOptions options, IProgress<LoadProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        var client = new EdgeChatClient(options);
        try
        {
            await client.LoadedAsync(progress, cancellationToken).ConfigureAwait(false);
            return client;
        }
        catch
        {
            await client.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <inheritdoc/>
    public async Task<ChatResponse> GetResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
    {
        var updates = await GetStreamingResponseAsync(messages, options, cancellationToken).ToListAsync(cancellationToken).ConfigureAwait(false);
        var response = updates.ToChatResponse();
        response.RawRepresentation = updates[^1].GetEdge()! with { Tokens = [.. updates.SelectMany(update => update.GetEdge()!.Tokens)] };
        return response;
    }

    /// <inheritdoc/>
    /// <exception cref="EdgeException">The model or the server failed; <see cref="EdgeException.IsTransient"/> says whether it may work later.</exception>
    /// <exception cref="ContextOverflowException">The prompt does not fit into the model's context.</exception>
    /// <exception cref="NotSupportedException">A field of the options, or a content of the messages, that is not honoured; the message names it.</exception>
    public IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(messages);
        ObjectDisposedException.ThrowIf(_disposed, this);
        var request = ChatRequest.From(messages, MoreOptions.WithRaw(options, this), _options, _seed, _metadata.DefaultModelId!);
        return StreamAsync(request, cancellationToken);
    }

    /// <inheritdoc/>
    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        return serviceKey is not null ? null
            : serviceType == typeof(ChatClientMetadata) ? _metadata
            : serviceType == typeof(EdgeOptions) ? _options
            : serviceType.IsInstanceOfType(this) ? this
            : null;
    }

    /// <summary>The same as <see cref="DisposeAsync"/>, and blocks until it is done.</summary>
    public void Dispose() => DisposeAsync().AsTask().GetAwaiter().GetResult();

    /// <summary>Frees the model and the connection. Answers under way fail.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_disposed)
            return;

        _disposed = true;
        if (_pair is { } pair)
            await pair.DisposeAsync().ConfigureAwait(false);

        _meter.Dispose();
        _loading.Dispose();
    }

    private async IAsyncEnumerable<ChatResponseUpdate> StreamAsync(ChatRequest request, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        long start = _time.GetTimestamp();
        var pair = await LoadedAsync(null, cancellationToken).ConfigureAwait(false);
        var answer = new Answer();
        string id = Guid.NewGuid().ToString("N");
        var reader = new AnswerReader(id, request.Limits, request.ShowsThoughts, request.Tools is null ? null : pair.Device?.CallMarks);
        ThoughtState? thought = null;
        var text = pair.Device?.Tokenizer.CreateDetokenizer(skipSpecialTokens: true);
        var firstToken = TimeSpan.Zero;
        int tokens = 0;
        var unsent = ImmutableArray.CreateBuilder<EdgeToken>();
        var writer = EdgeWriter.Device;
        await foreach (var written in pair.WriteAsync(request, answer, cancellationToken).ConfigureAwait(false))
        {
            if (tokens++ == 0)
            {
                firstToken = _time.GetElapsedTime(start);
                thought = Begin(reader, answer);
            }

            thought?.Add(written.Token);

            writer = written.Writer;
            unsent.Add(new EdgeToken(written.Text is null ? written.Token : -1, float.IsNaN(written.LogProb) ? null : written.LogProb));
            foreach (var content in Read(pair, reader, answer.Thought, text, written))
                yield return Update(id, new(writer) { Tokens = unsent.DrainToImmutable() }, content);

            // Leaving the stream tells the server to stop.
            if (reader.IsOver)
                break;
        }

        foreach (var content in reader.Append(text?.Flush() ?? "").Concat(reader.End()).ToArray())
            yield return Update(id, new(writer) { Tokens = unsent.DrainToImmutable() }, content);

        var report = Report(pair, request, answer, tokens, thought?.Spent ?? 0, firstToken);
        _meter.Count(report);
        LogAnswered(_logger, report.Route, report.Tokens, report.Reason);
        yield return Last(id, new(writer, report) { Tokens = unsent.DrainToImmutable() }, answer, reader);
    }

    /// <summary>The first token has come: by now it is known how its writer thinks.</summary>
    private static ThoughtState? Begin(AnswerReader reader, Answer answer)
    {
        if (answer.InThought)
            reader.BeginThought();

        return answer.Thought is { } borders ? new(new(borders.Begin, borders.End, int.MaxValue, From: 0, answer.InThought)) : null;
    }

    private static IReadOnlyList<AIContent> Read(Pair pair, AnswerReader reader, ThoughtBorders? thought, Detokenizer? text, Written written)
    {
        if (written.Text is { } rendered)
            return reader.AppendRendered(rendered, thought);

        if (written.Token == thought?.Begin)
            return [.. reader.Append(text!.Flush()), .. reader.BeginThought()];

        if (written.Token == thought?.End)
        {
            var rest = reader.Append(text!.Flush());
            reader.EndThought();
            return rest;
        }

        if (written.Token == pair.Device!.CallToken && !reader.InThought)
            return [.. reader.Append(text!.Flush()), .. reader.BeginCall()];

        // A mark around calls may be a control token, which the answer's text leaves out.
        var tokenizer = pair.Device.Tokenizer;
        if (reader.Marks is { } marks && tokenizer.IsSpecial(written.Token) && tokenizer.Decode([written.Token]) is var mark && marks.Have(mark))
            return reader.Append(text!.Flush() + mark);

        return reader.Append(text!.Append(written.Token));
    }

    private ChatResponseUpdate Update(string id, EdgeUpdate edge, params AIContent[] contents) => new(ChatRole.Assistant, contents)
    {
        ResponseId = id,
        MessageId = id,
        ModelId = _metadata.DefaultModelId,
        CreatedAt = _time.GetUtcNow(),
        RawRepresentation = edge,
    };

    private ChatResponseUpdate Last(string id, EdgeUpdate edge, Answer answer, AnswerReader reader)
    {
        var report = edge.Report!;
        var usage = new UsageDetails
        {
            InputTokenCount = answer.PromptTokens,
            OutputTokenCount = report.Tokens,
            TotalTokenCount = answer.PromptTokens + report.Tokens,
            CachedInputTokenCount = answer.CachedTokens,
            ReasoningTokenCount = report.ThoughtTokens,
            AdditionalCounts = new() { ["edge.drafted"] = report.Drafted, ["edge.accepted"] = report.Accepted, ["edge.server_passes"] = report.ServerPasses },
        };
        var update = Update(id, edge, new UsageContent(usage));
        update.FinishReason = answer.Finish == FinishReason.Length && !reader.IsOver ? ChatFinishReason.Length
            : reader.Calls ? ChatFinishReason.ToolCalls
            : ChatFinishReason.Stop;
        update.SetReport(report);
        return update;
    }

    private static EdgeReport Report(Pair pair, ChatRequest request, Answer answer, int tokens, int thoughtTokens, TimeSpan firstToken) => new()
    {
        Route = answer.Route,
        Reason = answer.Reason,
        Seed = request.Sampler.Seed,
        Tokens = tokens,
        ThoughtTokens = thoughtTokens,
        Drafted = answer.Drafted,
        Accepted = answer.Accepted,
        ServerPasses = answer.ServerPasses,
        CachedTokens = answer.CachedTokens,
        FirstToken = firstToken,
        Agreement = pair is { Device: not null, Server: not null } ? pair.Agreement.Report() : [],
        Exact = answer.Exact,
    };

    /// <summary>Device and server, loaded once; a failure is not kept, so that the next call tries again.</summary>
    private async ValueTask<Pair> LoadedAsync(IProgress<LoadProgress>? progress, CancellationToken cancellationToken)
    {
        if (_pair is { } loaded)
            return loaded;

        await _loading.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return _pair ??= await LoadPairAsync(progress, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _loading.Release();
        }
    }

    private async Task<Pair> LoadPairAsync(IProgress<LoadProgress>? progress, CancellationToken cancellationToken)
    {
        var device = _options.Model is null ? null : await Device.LoadAsync(_options, progress, cancellationToken).ConfigureAwait(false);
        RemoteServer? server = null;
        if (_options.Server.Address is { } address)
        {
            var remote = new RemoteServerOptions { Address = address, Token = _options.Server.ReadToken(), Handler = _handler };
            server = new RemoteServer(remote, _time, _loggers);
        }

        return new Pair(device, server, _time);
    }

    [LoggerMessage(EventId = 1, Level = LogLevel.Debug, Message = "Answered by {Route}: {Tokens} tokens ({Reason})")]
    private static partial void LogAnswered(ILogger logger, EdgeRoute route, int tokens, string reason);
}
