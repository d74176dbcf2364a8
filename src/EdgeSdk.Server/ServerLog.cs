using EdgeSdk.Protocol;
using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace EdgeSdk.Server;

/// <summary>What the server logs. Counts and reasons; nothing of a text.</summary>
internal static partial class ServerLog
{
    [LoggerMessage(1, LogLevel.Information, "Listening at {Address}, running {Model}")]
    public static partial void Started(ILogger logger, Uri address, string model);

    [LoggerMessage(2, LogLevel.Debug, "Session {Session} opened: a prompt of {PromptTokens} tokens, {Committed} committed before")]
    public static partial void Opened(ILogger logger, string session, int promptTokens, int committed);

    [LoggerMessage(3, LogLevel.Debug, "Session {Session} finished ({Reason}): {Tokens} tokens in {Passes} passes, {Accepted} of {Drafted} drafts accepted")]
    public static partial void Finished(ILogger logger, string session, Finished.Types.Reason reason, int tokens, int passes, int drafted, int accepted);

    [LoggerMessage(4, LogLevel.Debug, "Session {Session}: the device left")]
    public static partial void Left(ILogger logger, string session);

    [LoggerMessage(5, LogLevel.Information, "Session {Session} refused with {Status}: {Detail}")]
    public static partial void Refused(ILogger logger, string session, StatusCode status, string detail);

    /// <summary>The cause may quote the text, so it is for trace only.</summary>
    [LoggerMessage(8, LogLevel.Trace, "Session {Session} refused because of this")]
    public static partial void Cause(ILogger logger, Exception exception, string session);

    [LoggerMessage(6, LogLevel.Error, "Session {Session} failed")]
    public static partial void Failed(ILogger logger, Exception exception, string session);

    [LoggerMessage(7, LogLevel.Information, "Stopping; {Sessions} texts are under way")]
    public static partial void Stopping(ILogger logger, int sessions);
}
