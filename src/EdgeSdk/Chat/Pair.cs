using System.Runtime.CompilerServices;
using EdgeSdk.Decoding;
using EdgeSdk.Protocol;
using EdgeSdk.Remote;
using EdgeSdk.Sampling;

namespace EdgeSdk.Chat;

/// <summary>A device, a server, or both, and the ways in which they write an answer.</summary>
/// <remarks>Thread-safe: answers are written side by side.</remarks>
internal sealed class Pair(Device? device, RemoteServer? server, TimeProvider time) : IAsyncDisposable
{
    private readonly Gate _gate = new();
    private readonly Lock _agreementLock = new();
    private Agreement _agreement = new();

    /// <summary>The device; null for a remote client.</summary>
    public Device? Device => device;

    /// <summary>The server; null for a local client.</summary>
    public RemoteServer? Server => server;

    /// <summary>Agreement over all turns so far.</summary>
    public Agreement Agreement
    {
        get
        {
            lock (_agreementLock)
            {
                return _agreement;
            }
        }
    }

    /// <summary>Writes the answer to <paramref name="request"/>; <paramref name="answer"/> takes in what becomes known.</summary>
    /// <exception cref="EdgeException">Unavailable, Refused ...: where the route needs a server that does not play along.</exception>
    public IAsyncEnumerable<Written> WriteAsync(ChatRequest request, Answer answer, CancellationToken cancellationToken)
    {
        switch (request.Route)
        {
            case EdgeRoute.Device:
                answer.Take(EdgeRoute.Device, "asked for");
                return AloneAsync(NeedDevice(request), request, answer, cancellationToken);
            case EdgeRoute.Server:
                NeedServer(request);
                answer.Take(EdgeRoute.Server, "asked for");
                return ServerAsync(request, answer, cancellationToken);
            case EdgeRoute.Together:
                NeedDevice(request);
                NeedServer(request);
                answer.Take(EdgeRoute.Together, "asked for");
                return TogetherAsync(request, answer, cancellationToken);
            default:
                return AutoAsync(request, answer, cancellationToken);
        }
    }

    private async IAsyncEnumerable<Written> AutoAsync(ChatRequest request, Answer answer, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (device is null)
        {
            answer.Take(EdgeRoute.Server, "this client has no model on the device");
            await foreach (var written in ServerAsync(request, answer, cancellationToken).ConfigureAwait(false))
                yield return written;

            yield break;
        }

        if (server is null)
        {
            answer.Take(EdgeRoute.Device, "this client has no server");
            await foreach (var written in AloneAsync(device, request, answer, cancellationToken).ConfigureAwait(false))
                yield return written;

            yield break;
        }

        await foreach (var written in BegunOnDeviceAsync(device, server, request, answer, cancellationToken).ConfigureAwait(false))
            yield return written;
    }

    /// <summary>The device begins and holds its first tokens back; unsure ones are dropped and the turn is handed over.</summary>
    private async IAsyncEnumerable<Written> BegunOnDeviceAsync(
        Device device, RemoteServer server, ChatRequest request, Answer answer, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        int[] prompt = device.Tokenise(request);
        var rule = device.HandOver;
        var held = new List<Pick>(rule.HoldTokens);
        var sequence = await device.Sequences.LeaseAsync(device.SamplerFor(request, prompt, device.Model.Info), prompt, cancellationToken).ConfigureAwait(false);
        await using (sequence.ConfigureAwait(false))
        {
            Note(answer, prompt, sequence, device);
            var generation = new Generation(sequence, StopRule.For(device.Model.Info, prompt.Length, request.MaxOutputTokens));
            bool stays = false;
            await foreach (var pick in generation.RunAsync(prompt, cancellationToken).ConfigureAwait(false))
            {
                if (stays)
                {
                    yield return Written.Of(pick);
                    continue;
                }

                held.Add(pick);
                if (rule.Stays(held) && !rule.IsDone(held) && generation.Finish is null)
                    continue;

                (stays, string reason) = await StaysAsync(rule, held, server, cancellationToken).ConfigureAwait(false);
                if (!stays)
                {
                    answer.Reason = reason;
                    break;
                }

                answer.Take(EdgeRoute.Device, reason);
                foreach (var early in held)
                    yield return Written.Of(early);
            }

            answer.Finish = generation.Finish;
            if (stays)
                yield break;
        }

        await foreach (var written in HandedOverAsync(request, answer, cancellationToken).ConfigureAwait(false))
            yield return written;
    }

    /// <summary>Whether a begun turn stays with the device: sure of its first tokens, or alone because no server answers.</summary>
    private static async ValueTask<(bool Stays, string Reason)> StaysAsync(
        Routing.HandOver rule, List<Pick> held, RemoteServer server, CancellationToken cancellationToken)
    {
        if (rule.Stays(held))
            return (true, rule.Reason(held));

        try
        {
            await server.DescribeAsync(cancellationToken).ConfigureAwait(false);
            return (false, rule.Reason(held));
        }
        catch (Exception e) when (IsGone(e))
        {
            return (true, $"{rule.Reason(held)}, but no server answers: {e.Message}");
        }
    }

