using System.Buffers;
using System.Collections;
using System.Collections.Immutable;
using System.Text.Unicode;

namespace EdgeSdk.Text;

/// <summary>
/// What each token contributes to a text, and the steps that put contributions together. The leading steps that take each token by itself are applied to the vocabulary
/// once; the rest are opened for each stream. Immutable.
/// </summary>
internal sealed class TokenDecoder
{
    private readonly ImmutableArray<DecoderStep> _spelling;
    private readonly ImmutableArray<DecoderStep> _joining;
    private readonly TokenBytes? _written;

    /// <param name="tokens">As the file writes them, by id; null where an id is not in use.</param>
    /// <param name="special">By id: whether it is a control token.</param>
    /// <param name="steps">The decoder's, in order.</param>
    public TokenDecoder(IReadOnlyList<byte[]?> tokens, BitArray special, ImmutableArray<DecoderStep> steps)
    {
        int spelling = steps.TakeWhile(s => s.TakesEachTokenByItself).Count();
        _spelling = steps[..spelling];
        _joining = steps[spelling..];
        _written = _spelling.Any(s => s.MindsTheFirst) ? new TokenBytes(tokens) : null;
        Special = special;
        InUse = new BitArray(tokens.Count);
        for (int id = 0; id < tokens.Count; id++)
            InUse[id] = tokens[id] is not null;

        byte[]?[] spelt = [.. tokens.Select(t => Spell(_spelling, t))];
        Spelt = new TokenBytes(spelt);
        Tokens = _joining.IsEmpty ? Spelt : new TokenBytes([.. spelt.Select(t => Spell(_joining, t))]);
    }

    /// <summary>By id: the bytes that a token contributes within a text.</summary>
    public TokenBytes Tokens { get; }

    /// <summary>By id: what a token is when it comes to the first stage, unless it is a stream's first.</summary>
    public TokenBytes Spelt { get; }

    /// <summary>By id: whether there is such a token.</summary>
    public BitArray InUse { get; }

    /// <summary>By id: whether it is a control token.</summary>
    public BitArray Special { get; }

    public bool Has(int id) => (uint)id < (uint)InUse.Count && InUse[id];

    /// <summary>What a stream's first token is when it comes to the first stage.</summary>
    public ReadOnlySpan<byte> SpeltFirst(int id)
    {
        if (_written is null)
            return Spelt[id];

        byte[] token = _written[id].ToArray();
        foreach (var step in _spelling)
            token = Spell(step, token, isFirst: true);

        return token;
    }

    /// <summary>The stages of a new stream that ends in <paramref name="sink"/>; gives the first.</summary>
    public DecoderStage Open(DecoderStage sink) => _joining.Reverse().Aggregate(sink, (next, step) => step.Open(next));

    /// <summary>A token that is a part of a character after ByteLevel is left at that.</summary>
    private static byte[]? Spell(ImmutableArray<DecoderStep> steps, byte[]? token) =>
        token is null ? null : steps.Aggregate(token, (t, step) => Utf8.IsValid(t) ? Spell(step, t, isFirst: false) : t);

    private static byte[] Spell(DecoderStep step, byte[] token, bool isFirst)
    {
        var output = new ArrayBufferWriter<byte>(token.Length + 1);
        step.Spell(token, isFirst, output);
        return output.WrittenSpan.ToArray();
    }
}
