using System.Security.Cryptography;
using EdgeSdk.Decoding;
using EdgeSdk.Protocol;
using EdgeSdk.Text.Constraints;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace EdgeSdk.Server;

/// <summary>The service of edge.proto: lets a call in, checks what it asks for, and turns whatever ends it into a status.</summary>
internal sealed class EdgeService(ILanguageModel model, EdgeServerOptions options, BearerToken token, Sessions sessions, ILogger<EdgeService> logger) : Edge.EdgeBase
{
    private static readonly string Software = "EdgeSdk/" + typeof(EdgeService).Assembly.GetName().Version?.ToString(3);

    public override Task<ServerInfo> Describe(DescribeRequest request, ServerCallContext context)
    {
        token.Authorize(context);
        TextRequest.CheckVersion("DescribeRequest.version", request.Version);
        return Task.FromResult(Info());
    }

    public override async Task Generate(IAsyncStreamReader<DeviceFrame> requestStream, IServerStreamWriter<ServerFrame> responseStream, ServerCallContext context)
    {
        string session = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(8));
        try
        {
            token.Authorize(context);
            context.GetHttpContext().Response.RegisterForDispose(sessions.EnterStream());
            var open = await ReadOpenAsync(requestStream, context.CancellationToken).ConfigureAwait(false);
            using var writer = new FrameWriter(responseStream, context.GetHttpContext(), options.Limits.Idle, options.TimeProvider);
            using var ending = CancellationTokenSource.CreateLinkedTokenSource(context.CancellationToken, sessions.Ending);
            var finished = await DecodeAsync(session, open, requestStream, writer, ending.Token).ConfigureAwait(false);

            // By now the text's place is free: a device that opens the next one on hearing this finds it so.
            await writer.WriteAsync(new() { Finished = finished }, ending.Token).ConfigureAwait(false);
        }
        catch (Exception) when (context.CancellationToken.IsCancellationRequested)
        {
            // Nobody is there to be told.
            ServerLog.Left(logger, session);
        }
        catch (Exception e)
        {
            var refusal = Explain(e, session);
            ServerLog.Refused(logger, session, refusal.StatusCode, refusal.Status.Detail);
            if (refusal.Status.DebugException is { } cause)
                ServerLog.Cause(logger, cause, session);

            throw refusal;
        }
    }

    private async Task<Open> ReadOpenAsync(IAsyncStreamReader<DeviceFrame> frames, CancellationToken cancellationToken)
    {
        using var late = new CancellationTokenSource(options.Limits.Handshake, options.TimeProvider);
        using var any = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, late.Token, sessions.Draining);
        try
        {
            if (await frames.MoveNext(any.Token).ConfigureAwait(false) && frames.Current.FrameCase == DeviceFrame.FrameOneofCase.Open)
                return frames.Current.Open;
        }
        catch (OperationCanceledException) when (late.IsCancellationRequested)
        {
            throw Refusal.Late($"No Open came within {options.Limits.Handshake.TotalSeconds} s. Send it as the stream's first frame, at once.");
        }

        throw Refusal.Frame("The first frame", "A stream begins with Open.");
    }

    private async Task<Finished> DecodeAsync(
        string session, Open open, IAsyncStreamReader<DeviceFrame> frames, FrameWriter writer, CancellationToken cancellationToken)
    {
        using var place = sessions.EnterText();
        var request = await ReadAsync(open, cancellationToken).ConfigureAwait(false);
        var sequence = await model.OpenAsync(request.Sampler, cancellationToken).ConfigureAwait(false);
        var verifier = new Verifier(model, sequence, request.Stop, options.TimeProvider);
        await using (verifier.ConfigureAwait(false))
        {
            var detokenizer = request.SpeaksText ? options.Tokenizer!.CreateDetokenizer(skipSpecialTokens: false) : null;
            var opened = new Opened { Session = session, Info = Info(), PromptTokens = request.PromptTokens, InThought = request.BeginsInThought };
            ServerLog.Opened(logger, session, request.PromptTokens, request.Text.Length - request.PromptTokens);
            using var text = new TextSession(request, verifier, writer, model.Info, detokenizer);
            var finished = await text.RunAsync(opened, frames, cancellationToken).ConfigureAwait(false);
            ServerLog.Finished(logger, session, finished.Reason, finished.OutputTokens, finished.Passes, finished.Drafted, finished.Accepted);
            return finished;
        }
    }

    /// <summary>Renders turns and compiles constraints when the request's turn has come; one whose device has left by then costs nothing any more.</summary>
    private async Task<TextRequest> ReadAsync(Open open, CancellationToken cancellationToken)
    {
        TextRequest request;
        await sessions.Reading.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            request = TextRequest.From(open, model.Info, options);
        }
        finally
        {
            sessions.Reading.Release();
        }

        await request.CheckCommittedAsync(cancellationToken).ConfigureAwait(false);
        return request;
    }

    private RpcException Explain(Exception e, string session)
    {
        switch (e)
        {
            case RpcException { StatusCode: StatusCode.ResourceExhausted, Trailers.Count: 0 }:
                return Refusal.Large(options.Limits.FrameBytes); // of the library, which names no number
            case RpcException refusal:
                return refusal;
            case InvalidProtocolBufferException:
                return Refusal.Text("A frame is no message of edge.proto. Update the older side.");
            case OperationCanceledException when sessions.Draining.IsCancellationRequested:
                return Refusal.Stopping();
            case AmbiguousConstraintException ambiguous:
                return Refusal.Constraint(ambiguous);
            case EdgeException { Code: EdgeErrorCode.Exhausted }:
                ServerLog.Failed(logger, e, session);
                return Refusal.Exhausted("The server has no memory left for another text");
            default:
                ServerLog.Failed(logger, e, session);
                return Refusal.Failed(session);
        }
    }

    private ServerInfo Info()
    {
        var (info, traits) = (model.Info, model.Traits);
        var described = new ServerInfo
        {
            Version = TextRequest.Version,
            Server = Software,
            Model = info.Name,
            Identity = info.Identity,
            VocabularyFingerprint = info.VocabularyFingerprint ?? "",
            VocabularySize = info.VocabularySize,
            ContextLength = info.ContextLength,
            ExactFrom = traits.ExactFrom,
            Renders = options is { Tokenizer: not null, ChatTemplate: not null },
            Limits = new()
            {
                FrameBytes = options.Limits.FrameBytes,
                DraftsPerFrame = Verifier.MostPerOffer,
                DraftsWaiting = Verifier.MostWaiting,
                Streams = options.Limits.Streams,
                MaxTokens = options.Limits.MaxTokens ?? 0,
            },
        };
        described.EndTokens.AddRange(info.EndTokens);
        if (traits.Cost.IsKnown)
            described.PassSeconds.AddRange(traits.Cost.PassSeconds);

        if (options.Thought is { } thought)
            described.Thought = new() { Begin = thought.Begin, End = thought.End, BeginText = thought.BeginText, EndText = thought.EndText };

        return described;
    }
}