    private async IAsyncEnumerable<Written> HandedOverAsync(ChatRequest request, Answer answer, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var remote = await server!.DescribeAsync(cancellationToken).ConfigureAwait(false);
        string why = answer.Reason;
        bool together = SharesVocabulary(remote);
        if (together)
        {
            var decision = _gate.Decide(new(remote.Cost, server.RoundTripSeconds, device!.Model.Traits.Cost.IsKnown ? device.Model.Traits.Cost.Pass(1) : double.NaN, Agreement));
            together = decision.On;
            why = together ? why : $"{why}; {decision.Reason}"; // a turn written together tells the gate's last reason itself
        }
        else
        {
            why = $"{why}; the server's vocabulary is another";
        }

        answer.Take(together ? EdgeRoute.Together : EdgeRoute.Server, why);
        var handedOver = (together ? TogetherAsync(request, answer, cancellationToken) : ServerAsync(request, answer, cancellationToken)).GetAsyncEnumerator(cancellationToken);
        Exception? gone = null;
        await using (handedOver.ConfigureAwait(false))
        {
            bool more = false;
            try
            {
                more = await handedOver.MoveNextAsync().ConfigureAwait(false);
            }
            catch (Exception e) when (IsGone(e))
            {
                gone = e; // since it was last heard: nothing is written yet, so the device may do it
            }

            for (; more; more = await handedOver.MoveNextAsync().ConfigureAwait(false))
                yield return handedOver.Current;
        }

        if (gone is null)
            yield break;

        answer.Take(EdgeRoute.Device, $"{why}, but no server answers: {gone.Message}");
        await foreach (var written in AloneAsync(device!, request, answer, cancellationToken).ConfigureAwait(false))
            yield return written;
    }

    /// <summary>No server answers, or it has no place: another time it may.</summary>
    private static bool IsGone(Exception e) => e is EdgeException { IsTransient: true } or TimeoutException;

    private static async IAsyncEnumerable<Written> AloneAsync(Device device, ChatRequest request, Answer answer, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        int[] prompt = device.Tokenise(request);
        var sequence = await device.Sequences.LeaseAsync(device.SamplerFor(request, prompt, device.Model.Info), prompt, cancellationToken).ConfigureAwait(false);
        await using var giveBack = sequence.ConfigureAwait(false);
        Note(answer, prompt, sequence, device);
        var generation = new Generation(sequence, StopRule.For(device.Model.Info, prompt.Length, request.MaxOutputTokens));
        await foreach (var pick in generation.RunAsync(prompt, cancellationToken).ConfigureAwait(false))
        {
            answer.Finish = generation.Finish;
            yield return Written.Of(pick);
        }
    }

    /// <summary>The server alone: by token ids where it has the device's vocabulary, by whole turns where it has another.</summary>
    private async IAsyncEnumerable<Written> ServerAsync(ChatRequest request, Answer answer, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var remote = await server!.DescribeAsync(cancellationToken).ConfigureAwait(false);
        answer.Exact = remote.ExactFrom > 0;
        bool byIds = SharesVocabulary(remote);
        if (!byIds && !remote.Renders)
        {
            throw new EdgeException(
                EdgeErrorCode.Refused,
                $"The server at {server.Options.Address} has another vocabulary than this device and no chat template to take whole turns by. Serve a model folder with tokenizer.json and chat_template.jinja.");
        }

        Open open;
        if (byIds)
        {
            int[] prompt = device!.Tokenise(request);
            open = OpenFor(request, prompt, device.SamplerFor(request, prompt, remote.Info));
            Think(answer, prompt, device);
        }
        else
        {
            open = OpenFor(request);
            if (device is not null && request.Sampler.Bias is not null)
            {
                throw new EdgeException(
                    EdgeErrorCode.InvalidArgument, $"logit_bias names tokens of the device's vocabulary; the server at {server.Options.Address} has another. Leave it out, or use the route Device.");
            }
        }

        var stream = server.Open(open, remote);
        await using var leave = stream.ConfigureAwait(false);
        await foreach (var arrived in stream.ReadAllAsync(cancellationToken).ConfigureAwait(false))
        {
            var commit = arrived.Commit;
            answer.ServerPasses++;
            answer.PromptTokens = stream.PromptTokens;
            if (!byIds)
                answer.Think(remote.Thought, stream.InThought);

            for (int i = 0; i < commit.Tokens.Length; i++)
            {
                float logProb = commit.LogProbs.IsEmpty ? float.NaN : commit.LogProbs.Span[i];
                yield return byIds
                    ? Written.Of(commit.Tokens.Span[i], EdgeWriter.Server, logProb)
                    : new Written(commit.Tokens.Span[i], i == commit.Tokens.Length - 1 ? arrived.Text : "", EdgeWriter.Server, logProb);
            }
        }

        answer.Finish = stream.Finish;
    }

