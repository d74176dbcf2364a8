using EdgeSdk.Decoding;

namespace EdgeSdk.Cli;

/// <summary>How a run ends: 0 where all went well, else what went wrong.</summary>
internal static class ExitCode
{
    /// <summary>All went well.</summary>
    public const int Success = 0;

    /// <summary>Any failure that has no code of its own.</summary>
    public const int Failure = 1;

    /// <summary>The command was not given as it takes it.</summary>
    public const int Usage = 2;

    /// <summary>The server cannot be reached.</summary>
    public const int Unreachable = 3;

    /// <summary>The server refuses: a wrong token, another vocabulary.</summary>
    public const int Refused = 4;

    /// <summary>Ended by Ctrl+C.</summary>
    public const int Interrupted = 130;

    /// <summary>Ended by SIGTERM.</summary>
    public const int Terminated = 143;

    /// <summary>The exit code of a command that threw.</summary>
    public static int Of(Exception e) => e switch
    {
        // The value was fine, the machine was not: an address in use, a disk that is full.
        EdgeException { Code: EdgeErrorCode.InvalidArgument, InnerException: IOException or UnauthorizedAccessException } => Failure,
        EdgeException { Code: EdgeErrorCode.InvalidArgument } => Usage,
        EdgeException { Code: EdgeErrorCode.Unavailable } or TimeoutException => Unreachable,
        EdgeException { Code: EdgeErrorCode.Refused } => Refused,
        ContextOverflowException or ArgumentException => Usage,
        _ => Failure,
    };

    /// <summary>The failure in one line, for people.</summary>
    public static string Message(Exception e)
    {
        string message = e is EdgeException or ContextOverflowException or NotSupportedException or ArgumentException or TimeoutException or IOException or UnauthorizedAccessException
            ? e.Message
            : $"{e.GetType().Name}: {e.Message}";
        return string.Join(' ', message.Split(['\r', '\n'], StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
    }
}
