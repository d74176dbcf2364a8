using System.CommandLine;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using EdgeSdk.Decoding;
using EdgeSdk.Remote;
using EdgeSdk.Runtime;
using EdgeSdk.Server;

namespace EdgeSdk.Cli.Commands;

/// <summary><c>edge serve</c>: a server over one model, until it is told to stop.</summary>
internal sealed class ServeCommand
{
    private readonly Argument<string> _folder = new("DIR") { Description = "The model folder" };
    private readonly Option<string> _urls = new("--urls") { Description = "Addresses to listen at, with semicolons between them; port 0 takes a free one", HelpName = "URLS", DefaultValueFactory = _ => "http://127.0.0.1:5005" };
    private readonly Option<string?> _tokenFile = SharedOptions.TokenFile("Let in only who shows the bearer token in this file");
    private readonly Option<string?> _certificate = new("--certificate") { Description = "The certificate of https addresses, a PEM file", HelpName = "FILE" };
    private readonly Option<string?> _key = new("--key") { Description = "The certificate's private key, a PEM file, where the certificate's does not hold it", HelpName = "FILE" };
    private readonly Option<int> _stepMs = SharedOptions.Number("--step-ms", "Let every pass take at least so many milliseconds: a stand-in for a larger model", 0, 0, 60_000);
    private readonly Option<int> _threads = SharedOptions.Threads();
    private readonly Terminal _terminal;
    private readonly Signals _signals;

    private ServeCommand(Terminal terminal, Signals signals) => (_terminal, _signals) = (terminal, signals);

    public static Command Create(Terminal terminal, Signals signals) => new ServeCommand(terminal, signals).Build();

    private Command Build()
    {
        var command = new Command("serve", "Serve a model to devices: alone, or verifying what they draft.")
        {
            _folder, _urls, _tokenFile, _certificate, _key, _stepMs, _threads,
        };
        command.SetAction(RunAsync);
        return command.WithExamples(
            "edge serve models/server",
            "edge serve models/server --urls https://0.0.0.0:5005 --certificate server.pem --token-file token");
    }

    private async Task<int> RunAsync(ParseResult parsed, CancellationToken cancellationToken)
    {
        string path = parsed.GetRequiredValue(_folder);
        using var certificate = Certificate(parsed);
        var options = new EdgeServerOptions
        {
            Urls = parsed.GetRequiredValue(_urls),
            Token = parsed.GetValue(_tokenFile) is { } file ? BearerTokenFile.Read(file, "--token-file") : null,
            Certificate = certificate,
        };
        var loading = new Immediate<LoadProgress>(step => _terminal.Note($"{step.Stage} {step.Model}"));
        // Two rows at least: a verifier's logits must not depend on how many drafts it verifies.
        var model = await OnnxModel.LoadAsync(path, new() { MinimumRows = 2, Threads = parsed.GetValue(_threads) }, loading, cancellationToken).ConfigureAwait(false);
        await using var ownedModel = model.ConfigureAwait(false);
        options.TakeWholeTurns(path, cancellationToken);
        if (model.Traits.ExactFrom == 0)
        {
            _terminal.Warn("this machine computes a token's logits differently in passes of different widths: texts written together may differ from the server's alone in near ties.");
        }

        int step = parsed.GetValue(_stepMs);
        ILanguageModel served = step > 0 ? new PaddedModel(model, TimeSpan.FromMilliseconds(step)) : model;
        using var loggers = new ErrorLog(_terminal, parsed.GetValue(SharedOptions.Verbose));
        var server = await EdgeServer.StartAsync(served, options, loggers, cancellationToken).ConfigureAwait(false);
        await using var ownedServer = server.ConfigureAwait(false);
        SayReady(parsed, server.Address.GetLeftPart(UriPartial.Authority), model.Info.Name);

        await Task.Delay(Timeout.Infinite, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _terminal.Note("Stopping");
        await server.StopAsync(CancellationToken.None).ConfigureAwait(false);
        return _signals.Received is null ? ExitCode.Failure : ExitCode.Success;
    }

    private X509Certificate2? Certificate(ParseResult parsed)
    {
        if (parsed.GetValue(_certificate) is not { } file)
            return null;

        try
        {
            return X509Certificate2.CreateFromPemFile(file, parsed.GetValue(_key));
        }
        catch (CryptographicException e)
        {
            throw new EdgeException(EdgeErrorCode.InvalidArgument, $"--certificate '{file}' is no PEM file of a certificate and its private key: {e.Message}", e);
        }
    }

    private void SayReady(ParseResult parsed, string url, string name)
    {
        if (!parsed.GetValue(SharedOptions.Json))
        {
            _terminal.Out.WriteLine($"Ready: {name} at {url}");
            return;
        }

        _terminal.Json(json =>
        {
            json.WriteBoolean("ready", true);
            json.WriteString("url", url);
        });
    }
}
