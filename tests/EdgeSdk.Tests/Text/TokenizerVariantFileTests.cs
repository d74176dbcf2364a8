using System.Text.Json;
using EdgeSdk.Text;

namespace EdgeSdk.Tests.Text;

/// <summary>Whole tokenizers of every model, normalizer, pre-tokenizer, decoder and post-processor, and what Hugging Face's tokenizers made of texts and ids with them.</summary>
public class TokenizerVariantFileTests
{
    public static TheoryData<string> Names =>
        [.. Directory.EnumerateFiles(Assets.Data("tokenizers/variants"), "*.json").Select(f => Path.GetFileNameWithoutExtension(f)!).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Names))]
    public void Encodes_decodes_and_streams_as_the_reference_does(string name)
    {
        var tokenizer = Read(name, out var file);
        using var _ = file;

        Assert.All(file.RootElement.GetProperty("cases").EnumerateArray(), item =>
        {
            Assert.Equal(Ids(item[1]), tokenizer.Encode(item[0].GetString()!));
            AssertDecodes(tokenizer, Ids(item[1]), item[2], item[3]);
        });
        Assert.All(file.RootElement.GetProperty("streams").EnumerateArray(), item => AssertDecodes(tokenizer, Ids(item[0]), item[1], item[2]));
    }

    [Theory]
    [MemberData(nameof(Names))]
    [MemberData(nameof(DetokenizerTests.Folders), MemberType = typeof(DetokenizerTests))]
    public void Decoding_allocates_the_text_and_nothing_for_a_token(string name)
    {
        var tokenizer = File.Exists(Assets.Data($"tokenizers/variants/{name}.json")) ? Read(name, out _) : GoldenTokenizers.Get(name);
        int[] ids = tokenizer.Encode(string.Concat(Enumerable.Repeat("The quick brown fox's é 你好 🎉 isn't low, e\u0301 <s> . ", 100)));
        ids = [.. Enumerable.Repeat(ids, Math.Max(5, 4000 / ids.Length)).SelectMany(i => i)];
        var detokenizer = tokenizer.CreateDetokenizer(skipSpecialTokens: false);
        string text = tokenizer.Decode(ids);
        Stream();

        // A collection that another thread begins counts what is left of this one's 8 KB as allocated.
        const int Noise = 1 << 14;
        Assert.InRange(24 * ids.Length, 2 * Noise, int.MaxValue);
        Assert.InRange(Allocated(() => text = tokenizer.Decode(ids)), 2 * text.Length, 2 * text.Length + Noise);
        Assert.InRange(Allocated(Stream), 0, 2 * Flushed() + Noise);

        void Stream()
        {
            foreach (int id in ids)
                detokenizer.Append(id);

            detokenizer.Flush();
        }

        // A decoder that needs the whole text gives it at the end.
        int Flushed()
        {
            foreach (int id in ids)
                detokenizer.Append(id);

            return detokenizer.Flush().Length;
        }
    }

    private static long Allocated(Action action)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        action();
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }

    private static Tokenizer Read(string name, out JsonDocument file)
    {
        file = JsonDocument.Parse(File.ReadAllBytes(Assets.Data($"tokenizers/variants/{name}.json")));
        return Tokenizer.Parse(System.Text.Encoding.UTF8.GetBytes(file.RootElement.GetProperty("tokenizer").GetRawText()), name);
    }

    private static void AssertDecodes(Tokenizer tokenizer, int[] ids, JsonElement text, JsonElement textWithoutSpecialTokens)
    {
        // Null where versions of the reference differ.
        if (text.GetString() is { } expected)
        {
            Assert.Equal(expected, tokenizer.Decode(ids));
            Assert.Equal(expected, Streamed(tokenizer.CreateDetokenizer(skipSpecialTokens: false), ids));
            Assert.Equal(textWithoutSpecialTokens.GetString(), tokenizer.Decode(ids, skipSpecialTokens: true));
            Assert.Equal(textWithoutSpecialTokens.GetString(), Streamed(tokenizer.CreateDetokenizer(skipSpecialTokens: true), ids));
        }
    }

    /// <summary>Twice, so that a stream that was ended leaves nothing behind.</summary>
    private static string Streamed(Detokenizer detokenizer, int[] ids)
    {
        string first = string.Concat(ids.Select(detokenizer.Append)) + detokenizer.Flush();
        Assert.Equal(first, string.Concat(ids.Select(detokenizer.Append)) + detokenizer.Flush());
        return first;
    }

    private static int[] Ids(JsonElement ids) => [.. ids.EnumerateArray().Select(i => i.GetInt32())];
}
