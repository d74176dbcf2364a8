using System.CommandLine;
using EdgeSdk.Remote;
using Microsoft.Extensions.AI;

namespace EdgeSdk.Cli.Commands;

/// <summary>The options of a command that talks to the pair: <c>edge ask</c>, <c>edge chat</c>.</summary>
internal sealed class PairOptions
{
    private readonly Option<string?> _device = new("--device") { Description = "The device's model folder; without it the server answers", HelpName = "DIR" };
    private readonly Option<string?> _server = new("--server") { Description = "The server's address; without it the device answers", HelpName = "URL" };
    private readonly Option<string?> _tokenFile = SharedOptions.TokenFile("The file that holds the server's bearer token");
    private readonly Option<string> _route = new Option<string>("--route") { Description = "Who writes", DefaultValueFactory = _ => "auto" }.AcceptOnlyFromAmong("auto", "device", "server", "together");
    private readonly Option<string?> _system = new("--system") { Description = "What the model is told before all else", HelpName = "TEXT" };
    private readonly Option<string[]> _stop = new("--stop") { Description = "The answer ends before this text; may be given several times", HelpName = "TEXT" };
    private readonly Option<string?> _effort = new Option<string?>("--effort") { Description = "How much of --max-tokens a thought may take: 0, 20, 50, 80 or 95 %" }.AcceptOnlyFromAmong("none", "low", "medium", "high", "extra-high");
    private readonly Option<int> _thinkingBudget = SharedOptions.ThinkingBudget();
    private readonly Option<bool> _showThoughts = new("--show-thoughts") { Description = "Show thoughts too: on standard error, with --json as \"thought\"" };
    private readonly Option<bool> _logProbs = SharedOptions.LogProbs();
    private readonly SamplingOptions _sampling = new();
    private readonly ConstraintOptions _constraint = new();
    private readonly Option<int> _maxTokens = SharedOptions.MaxTokens(512);
    private readonly Option<int> _threads = SharedOptions.Threads();

    /// <summary>Adds them to a command.</summary>
    public void AddTo(Command command)
    {
        foreach (var option in (ReadOnlySpan<Option>)[_device, _server, _tokenFile, _route, _system, _maxTokens, _stop, _effort, _thinkingBudget, _showThoughts, _logProbs, _threads])
            command.Options.Add(option);

        _sampling.AddTo(command);
        _constraint.AddTo(command);

        command.Validators.Add(result =>
        {
            if (result.GetResult(_device) is null && result.GetResult(_server) is null)
                result.AddError("Name a --device, a --server, or both.");
        });
    }

    /// <summary>Loads the device's model; the server is called with the first answer.</summary>
    /// <exception cref="EdgeException">A folder, an address or a route cannot be used.</exception>
    public Task<EdgeChatClient> LoadAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        string? device = parsed.GetValue(_device);
        if (device is not null && !Directory.Exists(device))
            throw new EdgeException(EdgeErrorCode.InvalidModel, $"--device '{device}' is no folder. Name a model folder (edge convert makes one).");

        var options = new EdgeOptions
        {
            Model = device,
            Route = Route(parsed),
            Threads = parsed.GetValue(_threads),
            MaxOutputTokens = parsed.GetValue(_maxTokens),
            Server =
            {
                Address = parsed.GetValue(_server) is { } address ? Address(address) : null,
                Token = parsed.GetValue(_tokenFile) is { } file ? BearerTokenFile.Read(file, "--token-file") : null,
            },
        };
        return EdgeChatClient.LoadAsync(options, cancellationToken: cancellationToken);
    }

    /// <summary>What every request asks for.</summary>
    /// <exception cref="EdgeException">InvalidArgument: which option, which file, and what is wrong with it.</exception>
    public ChatOptions Request(ParseResult parsed)
    {
        var more = new EdgeChatOptions { LogProbs = parsed.GetValue(_logProbs), ThinkingBudget = parsed.GetValue(_thinkingBudget) is >= 0 and var budget ? budget : null };
        var request = new ChatOptions
        {
            Instructions = parsed.GetValue(_system),
            MaxOutputTokens = parsed.GetValue(_maxTokens),
            StopSequences = parsed.GetValue(_stop),
            Reasoning = new()
            {
                Effort = parsed.GetValue(_effort) is { } effort ? Enum.Parse<ReasoningEffort>(effort.Replace("-", "", StringComparison.Ordinal), ignoreCase: true) : null,
                Output = parsed.GetValue(_showThoughts) ? ReasoningOutput.Full : ReasoningOutput.None,
            },
            RawRepresentationFactory = _ => more,
        };
        _sampling.Ask(parsed, request, more);
        _constraint.Ask(parsed, request, more);
        return request;
    }

    /// <summary>How an answer is shown.</summary>
    public AnswerDisplay Display(ParseResult parsed) => new(parsed.GetValue(SharedOptions.Json), parsed.GetValue(_logProbs));

    private EdgeRoute Route(ParseResult parsed) => Enum.Parse<EdgeRoute>(parsed.GetRequiredValue(_route), ignoreCase: true);

    private static Uri Address(string text) => Uri.TryCreate(text, UriKind.Absolute, out var address) && address.Scheme is "http" or "https"
        ? address
        : throw new EdgeException(EdgeErrorCode.InvalidArgument, $"--server '{text}' is no address; it must begin with https:// or http://.");
}
