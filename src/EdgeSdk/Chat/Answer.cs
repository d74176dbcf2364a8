using EdgeSdk.Decoding;
using EdgeSdk.Sampling;
using EdgeSdk.Text;

namespace EdgeSdk.Chat;

/// <summary>A piece of an answer.</summary>
/// <param name="Token">Its id, in the vocabulary of whoever tokenised the prompt: the server's where it renders.</param>
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

    /// <summary>The tokens between which the writer thinks; null: it has none. Known before the first piece.</summary>
    public ThoughtBorders? Thought { get; private set; }

    /// <summary>Whether the answer begins inside a thought; likewise.</summary>
    public bool InThought { get; private set; }

    /// <summary>Sets how the writer thinks.</summary>
    public void Think(ThoughtBorders? borders, bool inside) => (Thought, InThought) = (borders, borders is not null && inside);

    /// <summary>Sets the route and why.</summary>
    public void Take(EdgeRoute route, string reason) => (Route, Reason) = (route, reason);
}
