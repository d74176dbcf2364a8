using System.Numerics;
using System.Numerics.Tensors;

namespace EdgeSdk.Text.Constraints;

/// <summary>Some tokens of a vocabulary: their ids where they are few, else a bit an id. Immutable.</summary>
internal readonly struct TokenSet
{
    private readonly int[]? _few;
    private readonly ulong[]? _many;

    private TokenSet(int[]? few, ulong[]? many) => (_few, _many) = (few, many);

    public long Bytes => sizeof(int) * (long)(_few?.Length ?? 0) + sizeof(ulong) * (long)(_many?.Length ?? 0);

    /// <param name="mask">A bit an id; kept where there are many.</param>
    public static TokenSet Of(ulong[] mask)
    {
        int count = mask.Sum(BitOperations.PopCount);
        if (!AreFew(count, mask.Length))
            return new(null, mask);

        int[] tokens = new int[count];
        int i = 0;
        for (int word = 0; word < mask.Length; word++)
        {
            for (ulong bits = mask[word]; bits != 0; bits &= bits - 1)
                tokens[i++] = word * 64 + BitOperations.TrailingZeroCount(bits);
        }

        return new(tokens, null);
    }

    /// <param name="tokens">Ids.</param>
    /// <param name="maskLength">Words of a bit an id of the vocabulary.</param>
    public static TokenSet Of(int[] tokens, int maskLength)
    {
        if (AreFew(tokens.Length, maskLength))
            return new(tokens, null);

        ulong[] mask = new ulong[maskLength];
        new TokenSet(tokens, null).AddTo(mask);
        return new(null, mask);
    }

    public void AddTo(Span<ulong> mask)
    {
        if (_many is not null)
            TensorPrimitives.BitwiseOr(mask, _many, mask);

        foreach (int token in _few ?? [])
            mask[token >> 6] |= 1UL << token;
    }

    /// <summary>Until a bit an id is quicker.</summary>
    private static bool AreFew(int tokens, int maskLength) => tokens <= maskLength / 2;
}
