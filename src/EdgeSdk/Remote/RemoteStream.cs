using System.Runtime.CompilerServices;
using System.Text;
using System.Threading.Channels;
using EdgeSdk.Decoding;
using EdgeSdk.Protocol;
using Commit = EdgeSdk.Decoding.Commit;
using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace EdgeSdk.Remote;

/// <summary>A commit as it came, with its text where the server renders.</summary>
internal readonly record struct RemoteCommit(Commit Commit, string Text);

/// <summary>
/// One text that a server continues. A connection that is cut is taken up again where the text stands: commits are final and travel with the resume,
/// so none is lost and none comes twice.
/// </summary>
/// <remarks>One reader; <see cref="SendAsync"/> may run beside it. Everything that the server sends is checked before it is handed on.</remarks>
internal sealed partial class RemoteStream : IVerifierStream, IAsyncDisposable
{
    /// <summary>The largest frame, bytes.</summary>
    public const int FrameBytes = 256 * 1024;

    private readonly RemoteServer _server;
    private readonly Open _open;
    private readonly RemoteModel _model;
    private readonly CancellationTokenSource _stop = new();
    private readonly Outbox _outbox = new();
    private readonly Channel<RemoteCommit> _commits = Channel.CreateBounded<RemoteCommit>(new BoundedChannelOptions(256) { SingleReader = true, SingleWriter = true });
    private readonly List<int> _committed;
    private readonly Task _running;
    private StepCost _cost;
    private int _connections;
    private long _pinged;

    internal RemoteStream(RemoteServer server, Open open, RemoteModel model)
    {
        _server = server;
        _open = open;
        _model = model;
        _cost = model.Cost;
        _committed = [.. open.Committed?.Ids ?? []];
        open.Version = RemoteServerOptions.ProtocolVersion;
        open.Client = "EdgeSdk/" + typeof(RemoteStream).Assembly.GetName().Version?.ToString(3);
        open.Identity = model.Info.Identity;
        PromptTokens = open.TextCase == Protocol.Open.TextOneofCase.Prompt ? open.Prompt.Ids.Count : -1;
        _running = Task.Run(RunAsync);
    }

    /// <inheritdoc/>
    public StepCost Cost => _cost;

    /// <inheritdoc/>
    public double RoundTripSeconds => _server.RoundTripSeconds;

    /// <inheritdoc/>
    public int Connections => Volatile.Read(ref _connections);

    /// <inheritdoc/>
    public FinishReason? Finish { get; private set; }

    /// <summary>Tokens of the prompt; -1 until the server has said, where it renders.</summary>
    public int PromptTokens { get; private set; }

    /// <inheritdoc/>
    public ValueTask SendAsync(int place, ReadOnlyMemory<int> drafts, int heard, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        _outbox.Add(place, drafts.Span, heard);
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public bool TryRead(out Commit commit)
    {
        bool read = TryRead(out RemoteCommit arrived);
        commit = arrived.Commit;
        return read;
    }

    /// <summary>The next commit with its text, where one has arrived.</summary>
    public bool TryRead(out RemoteCommit commit) => _commits.Reader.TryRead(out commit);

    /// <inheritdoc/>
    /// <exception cref="EdgeException">The stream failed for good.</exception>
    public async ValueTask<bool> WaitAsync(CancellationToken cancellationToken) =>
        await _commits.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false);

