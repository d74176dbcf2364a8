namespace EdgeSdk;

/// <summary>Who writes an answer.</summary>
public enum EdgeRoute
{
    /// <summary>
    /// The device begins; where its first tokens are uncertain the turn is handed over, to device and server together where that is predicted to
    /// pay, to the server otherwise. Without a server, or while none can be reached, the device goes on alone.
    /// </summary>
    Auto,

    /// <summary>The device alone: nothing leaves it.</summary>
    Device,

    /// <summary>The server alone.</summary>
    Server,

    /// <summary>The device drafts, the server verifies: the server's text, sooner.</summary>
    Together,
}

/// <summary>Who wrote a piece of an answer.</summary>
public enum EdgeWriter
{
    /// <summary>The device's model.</summary>
    Device,

    /// <summary>The device drafted it and the server confirmed it.</summary>
    AcceptedDraft,

    /// <summary>The server's model.</summary>
    Server,
}
