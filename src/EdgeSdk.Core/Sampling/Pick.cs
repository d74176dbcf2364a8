namespace EdgeSdk.Sampling;

/// <summary>A chosen token and how clear the choice was.</summary>
/// <param name="Token">The token's id.</param>
/// <param name="LogProb">Log-softmax of the raw logits (before temperature, filters and noise) at the token; nats.</param>
/// <param name="Margin">Best minus second best of the noisy scores among the candidates, in logits: how large an error in the logits could flip
/// the choice. Positive infinity where only one candidate was left.</param>
public readonly record struct Pick(int Token, float LogProb, float Margin)
{
    /// <summary>Whether nothing else could stand here: a constraint or a budget for thinking left one token, so that it says nothing about how sure the model is.</summary>
    public bool IsForced { get; init; }
}
