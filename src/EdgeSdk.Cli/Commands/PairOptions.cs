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
    private readonly Option<float> _temperature = SharedOptions.Temperature();
    private readonly Option<ulong> _seed = SharedOptions.Seed();
    private readonly Option<int> _maxTokens = SharedOptions.MaxTokens(512);
    private readonly Option<int> _threads = SharedOptions.Threads();

    /// <summary>Adds them to a command.</summary>
    public void AddTo(Command command)
    {
        foreach (var option in (ReadOnlySpan<Option>)[_device, _server, _tokenFile, _route, _temperature, _seed, _maxTokens, _threads])
            command.Options.Add(option);

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
    public ChatOptions Request(ParseResult parsed) => new()
    {
        Temperature = parsed.GetValue(_temperature),
        Seed = unchecked((long)parsed.GetValue(_seed)),
        MaxOutputTokens = parsed.GetValue(_maxTokens),
    };

    private EdgeRoute Route(ParseResult parsed) => Enum.Parse<EdgeRoute>(parsed.GetRequiredValue(_route), ignoreCase: true);

    private static Uri Address(string text) => Uri.TryCreate(text, UriKind.Absolute, out var address) && address.Scheme is "http" or "https"
        ? address
        : throw new EdgeException(EdgeErrorCode.InvalidArgument, $"--server '{text}' is no address; it must begin with https:// or http://.");
}
