namespace EdgeSdk;

/// <summary>What kind of failure an <see cref="EdgeException"/> is; stable across versions.</summary>
public enum EdgeErrorCode
{
    /// <summary>A file or a folder is missing, damaged or not what it should be.</summary>
    InvalidModel = 1,

    /// <summary>A setting or an argument outside its range, or a combination that cannot work.</summary>
    InvalidArgument = 2,

    /// <summary>The server cannot be reached, or went away and did not come back.</summary>
    Unavailable = 3,

    /// <summary>The server refused: authentication, another vocabulary, another version.</summary>
    Refused = 4,

    /// <summary>The other side broke the protocol.</summary>
    Protocol = 5,

    /// <summary>The server is out of capacity; try again later.</summary>
    Exhausted = 6,

    /// <summary>The engine failed.</summary>
    Engine = 7,
}

/// <summary>A failure of the SDK. Its message names the file or the field, the value and the remedy.</summary>
public class EdgeException : Exception
{
    /// <summary>A failure of kind <paramref name="code"/>.</summary>
    public EdgeException(EdgeErrorCode code, string message, Exception? inner = null)
        : base(message, inner) => Code = code;

    /// <summary>The kind of failure.</summary>
    public EdgeErrorCode Code { get; }

    /// <summary>Whether the same call may succeed later without a change by the caller.</summary>
    public bool IsTransient => Code is EdgeErrorCode.Unavailable or EdgeErrorCode.Exhausted;
}
