using System.Numerics.Tensors;

namespace EdgeSdk.Text.Constraints;

/// <summary>
/// A vocabulary by an alphabet: most tokens are a run of its characters and nothing else, and of the others few differ in what follows their run. Where each character
/// of the alphabet leads on to the same state, as inside a string, the tokens of a run are decided at one blow, and the others by the rest alone. (Slices by a fixed
/// alphabet are an idea of microsoft/llguidance.) Immutable.
/// </summary>
internal sealed class TokenRuns
{
    /// <summary>Runs are followed so far, characters; what is longer has a rest.</summary>
    public const int Longest = 16;

    /// <summary>A share of the vocabulary: with more rests it is not worth while.</summary>
    private const int MostRests = 8;

    private readonly ulong[][] _whole;

    private TokenRuns(ulong alphabet, ulong[][] whole, TokenTrie rests) => (Alphabet, _whole, Rests) = (alphabet, whole, rests);

    /// <summary>Groups of characters, a bit each (<see cref="CharacterGroups"/>).</summary>
    public ulong Alphabet { get; }

    /// <summary>
    /// Tokens that begin with a run and do not end with it, by what follows; where the alphabet goes beyond ASCII also those without a run that begin with a byte beyond it.
    /// </summary>
    public TokenTrie Rests { get; }

    /// <summary>Null where too many tokens go on behind a run.</summary>
    public static TokenRuns? Of(ConstraintVocabulary vocabulary, ulong alphabet)
    {
        var tokens = vocabulary.Tokens;
        bool beyondAscii = (alphabet >> CharacterGroups.BeyondAscii & 1) != 0;
        ulong[][] whole = [.. Enumerable.Range(0, Longest + 1).Select(_ => new ulong[vocabulary.MaskLength])];
        var rests = new List<TokenTrie.Entry>();
        for (int id = 0; id < tokens.Count && rests.Count <= tokens.Count / MostRests; id++)
        {
            var (run, length) = Run(tokens[id], alphabet);
            if (run > 0 && length == tokens[id].Length)
                whole[run][id >> 6] |= 1UL << id;
            else if (run > 0 || (beyondAscii && tokens[id] is [>= 0x80, ..]))
                rests.Add(new(id, (byte)run, (byte)length));
        }

        if (rests.Count > tokens.Count / MostRests)
            return null;

        for (int run = 1; run <= Longest; run++)
            TensorPrimitives.BitwiseOr(whole[run], whole[run - 1], whole[run]);

        return new(alphabet, whole, new(tokens, [.. rests]));
    }

    /// <summary>A bit for each token that is a run of at most so many characters.</summary>
    public ReadOnlySpan<ulong> Whole(int characters) => _whole[characters];

    private static (int Run, int Length) Run(ReadOnlySpan<byte> token, ulong alphabet)
    {
        int run = 0, length = 0;
        while (run < Longest && length < token.Length && (alphabet >> CharacterGroups.Of(token[length]) & 1) != 0 && CharacterGroups.Length(token[length..]) is > 0 and var next)
            (run, length) = (run + 1, length + next);

        return (run, length);
    }
}
