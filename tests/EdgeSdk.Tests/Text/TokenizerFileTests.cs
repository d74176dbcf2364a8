using System.Text;
using EdgeSdk.Text;

namespace EdgeSdk.Tests.Text;

/// <summary>A file that is damaged, or uses what is not known, is refused; the message names file, field, value and remedy.</summary>
public class TokenizerFileTests
{
    [Theory]
    [InlineData("model.type", "\"Unigram\"", "model.type", "\"Unigram\"", "BPE")]
    [InlineData("model.vocab.b", "0", "model.vocab.b", "0", "also the id of 'a'")]
    [InlineData("model.vocab.b", "2147483648", "model.vocab.b", "2147483648", "from 0 to")]
    [InlineData("model.vocab.b", "-1", "model.vocab.b", "-1", "from 0 to")]
    [InlineData("model.vocab.b", "\"1\"", "model.vocab.b", "\"1\"", "whole number")]
    [InlineData("model.merges", "[\"a b\", \"a bcd\"]", "model.merges[1]", "\"a bcd\"", "'bcd'")]
    [InlineData("model.merges", "[\"abc\"]", "model.merges[0]", "\"abc\"", "pair")]
    [InlineData("model.merges", "{}", "model.merges", "{}", "list")]
    [InlineData("model.dropout", "0.1", "model.dropout", "0.1", "random")]
    [InlineData("model.end_of_word_suffix", "\"</w>\"", "model.end_of_word_suffix", "\"</w>\"", "not supported")]
    [InlineData("model.unk_token", "\"<unk>\"", "model.unk_token", "\"<unk>\"", "model.vocab")]
    [InlineData("normalizer", "{\"type\":\"NFKC\"}", "normalizer.type", "\"NFKC\"", "NFC")]
    [InlineData("normalizer", "{\"type\":\"Replace\",\"pattern\":{\"String\":\"\"},\"content\":\"\"}", "normalizer.pattern.String", "\"\"", "empty")]
    [InlineData("pre_tokenizer.type", "\"BertPreTokenizer\"", "pre_tokenizer.type", "\"BertPreTokenizer\"", "ByteLevel")]
    [InlineData("pre_tokenizer", "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"ByteLevel\"},{\"type\":\"Digits\"}]}", "pre_tokenizer.pretokenizers[1].type", "\"Digits\"", "last")]
    [InlineData("pre_tokenizer", "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"(?<=a)b\"},\"behavior\":\"Isolated\"}", "pre_tokenizer.pattern.Regex", "(?<=a)b", "character 1")]
    [InlineData("pre_tokenizer", "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"a\"},\"behavior\":\"Sideways\"}", "pre_tokenizer.behavior", "\"Sideways\"", "Isolated")]
    [InlineData("post_processor", "{\"type\":\"BertProcessing\"}", "post_processor.type", "\"BertProcessing\"", "TemplateProcessing")]
    [InlineData("post_processor", "{\"type\":\"TemplateProcessing\",\"single\":[]}", "post_processor.single", "[]", "text out")]
    [InlineData("decoder.type", "\"CTC\"", "decoder.type", "\"CTC\"", "ByteLevel")]
    [InlineData("decoder", "{\"type\":\"Strip\",\"content\":\" \",\"start\":1,\"stop\":0}", "decoder.type", "\"Strip\"", "order")]
    [InlineData("added_tokens", "[{\"id\":7,\"content\":\"ab\"}]", "added_tokens[0].id", "7", "'ab' (3)")]
    [InlineData("added_tokens", "[{\"id\":1,\"content\":\"x\"}]", "added_tokens[0].id", "1", "'b'")]
    [InlineData("added_tokens", "[{\"id\":7,\"content\":\"x\",\"special\":1}]", "added_tokens[0].special", "1", "true nor false")]
    public void Refuses_by_name(string path, string json, string field, string value, string reason)
    {
        var failure = Assert.Throws<EdgeException>(() => TinyTokenizer.With(path, json));

        Assert.Equal(EdgeErrorCode.InvalidModel, failure.Code);
        Assert.StartsWith($"tokenizer.json: {field} ", failure.Message);
        Assert.Contains(value, failure.Message);
        Assert.Contains(reason, failure.Message);
    }

    [Theory]
    [InlineData("", "is not JSON")]
    [InlineData("not JSON", "is not JSON")]
    [InlineData("[]", "is not an object")]
    [InlineData("{}", "has no model")]
    [InlineData("""{"model":{"vocab":{"\ud800":0},"merges":[]}}""", "not Unicode")]
    public void Refuses_what_is_no_tokenizer(string content, string reason)
    {
        var failure = Assert.Throws<EdgeException>(() => TinyTokenizer.Parse(content));

        Assert.Equal(EdgeErrorCode.InvalidModel, failure.Code);
        Assert.StartsWith("tokenizer.json", failure.Message);
        Assert.Contains(reason, failure.Message);
    }

    [Fact]
    public void Refuses_nesting_without_end() =>
        Assert.Contains("is not JSON", Assert.Throws<EdgeException>(() => TinyTokenizer.Parse(string.Concat(Enumerable.Repeat("{\"a\":", 100_000)))).Message);

    [Fact]
    public void Every_truncation_of_a_file_is_refused()
    {
        byte[] whole = Encoding.UTF8.GetBytes(TinyTokenizer.File);

        for (int length = 0; length < whole.Length - 1; length++)
        {
            Assert.Throws<EdgeException>(() => Tokenizer.Parse(whole.AsMemory(0, length), "tokenizer.json"));
        }
    }

    [Fact]
    public void A_folder_without_the_file_is_refused_with_the_way_out()
    {
        var folder = Directory.CreateTempSubdirectory("edge-tokenizer");
        try
        {
            string missing = Assert.Throws<EdgeException>(() => Tokenizer.Load(folder.FullName)).Message;
            File.WriteAllText(Path.Combine(folder.FullName, "tokenizer.model"), "");
            string sentencePiece = Assert.Throws<EdgeException>(() => Tokenizer.Load(folder.FullName)).Message;

            Assert.Contains(Path.Combine(folder.FullName, "tokenizer.json"), missing);
            Assert.Contains("save_pretrained", sentencePiece);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