    /// <summary>The commits, one after another, to the end of the text.</summary>
    public async IAsyncEnumerable<RemoteCommit> ReadAllAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        while (await WaitAsync(cancellationToken).ConfigureAwait(false))
        {
            while (TryRead(out RemoteCommit commit))
            {
                yield return commit;
            }
        }
    }

    /// <summary>Leaves the stream: tells the server that no more is wanted, and tears the call down where it does not answer in time.</summary>
    public async ValueTask DisposeAsync()
    {
        if (!_running.IsCompleted)
        {
            _outbox.Add(new DeviceFrame { Cancel = new Cancel { LastPlace = -1 } });
            _commits.Writer.TryComplete();
            _stop.CancelAfter(_server.Options.FarewellTimeout);
        }

        await _running.ConfigureAwait(false);
        _stop.Dispose();
        _outbox.Dispose();
    }

    /// <summary>Connects, and again where the connection breaks, until the text ends or nothing helps.</summary>
    private async Task RunAsync()
    {
        try
        {
            for (int failures = 0; ; failures++)
            {
                int before = _committed.Count, connections = _connections;
                try
                {
                    await ConnectAsync().ConfigureAwait(false);
                    _commits.Writer.TryComplete();
                    return;
                }
                catch (RpcException e) when (_server.Explain(e, _stop.Token) is EdgeException { Code: EdgeErrorCode.Unavailable } && _connections > 0)
                {
                    // Getting further, or only as far as a new connection that had lost nothing yet, is progress.
                    failures = _committed.Count > before || (connections == 0 && _connections > 0) ? 0 : failures;
                    if (failures >= _server.Options.ResumeAttempts)
                    {
                        throw;
                    }

                    LogResume(_server.Logger, _server.Options.Address, _committed.Count, failures + 1);
                    await Task.Delay(Backoff(failures), _server.Time, _stop.Token).ConfigureAwait(false);
                }
            }
        }
        catch (RpcException e)
        {
            _commits.Writer.TryComplete(_server.Explain(e, _stop.Token));
        }
#pragma warning disable CA1031 // Whatever ends the stream reaches its reader, who is the only one to act on it.
        catch (Exception e)
#pragma warning restore CA1031
        {
            _commits.Writer.TryComplete(e);
        }
    }

    private TimeSpan Backoff(int failures)
    {
        var doubled = _server.Options.FirstBackoff * Math.Pow(2, failures);
        return doubled < _server.Options.LongestBackoff ? doubled : _server.Options.LongestBackoff;
    }

    /// <summary>One connection: from Open to Finished.</summary>
    /// <exception cref="RpcException">It broke, or the server refused.</exception>
    private async Task ConnectAsync()
    {
        using var leave = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        using var call = _server.Generate(leave.Token);
        if (_connections > 0)
        {
            _outbox.DropDrafts();
            _open.Drafts = null;
        }

        _open.Committed = new Tokens { Ids = { _committed } };
        Task writing = WriteAsync(call.RequestStream, leave.Token);
        try
        {
            await ReadAsync(call.ResponseStream, leave.Token).ConfigureAwait(false);
        }
        finally
        {
            await leave.CancelAsync().ConfigureAwait(false);
            await writing.ConfigureAwait(false);
        }
    }

    private async Task WriteAsync(IClientStreamWriter<DeviceFrame> to, CancellationToken cancellationToken)
    {
        try
        {
            await to.WriteAsync(new DeviceFrame { Open = _open }, cancellationToken).ConfigureAwait(false);
            Volatile.Write(ref _pinged, _server.Time.GetTimestamp());
            await to.WriteAsync(new DeviceFrame { Ping = new Ping { Id = 1 } }, cancellationToken).ConfigureAwait(false);
            while (true)
            {
                await to.WriteAsync(await _outbox.TakeAsync(cancellationToken).ConfigureAwait(false), cancellationToken).ConfigureAwait(false);
            }
        }
        catch (Exception e) when (e is RpcException or OperationCanceledException or InvalidOperationException or IOException)
        {
            // The reading side sees the same end, and what it means.
        }
    }

    private async Task ReadAsync(IAsyncStreamReader<ServerFrame> from, CancellationToken cancellationToken)
    {
        using var opening = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        opening.CancelAfter(_server.Options.OpenTimeout);
        if (!await from.MoveNext(opening.Token).ConfigureAwait(false))
        {
            throw Cut();
        }

        TakeOpened(from.Current);
        while (await from.MoveNext(cancellationToken).ConfigureAwait(false))
        {
            switch (from.Current.FrameCase)
            {
                case ServerFrame.FrameOneofCase.Commit:
                    await TakeAsync(from.Current.Commit, cancellationToken).ConfigureAwait(false);
                    break;
                case ServerFrame.FrameOneofCase.Finished:
                    Finish = from.Current.Finished.Reason == Finished.Types.Reason.End ? FinishReason.End : FinishReason.Length;
                    return;
                case ServerFrame.FrameOneofCase.Pong:
                    _server.Measured(_server.Time.GetElapsedTime(Volatile.Read(ref _pinged)));
                    break;
            }
        }

        throw Cut();
    }

    private void TakeOpened(ServerFrame frame)
    {
        if (frame.FrameCase != ServerFrame.FrameOneofCase.Opened || frame.Opened.Info is null)
        {
            throw Broken($"its first frame is {frame.FrameCase} where Opened is due");
        }

        int prompt = frame.Opened.PromptTokens;
        if (prompt < 1 || (PromptTokens >= 0 && prompt != PromptTokens))
        {
            throw Broken($"it counts {prompt} tokens in the prompt of {PromptTokens}");
        }

        PromptTokens = prompt;
        _cost = RemoteModel.From(frame.Opened.Info).Cost;
        Interlocked.Increment(ref _connections);
    }

    private async ValueTask TakeAsync(Protocol.Commit commit, CancellationToken cancellationToken)
    {
        int place = PromptTokens + _committed.Count;
        if (commit.Place != place)
        {
            throw Broken($"it commits place {commit.Place} where {place} is next");
        }

        if (commit.Ids.Count == 0 || commit.Accepted < 0 || commit.Accepted > commit.Ids.Count || commit.Wasted < 0 || !(commit.PassSeconds >= 0)
            || (commit.Margins.Count != 0 && commit.Margins.Count != commit.Ids.Count))
        {
            throw Broken($"a commit of {commit.Ids.Count} tokens counts {commit.Accepted} accepted, {commit.Wasted} wasted, {commit.Margins.Count} margins, {commit.PassSeconds} s");
        }

        if (_committed.Count + commit.Ids.Count > _open.MaxTokens)
        {
            throw Broken($"it writes more than the {_open.MaxTokens} tokens that were asked for");
        }

        for (int i = 0; i < commit.Ids.Count; i++)
        {
            int id = commit.Ids[i];
            if (id < 0 || id >= _model.Info.VocabularySize)
            {
                throw Broken($"it commits the id {id}, outside its vocabulary of {_model.Info.VocabularySize}");
            }

            if (!_open.IgnoreEnd && i < commit.Ids.Count - 1 && _model.Info.EndTokens.Contains(id))
            {
                throw Broken($"it goes on behind the end token {id}");
            }
        }

        if (!_open.IgnoreEnd && _committed.Count > 0 && _model.Info.EndTokens.Contains(_committed[^1]))
        {
            throw Broken($"it goes on behind the end token {_committed[^1]}");
        }

        _committed.AddRange(commit.Ids);
        var taken = new Commit(place, commit.Ids.ToArray(), commit.Accepted, commit.Wasted, commit.PassSeconds, commit.Margins.ToArray());
        await _commits.Writer.WriteAsync(new(taken, Text(commit)), cancellationToken).ConfigureAwait(false);
    }

    private static string Text(Protocol.Commit commit) => commit.Text.IsEmpty ? "" : Encoding.UTF8.GetString(commit.Text.Span);

    private EdgeException Broken(string how) => new(
        EdgeErrorCode.Protocol,
        $"The server at {_server.Options.Address} broke the protocol: {how}. Update both sides to the same version.");

    private static RpcException Cut() => new(new Status(StatusCode.Unavailable, "the stream ended before the text did"));

    [LoggerMessage(EventId = 1, Level = LogLevel.Information, Message = "The stream to {Address} was cut after {Tokens} tokens; attempt {Attempt} to take it up again")]
    private static partial void LogResume(ILogger logger, Uri address, int tokens, int attempt);
}
