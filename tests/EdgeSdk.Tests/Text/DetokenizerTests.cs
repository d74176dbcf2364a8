using System.Text;
using CsCheck;

namespace EdgeSdk.Tests.Text;

public class DetokenizerTests
{
    public static TheoryData<string> Folders => new("gpt2", "phi3", "qwen_style");

    [Theory]
    [MemberData(nameof(Folders))]
    public void The_joined_stream_is_the_text_of_the_whole(string folder)
    {
        var tokenizer = GoldenTokenizers.Get(folder);
        // The first few hundred ids are bytes, so that most texts are not UTF-8.
        var ids = Gen.OneOf(Gen.Int[0, 300], Gen.Int[-1, tokenizer.VocabularySize]).Array[0, 24];

        Gen.Select(ids, Gen.Bool).Sample(
            (stream, skip) =>
            {
                var detokenizer = tokenizer.CreateDetokenizer(skip);
                string joined = string.Concat(stream.Select(detokenizer.Append)) + detokenizer.Flush();
                return joined == tokenizer.Decode(stream, skip);
            },
            iter: 3000);
    }

    [Theory]
    [MemberData(nameof(Folders))]
    public void No_part_of_a_stream_holds_half_a_character(string folder)
    {
        var tokenizer = GoldenTokenizers.Get(folder);

        Gen.Char["aé你\u3099 \n"].Array.Select(Gen.Int[0x1F300, 0x1F6FF].Array, (c, e) => new string(c) + string.Concat(e.Select(char.ConvertFromUtf32))).Sample(
            text =>
            {
                var detokenizer = tokenizer.CreateDetokenizer(skipSpecialTokens: true);
                return tokenizer.Encode(text).Select(detokenizer.Append).Append(detokenizer.Flush()).All(part => !part.EnumerateRunes().Any(r => r == Rune.ReplacementChar));
            },
            iter: 500);
    }

    [Fact]
    public void Byte_level_text_is_the_lossy_decoding_of_all_bytes()
    {
        var tokenizer = GoldenTokenizers.Get("gpt2");

        Gen.Int[0, 300].Array[0, 16].Sample(
            ids => tokenizer.Decode(ids) == Encoding.UTF8.GetString([.. ids.SelectMany(i => tokenizer.BytesOf(i).ToArray())]), iter: 3000);
    }

    [Theory]
    [InlineData(new[] { 0xC3, 0xA9 }, "é")]
    [InlineData(new[] { 0xC3 }, "\uFFFD")]
    [InlineData(new[] { 0xC3, 0xA9, 0xFF }, "\uFFFD\uFFFD\uFFFD")]
    [InlineData(new[] { 0xE4, 0xBD, 0xA0, 0x41 }, "你A")]
    public void A_run_of_byte_tokens_is_text_as_a_whole_or_not_at_all(int[] bytes, string text)
    {
        const int FirstByteToken = 3;
        const int Hello = 15043;
        var detokenizer = GoldenTokenizers.Get("phi3").CreateDetokenizer(skipSpecialTokens: false);

        Assert.All(bytes, b => Assert.Equal("", detokenizer.Append(b + FirstByteToken)));
        Assert.Equal(text + " Hello", detokenizer.Append(Hello));
    }

    [Fact]
    public void Only_the_first_space_of_the_text_is_stripped()
    {
        var tokenizer = GoldenTokenizers.Get("phi3");
        var detokenizer = tokenizer.CreateDetokenizer(skipSpecialTokens: true);
        const int Hello = 15043;

        Assert.Equal("Hello", detokenizer.Append(Hello));
        Assert.Equal(" Hello", detokenizer.Append(Hello));
        Assert.Equal("", detokenizer.Flush());
        Assert.Equal("Hello", detokenizer.Append(Hello));
    }

    [Fact]
    public void Special_tokens_are_left_out_on_request()
    {
        var tokenizer = GoldenTokenizers.Get("qwen_style");
        int[] ids = tokenizer.Encode("<|begin|>Hello<|end|>");

        Assert.Equal("<|begin|>Hello<|end|>", tokenizer.Decode(ids));
        Assert.Equal("Hello", tokenizer.Decode(ids, skipSpecialTokens: true));
    }
}
