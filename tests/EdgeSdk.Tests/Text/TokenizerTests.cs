using System.Text;
using System.Text.Json;
using CsCheck;
using EdgeSdk.Text;

namespace EdgeSdk.Tests.Text;

public class TokenizerTests
{
    [Theory]
    [InlineData("tokenizers/gpt2", "8a436fb454c1afca22e98171a33063023c877bf45ce26eea3c514b9f42d87fb4")]
    [InlineData("tokenizers/qwen_style", "062a4dad1b1c1ea3bbccaaca989a3c3b21b16d5db507dbff10e80d23ab3c8b97")]
    [InlineData("tokenizers/phi3", "97569a6d5a701fd3b825d61d86a4adc697286e679ee5639edef55d7856a12e86")]
    [InlineData("hf/qwen3", "a8672141ef823f3b550dcf49a94f566ba4d3c55b2586bf2be6421df804a9ce42")]
    [InlineData("hf/deepseek_v3", "a8672141ef823f3b550dcf49a94f566ba4d3c55b2586bf2be6421df804a9ce42")]
    public void Has_the_fingerprint_that_an_independent_program_computed(string folder, string fingerprint) =>
        Assert.Equal(fingerprint, Tokenizer.Load(Assets.Data(folder)).Fingerprint);

    [Fact]
    public void A_control_flag_changes_the_fingerprint() =>
        Assert.NotEqual(TinyTokenizer.Parse(TinyTokenizer.File).Fingerprint, TinyTokenizer.With("added_tokens", """[{"id": 5, "content": "<end>"}]""").Fingerprint);

    [Fact]
    public void Any_text_survives_a_byte_level_tokenizer()
    {
        var tokenizer = GoldenTokenizers.Get("gpt2");
        var texts = Gen.OneOf(Gen.String, Gen.String[Gen.Char[" \n\t'a1é\u0301你🎉_"]]);

        texts.Where(IsUnicode).Sample(text => tokenizer.Decode(tokenizer.Encode(text)) == text, iter: 2000);
    }

    [Fact]
    public void Half_a_surrogate_pair_reads_as_a_replacement_character()
    {
        var tokenizer = GoldenTokenizers.Get("gpt2");

        Assert.Equal("a\uFFFDb", tokenizer.Decode(tokenizer.Encode("a\uD83Cb")));
    }

    [Theory]
    [InlineData("gpt2", "a")]
    [InlineData("gpt2", "thequick")]
    [InlineData("qwen_style", "^")]
    [InlineData("qwen_style", "e\u0301\u0323")]
    [InlineData("phi3", "antidisestablishment")]
    [InlineData("phi3", " ")]
    public void A_megabyte_without_a_break_is_encoded(string folder, string unit)
    {
        var tokenizer = GoldenTokenizers.Get(folder);
        string text = string.Concat(Enumerable.Repeat(unit, (1 << 20) / unit.Length));

        int[] ids = tokenizer.Encode(text, addSpecialTokens: false);

        Assert.Equal(folder == "qwen_style" ? text.Replace("e\u0301\u0323", "\u1EB9\u0301") : text, tokenizer.Decode(ids));
    }

    [Theory]
    [InlineData("unigram-whole", "a")]
    [InlineData("unigram-never", "ab")]
    [InlineData("bpe-gemma", " ")]
    [InlineData("bpe-bytes-normalizer", "thethere")]
    public void A_megabyte_without_a_break_is_encoded_by_every_model(string variant, string unit)
    {
        using var file = JsonDocument.Parse(File.ReadAllBytes(Assets.Data($"tokenizers/variants/{variant}.json")));
        var tokenizer = Tokenizer.Parse(Encoding.UTF8.GetBytes(file.RootElement.GetProperty("tokenizer").GetRawText()), variant);
        string text = string.Concat(Enumerable.Repeat(unit, (1 << 20) / unit.Length));

        Assert.Equal(text, tokenizer.Decode(tokenizer.Encode(text)));
    }

