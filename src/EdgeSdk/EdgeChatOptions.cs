using Microsoft.Extensions.AI;

namespace EdgeSdk;

/// <summary>
/// What a request may ask of an <see cref="EdgeChatClient"/> that <see cref="ChatOptions"/> has no field for. <see cref="ChatOptions.RawRepresentationFactory"/>
/// returns it: <c>new ChatOptions { RawRepresentationFactory = _ => new EdgeChatOptions { MinP = 0.05f } }</c>.
/// </summary>
/// <remarks>
/// Each property stands for an additional property of the request, named here, and comes before it; null leaves it as it is. Where answers are cached, use the additional
/// properties: a cache's keys do not know what a factory returns.
/// </remarks>
public sealed class EdgeChatOptions
{
    /// <summary><c>edge.route</c>: who writes.</summary>
    public EdgeRoute? Route { get; set; }

    /// <summary><c>min_p</c>: drop tokens less likely than this share of the best one; [0, 1).</summary>
    public float? MinP { get; set; }

    /// <summary><c>repetition_penalty</c>: a token of the text, prompt included, has its logit divided by this where positive, multiplied where not; (0, 10].</summary>
    public float? RepetitionPenalty { get; set; }

    /// <summary><c>logit_bias</c>: what is added to the logits of tokens, by their ids; [-100, 100], at most 1,024 tokens.</summary>
    public IReadOnlyDictionary<int, float>? LogitBias { get; set; }

    /// <summary><c>thinking_budget</c>: tokens of the thought, at most; 0 or more. Comes before <see cref="ReasoningOptions.Effort"/>.</summary>
    public int? ThinkingBudget { get; set; }

    /// <summary><c>logprobs</c>: whether a server tells the log-probabilities of what it writes (<see cref="EdgeToken.LogProb"/>); the device always does.</summary>
    public bool? LogProbs { get; set; }

    /// <summary><c>strict</c>: whether calls fit their tools' schemas.</summary>
    public bool? Strict { get; set; }

    /// <summary><c>regex</c>: a regular expression that the whole answer matches (docs/constraints.md). Not beside a <see cref="Grammar"/>, tools or a response format in JSON.</summary>
    public string? Regex { get; set; }

    /// <summary><c>grammar</c>: a grammar in llama.cpp's notation (GBNF) that the whole answer is of; likewise.</summary>
    public string? Grammar { get; set; }

    /// <summary><c>edge.spans</c>: whether strings in calls and in JSON stand in the conversation.</summary>
    public bool? Spans { get; set; }
}
