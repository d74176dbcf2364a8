using EdgeSdk.Decoding;
using EdgeSdk.Protocol;
using EdgeSdk.Text;

namespace EdgeSdk.Remote;

/// <summary>The model behind a server, as the server describes it.</summary>
/// <param name="Info">What it is.</param>
/// <param name="Cost">What its passes cost.</param>
/// <param name="ExactFrom">Rows from which its passes are exact; 0: never.</param>
/// <param name="Renders">Whether it takes whole turns from a device of another vocabulary.</param>
/// <param name="Thought">The tokens between which it thinks; null: it has none.</param>
internal sealed record RemoteModel(ModelInfo Info, StepCost Cost, int ExactFrom, bool Renders, ThoughtBorders? Thought)
{
    /// <summary>The longest text of a border, UTF-16 units.</summary>
    private const int MostBorder = 64;

    /// <summary>Takes in what a server sent.</summary>
    /// <exception cref="EdgeException">Protocol: a number cannot be.</exception>
    public static RemoteModel From(ServerInfo info)
    {
        if (info.VocabularySize < 1 || info.ContextLength < 1 || info.ExactFrom < 0 || info.PassSeconds.Count > 32
            || info.PassSeconds.Any(s => !float.IsFinite(s) || s < 0) || info.EndTokens.Any(t => t < 0 || t >= info.VocabularySize))
        {
            throw new EdgeException(
                EdgeErrorCode.Protocol,
                $"The server describes a model that cannot be: vocabulary {info.VocabularySize}, context {info.ContextLength}, end tokens [{string.Join(", ", info.EndTokens.Take(8))}].");
        }

        if (info.Thought is { } thought && (!IsToken(thought.Begin) || !IsToken(thought.End) || thought.Begin == thought.End
            || thought.BeginText.Length is 0 or > MostBorder || thought.EndText.Length is 0 or > MostBorder))
        {
            throw new EdgeException(EdgeErrorCode.Protocol, $"The server describes thoughts that cannot be: from token {thought.Begin} to {thought.End} of {info.VocabularySize}.");
        }

        return new(
            new(
                info.Model,
                info.Identity,
                info.VocabularyFingerprint.Length == 0 ? null : info.VocabularyFingerprint,
                info.VocabularySize,
                info.ContextLength,
                [.. info.EndTokens]),
            new([.. info.PassSeconds]),
            info.ExactFrom,
            info.Renders,
            info.Thought is null ? null : new(info.Thought.Begin, info.Thought.End, info.Thought.BeginText, info.Thought.EndText));

        bool IsToken(int id) => id >= 0 && id < info.VocabularySize;
    }
}