    private async IAsyncEnumerable<Written> TogetherAsync(ChatRequest request, Answer answer, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var remote = await server!.DescribeAsync(cancellationToken).ConfigureAwait(false);
        if (!SharesVocabulary(remote))
        {
            throw new EdgeException(
                EdgeErrorCode.Refused,
                $"Together needs one vocabulary: the server at {server.Options.Address} runs '{remote.Info.Name}' with fingerprint {Short(remote.Info)}, the device '{device!.Model.Info.Name}' with {Short(device.Model.Info)}. Use the route Server or Auto.");
        }

        answer.Exact = remote.ExactFrom > 0;
        int[] prompt = device!.Tokenise(request);
        var sampler = device.SamplerFor(request, prompt, remote.Info);
        var lease = await device.Sequences.LeaseAsync(sampler, prompt, cancellationToken).ConfigureAwait(false);
        answer.PromptTokens = prompt.Length;
        answer.CachedTokens = lease.Cached;
        Think(answer, prompt, device);
        RemoteStream? stream = null;
        var window = new DraftWindow(device.Model, lease, StopRule.For(remote.Info, prompt.Length, request.MaxOutputTokens), time);
        await using var giveBack = window.ConfigureAwait(false);
        var turn = new TogetherTurn(window, _gate, Agreement, remote.Cost, server.RoundTripSeconds, drafts =>
        {
            var open = OpenFor(request, prompt, sampler);
            open.Drafts = OpenFrame.TokensOf(drafts.Span);
            return stream = server.Open(open, remote);
        });
        try
        {
            await foreach (var token in turn.RunAsync(prompt, cancellationToken).ConfigureAwait(false))
                yield return Written.Of(token.Token, token.Drafted ? EdgeWriter.AcceptedDraft : EdgeWriter.Server, token.LogProb);

            answer.Finish = turn.Finish;
            await turn.CompareRestAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            (answer.Drafted, answer.Accepted, answer.ServerPasses) = (turn.Drafted, turn.Accepted, turn.Passes);
            answer.Reason = $"{answer.Reason}; {turn.Decision.Reason}";
            Learn(window.Agreement);
            if (stream is not null)
                await stream.DisposeAsync().ConfigureAwait(false);
        }
    }

    private void Learn(Agreement turn)
    {
        lock (_agreementLock)
        {
            _agreement += turn;
        }
    }

    private bool SharesVocabulary(RemoteModel remote) =>
        device?.Tokenizer.Fingerprint is { } own && own == remote.Info.VocabularyFingerprint;

    private static string Short(ModelInfo info) => info.VocabularyFingerprint is { Length: > 12 } fingerprint ? fingerprint[..12] : "(none)";

    private Open OpenFor(ChatRequest request, int[] prompt, SamplerSpec sampler)
    {
        var open = OpenFrame.For(prompt, device!.Tokenizer.Fingerprint, sampler, request.MaxOutputTokens);
        open.LogProbs = request.LogProbs;
        return open;
    }

    private static Open OpenFor(ChatRequest request)
    {
        var turns = new Turns { MessagesJson = request.Messages.ToJsonString(), ToolsJson = request.Tools?.ToJsonString() ?? "" };
        var open = OpenFrame.For(turns, request.Sampler, request.Constraint, request.ThinkingBudget, request.MaxOutputTokens);
        open.LogProbs = request.LogProbs;
        return open;
    }

    private static void Note(Answer answer, int[] prompt, LeasedSequence sequence, Device device)
    {
        answer.PromptTokens = prompt.Length;
        answer.CachedTokens = sequence.Cached;
        answer.Exact = device.Model.Traits.ExactFrom > 0;
        Think(answer, prompt, device);
    }

    private static void Think(Answer answer, int[] prompt, Device device) =>
        answer.Think(device.Thought, device.Thought?.IsOpenBehind(prompt, device.Tokenizer) is true);

    private Device NeedDevice(ChatRequest request) => device ?? throw new EdgeException(
        EdgeErrorCode.InvalidArgument, $"The route {request.Route} needs a model on the device: set EdgeSdk:Model.");

    private void NeedServer(ChatRequest request)
    {
        if (server is null)
            throw new EdgeException(EdgeErrorCode.InvalidArgument, $"The route {request.Route} needs a server: set EdgeSdk:Server:Address.");
    }

    public async ValueTask DisposeAsync()
    {
        if (server is not null)
            await server.DisposeAsync().ConfigureAwait(false);

        if (device is not null)
            await device.DisposeAsync().ConfigureAwait(false);
    }
}
