using System.Text;
using EdgeSdk.Decoding;
using EdgeSdk.Protocol;
using EdgeSdk.Text;
using Google.Protobuf;
using Grpc.Core;

namespace EdgeSdk.Server;

/// <summary>
/// One text from Opened to its last commit. A reader hands the device's frames to the verifier while the passes run and their commits are written; the passes
/// never wait for a draft, only for a device that does not read.
/// </summary>
internal sealed class TextSession(TextRequest request, Verifier verifier, FrameWriter writer, ModelInfo model, Detokenizer? detokenizer) : IDisposable
{
    private readonly int[] _drafts = new int[Verifier.MostPerOffer];
    private readonly CancellationTokenSource _promptUnwanted = new();

    /// <summary>Decodes the text; its last commit is written when this returns how it went.</summary>
    /// <exception cref="RpcException">The device broke the protocol.</exception>
    public async Task<Finished> RunAsync(Opened opened, IAsyncStreamReader<DeviceFrame> frames, CancellationToken cancellationToken)
    {
        verifier.Offer(request.Text.Length, request.Drafts, heard: request.Text.Length);
        await writer.WriteAsync(new() { Opened = opened }, cancellationToken).ConfigureAwait(false);

        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var reading = ReadAsync(frames, ended);
        try
        {
            return await DecodeAsync(ended.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // Only the reader ends a text from inside: its failure says why.
            await reading.ConfigureAwait(false);
            throw;
        }
        finally
        {
            await ended.CancelAsync().ConfigureAwait(false);
            await reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    public void Dispose() => _promptUnwanted.Dispose();

    private async Task<Finished> DecodeAsync(CancellationToken cancellationToken)
    {
        SkipCommittedText();
        for (var commit = await StartAsync(cancellationToken).ConfigureAwait(false); commit is { } next;
            commit = await verifier.NextAsync(cancellationToken).ConfigureAwait(false))
        {
            await writer.WriteAsync(new() { Commit = Frame(next) }, cancellationToken).ConfigureAwait(false);

            // Passes on the CPU complete on the thread that asked: between two of them the frames' turn comes.
            await Task.Yield();
        }

        var usage = verifier.Usage;
        return new()
        {
            Reason = Reason(),
            PromptTokens = request.PromptTokens,
            OutputTokens = Math.Max(verifier.Place, request.Text.Length) - request.PromptTokens,
            Passes = usage.Passes,
            Drafted = usage.Drafted,
            Accepted = usage.Accepted,
        };
    }

    /// <summary>Takes in the prompt; gives up where the device no longer wants what follows it.</summary>
    private async ValueTask<Decoding.Commit?> StartAsync(CancellationToken cancellationToken)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _promptUnwanted.Token);
        try
        {
            return await verifier.StartAsync(request.Text, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (_promptUnwanted.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            return null;
        }
    }

    private Finished.Types.Reason Reason() => verifier.Finish switch
    {
        FinishReason.End => Finished.Types.Reason.End,
        FinishReason.Length when verifier.Place > request.Stop.LastPlace => Finished.Types.Reason.Length,
        _ => Finished.Types.Reason.Cancelled,
    };

    private Protocol.Commit Frame(in Decoding.Commit commit)
    {
        var frame = new Protocol.Commit
        {
            Place = commit.Place,
            Accepted = commit.Accepted,
            Wasted = commit.Wasted,
            PassSeconds = (float)commit.PassSeconds,
            Text = Text(commit.Tokens.Span),
        };
        frame.Ids.AddRange(commit.Tokens.Span);
        frame.Margins.AddRange(commit.Margins.Span);
        if (request.TellsLogProbs)
            frame.LogProbs.AddRange(commit.LogProbs.Span);

        return frame;
    }

    /// <summary>The text that these tokens make certain. Markup (a call's, say) is part of it, end tokens are not.</summary>
    private ByteString Text(ReadOnlySpan<int> tokens)
    {
        if (detokenizer is null)
            return ByteString.Empty;

        var text = new StringBuilder();
        foreach (int token in tokens)
        {
            if (!model.EndTokens.Contains(token))
                text.Append(detokenizer.Append(token));
        }

        if (verifier.Finish is not null)
            text.Append(detokenizer.Flush());

        return ByteString.CopyFromUtf8(text.ToString());
    }

    /// <summary>An earlier stream sent the text of what is committed; half a character at its end comes with the next commit.</summary>
    private void SkipCommittedText() => Text(request.Text.AsSpan(request.PromptTokens));

    private async Task ReadAsync(IAsyncStreamReader<DeviceFrame> frames, CancellationTokenSource ended)
    {
        try
        {
            while (await frames.MoveNext(ended.Token).ConfigureAwait(false))
                await TakeAsync(frames.Current, ended.Token).ConfigureAwait(false);
        }
        catch
        {
            // The passes must not go on for a device that broke the protocol or went away.
            await ended.CancelAsync().ConfigureAwait(false);
            throw;
        }
    }

    private ValueTask TakeAsync(DeviceFrame frame, CancellationToken cancellationToken)
    {
        switch (frame.FrameCase)
        {
            case DeviceFrame.FrameOneofCase.Draft:
                Offer(frame.Draft);
                return ValueTask.CompletedTask;
            case DeviceFrame.FrameOneofCase.Cancel:
                Stop(frame.Cancel);
                return ValueTask.CompletedTask;
            case DeviceFrame.FrameOneofCase.Ping:
                return new(writer.WriteAsync(new() { Pong = frame.Ping }, cancellationToken));
            case DeviceFrame.FrameOneofCase.Open:
                throw Refusal.Frame("A second Open", "A stream carries one text; open another stream for the next.");
            default:
                // A frame of a later version.
                return ValueTask.CompletedTask;
        }
    }

    private void Offer(Protocol.Draft draft)
    {
        if (request.SpeaksText)
            throw Refusal.Frame("A Draft", "A device that sends turns has another vocabulary and cannot draft.");

        if (draft.Place < 0 || draft.Place > model.ContextLength)
            throw Refusal.Field("Draft.place", draft.Place, $"lie in 0 to {model.ContextLength}, the model's context");

        if (draft.Heard < 0 || draft.Heard > model.ContextLength)
            throw Refusal.Field("Draft.heard", draft.Heard, $"lie in 0 to {model.ContextLength}, the model's context");

        if (draft.Ids.Count is 0 or > Verifier.MostPerOffer)
            throw Refusal.Field("Draft.ids", $"{draft.Ids.Count} long", $"have 1 to {Verifier.MostPerOffer} ids");

        TextRequest.CheckIds("Draft.ids", draft.Ids, model.VocabularySize);
        draft.Ids.CopyTo(_drafts, 0);
        verifier.Offer(draft.Place, _drafts.AsSpan(0, draft.Ids.Count), draft.Heard);
    }

    private void Stop(Cancel cancel)
    {
        if (cancel.LastPlace < -1)
            throw Refusal.Field("Cancel.last_place", cancel.LastPlace, "be the last place still wanted, or -1 to stop at once");

        verifier.StopAfter(cancel.LastPlace);
        if (cancel.LastPlace < request.Text.Length)
            _promptUnwanted.Cancel();
    }
}
