using EdgeSdk.Text;

namespace EdgeSdk.Fuzz;

/// <summary>A tokenizer.json of any content: it is refused, or its ids are of its vocabulary and its streamed text is the whole one.</summary>
internal static class TokenizerTarget
{
    private const string Text = "The cafe\u0301 in Köln, 12,345 km² — don't! 日本語 😀\n\t<s> [CLS] ▁x  ";

    private static readonly string[] s_words =
    [
        "{", "}", "[", "]", ",", ":", "\"", "null", "true", "false", "0", "1", "-1", "2147483648", "1e9", "\"type\":", "\"model\":{", "\"BPE\"", "\"Unigram\"", "\"WordPiece\"", "\"WordLevel\"", "\"vocab\":{", "\"vocab\":[",
        "\"merges\":[", "\"a b\"", "[\"a\",\"b\"]", "\"unk_token\":", "\"unk_id\":", "\"byte_fallback\":", "\"ignore_merges\":", "\"fuse_unk\":", "\"dropout\":", "\"continuing_subword_prefix\":", "\"added_tokens\":[",
        "{\"id\":1,\"content\":\"a\",\"special\":true}", "\"single_word\":true", "\"lstrip\":true", "\"rstrip\":true", "\"normalized\":true", "\"normalizer\":", "\"pre_tokenizer\":", "\"decoder\":", "\"post_processor\":",
        "\"Sequence\"", "\"normalizers\":[", "\"pretokenizers\":[", "\"decoders\":[", "\"NFC\"", "\"NFKD\"", "\"Lowercase\"", "\"Strip\"", "\"Replace\"", "\"Prepend\"", "\"Precompiled\"", "\"BertNormalizer\"", "\"ByteLevel\"",
        "\"Metaspace\"", "\"Split\"", "\"Digits\"", "\"Punctuation\"", "\"Whitespace\"", "\"BertPreTokenizer\"", "\"pattern\":{\"Regex\":\"", "\"pattern\":{\"String\":\"", "\"behavior\":\"Isolated\"", "\"invert\":true", "(a+)+$",
        "\\\\p{L}", "(?i:'s)", "\"ByteFallback\"", "\"Fuse\"", "\"WordPiece\"", "\"CTC\"", "\"TemplateProcessing\"", "\"replacement\":\"▁\"", "\"prepend_scheme\":\"first\"", "\"add_prefix_space\":true", "\"<0x41>\":5", "\"\\ud800\"",
    ];

    public static FuzzTarget Create() => new("tokenizer", s_words, Run);

    private static void Run(byte[] input)
    {
        try
        {
            var tokenizer = Tokenizer.Parse(input, "fuzz.json");
            int[] ids = tokenizer.Encode(Text);
            Check(ids.All(id => id >= 0 && id < tokenizer.VocabularySize), "an id beyond the vocabulary");
            var stream = tokenizer.CreateDetokenizer(skipSpecialTokens: false);
            string streamed = string.Concat(ids.Select(stream.Append)) + stream.Flush();
            Check(streamed == tokenizer.Decode(ids), $"'{streamed}' streamed, '{tokenizer.Decode(ids)}' as a whole");
        }
        catch (EdgeException)
        {
            // A refusal is what most of these files deserve.
        }
    }

    private static void Check(bool holds, string otherwise)
    {
        if (!holds)
            throw new InvalidOperationException(otherwise);
    }
}
