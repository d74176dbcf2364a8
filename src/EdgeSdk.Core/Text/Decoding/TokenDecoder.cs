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

    /// <param name="tokens">As the file writes them, by id.</param>
    /// <param name="special">By id: whether it is a control token.</param>
    /// <param name="steps">The decoder's, in order.</param>
    public TokenDecoder(TokenBytes tokens, BitArray special, ImmutableArray<DecoderStep> steps)
    {
        int spelling = steps.TakeWhile(s => s.TakesEachTokenByItself).Count();
        _spelling = steps[..spelling];
        _joining = steps[spelling..];
        MindsTheFirst = _spelling.Any(step => step.MindsTheFirst);
        Special = special;
        Written = tokens;
        Spelt = Spell(_spelling, Written);
        Tokens = Spell(_joining, Spelt);
    }

    /// <summary>By id: the bytes that a token contributes within a text.</summary>
    public TokenBytes Tokens { get; }

    /// <summary>By id: what a token is when it comes to the first stage, unless it is a stream's first.</summary>
    public TokenBytes Spelt { get; }

    /// <summary>By id: whether it is a control token.</summary>
    public BitArray Special { get; }

    /// <summary>As the file writes them.</summary>
    public TokenBytes Written { get; }

    /// <summary>Whether a space comes between any two tokens: the text is more than what its tokens contribute.</summary>
    public bool IsSpaced => _joining.Any(step => step is DecoderStep.Spaced);

    /// <summary>What the streams of this decoder gave.</summary>
    public TextPool Texts { get; } = new();

    /// <summary>Whether a stream's first token is treated otherwise before it comes to the first stage.</summary>
    public bool MindsTheFirst { get; }

    /// <summary>Appends what a stream's first token is when it comes to the first stage.</summary>
    public void SpellFirst(int id, TextBuffer output) => Spell(_spelling, Written[id], isFirst: true, new TextBuffer(output.Budget), output);

    /// <summary>The stages of a new stream that ends in <paramref name="sink"/>; gives the first.</summary>
    public DecoderStage Open(DecoderStage sink, TextBudget budget) => _joining.Reverse().Aggregate(sink, (next, step) => step.Open(next, budget));

    private static TokenBytes Spell(ImmutableArray<DecoderStep> steps, TokenBytes tokens)
    {
        if (steps.IsEmpty)
            return tokens;

        var budget = new TextBudget();
        var (scratch, output) = (new TextBuffer(budget), new TextBuffer(budget));
        var spelt = new TokenBytes();
        spelt.Reserve(tokens.Count, 0);
        for (int id = 0; id < tokens.Count; id++)
        {
            if (!tokens.Has(id))
                continue;

            budget.Add(tokens[id].Length);
            output.Clear();
            Spell(steps, tokens[id], isFirst: false, scratch, output);
            spelt.Set(id, output.Written);
        }

        return spelt;
    }

    /// <summary>A token that is a part of a character after ByteLevel is left at that.</summary>
    private static void Spell(ImmutableArray<DecoderStep> steps, ReadOnlySpan<byte> token, bool isFirst, TextBuffer scratch, TextBuffer output)
    {
        output.Write(token);
        foreach (var step in steps)
        {
            if (!Utf8.IsValid(output.Written))
                return;

            scratch.Clear();
            scratch.Write(output.Written);
            output.Clear();
            step.Spell(scratch.Written, isFirst, output);
        }
    }
}
