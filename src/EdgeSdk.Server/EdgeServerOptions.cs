using System.Security.Cryptography.X509Certificates;
using EdgeSdk.Text;
using EdgeSdk.Text.Constraints;

namespace EdgeSdk.Server;

/// <summary>Where an <see cref="EdgeServer"/> listens, whom it lets in, and what it bounds. Read once, at the start.</summary>
public sealed class EdgeServerOptions
{
    /// <summary>The addresses to listen at, separated by semicolons: <c>http</c> or <c>https</c>, an IP address or <c>localhost</c>, a port (0: any free one).</summary>
    public string Urls { get; set; } = "http://127.0.0.1:5005";

    /// <summary>
    /// The bearer token that devices must show; null lets everybody in, which only an address of this machine (loopback) may do. A token is never taken
    /// over clear text from another machine: such an address must be <c>https</c>.
    /// </summary>
    public string? Token { get; set; }

    /// <summary>The certificate, with its private key, of the <c>https</c> addresses. Stays the caller's to dispose.</summary>
    public X509Certificate2? Certificate { get; set; }

    /// <summary>The model's tokenizer; with <see cref="ChatTemplate"/> it lets devices of another vocabulary send whole turns.</summary>
    public Tokenizer? Tokenizer
    {
        get;
        set
        {
            field = value;
            Thought = value is null ? null : ThoughtBorders.Of(value);
        }
    }

    /// <summary>The tokens between which the model thinks; null: it has none.</summary>
    internal ThoughtBorders? Thought { get; private set; }

    /// <summary>The model's chat template.</summary>
    public ChatTemplate? ChatTemplate { get; set; }

    /// <summary>What is bounded, and where.</summary>
    public EdgeServerLimits Limits { get; set; } = new();

    /// <summary>The clock of deadlines and measured passes.</summary>
    public TimeProvider TimeProvider { get; set; } = TimeProvider.System;
}

/// <summary>What an <see cref="EdgeServer"/> bounds. Devices are told the limits that concern them.</summary>
public sealed class EdgeServerLimits
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Longest = TimeSpan.FromDays(1);

    /// <summary>Texts decoded at a time; a further one is refused with RESOURCE_EXHAUSTED and the time after which to try again. At least 1.</summary>
    public int Streams { get; set; } = 64;

    /// <summary>Connections open at a time; a further one is closed. At least 1.</summary>
    public int Connections { get; set; } = 1024;

    /// <summary>Bytes of one frame; at least 1,024.</summary>
    public int FrameBytes { get; set; } = 256 * 1024;

    /// <summary>UTF-16 units of a constraint's source (<c>Open.sampler.constraint</c>), 0 to 262,144. What compiling it takes grows with it.</summary>
    public int ConstraintCharacters { get; set; } = 64 * 1024;

    /// <summary>Tokens of one text that may be asked for, 1 or more; null: as many as the model's context holds.</summary>
    public int? MaxTokens { get; set; }

    /// <summary>Time from the start of a stream to its first frame.</summary>
    public TimeSpan Handshake { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>Time for which a device may leave frames unread before its stream is dropped.</summary>
    public TimeSpan Idle { get; set; } = TimeSpan.FromSeconds(60);

    /// <summary>Time that <see cref="EdgeServer.StopAsync"/> gives to the streams under way.</summary>
    public TimeSpan Drain { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Quiet time after which a connection is probed by an HTTP/2 PING.</summary>
    public TimeSpan PingDelay { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Time for the answer to a PING; then the connection is closed and its streams' sessions are free.</summary>
    public TimeSpan PingTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <exception cref="EdgeException">InvalidArgument: a limit is out of its range.</exception>
    internal void Validate()
    {
        Require(nameof(Streams), Streams, Streams >= 1, "1 or more");
        Require(nameof(Connections), Connections, Connections >= 1, "1 or more");
        Require(nameof(FrameBytes), FrameBytes, FrameBytes >= 1024, "1,024 or more");
        Require(nameof(ConstraintCharacters), ConstraintCharacters, ConstraintCharacters is >= 0 and <= Constraint.MostSource, $"0 to {Constraint.MostSource}");
        Require(nameof(MaxTokens), MaxTokens, MaxTokens is null or >= 1, "1 or more, or null");
        RequirePositive(nameof(Handshake), Handshake);
        RequirePositive(nameof(Idle), Idle);
        Require(nameof(PingDelay), PingDelay, PingDelay >= Second && PingDelay <= Longest, "one second to one day");
        Require(nameof(PingTimeout), PingTimeout, PingTimeout >= Second && PingTimeout <= Longest, "one second to one day");
        Require(nameof(Drain), Drain, Drain >= TimeSpan.Zero && Drain <= Longest, "0 to one day");
    }

    private static void RequirePositive(string name, TimeSpan value) => Require(name, value, value > TimeSpan.Zero && value <= Longest, "more than 0, at most one day");

    private static void Require(string name, object? value, bool holds, string range)
    {
        if (!holds)
            throw new EdgeException(EdgeErrorCode.InvalidArgument, $"{nameof(EdgeServerLimits)}.{name} is {value}; it must be {range}.");
    }
}
