using System.Net;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace EdgeSdk.Server;

/// <summary>An address to listen at, checked: whoever is not on this machine needs a token, and a token needs TLS to come from there.</summary>
internal sealed record ListenAddress(Uri Uri, IPAddress Ip)
{
    private const string Field = $"{nameof(EdgeServerOptions)}.{nameof(EdgeServerOptions.Urls)}";

    public bool IsTls => Uri.Scheme == Uri.UriSchemeHttps;

    /// <exception cref="EdgeException">InvalidArgument: an address is malformed, or not to be opened so.</exception>
    public static ListenAddress[] ParseAll(EdgeServerOptions options)
    {
        string[] urls = options.Urls.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (urls.Length == 0)
            throw Refuse($"{Field} is empty. Name an address, such as http://127.0.0.1:5005.");

        ListenAddress[] addresses = [.. urls.Select(Parse)];
        foreach (var address in addresses)
            address.Check(options);

        return addresses;
    }

    public void Listen(KestrelServerOptions kestrel, EdgeServerOptions options) => kestrel.Listen(Ip, Uri.Port, listen =>
    {
        listen.Protocols = HttpProtocols.Http2;
        if (IsTls)
            listen.UseHttps(options.Certificate!);
    });

    private static ListenAddress Parse(string url)
    {
        if (!Uri.TryCreate(url, UriKind.Absolute, out var uri) || uri.PathAndQuery != "/"
            || (uri.Scheme != Uri.UriSchemeHttp && uri.Scheme != Uri.UriSchemeHttps))
        {
            throw Refuse(
                $"{Field} has '{url}', which is no address to listen at. " +
                "Write http or https, an IP address or localhost, and a port: http://127.0.0.1:5005.");
        }

        if (uri.IsLoopback && !IPAddress.TryParse(uri.DnsSafeHost, out _))
            return new(uri, IPAddress.Loopback);

        if (!IPAddress.TryParse(uri.DnsSafeHost, out var ip))
            throw Refuse($"{Field} has '{url}', whose host is a name. Write the IP address of the interface to listen at (0.0.0.0: all), or localhost.");

        return new(uri, ip);
    }

    private void Check(EdgeServerOptions options)
    {
        if (IsTls && options.Certificate is null)
            throw Refuse($"{Field} has '{Uri}', and {nameof(EdgeServerOptions.Certificate)} is not set. Give the certificate of that address.");

        if (IPAddress.IsLoopback(Ip))
            return;

        if (string.IsNullOrEmpty(options.Token))
        {
            throw Refuse(
                $"{Field} has '{Uri}', which other machines reach, and no token is set. " +
                $"Set {nameof(EdgeServerOptions.Token)} (a token file), or listen at 127.0.0.1.");
        }

        if (!IsTls)
        {
            throw Refuse(
                $"{Field} has '{Uri}', where the token would cross the network in clear text. " +
                "Use https with a certificate, or listen at 127.0.0.1 behind a proxy that ends TLS.");
        }
    }

    private static EdgeException Refuse(string message) => new(EdgeErrorCode.InvalidArgument, message);
}
