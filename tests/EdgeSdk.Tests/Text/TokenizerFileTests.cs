using System.Text;
using EdgeSdk.Text;

namespace EdgeSdk.Tests.Text;

/// <summary>A file that is damaged, or uses what is not known, is refused; the message names file, field, value and remedy.</summary>
public class TokenizerFileTests
{
    [Theory]
    [InlineData("model.type", "\"Quantum\"", "model.type", "\"Quantum\"", "BPE, Unigram, WordLevel, WordPiece")]
    [InlineData("model.vocab.b", "0", "model.vocab.b", "0", "also the id of 'a'")]
    [InlineData("model.vocab.b", "2147483648", "model.vocab.b", "2147483648", "from 0 to")]
    [InlineData("model.vocab.b", "-1", "model.vocab.b", "-1", "from 0 to")]
    [InlineData("model.vocab.b", "\"1\"", "model.vocab.b", "\"1\"", "whole number")]
    [InlineData("model.merges", "[\"a b\", \"a bcd\"]", "model.merges[1]", "\"a bcd\"", "'bcd'")]
    [InlineData("model.merges", "[\"abc\"]", "model.merges[0]", "\"abc\"", "pair")]
    [InlineData("model.merges", "{}", "model.merges", "{}", "list")]
    [InlineData("model.dropout", "0.1", "model.dropout", "0.1", "random")]
    [InlineData("model.continuing_subword_prefix", "\"##\"", "model.merges[0]", "\"a b\"", "continuing_subword_prefix")]
    [InlineData("model", "{\"type\":\"Unigram\",\"vocab\":[[\"a\",-1]],\"unk_id\":1}", "model.unk_id", "1", "from 0 to 0")]
    [InlineData("model", "{\"type\":\"Unigram\",\"vocab\":[[\"a\",-1],[\"b\"]]}", "model.vocab[1]", "[\"b\"]", "its score")]
    [InlineData("model", "{\"type\":\"Unigram\",\"vocab\":[[\"a\",\"-1\"]]}", "model.vocab[0][1]", "\"-1\"", "number")]
    [InlineData("model", "{\"type\":\"Unigram\",\"vocab\":[]}", "model.vocab", "[]", "empty")]
    [InlineData("model", "{\"type\":\"WordPiece\",\"vocab\":{\"a\":0},\"max_input_chars_per_word\":-1}", "model.max_input_chars_per_word", "-1", "from 0 to")]
    [InlineData("normalizer", "{\"type\":\"NFQ\"}", "normalizer.type", "\"NFQ\"", "NFC")]
    [InlineData("normalizer", "{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"/\"}", "normalizer.precompiled_charsmap", "\"/\"", "damaged")]
    [InlineData("normalizer", "{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"/////w==\"}", "normalizer.precompiled_charsmap", "\"/////w==\"", "4294967295 bytes")]
    [InlineData("normalizer", "{\"type\":\"Replace\",\"pattern\":{\"String\":\"\"},\"content\":\"\"}", "normalizer.pattern.String", "\"\"", "empty")]
    [InlineData("pre_tokenizer.type", "\"Syllables\"", "pre_tokenizer.type", "\"Syllables\"", "ByteLevel")]
    [InlineData("pre_tokenizer", "{\"type\":\"Sequence\",\"pretokenizers\":[{\"type\":\"ByteLevel\"},{\"type\":\"Digit\"}]}", "pre_tokenizer.pretokenizers[1].type", "\"Digit\"", "Digits")]
    [InlineData("pre_tokenizer", "{\"type\":\"CharDelimiterSplit\",\"delimiter\":\"||\"}", "pre_tokenizer.delimiter", "\"||\"", "one character")]
    [InlineData("pre_tokenizer", "{\"type\":\"FixedLength\",\"length\":0}", "pre_tokenizer.length", "0", "at least 1")]
    [InlineData("pre_tokenizer", "{\"type\":\"Metaspace\",\"replacement\":\"_\",\"prepend_scheme\":\"now\"}", "pre_tokenizer.prepend_scheme", "\"now\"", "always, first, never")]
    [InlineData("pre_tokenizer", "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"(?<=a+)b\"},\"behavior\":\"Isolated\"}", "pre_tokenizer.pattern.Regex", "(?<=a+)b", "character 1")]
    [InlineData("pre_tokenizer", "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"a\"},\"behavior\":\"Sideways\"}", "pre_tokenizer.behavior", "\"Sideways\"", "Isolated")]
    [InlineData("post_processor", "{\"type\":\"Framing\"}", "post_processor.type", "\"Framing\"", "TemplateProcessing")]
    [InlineData("post_processor", "{\"type\":\"BertProcessing\",\"cls\":[\"a\"],\"sep\":[\"b\",1]}", "post_processor.cls", "[\"a\"]", "its id")]
    [InlineData("post_processor", "{\"type\":\"TemplateProcessing\",\"single\":[]}", "post_processor.single", "[]", "text out")]
    [InlineData("decoder.type", "\"Guess\"", "decoder.type", "\"Guess\"", "ByteLevel")]
    [InlineData("decoder", "{\"type\":\"Strip\",\"content\":\"ab\",\"start\":1,\"stop\":0}", "decoder.content", "\"ab\"", "one character")]
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

    /// <summary>Whether it is needed shows with the text: the reference implementation loads such files too.</summary>
    [Theory]
    [InlineData("{\"type\":\"BPE\",\"vocab\":{\"a\":0},\"merges\":[],\"unk_token\":\"<unk>\"}", "'<unk>'")]
    [InlineData("{\"type\":\"WordLevel\",\"vocab\":{\"a\":0},\"unk_token\":\"<unk>\"}", "'<unk>'")]
    [InlineData("{\"type\":\"WordPiece\",\"vocab\":{\"a\":0},\"unk_token\":\"[UNK]\"}", "'[UNK]'")]
    [InlineData("{\"type\":\"Unigram\",\"vocab\":[[\"a\",-1]],\"unk_id\":null}", "no unknown token")]
    public void A_missing_unknown_token_is_missed_when_it_is_needed(string model, string reason)
    {
        var tokenizer = TinyTokenizer.With("model", model);

        Assert.Equal([0], tokenizer.Encode("a"));
        var failure = Assert.Throws<EdgeException>(() => tokenizer.Encode("b"));
        Assert.Equal(EdgeErrorCode.InvalidModel, failure.Code);
        Assert.Contains("'b'", failure.Message);
        Assert.Contains(reason, failure.Message);
    }

    /// <summary>As the reference implementation does, whose ids a model was trained with.</summary>
    [Fact]
    public void Added_tokens_have_the_ids_of_the_vocabulary_or_are_numbered_in_their_order_from_its_size_on()
    {
        var tokenizer = TinyTokenizer.With("added_tokens", """[{"id":9,"content":"<x>","special":true},{"id":8,"content":"ab"},{"id":7,"content":"<y>"}]""");

        Assert.Equal([5, 3, 6], tokenizer.Encode("<x>ab<y>"));
        Assert.Equal("<x><y>", tokenizer.Decode([5, 6, 7, 9]));
        Assert.Equal(7, tokenizer.VocabularySize);
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
            Assert.Throws<EdgeException>(() => Tokenizer.Parse(whole.AsMemory(0, length), "tokenizer.json"));
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
