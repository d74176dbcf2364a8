using System.Net;
using EdgeSdk.Decoding;
using EdgeSdk.Remote;
using EdgeSdk.Runtime;
using EdgeSdk.Sampling;
using EdgeSdk.Text;
using EdgeSdk.Text.Constraints;

namespace EdgeSdk.Cli;

/// <summary>
/// Checks the promise that drafts never change a text: every turn is written by the server alone and by device and server together, over real sockets,
/// drafts always sent, in a tenth of the turns bad ones, and the two texts are compared token by token.
/// </summary>
internal sealed class VerifyLossless : IAsyncDisposable
{
    /// <summary>One turn in so many gets adversarial drafts.</summary>
    private const int AdversarialEvery = 10;

    private readonly VerifyLosslessOptions _options;
    private readonly ILanguageModel _device;
    private readonly RemoteServer _alone, _together;
    private readonly FaultProxy? _network;
    private readonly Agreement _agreement = new();
    private int _turns, _differences, _resumes;
    private long _tokens, _drafted, _accepted, _honestTokens, _honestPasses;

    private VerifyLossless(VerifyLosslessOptions options, ILanguageModel device, Uri server, FaultProxy? network)
    {
        _options = options;
        _device = device;
        _network = network;
        _alone = Connection(server);
        _together = Connection(network?.Address ?? server);
    }

