using System.Runtime.CompilerServices;
using System.Text;
using System.Threading.Channels;
using EdgeSdk.Decoding;
using EdgeSdk.Protocol;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using Commit = EdgeSdk.Decoding.Commit;

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

    /// <summary>The most text that a commit may carry for each of its tokens, bytes: more than any token of a vocabulary.</summary>
    private const int BytesPerToken = 4096;

    private readonly RemoteServer _server;
    private readonly Open _open;
    private readonly RemoteModel _model;
    private readonly CancellationTokenSource _stop;
    private readonly Outbox _outbox = new();
    private readonly Channel<RemoteCommit> _arrived = Channel.CreateBounded<RemoteCommit>(new BoundedChannelOptions(32) { SingleReader = true, SingleWriter = true });
    private readonly List<int> _committed;
    private readonly Task _running;
    private StepCost _cost;
    private int _connections;
    private long _pinged;
    private bool _opened;
    private volatile bool _connected, _left;

    internal RemoteStream(RemoteServer server, Open open, RemoteModel model)
    {
        _server = server;
        _open = open;
        _model = model;
        _cost = model.Cost;
        _stop = new(Timeout.InfiniteTimeSpan, server.Time);
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

    /// <summary>Whether the prompt ends inside a thought, as the server says where it renders.</summary>
    public bool InThought { get; private set; }

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
    public bool TryRead(out RemoteCommit commit)
    {
        while (_arrived.Reader.TryRead(out commit))
        {
            // One without tokens only wakes the reader: the connection is another.
            if (!commit.Commit.Tokens.IsEmpty)
                return true;
        }

        return false;
    }

    /// <inheritdoc/>
    /// <exception cref="EdgeException">The stream failed for good.</exception>
    /// <exception cref="TimeoutException">The server holds the stream open and says nothing.</exception>
    public async ValueTask<bool> WaitAsync(CancellationToken cancellationToken) =>
        await _arrived.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false);

    /// <summary>The commits, one after another, to the end of the text.</summary>
    public async IAsyncEnumerable<RemoteCommit> ReadAllAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        while (await WaitAsync(cancellationToken).ConfigureAwait(false))
        {
            while (TryRead(out RemoteCommit commit))
                yield return commit;
        }
    }

    /// <summary>
    /// Leaves the stream: tells the server that no more is wanted, and tears the call down where it does not answer in time. A reset is the last resort,
    /// since a server must take many of them for an attack.
    /// </summary>
    public async ValueTask DisposeAsync()
    {
        _left = true;
        _arrived.Writer.TryComplete();
        if (_connected)
        {
            _outbox.Add(new DeviceFrame { Cancel = new Cancel { LastPlace = -1 } });
            _stop.CancelAfter(_server.Options.FarewellTimeout);
        }
        else
        {
            await _stop.CancelAsync().ConfigureAwait(false);
        }

        await _running.ConfigureAwait(false);
        _stop.Dispose();
        _outbox.Dispose();
    }

    private async Task RunAsync()
    {
        try
        {
            await DecodeAsync().ConfigureAwait(false);
            _arrived.Writer.TryComplete();
        }
        catch (RpcException e)
        {
            _arrived.Writer.TryComplete(_server.Explain(e, _stop.Token));
        }
#pragma warning disable CA1031 // Whatever ends the stream reaches its reader, who is the only one to act on it.
        catch (Exception e)
#pragma warning restore CA1031
        {
            _arrived.Writer.TryComplete(e);
        }
    }

    /// <summary>Connects, and again where the connection breaks, until the text ends or nothing helps.</summary>
    private async Task DecodeAsync()
    {
        long broke = 0;
        for (int failures = 0; ; failures++)
        {
            int before = _committed.Count;
            try
            {
                await ConnectAsync().ConfigureAwait(false);
                return;
            }
            catch (RpcException e) when (!_left && MayPass(e))
            {
                if (failures == 0 || _committed.Count > before)
                    (failures, broke) = (0, _server.Time.GetTimestamp());

                // A machine that stands still takes each connection, and pings find it out only after a while: such attempts are few.
                if (_server.Time.GetElapsedTime(broke) >= _server.Options.OpenTimeout || failures >= (_opened || RemoteErrors.BrokeOff(e) ? _server.Options.ResumeAttempts : 1))
                    throw;

                LogResume(_server.Logger, _server.Options.Address, _committed.Count, failures + 1);
                await Task.Delay(_server.Backoff(failures, e), _server.Time, _stop.Token).ConfigureAwait(false);
            }
            finally
            {
                _connected = false;
            }
        }
    }

    /// <summary>Whether another attempt may go better: the connection broke (before the text began: a warm one that had died unnoticed), or there was no place for a resume.</summary>
    private bool MayPass(RpcException e) => _server.Explain(e, _stop.Token) is EdgeException failure && failure.Code switch
    {
        EdgeErrorCode.Unavailable => true,
        EdgeErrorCode.Exhausted => _opened && RemoteErrors.RetryAfter(e) is not null,
        _ => false,
    };

    /// <summary>One connection: from Open to Finished.</summary>
    /// <exception cref="RpcException">It broke, or the server refused.</exception>
    private async Task ConnectAsync()
    {
        if (_connections > 0)
        {
            _outbox.DropDrafts();
            _open.Drafts = null;
        }

        _open.Committed = new Tokens { Ids = { _committed } };
        using var call = _server.Generate(_stop.Token);
        using var ended = new CancellationTokenSource();
        Task writing = WriteAsync(call.RequestStream, ended.Token);
        try
        {
            if (Interlocked.Increment(ref _connections) > 1)
                _arrived.Writer.TryWrite(default);

            await ReadAsync(call.ResponseStream).ConfigureAwait(false);
            _arrived.Writer.TryComplete();
            _stop.CancelAfter(_server.Options.FarewellTimeout);
            await ended.CancelAsync().ConfigureAwait(false);
            await writing.ConfigureAwait(false);
            await ReadRestAsync(call.ResponseStream).ConfigureAwait(false);
        }
        finally
        {
            await ended.CancelAsync().ConfigureAwait(false);
            call.Dispose();
            await writing.ConfigureAwait(false);
        }
    }

    /// <summary>A write is not cancelled, which would reset the call; it ends with the call.</summary>
    private async Task WriteAsync(IClientStreamWriter<DeviceFrame> to, CancellationToken ended)
    {
        try
        {
            await to.WriteAsync(new DeviceFrame { Open = _open }, CancellationToken.None).ConfigureAwait(false);
            while (await _outbox.TakeAsync(ended).ConfigureAwait(false) is { } frame)
            {
                if (frame.FrameCase == DeviceFrame.FrameOneofCase.Ping)
                    Volatile.Write(ref _pinged, _server.Time.GetTimestamp());

                await to.WriteAsync(frame, CancellationToken.None).ConfigureAwait(false);
            }

            await to.CompleteAsync().ConfigureAwait(false);
        }
        catch (Exception e) when (e is RpcException or OperationCanceledException or InvalidOperationException or IOException)
        {
            // The reading side sees the same end, and what it means.
        }
    }

    /// <exception cref="TimeoutException">The server says nothing for too long.</exception>
    private async Task ReadAsync(IAsyncStreamReader<ServerFrame> from)
    {
        var patience = _server.Options.OpenTimeout;
        using var silence = new CancellationTokenSource(patience, _server.Time);
        try
        {
            if (!await from.MoveNext(silence.Token).ConfigureAwait(false))
                throw Cut();

            TakeOpened(from.Current);
            patience = _server.Options.StallTimeout;
            silence.CancelAfter(patience);

            // Not beside Open: a prompt's pass may hold every processor of the server, and the answer would come late.
            bool pinged = false;
            while (await from.MoveNext(silence.Token).ConfigureAwait(false))
            {
                switch (from.Current.FrameCase)
                {
                    case ServerFrame.FrameOneofCase.Commit:
                        silence.CancelAfter(Timeout.InfiniteTimeSpan);
                        if (!pinged)
                            _outbox.Add(new DeviceFrame { Ping = new Ping { Id = (ulong)_connections } });

                        pinged = true;
                        await TakeAsync(from.Current.Commit).ConfigureAwait(false);
                        silence.CancelAfter(patience);
                        break;
                    case ServerFrame.FrameOneofCase.Finished:
                        TakeFinished(from.Current.Finished.Reason);
                        return;
                    case ServerFrame.FrameOneofCase.Pong when Interlocked.Exchange(ref _pinged, 0) is var sent and not 0:
                        _server.Measured(_server.Time.GetElapsedTime(sent));
                        break;
                }
            }
        }
        catch (Exception e) when (silence.IsCancellationRequested && !_stop.IsCancellationRequested && e is RpcException or OperationCanceledException)
        {
            throw new TimeoutException($"The server at {_server.Options.Address} said nothing for {patience.TotalSeconds:0.#} s.", e);
        }

        throw Cut();
    }

    /// <summary>Nothing of interest follows Finished, but a call that is read to its end needs no reset.</summary>
    private static async Task ReadRestAsync(IAsyncStreamReader<ServerFrame> from)
    {
        try
        {
            while (await from.MoveNext(CancellationToken.None).ConfigureAwait(false))
            {
            }
        }
        catch (RpcException)
        {
            // The text is whole all the same.
        }
    }

    private void TakeOpened(ServerFrame frame)
    {
        if (frame.FrameCase != ServerFrame.FrameOneofCase.Opened || frame.Opened.Info is null)
            throw Broken($"its first frame is {frame.FrameCase} where Opened is due");

        int prompt = frame.Opened.PromptTokens;
        if (prompt < 1 || (PromptTokens >= 0 && prompt != PromptTokens))
            throw Broken($"it counts {prompt} tokens in the prompt of {PromptTokens}");

        PromptTokens = prompt;
        InThought = frame.Opened.InThought;
        _cost = RemoteModel.From(frame.Opened.Info).Cost;
        _opened = _connected = true;
    }

    private async ValueTask TakeAsync(Protocol.Commit commit)
    {
        if (_left)
            return;

        int place = PromptTokens + _committed.Count;
        if (commit.Place != place)
            throw Broken($"it commits place {commit.Place} where {place} is next");

        if (commit.Ids.Count == 0 || commit.Accepted < 0 || commit.Accepted > commit.Ids.Count || commit.Wasted < 0 || !(commit.PassSeconds >= 0)
            || (commit.Margins.Count != 0 && commit.Margins.Count != commit.Ids.Count) || (commit.LogProbs.Count != 0 && commit.LogProbs.Count != commit.Ids.Count))
        {
            throw Broken($"a commit of {commit.Ids.Count} tokens counts {commit.Accepted} accepted, {commit.Wasted} wasted, {commit.Margins.Count} margins, {commit.LogProbs.Count} log-probabilities, {commit.PassSeconds} s");
        }

        if (commit.LogProbs.Any(p => !(p <= 0)))
            throw Broken($"it tells the log-probability {commit.LogProbs.First(p => !(p <= 0))}");

        if (_committed.Count + commit.Ids.Count > _open.MaxTokens)
            throw Broken($"it writes more than the {_open.MaxTokens} tokens that were asked for");

        if (commit.Text.Length > BytesPerToken * commit.Ids.Count)
            throw Broken($"a commit of {commit.Ids.Count} tokens carries {commit.Text.Length} bytes of text");

        for (int i = 0; i < commit.Ids.Count; i++)
        {
            int id = commit.Ids[i];
            if (id < 0 || id >= _model.Info.VocabularySize)
                throw Broken($"it commits the id {id}, outside its vocabulary of {_model.Info.VocabularySize}");

            if (i == 0 ? HasEnded : IsEnd(commit.Ids[i - 1]))
                throw Broken($"it goes on behind an end token, at place {place + i}");
        }

        _committed.AddRange(commit.Ids);
        var taken = new Commit(place, commit.Ids.ToArray(), commit.Accepted, commit.Wasted, commit.PassSeconds, commit.Margins.ToArray()) { LogProbs = commit.LogProbs.ToArray() };
        try
        {
            await _arrived.Writer.WriteAsync(new(taken, Text(commit)), _stop.Token).ConfigureAwait(false);
        }
        catch (ChannelClosedException) when (_left)
        {
            // Nobody reads any more; the server's farewell is still to come.
        }
    }

    private void TakeFinished(Finished.Types.Reason reason)
    {
        bool full = _committed.Count == _open.MaxTokens || PromptTokens + _committed.Count >= _model.Info.ContextLength;
        Finish = reason switch
        {
            _ when _left => null,
            Finished.Types.Reason.End when HasEnded => FinishReason.End,
            Finished.Types.Reason.Length when full => FinishReason.Length,
            _ => throw Broken($"it finishes ({reason}) after {_committed.Count} of {_open.MaxTokens} tokens, neither at an end token nor at the limit"),
        };
    }

    private bool HasEnded => _committed.Count > 0 && IsEnd(_committed[^1]);

    private bool IsEnd(int token) => !_open.IgnoreEnd && _model.Info.EndTokens.Contains(token);

    private static string Text(Protocol.Commit commit) => commit.Text.IsEmpty ? "" : Encoding.UTF8.GetString(commit.Text.Span);

    private EdgeException Broken(string how) => new(
        EdgeErrorCode.Protocol,
        $"The server at {_server.Options.Address} broke the protocol: {how}. Update both sides to the same version.");

    private static RpcException Cut() => new(new Status(StatusCode.Unavailable, "the stream ended before the text did"));

    [LoggerMessage(EventId = 1, Level = LogLevel.Information, Message = "The stream to {Address} was cut after {Tokens} tokens; attempt {Attempt} to take it up again")]
    private static partial void LogResume(ILogger logger, Uri address, int tokens, int attempt);
}
