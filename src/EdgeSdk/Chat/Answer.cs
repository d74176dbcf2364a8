using EdgeSdk.Decoding;
using EdgeSdk.Sampling;

namespace EdgeSdk.Chat;

/// <summary>A piece of an answer.</summary>
/// <param name="Token">Its id; -1 where the server sends text.</param>
/// <param name="Text">The text that the server sent, where it renders.</param>
/// <param name="Writer">Who wrote it.</param>
/// <param name="LogProb">The writer's log-probability of the token; NaN where it is not told.</param>
internal readonly record struct Written(int Token, string? Text, EdgeWriter Writer, float LogProb = float.NaN)
{
    public static Written Of(int token, EdgeWriter writer, float logProb) => new(token, null, writer, logProb);

    public static Written Of(Pick pick) => new(pick.Token, null, EdgeWriter.Device, pick.LogProb);
}

/// <summary>What becomes known of an answer while it is written.</summary>
internal sealed class Answer
{
    public EdgeRoute Route { get; set; }

    public string Reason { get; set; } = "";

    public FinishReason? Finish { get; set; }

    public int PromptTokens { get; set; }

    public int CachedTokens { get; set; }

    public int Drafted { get; set; }

    public int Accepted { get; set; }

    public int ServerPasses { get; set; }

    public bool Exact { get; set; }

    /// <summary>Sets the route and why.</summary>
    public void Take(EdgeRoute route, string reason) => (Route, Reason) = (route, reason);
}
