using System.Runtime.CompilerServices;
using EdgeSdk.Sampling;

namespace EdgeSdk.Decoding;

/// <summary>Plain decoding: one model writes a text alone, a token a step.</summary>
internal sealed class Generation(ISequence sequence, StopRule stop)
{
    private readonly int[] _token = new int[1];
    private readonly Pick[] _pick = new Pick[1];

    /// <summary>Why the text ended; null while it has not.</summary>
    public FinishReason? Finish { get; private set; }

    /// <summary>
    /// Takes in what the sequence lacks of <paramref name="text"/> and yields each token as it is picked, an end token included. The last token
    /// yielded is not in the sequence yet: <see cref="ISequence.Length"/> then is one less than the text's.
    /// </summary>
    /// <param name="text">Prompt, and what an earlier stream wrote behind it; the sequence holds its first <see cref="ISequence.Length"/> tokens,
    /// at most all but one (<see cref="KeptSequence.ShareAsync"/> sees to that).</param>
    /// <param name="cancellationToken">Honoured within one forward pass, by an exception.</param>
    public async IAsyncEnumerable<Pick> RunAsync(ReadOnlyMemory<int> text, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfZero(text.Length);
        Finish = stop.After(text.Span[^1], text.Length - 1);
        var next = text[sequence.Length..];
        for (int place = text.Length; Finish is null; place++)
        {
            await sequence.StepAsync(next, _pick, cancellationToken).ConfigureAwait(false);
            _token[0] = _pick[0].Token;
            next = _token;
            Finish = stop.After(_token[0], place);
            yield return _pick[0];
        }
    }
}
