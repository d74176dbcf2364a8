using System.Text.Json;
using EdgeSdk.Text;

namespace EdgeSdk.Tests.Text;

/// <summary>Ids and texts that Hugging Face's tokenizers gave.</summary>
public class TokenizerGoldenTests
{
    public static TheoryData<string> Folders => new("gpt2", "phi3", "qwen_style");

    [Theory]
    [MemberData(nameof(Folders))]
    public void Encodes_and_decodes_as_the_reference_does(string folder)
    {
        var tokenizer = GoldenTokenizers.Get(folder);

        AssertCases(tokenizer, Assets.Data($"tokenizers/{folder}/cases.json"));
    }

    [Fact]
    public void Encodes_and_decodes_stories260k_as_the_reference_does()
    {
        string folder = Assets.External("models/stories260k");
        var tokenizer = Tokenizer.Load(folder);

        AssertCases(tokenizer, Path.Combine(folder, "tokenizer_cases.json"));
        Assert.Equal(512, tokenizer.VocabularySize);
        Assert.Equal([1, 346, 306, 414, 263, 304, 341], tokenizer.Encode("Hello world"));
    }

    [Fact]
    public void Decodes_whispers_transcripts()
    {
        string folder = Assets.External("models/whisper-tiny.en");
        var tokenizer = Tokenizer.Load(folder);
        using var golden = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(folder, "golden.json")));

        foreach (var utterance in golden.RootElement.GetProperty("utterances").EnumerateArray())
        {
            int[] ids = Ids(utterance.GetProperty("token_ids"));
            string text = utterance.GetProperty("text").GetString()!;
            Assert.Equal(text.Trim(), tokenizer.Decode(ids, skipSpecialTokens: true).Trim());
        }

        Assert.Equal(50363, tokenizer.VocabularySize);
    }

    [Theory]
    [InlineData("llama")]
    [InlineData("qwen2")]
    [InlineData("qwen3")]
    [InlineData("deepseek_v3")]
    public void Reads_the_tokenizers_of_the_golden_checkpoints(string folder)
    {
        var tokenizer = Tokenizer.Load(Assets.Data($"hf/{folder}"));

        Assert.Equal(508, tokenizer.VocabularySize);
        Assert.Equal(2, tokenizer.IdOf("<|user|>"));
        Assert.True(tokenizer.IsSpecial(2));
        Assert.Equal("<|user|>A table for two", tokenizer.Decode(tokenizer.Encode("<|user|>A table for two")));
    }

    private static void AssertCases(Tokenizer tokenizer, string file)
    {
        using var golden = JsonDocument.Parse(File.ReadAllBytes(file));
        bool addSpecialTokens = golden.RootElement.GetProperty("add_special_tokens").GetBoolean();
        foreach (var item in golden.RootElement.GetProperty("cases").EnumerateArray())
        {
            string text = item.GetProperty("text").GetString()!;
            int[] ids = Ids(item.GetProperty("ids"));
            Assert.Equal(ids, tokenizer.Encode(text, addSpecialTokens));
            Assert.Equal(item.GetProperty("decoded").GetString(), tokenizer.Decode(ids));
        }
    }

    private static int[] Ids(JsonElement ids) => [.. ids.EnumerateArray().Select(i => i.GetInt32())];
}
