namespace EdgeSdk.Remote;

/// <summary>Which server, and how to reach it.</summary>
internal sealed record RemoteServerOptions
{
    /// <summary>The version of the protocol that this side speaks.</summary>
    public const uint ProtocolVersion = 1;

    /// <summary><c>https://host:port</c>, or <c>http://</c> for a server on this machine or on a network that needs no secrecy.</summary>
    public required Uri Address { get; init; }

    /// <summary>The bearer token, or null. Over cleartext it is sent to a loopback address only.</summary>
    public string? Token { get; init; }

    /// <summary>How many times in a row a cut stream is taken up again without having got any further: by the standard waits for eleven seconds, a server's restart.</summary>
    public int ResumeAttempts { get; init; } = 10;

    /// <summary>The wait before the second attempt; doubled for each further one, up to <see cref="LongestBackoff"/>.</summary>
    public TimeSpan FirstBackoff { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>The longest wait between two attempts.</summary>
    public TimeSpan LongestBackoff { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How long the server may take to answer a call's first frame.</summary>
    public TimeSpan OpenTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long the server may then say nothing: longer than a long prompt takes it.</summary>
    public TimeSpan StallTimeout { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How long a stream that is left early waits for the server's farewell before it is torn down.</summary>
    public TimeSpan FarewellTimeout { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Replaces the HTTP handler; null: sockets, with HTTP/2 pings that find a dead connection within 15 s.</summary>
    public HttpMessageHandler? Handler { get; init; }

    /// <summary>Whether a server can stand there: an absolute http or https address.</summary>
    public static bool IsAddress(Uri address) => address.IsAbsoluteUri && (address.Scheme == Uri.UriSchemeHttps || address.Scheme == Uri.UriSchemeHttp);

    /// <summary>Throws where the address or the token cannot be used.</summary>
    /// <exception cref="EdgeException">InvalidArgument: the address is no absolute http or https one, or the token would cross a network in cleartext.</exception>
    public void Validate()
    {
        if (!IsAddress(Address))
            throw new EdgeException(EdgeErrorCode.InvalidArgument, $"The server's address '{Address}' must begin with https:// or http://.");

        if (Token is not null && Address.Scheme == Uri.UriSchemeHttp && !Address.IsLoopback)
        {
            throw new EdgeException(
                EdgeErrorCode.InvalidArgument,
                $"A token is not sent to {Address} in cleartext. Use https://, or leave the token out where the network itself is trusted.");
        }
    }
}