    /// <summary>Loads both sides, plays every dialogue with every seed, and counts.</summary>
    /// <exception cref="EdgeException">A folder or the file is not what it should be, the server cannot be reached, or it has another vocabulary.</exception>
    public static async Task<VerifyLosslessResult> RunAsync(
        VerifyLosslessOptions options, IProgress<VerifyLosslessProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        var dialogues = ReadDialogues(options, cancellationToken);
        var device = await OnnxModel.LoadAsync(options.Device, new() { MinimumRows = 2 }, cancellationToken: cancellationToken).ConfigureAwait(false);
        await using var ownedDevice = device.ConfigureAwait(false);
        if (options.Server.Contains("://", StringComparison.Ordinal))
            return await RunAsync(options, device, AddressOf(options.Server), dialogues, progress, cancellationToken).ConfigureAwait(false);

        var server = await HostedServer.StartAsync(options.Server, options.Step, cancellationToken: cancellationToken).ConfigureAwait(false);
        await using var ownedServer = server.ConfigureAwait(false);
        return await RunAsync(options, device, server.Address, dialogues, progress, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>The same between a loaded model and a server that runs.</summary>
    /// <param name="options">Its folders and its file are not looked at.</param>
    /// <param name="device">Drafts.</param>
    /// <param name="server">The server's address.</param>
    /// <param name="dialogues">The prompts of the turns of each.</param>
    /// <param name="progress">Told of each turn.</param>
    /// <param name="cancellationToken">Ends the check.</param>
    public static async Task<VerifyLosslessResult> RunAsync(
        VerifyLosslessOptions options,
        ILanguageModel device,
        Uri server,
        IReadOnlyList<IReadOnlyList<int[]>> dialogues,
        IProgress<VerifyLosslessProgress>? progress,
        CancellationToken cancellationToken)
    {
        bool faulty = options.Cut || options.Delay > TimeSpan.Zero;
        var network = faulty ? new FaultProxy(await EndPointOfAsync(server, cancellationToken).ConfigureAwait(false)) { Delay = options.Delay } : null;
        var check = new VerifyLossless(options, device, server, network);
        await using var owned = check.ConfigureAwait(false);
        return await check.PlayAsync(dialogues, progress, cancellationToken).ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        await _together.DisposeAsync().ConfigureAwait(false);
        await _alone.DisposeAsync().ConfigureAwait(false);
        if (_network is not null)
            await _network.DisposeAsync().ConfigureAwait(false);
    }

    /// <summary>What was written for a turn.</summary>
    private sealed record Written(int[] Tokens, FinishReason? Finish);

    /// <summary>Every dialogue with every seed, turn by turn, each turn behind its reference history.</summary>
    private async Task<VerifyLosslessResult> PlayAsync(
        IReadOnlyList<IReadOnlyList<int[]>> dialogues, IProgress<VerifyLosslessProgress>? progress, CancellationToken cancellationToken)
    {
        var model = await DescribeAsync(cancellationToken).ConfigureAwait(false);
        var tokenizer = new Lazy<Tokenizer>(() => Tokenizer.Load(_options.Device));
        int of = dialogues.Sum(dialogue => dialogue.Count) * _options.Seeds;
        for (int d = 0; d < dialogues.Count; d++)
        {
            for (int t = 0; t < dialogues[d].Count; t++)
            {
                int[] prompt = dialogues[d][t];
                var constrained = _options.Constraint is null ? null : ConstrainedText.For(
                    _options.Constraint, tokenizer.Value, model.Info.EndTokens, prompt.Length, StopRule.For(model.Info, prompt.Length, _options.MaxTokens).LastPlace + 1);
                Written? expected = null;
                for (int seed = 1; seed <= _options.Seeds; seed++)
                {
                    var sampler = new SamplerSpec(_options.Temperature, (ulong)seed) { Constrained = constrained };
                    if (expected is null || _options.Temperature > 0)
                        expected = await WriteAloneAsync(prompt, sampler, model, cancellationToken).ConfigureAwait(false);

                    var random = new Random((d * 1_000 + t) * 1_000 + seed);
                    bool adversarial = _turns % AdversarialEvery == AdversarialEvery - 1;
                    var written = await WriteTogetherAsync(prompt, sampler, model, expected, adversarial, random, cancellationToken).ConfigureAwait(false);
                    string? difference = Compare(expected, written);
                    _turns++;
                    _differences += difference is null ? 0 : 1;
                    progress?.Report(new(_turns, of, difference is null ? null : $"dialogue {d + 1}, turn {t + 1}, seed {seed}: {difference}"));
                }
            }
        }

        return new(
            dialogues.Count * _options.Seeds, _turns, _tokens, _drafted, _accepted, _differences, _agreement.Report(), _honestPasses / (double)_honestTokens, _resumes);
    }

    private async Task<RemoteModel> DescribeAsync(CancellationToken cancellationToken)
    {
        await _together.DescribeAsync(cancellationToken).ConfigureAwait(false);
        return await SharedVocabulary.DescribeAsync(_alone, _device, cancellationToken).ConfigureAwait(false);
    }

    private async Task<Written> WriteAloneAsync(int[] prompt, SamplerSpec sampler, RemoteModel model, CancellationToken cancellationToken)
    {
        var stream = _alone.Open(OpenFrame.For(prompt, _device.Info.VocabularyFingerprint, sampler, _options.MaxTokens), model);
        await using var owned = stream.ConfigureAwait(false);
        var text = new List<int>();
        await foreach (var commit in stream.ReadAllAsync(cancellationToken).ConfigureAwait(false))
            text.AddRange(commit.Commit.Tokens.Span);

        return new([.. text], stream.Finish);
    }

    private async Task<Written> WriteTogetherAsync(
        int[] prompt, SamplerSpec sampler, RemoteModel model, Written expected, bool adversarial, Random random, CancellationToken cancellationToken)
    {
        var sequence = await _device.OpenAsync(sampler, cancellationToken).ConfigureAwait(false);
        var window = new DraftWindow(_device, sequence, StopRule.For(model.Info, prompt.Length, _options.MaxTokens), TimeProvider.System);
        await using var ownedWindow = window.ConfigureAwait(false);
        int cutAfter = _options.Cut ? random.Next(Math.Max(1, expected.Tokens.Length)) : -1;
        RemoteStream? stream = null;
        var turn = new TogetherTurn(window, new Gate(GateMode.AlwaysOn), _agreement, model.Cost, _together.RoundTripSeconds, drafts =>
        {
            var open = OpenFrame.For(prompt, _device.Info.VocabularyFingerprint, sampler, _options.MaxTokens);
            open.Drafts = OpenFrame.TokensOf(adversarial ? AdversarialStream.Spoil(drafts.Span, model.Info, random) : drafts.Span);
            stream = _together.Open(open, model);
            CutAt(0, cutAfter);
            return adversarial ? new AdversarialStream(stream, model.Info, random) : stream;
        });
        try
        {
            var text = new List<int>();
            await foreach (var token in turn.RunAsync(prompt, cancellationToken).ConfigureAwait(false))
            {
                text.Add(token.Token);
                CutAt(text.Count, cutAfter);
            }

            await turn.CompareRestAsync(cancellationToken).ConfigureAwait(false);
            Count(turn, window, text.Count, stream!, adversarial);
            return new([.. text], turn.Finish);
        }
        finally
        {
            if (stream is not null)
                await stream.DisposeAsync().ConfigureAwait(false);
        }
    }

    private void CutAt(int place, int cutAfter)
    {
        if (place == cutAfter)
            _network!.Cut();
    }

    private void Count(TogetherTurn turn, DraftWindow window, int written, RemoteStream stream, bool adversarial)
    {
        _tokens += written;
        _drafted += turn.Drafted;
        _accepted += turn.Accepted;
        _resumes += stream.Connections - 1;
        if (adversarial)
            return;

        _agreement.Merge(window.Agreement);
        _honestTokens += written;
        _honestPasses += turn.Passes;
    }

    /// <summary>Where two texts part; null where they do not.</summary>
    private static string? Compare(Written expected, Written actual)
    {
        int same = expected.Tokens.AsSpan().CommonPrefixLength(actual.Tokens);
        if (same < expected.Tokens.Length || same < actual.Tokens.Length)
            return $"token {same} is {At(actual)} together, {At(expected)} by the server alone";

        return expected.Finish == actual.Finish ? null : $"the text ends by {actual.Finish} together, by {expected.Finish} by the server alone";

        string At(Written text) => same < text.Tokens.Length ? $"{text.Tokens[same]}" : "missing";
    }

    private RemoteServer Connection(Uri address) => new(new() { Address = address, Token = _options.Token, FirstBackoff = TimeSpan.FromMilliseconds(10) });

    private static Uri AddressOf(string server) => Uri.TryCreate(server, UriKind.Absolute, out var address)
        ? address
        : throw new EdgeException(EdgeErrorCode.InvalidArgument, $"The server '{server}' is no address. Write http://host:port or https://host:port, or the path of a model folder.");

    private static async Task<IPEndPoint> EndPointOfAsync(Uri server, CancellationToken cancellationToken)
    {
        if (server.Scheme != Uri.UriSchemeHttp)
            throw new EdgeException(EdgeErrorCode.InvalidArgument, $"Delays and cuts need a server in clear text; {server} is not. Give a model folder or an http:// address.");

        var addresses = await Dns.GetHostAddressesAsync(server.DnsSafeHost, cancellationToken).ConfigureAwait(false);
        return new(addresses[0], server.Port);
    }

    /// <summary>The prompts of all turns to play.</summary>
    private static IReadOnlyList<IReadOnlyList<int[]>> ReadDialogues(VerifyLosslessOptions options, CancellationToken cancellationToken) =>
        options.Dialogues is { } file
            ? DialoguePrompts.Read(options.Device, file, options.Count, cancellationToken)
            : [.. options.Prompts.Take(options.Count).Select(prompt => new[] { prompt })];
}
