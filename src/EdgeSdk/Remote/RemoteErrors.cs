using System.Net.Sockets;
using Google.Protobuf;
using Grpc.Core;

namespace EdgeSdk.Remote;

/// <summary>gRPC statuses in this SDK's terms.</summary>
internal static class RemoteErrors
{
    /// <summary>The exception to throw for a failed call.</summary>
    /// <param name="e">The failure.</param>
    /// <param name="address">Of the server, for the message.</param>
    /// <param name="cancellationToken">The caller's: a call that it cancelled ends in an <see cref="OperationCanceledException"/> with it.</param>
    public static Exception Explain(RpcException e, Uri address, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
            return new OperationCanceledException("The call was cancelled.", e, cancellationToken);

        if (e.StatusCode == StatusCode.DeadlineExceeded)
            return new TimeoutException($"The server at {address} did not answer in time.", e);

        return new EdgeException(Code(e), Message(e, address), e);
    }

    /// <summary>How long the server asks to wait before the next attempt; null where it does not say.</summary>
    public static TimeSpan? RetryAfter(RpcException e) =>
        int.TryParse(e.Trailers.GetValue("grpc-retry-pushback-ms"), out int milliseconds) && milliseconds >= 0 ? TimeSpan.FromMilliseconds(milliseconds) : null;

    /// <summary>
    /// A connection broke, as opposed to none being made, and to a server that answered: a warm one may have died unnoticed, and the next attempt gets a fresh one.
    /// </summary>
    public static bool BrokeOff(RpcException e) => Code(e) == EdgeErrorCode.Unavailable
        && e.Status.DebugException is not (null or SocketException or HttpRequestException
        {
            HttpRequestError: HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError or HttpRequestError.SecureConnectionError,
        });

    private static EdgeErrorCode Code(RpcException e) => e.StatusCode switch
    {
        _ when e.Status.DebugException is InvalidProtocolBufferException => EdgeErrorCode.Protocol, // it counts as an IOException, and as Unavailable
        StatusCode.Unavailable => EdgeErrorCode.Unavailable,
        StatusCode.Internal or StatusCode.Unknown or StatusCode.Cancelled when IsCut(e) => EdgeErrorCode.Unavailable,
        StatusCode.Unauthenticated or StatusCode.PermissionDenied or StatusCode.FailedPrecondition or StatusCode.Unimplemented => EdgeErrorCode.Refused,
        StatusCode.InvalidArgument or StatusCode.OutOfRange => EdgeErrorCode.InvalidArgument,
        StatusCode.ResourceExhausted => EdgeErrorCode.Exhausted,
        _ => EdgeErrorCode.Engine,
    };

    /// <summary>The transport broke, as opposed to the server having answered with a status.</summary>
    private static bool IsCut(RpcException e) =>
        e.StatusCode == StatusCode.Cancelled || e.Status.DebugException is IOException or HttpRequestException or OperationCanceledException;

    private static string Message(RpcException e, Uri address) => Code(e) switch
    {
        EdgeErrorCode.Unavailable => $"The server at {address} cannot be reached: {Reason(e)}. Check the address, and that the server runs.",
        EdgeErrorCode.Refused when e.StatusCode == StatusCode.Unimplemented => $"{address} is no EdgeSdk server of this version.",
        EdgeErrorCode.Refused => $"The server at {address} refused: {e.Status.Detail}",
        EdgeErrorCode.Protocol => $"The server at {address} sent a frame that is no message of this protocol. Update both sides to the same version.",
        EdgeErrorCode.Exhausted => $"The server at {address} is at its limits: {e.Status.Detail}",
        EdgeErrorCode.InvalidArgument => $"The server at {address} does not take the request: {e.Status.Detail}",
        _ => $"The server at {address} failed: {e.Status.Detail}",
    };

    private static string Reason(RpcException e)
    {
        Exception? inner = e.Status.DebugException;
        while (inner?.InnerException is { } next)
            inner = next;

        return (inner?.Message ?? e.Status.Detail).TrimEnd('.');
    }
}
