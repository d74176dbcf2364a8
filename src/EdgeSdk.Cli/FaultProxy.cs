using System.Net;

namespace EdgeSdk.Cli;

/// <summary>
/// A TCP proxy on loopback that behaves like a bad network: it delays each direction, cuts connections at a chosen byte or on command, or swallows
/// what it is given. Serves any number of connections.
/// </summary>
internal sealed class FaultProxy : IAsyncDisposable
{
    /// <summary>Starts a proxy before <paramref name="target"/> on a free port of the loopback address.</summary>
    public FaultProxy(IPEndPoint target) => throw new NotImplementedException();

    /// <summary>Where the proxy listens, as the address of an <c>http</c> server.</summary>
    public Uri Address => throw new NotImplementedException();

    /// <summary>One-way delay, each direction; bytes keep their order.</summary>
    public TimeSpan Delay { get; set; }

    /// <summary>Cuts the connections under way, by a reset in both directions.</summary>
    public void Cut() => throw new NotImplementedException();

    public ValueTask DisposeAsync() => throw new NotImplementedException();
}
