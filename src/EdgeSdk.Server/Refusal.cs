using Grpc.Core;

namespace EdgeSdk.Server;

/// <summary>The statuses in which a call is refused. Each message names the field, its value and the remedy, and nothing of the server's inside.</summary>
internal static class Refusal
{
    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(1);

    /// <summary>A field that no server would take.</summary>
    public static RpcException Field(string field, object? value, string must) => new(new(StatusCode.InvalidArgument, $"{field} is {value}; it must {must}."));

    /// <summary>A frame that has no place where it came.</summary>
    public static RpcException Frame(string frame, string remedy) => new(new(StatusCode.InvalidArgument, $"{frame} came out of turn. {remedy}"));

    /// <summary>A text that the model cannot take; what caused it stays on this side.</summary>
    public static RpcException Text(string message, Exception? cause = null) => new(new(StatusCode.InvalidArgument, message, cause));

    /// <summary>A constraint that cannot be read, or that is too dear to write by.</summary>
    public static RpcException Constraint(EdgeException e) => Text("Open.sampler.constraint: " + e.Message.ReplaceLineEndings(" "));

    /// <summary>A request that another server, or another device, would be right for.</summary>
    public static RpcException Mismatch(string message) => new(new(StatusCode.FailedPrecondition, message));

    public static RpcException Unauthenticated(string message) => new(new(StatusCode.Unauthenticated, message));

    public static RpcException Late(string message) => new(new(StatusCode.DeadlineExceeded, message));

    public static RpcException Full(int streams) => Exhausted($"The server decodes {streams} texts already, its limit");

    public static RpcException Large(int most) => new(
        new(StatusCode.ResourceExhausted, $"A frame's size is more than {most} bytes, the server's limit (Limits.frame_bytes). Send a shorter text, or a smaller constraint."));

    public static RpcException Exhausted(string what) => new(
        new(StatusCode.ResourceExhausted, $"{what}. Try again after {RetryAfter.TotalSeconds} s, or elsewhere."),
        new Metadata { { "grpc-retry-pushback-ms", $"{(int)RetryAfter.TotalMilliseconds}" } });

    public static RpcException Stopping() => new(new(StatusCode.Unavailable, "The server is stopping. Go on at another one: a text is resumed by sending what was committed."));

    public static RpcException Failed(string session) => new(new(StatusCode.Internal, $"The server's engine failed; its log tells more under session {session}."));
}
