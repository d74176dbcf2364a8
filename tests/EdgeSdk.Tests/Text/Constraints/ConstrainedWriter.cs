using System.Text;
using EdgeSdk.Sampling;
using EdgeSdk.Text.Constraints;

namespace EdgeSdk.Tests.Text.Constraints;

/// <summary>A model of random scores that writes under constraints: it would never end a text by itself.</summary>
internal static class ConstrainedWriter
{
    public const int End = 0;

    /// <summary>The end token, a special one, every byte, pieces that cross every border of JSON, and such as begin or end inside a character.</summary>
    public static ConstraintVocabulary Vocabulary { get; } = MakeVocabulary();

    /// <summary>Writes with random scores, with room for the shortest text and some tokens more.</summary>
    public static string Write(Constraint constraint, Random random, int extra, ConstraintVocabulary? vocabulary = null)
    {
        vocabulary ??= Vocabulary;
        int shortest = Shortest(constraint, vocabulary);
        var constrained = new ConstrainedText(constraint, vocabulary, 0, shortest + 1 + extra);
        var sampled = SampledText.For(new SamplerSpec(1, 7) { Constrained = constrained }, vocabulary.Count)!;
        var state = constrained.Begin();
        var written = new List<int>();
        var text = new List<byte>();
        float[] logits = new float[vocabulary.Count];
        for (int place = 0; place < shortest + 1 + extra; place++)
        {
            for (int i = 0; i < logits.Length; i++)
                logits[i] = random.NextSingle() * 4;

            int token = sampled.Choose(logits, [.. written]).Token;
            written.Add(token);
            Assert.True(state.TryAdvance(token));
            if (token == End)
                return new UTF8Encoding(false, true).GetString([.. text]);

            text.AddRange(token == 1 ? "<|call|>"u8.ToArray() : Vocabulary.Tokens[token]);
        }

        throw new Xunit.Sdk.XunitException("The text did not end within its limit: " + Encoding.UTF8.GetString([.. text]));
    }

    /// <summary>The same vocabulary, but for some bytes that have no token of their own.</summary>
    public static ConstraintVocabulary Lacking(params byte[] bytes) =>
        new([.. Vocabulary.Tokens.Select(token => token is [var b] && bytes.Contains(b) ? [] : token)], [End], name => name == "<|call|>" ? 1 : null);

    /// <summary>Whether a text, byte by byte, is one that the constraint has.</summary>
    public static bool Accepts(Constraint constraint, string text)
    {
        var state = constraint.Begin(Vocabulary);
        return Encoding.UTF8.GetBytes(text).All(b => state.TryAdvance(2 + b)) && state.IsComplete;
    }

    public static bool IsSet(ulong[] mask, int id) => (mask[id >> 6] >> id & 1) != 0;

    /// <summary>The shortest text's tokens: what is written when there is never room.</summary>
    private static int Shortest(Constraint constraint, ConstraintVocabulary vocabulary)
    {
        var state = constraint.Begin(vocabulary, 0, 0);
        ulong[] mask = new ulong[vocabulary.MaskLength];
        for (int count = 0; ; count++)
        {
            if (state.IsComplete)
                return count;

            state.Allowed(mask);
            int byteToken = Enumerable.Range(1, 257).First(id => IsSet(mask, id));
            Assert.True(state.TryAdvance(byteToken));
        }
    }

    private static ConstraintVocabulary MakeVocabulary()
    {
        var tokens = new List<byte[]> { Array.Empty<byte>(), Array.Empty<byte>() };
        for (int b = 0; b < 256; b++)
            tokens.Add([(byte)b]);

        string[] pieces =
        [
            "{\"", "\":", "\": \"", "\",\"", ", \"", "\"}", "}}", "]]", "[[", "[{", "},{", "null", "true", "false", "\\n", "\\u00", "12", "-1", ".5", "e1", "the", " a", "ab", "é", "日本", "😀", "\"\"",
            "abcdefghijklmnop", "abcdefghijklmnopq", "the\"", "the\",\"a", "é\\", "ab\n", " the end of it", "((", "))", "aab", "日本語日本語日本語日本語日本語日本語",
        ];
        tokens.AddRange(pieces.Select(Encoding.UTF8.GetBytes));
        tokens.AddRange([[0xE6, 0x97], [0x97, 0xA5, (byte)'"'], [0xA5, (byte)'a'], [(byte)'a', 0xE6], [0xF0, 0x9F], [0x98, 0x80], [0xC3], [0xED, 0xA0], "the"u8.ToArray()]);
        return new(tokens, [End], name => name == "<|call|>" ? 1 : null);
    }
}
