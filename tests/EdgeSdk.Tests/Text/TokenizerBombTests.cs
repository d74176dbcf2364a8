using System.Text;
using EdgeSdk.Text;

namespace EdgeSdk.Tests.Text;

/// <summary>Files and texts that ask for much more than they are: refused, or done, within 2 s and four times the file and 64 MB (test 18 of our reliability rules).</summary>
[Collection(nameof(TokenizerBombTests))]
[CollectionDefinition(nameof(TokenizerBombTests), DisableParallelization = true)]
public class TokenizerBombTests
{
    private const long SpareBytes = 64 << 20;
    private const double MostSeconds = 2;
    private const int TextLength = 1 << 16;

    private static readonly Dictionary<string, (Func<string> File, string Reason)> s_refused = new()
    {
        ["arrays within arrays"] = (() => new string('[', 100_000), "is not JSON"),
        ["sequences within sequences"] = (() => $"{{\"normalizer\":{Repeat("{\"type\":\"Sequence\",\"normalizers\":[", 100_000)}", "is not JSON"),
        ["three million values"] = (() => $"{{\"model\":[{Repeat("[],", 3_000_000)}[]]}}", "too many values"),
        ["an id of 2^31"] = (() => Model("""{"a":0,"b":2147483648}"""), "from 0 to"),
        ["a negative id"] = (() => Model("""{"a":0,"b":-1}"""), "from 0 to"),
        ["an id that leaves millions out"] = (() => Model("""{"a":0,"b":4194303}"""), "from 0 to"),
        ["an id twice"] = (() => Model("""{"a":0,"b":0}"""), "also the id of 'a'"),
        ["a token of 5 MB"] = (() => Model($"{{\"a\":0,\"{new string('x', 5_000_000)}\":1}}"), "with a name of 5000000 bytes"),
        ["a scored token of 5 MB"] = (() => $"{{\"model\":{{\"type\":\"Unigram\",\"vocab\":[[\"{new string('x', 5_000_000)}\",-1]]}}}}", "is a text of 5000002 bytes"),
        ["a merge of 5 MB"] = (() => Model("""{"a":0}""", $"[\"a {new string('x', 5_000_000)}\"]"), "is a text of 5000004 bytes"),
        ["a merge of spaces"] = (() => Model("""{"a":0}""", $"[\"{new string(' ', 60_000)}\"]"), "not a pair"),
        ["a merge longer than any token"] = (() => Model("""{"a":0}""", $"[\"a {new string('a', 60_000)}\"]"), "needs the token 'aaa"),
        ["a merge of unknown tokens"] = (() => Model("""{"a":0}""", "[\"q r\"]"), "needs the token 'q'"),
        ["an affix of 60 KB"] = (() => File("", $"\"continuing_subword_prefix\":\"{new string('#', 60_000)}\","), "is a text of 60002 bytes"),
        ["a hundred thousand steps"] = (() => File($"\"normalizer\":{{\"type\":\"Sequence\",\"normalizers\":[{Repeat("""{"type":"NFC"},""", 100_000)}{{\"type\":\"NFC\"}}]}}"), "more than 100 steps"),
        ["a hundred thousand cuts"] = (() => File($"\"pre_tokenizer\":{{\"type\":\"Sequence\",\"pretokenizers\":[{Repeat("""{"type":"Digits"},""", 100_000)}{{\"type\":\"Digits\"}}]}}"), "more than 100 steps"),
        ["a hundred thousand special tokens"] = (() => File($"\"post_processor\":{{\"type\":\"TemplateProcessing\",\"special_tokens\":{{\"a\":{{\"ids\":[0]}}}},\"single\":[{Repeat("""{"SpecialToken":{"id":"a"}},""", 100_000)}{{\"Sequence\":{{\"id\":\"A\"}}}}]}}"), "more than 1000 tokens"),
        ["a million ids for a special token"] = (() => File($"\"post_processor\":{{\"type\":\"TemplateProcessing\",\"special_tokens\":{{\"a\":{{\"ids\":[{Repeat("0,", 1_000_000)}0]}}}},\"single\":[{{\"SpecialToken\":{{\"id\":\"a\"}}}},{{\"Sequence\":{{\"id\":\"A\"}}}}]}}"), "more than 1000 tokens"),
        ["three hundred thousand added tokens"] = (() => File($"\"added_tokens\":[{string.Join(',', Enumerable.Range(0, 300_000).Select(i => $"{{\"id\":{i + 9},\"content\":\"<{i}>\"}}"))}]"), "more than 262144 tokens"),
        ["a pattern of a million letters"] = (() => Split(new string('a', 1_000_000)), "is a text of 1000002 bytes"),
        ["a text of 5,000 letters to cut at"] = (() => File($"\"pre_tokenizer\":{{\"type\":\"Split\",\"behavior\":\"Isolated\",\"pattern\":{{\"String\":\"{new string('a', 5_000)}\"}}}}"), "more than 4,000 steps"),
        ["pieces of no length"] = (() => File("\"pre_tokenizer\":{\"type\":\"FixedLength\",\"length\":0}"), "is no length"),
        ["pieces of 2^31"] = (() => File("\"pre_tokenizer\":{\"type\":\"FixedLength\",\"length\":2147483648}"), "from 0 to"),
        ["an end of word of no length"] = (() => File("\"decoder\":{\"type\":\"BPEDecoder\",\"suffix\":\"\"}"), "is empty"),
        ["a decoder that doubles thirty times"] = (() => File($"\"decoder\":{Doublings("decoders")}"), "many times as long"),
        ["added tokens that a normalizer doubles"] = (() => File($"\"normalizer\":{Doublings("normalizers")},\"added_tokens\":[{{\"id\":9,\"content\":\"aaa\",\"normalized\":true}}]"), "many times as long"),
        ["a map of replacements that is none"] = (() => File($"\"normalizer\":{{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"{Repeat("/", 400)}\"}}"), "damaged"),
    };

    private static readonly Dictionary<string, (string File, string Unit)> s_texts = new()
    {
        ["doubled thirty times"] = (File($"\"normalizer\":{Doublings("normalizers")}"), "a"),
        ["replaced by 60 KB a letter"] = (File($"\"normalizer\":{{\"type\":\"Replace\",\"pattern\":{{\"String\":\"a\"}},\"content\":\"{new string('b', 60_000)}\"}}"), "a"),
        ["60 KB put between all letters"] = (File($"\"normalizer\":{{\"type\":\"Replace\",\"pattern\":{{\"Regex\":\"x*\"}},\"content\":\"{new string('b', 60_000)}\"}}"), "a"),
        ["marked again and again"] = (File("\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[" + Repeat("""{"type":"FixedLength","length":1},{"type":"Metaspace","replacement":"x"},{"type":"FixedLength","length":1},{"type":"Metaspace","replacement":"y"},""", 20) + "{\"type\":\"Digits\"}]}"), "a"),
        ["a map of garbage"] = (File($"\"normalizer\":{{\"type\":\"Precompiled\",\"precompiled_charsmap\":\"{Garbage()}\"}}"), "a\u0301ﬁ漢"),
        ["(a+)+$"] = (Split("(a+)+$"), "aaaaaaaaaaaaaaaaaaaaaaaaaaaa!"),
        ["(a|a)*b"] = (Split("(a|a)*b"), "a"),
        ["(?=.*b)a"] = (Split("(?=.*b)a"), "a"),
        [@"(?:\w+\s?)+$"] = (Split(@"(?:\w+\s?)+$"), "word "),
        [@"\d{1,3}(?=(?:\d{3})*\b)"] = (Split(@"\d{1,3}(?=(?:\d{3})*\b)"), "1"),
        ["a pattern of 1,000 classes in one"] = (Split($"[{string.Join("&&", Enumerable.Repeat(@"\\w", 1000))}]"), "a"),
        ["a pattern of 400 choices"] = (Split(string.Join('|', Enumerable.Range(0, 400).Select(i => $"a{i}b"))), "a"),
        ["^"] = (Split("^"), "^"),
        ["a token of four hundred lengths"] = (Unigram(Enumerable.Range(1, 400).Select(i => new string('a', i))), "a"),
        ["two long tokens that end otherwise"] = (Unigram(["a", new string('a', 10_000) + "b", new string('a', 10_000) + "c"]), "a"),
        ["long parts of words that end otherwise"] = ($"{{\"model\":{{\"type\":\"WordPiece\",\"max_input_chars_per_word\":100000000,\"unk_token\":\"a\",\"vocab\":{{\"a\":0,\"##a\":1,{string.Join(',', Enumerable.Range(1, 900).Select(i => $"\"##{new string('a', i)}{i}\":{i + 1}"))}}}}}}}", "a"),
        ["added tokens of white space that strip to the left"] = (Stripping("lstrip", "\\n"), "\n"),
        ["added tokens of white space that strip to the right"] = (Stripping("rstrip", "\\n"), "\n"),
        ["added tokens of white space that strip what another has"] = (Stripping("rstrip", "\\n"), "\n "),
        ["marks out of order"] = (File("\"normalizer\":{\"type\":\"NFC\"}"), "\u0301\u0323"),
        ["marks upon one letter"] = (File("\"normalizer\":{\"type\":\"NFKD\"}"), "\u0344\u0345\u0323"),
        ["letters of eighteen"] = (File("\"normalizer\":{\"type\":\"NFKC\"}"), "\uFDFA"),
        ["all in one word"] = ($"{{\"model\":{{\"type\":\"BPE\",\"vocab\":{{{string.Join(',', Enumerable.Range(0, 16).Select(i => $"\"{new string('a', 1 << i)}\":{i}"))}}},\"merges\":[{string.Join(',', Enumerable.Range(0, 15).Select(i => $"\"{new string('a', 1 << i)} {new string('a', 1 << i)}\""))}]}}}}", "a"),
    };

    public static TheoryData<string> Refused => [.. s_refused.Keys];

    public static TheoryData<string> Texts => [.. s_texts.Keys];

    [Theory]
    [MemberData(nameof(Refused))]
    public void A_file_is_refused_before_it_costs_much(string name)
    {
        byte[] file = Encoding.UTF8.GetBytes(s_refused[name].File());

        var failure = Within(4L * file.Length, () => Assert.Throws<EdgeException>(() => Tokenizer.Parse(file, "tokenizer.json")));

        Assert.Equal(EdgeErrorCode.InvalidModel, failure.Code);
        Assert.Contains(s_refused[name].Reason, failure.Message);
        Assert.InRange(failure.Message.Length, 1, 600);
    }

    [Fact]
    public void A_file_too_large_is_not_read()
    {
        string path = Path.GetTempFileName();
        try
        {
            // Sparse: nothing of it takes room on the disk.
            using (var file = System.IO.File.OpenWrite(path))
            {
                file.Write("{\"model\":{\"type\":\"BPE\",\"vocab\":{\""u8);
                file.SetLength(3L << 30);
            }

            var failure = Within(0, () => Assert.Throws<EdgeException>(() => Tokenizer.Load(path)));

            Assert.Equal(EdgeErrorCode.InvalidModel, failure.Code);
            Assert.Contains($"{path} has {3L << 30} bytes", failure.Message);
        }
        finally
        {
            System.IO.File.Delete(path);
        }
    }

    [Theory]
    [MemberData(nameof(Texts))]
    public void A_text_is_read_or_refused_in_linear_time(string name)
    {
        var (file, unit) = s_texts[name];
        var tokenizer = TinyTokenizer.Parse(file);
        string text = string.Concat(Enumerable.Repeat(unit, TextLength / Encoding.UTF8.GetByteCount(unit)));

        Within(200L * TextLength, () =>
        {
            try
            {
                return tokenizer.Decode(tokenizer.Encode(text));
            }
            catch (EdgeException failure)
            {
                Assert.Equal(EdgeErrorCode.InvalidModel, failure.Code);
                return failure.Message;
            }
        });
    }

    [Fact]
    public void A_decoder_that_doubles_the_whole_text_is_stopped()
    {
        var tokenizer = TinyTokenizer.Parse(File($"\"decoder\":{{\"type\":\"Sequence\",\"decoders\":[{{\"type\":\"ByteFallback\"}},{{\"type\":\"Fuse\"}},{Doublings("decoders", "aa")}]}}"));
        int[] ids = [.. Enumerable.Repeat(0, 1000)];

        Assert.Contains("many times as long", Assert.Throws<EdgeException>(() => tokenizer.Decode(ids)).Message);
    }

    /// <summary>What <paramref name="action"/> gives, having allocated no more than so many bytes and 64 MB, in no more than two seconds of the processor's time.</summary>
    private static T Within<T>(long bytes, Func<T> action)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        double start = ProcessorSeconds();
        var result = action();
        double seconds = ProcessorSeconds() - start;
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, bytes + SpareBytes);
        Assert.InRange(seconds, 0, MostSeconds);
        return result;
    }

    private static double ProcessorSeconds() => Environment.CpuUsage.TotalTime.TotalSeconds;

    private static string Repeat(string text, int count) => string.Concat(Enumerable.Repeat(text, count));

    private static string Model(string vocabulary, string merges = "[]") => $"{{\"model\":{{\"type\":\"BPE\",\"vocab\":{vocabulary},\"merges\":{merges}}}}}";

    private static string File(string parts, string inModel = "") =>
        $"{{{parts}{(parts.Length > 0 ? "," : "")}\"model\":{{{inModel}\"type\":\"BPE\",\"unk_token\":\"?\",\"vocab\":{{\"a\":0,\"b\":1,\"ab\":2,\"?\":3}},\"merges\":[\"a b\"]}}}}";

    private static string Split(string pattern) =>
        File($"\"pre_tokenizer\":{{\"type\":\"Split\",\"behavior\":\"Isolated\",\"pattern\":{{\"Regex\":\"{pattern.Replace(@"\", @"\\").Replace(@"\\\\", @"\\")}\"}}}}");

    private static string Doublings(string list, string doubled = "a") =>
        $"{{\"type\":\"Sequence\",\"{list}\":[{string.Join(',', Enumerable.Repeat($"{{\"type\":\"Replace\",\"pattern\":{{\"String\":\"{doubled}\"}},\"content\":\"{doubled}{doubled}\"}}", 30))}]}}";

    private static string Stripping(string flag, string content) => File($"\"added_tokens\":[{{\"id\":4,\"content\":\"{content}\",\"{flag}\":true,\"normalized\":false}},{{\"id\":5,\"content\":\" \"}}]");

    private static string Unigram(IEnumerable<string> tokens) =>
        $"{{\"model\":{{\"type\":\"Unigram\",\"unk_id\":0,\"vocab\":[[\"?\",0],{string.Join(',', tokens.Select(t => $"[\"{t}\",-{t.Length}]"))}]}}}}";

    /// <summary>A map whose trie leads anywhere.</summary>
    private static string Garbage()
    {
        byte[] bytes = new byte[4 + 40_000 + 1_000];
        new Random(7).NextBytes(bytes);
        BitConverter.TryWriteBytes(bytes, 40_000);
        bytes.AsSpan(4 + 40_000).Fill((byte)'x');
        return Convert.ToBase64String(bytes);
    }
}