    [Fact]
    public void A_word_too_long_is_one_unknown_token()
    {
        var tokenizer = TinyTokenizer.With("model", """{"type": "WordPiece", "vocab": {"a": 0, "##a": 1, "[UNK]": 2}, "unk_token": "[UNK]", "max_input_chars_per_word": 2000000}""");

        Assert.Equal(1 << 20, tokenizer.Encode(new string('a', 1 << 20)).Length);
        Assert.Equal([2], tokenizer.Encode(new string('a', 2_000_001)));
    }

    /// <summary>Words are encoded one by one where no merge goes from one to the next; a merge that does must be seen.</summary>
    [Theory]
    [InlineData("\"▁ a\", \"a b\"", "5,3,4")]
    [InlineData("\"▁ a\", \"b ▁a\", \"a b\"", "2,6,4")]
    public void Merges_across_words_are_made(string merges, string ids)
    {
        var tokenizer = TinyTokenizer.Parse(
            "{\"model\":{\"type\":\"BPE\",\"unk_token\":\"<unk>\",\"vocab\":{\"<unk>\":0,\"▁\":1,\"a\":2,\"▁a\":3,\"b\":4,\"ab\":5,\"b▁a\":6},\"merges\":[" + merges + "]}}");

        Assert.Equal(ids, string.Join(',', tokenizer.Encode("ab▁ab")));
    }

    [Fact]
    public void The_lowest_rank_goes_first_and_of_equal_ones_the_leftmost()
    {
        var tokenizer = TinyTokenizer.With("model", """{"vocab": {"a": 0, "b": 1, "aa": 2, "ab": 3, "aab": 4}, "merges": ["a b", "a a", "a ab"]}""");

        Assert.Equal([2, 0], tokenizer.Encode("aaa"));
        Assert.Equal([4], tokenizer.Encode("aab"));
        Assert.Equal([2, 3], tokenizer.Encode("aaab"));
    }

    [Theory]
    [InlineData("model.unk_token", "null", "axxb", "3")]
    [InlineData("model.unk_token", "\"c\"", "axxb", "0,2,2,1")]
    [InlineData("model.unk_token", "\"c\"", "xa", "2,0")]
    public void What_the_vocabulary_lacks_becomes_the_unknown_token_or_nothing(string path, string value, string text, string ids) =>
        Assert.Equal(ids, string.Join(',', TinyTokenizer.With(path, value).Encode(text)));

    [Fact]
    public void Concurrent_callers_each_get_their_own_ids()
    {
        var tokenizer = Tokenizer.Load(Assets.Data("tokenizers/qwen_style"));
        string[] texts = [.. Enumerable.Range(0, 200).Select(i => string.Join(' ', Enumerable.Range(i, 40).Select(n => $"word{n * 7919 % 1000} é{n}")))];
        int[][] solo = [.. texts.Select(t => GoldenTokenizers.Get("qwen_style").Encode(t))];

        var together = new int[texts.Length][];
        Parallel.For(0, texts.Length, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i => together[i] = tokenizer.Encode(texts[i]));

        Assert.Equal(solo, together);
    }

    [Fact]
    public void Finds_tokens_by_their_text()
    {
        var tokenizer = GoldenTokenizers.Get("phi3");

        Assert.Equal(1, tokenizer.IdOf("<s>"));
        Assert.Equal(32000, tokenizer.IdOf("<|endoftext|>"));
        Assert.Equal(15043, tokenizer.IdOf("▁Hello"));
        Assert.Null(tokenizer.IdOf("no such token"));
        Assert.Equal(" Hello"u8, tokenizer.BytesOf(15043));
        Assert.Equal([(byte)'\n'], tokenizer.BytesOf(13));
        Assert.True(tokenizer.BytesOf(-1).IsEmpty);
        Assert.False(tokenizer.IsSpecial(15043));
        Assert.False(tokenizer.IsSpecial(int.MaxValue));
    }

    private static bool IsUnicode(string text) => !text.EnumerateRunes().Any(r => r == System.Text.Rune.ReplacementChar);
}
