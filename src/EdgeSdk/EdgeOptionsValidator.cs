using EdgeSdk.Remote;
using Microsoft.Extensions.Options;

namespace EdgeSdk;

/// <summary>Says what is wrong with options, by key and with the remedy, before anything is loaded.</summary>
[OptionsValidator]
internal sealed partial class EdgeOptionsRanges : IValidateOptions<EdgeOptions>;

/// <inheritdoc cref="EdgeOptionsRanges"/>
internal sealed class EdgeOptionsValidator : IValidateOptions<EdgeOptions>
{
    private readonly EdgeOptionsRanges _ranges = new();

    public ValidateOptionsResult Validate(string? name, EdgeOptions options)
    {
        var failures = new List<string>();
        if (_ranges.Validate(name, options) is { Failed: true } outOfRange)
            failures.AddRange(outOfRange.Failures!);

        failures.AddRange(Combinations(options));
        return failures.Count > 0 ? ValidateOptionsResult.Fail(failures) : ValidateOptionsResult.Success;
    }

    /// <summary>Throws the first failure.</summary>
    /// <exception cref="EdgeException">InvalidArgument.</exception>
    public static void ThrowIfInvalid(EdgeOptions options)
    {
        if (new EdgeOptionsValidator().Validate(null, options) is { Failed: true } result)
            throw new EdgeException(EdgeErrorCode.InvalidArgument, string.Join(" ", result.Failures!));
    }

    private static IEnumerable<string> Combinations(EdgeOptions options)
    {
        var server = options.Server;
        if (options.Model is null && server.Address is null)
            yield return "EdgeSdk:Model and EdgeSdk:Server:Address are both empty: name a model folder for the device, a server, or both.";

        if (options.Model is { } model && !Directory.Exists(model))
            yield return $"EdgeSdk:Model is '{model}', which is no folder. Name a model folder (edge convert makes one).";

        if (server.Address is { } address && !RemoteServerOptions.IsAddress(address))
            yield return $"EdgeSdk:Server:Address is '{address}'; it must begin with https:// or http://.";

        if (server.TokenFile is { } file && !File.Exists(file))
            yield return $"EdgeSdk:Server:TokenFile is '{file}', which does not exist. Write the server's token into it.";

        if (server.TokenFile is not null && server.Token is not null)
            yield return "EdgeSdk:Server:Token and EdgeSdk:Server:TokenFile are both set: keep one.";

        if (!Enum.IsDefined(options.Route))
            yield return $"EdgeSdk:Route is {options.Route}; it must be Auto, Device, Server or Together.";

        if (options.Route is EdgeRoute.Device or EdgeRoute.Together && options.Model is null)
            yield return $"EdgeSdk:Route is {options.Route}, which needs a model on the device: set EdgeSdk:Model.";

        if (options.Route is EdgeRoute.Server or EdgeRoute.Together && server.Address is null)
            yield return $"EdgeSdk:Route is {options.Route}, which needs a server: set EdgeSdk:Server:Address.";
    }
}
