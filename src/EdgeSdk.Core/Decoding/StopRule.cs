using System.Collections.Immutable;

namespace EdgeSdk.Decoding;

/// <summary>Why a text ended. A cancelled one ends by <see cref="OperationCanceledException"/> instead.</summary>
internal enum FinishReason
{
    /// <summary>An end token was written; it is the text's last.</summary>
    End = 1,

    /// <summary>The output limit, or the end of the context.</summary>
    Length = 2,
}

/// <summary>When a text ends. A model alone, device and server together, and a resumed stream all ask this one rule.</summary>
/// <param name="PromptTokens">The place of the first token that is written; end tokens before it mean nothing.</param>
/// <param name="LastPlace">No token is written beyond this place.</param>
/// <param name="EndTokens">Tokens after which nothing is written; empty to go on past them.</param>
internal readonly record struct StopRule(int PromptTokens, int LastPlace, ImmutableArray<int> EndTokens)
{
    /// <summary>The rule for <paramref name="maxTokens"/> new tokens behind a prompt, as far as the model's context reaches.</summary>
    /// <param name="model">Gives the context and the end tokens.</param>
    /// <param name="promptTokens">Tokens of the prompt, without what an earlier stream committed: those count as output.</param>
    /// <param name="maxTokens">0 or more.</param>
    /// <param name="ignoreEnd">Whether to go on past end tokens.</param>
    /// <exception cref="ContextOverflowException">The prompt leaves no room for a single token.</exception>
    public static StopRule For(ModelInfo model, int promptTokens, int maxTokens, bool ignoreEnd = false)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(promptTokens, 1);
        ArgumentOutOfRangeException.ThrowIfNegative(maxTokens);
        int room = model.ContextLength - promptTokens;
        if (room < 1)
            throw new ContextOverflowException(promptTokens + 1, model.ContextLength);

        return new(promptTokens, promptTokens + Math.Min(maxTokens, room) - 1, ignoreEnd ? [] : model.EndTokens);
    }

    /// <summary>Whether a text whose last token is <paramref name="token"/> at <paramref name="place"/> has ended, and why.</summary>
    public FinishReason? After(int token, int place)
    {
        if (place >= PromptTokens && !EndTokens.IsDefaultOrEmpty && EndTokens.Contains(token))
            return FinishReason.End;

        return place >= LastPlace ? FinishReason.Length : null;
    }
}
