using System.Text;
using System.Text.Json;
using EdgeSdk.Text;
using SharpCompress.Compressors.Xz;
using Peer = Tokenizers.DotNet.Tokenizer;

namespace EdgeSdk.Benchmarks;

/// <summary>
/// Tokenizing both ways beside Hugging Face's tokenizers (Rust, by Tokenizers.DotNet), on one core. The two take turns in one process, and what
/// counts is the thread's time on the processor in the best round, so that it matters little what else the machine does. Both are asked for the same; where ids differ it says so.
/// </summary>
internal static class TokenizerBenchmark
{
    private const int Rounds = 5;
    private const int HostileLength = 1 << 20;
    private const int MostDialogues = 300;

    public static int Run()
    {
        Console.WriteLine($"{"tokenizer",-26}{"text",-22}{"way",-8}{"EdgeSdk MB/s",14}{"Rust MB/s",12}{"times as fast",15}{"bytes/token",13}");
        foreach (string name in (string[])["gpt2", "qwen_style", "phi3", "unigram-xlmr", "unigram-t5", "wordpiece-bert-uncased"])
        {
            byte[] file = FileOf(name);
            var ours = Tokenizer.Parse(file, name);
            string path = Path.GetTempFileName();
            File.WriteAllBytes(path, file);
            using var peer = new Peer(path);
            File.Delete(path);
            foreach (var (text, parts) in Texts())
                Compare(name, text, parts, ours, peer);
        }

        return 0;
    }

    private static byte[] FileOf(string name)
    {
        string golden = Repository.Data($"tokenizers/{name}/tokenizer.json");
        if (File.Exists(golden))
            return File.ReadAllBytes(golden);

        using var variant = JsonDocument.Parse(File.ReadAllBytes(Repository.Data($"tokenizers/variants/{name}.json")));
        return Encoding.UTF8.GetBytes(variant.RootElement.GetProperty("tokenizer").GetRawText());
    }

    private static IEnumerable<(string Name, string[] Parts)> Texts()
    {
        if (Repository.External("data/sgd/dev.jsonl.xz") is { } path)
        {
            using var reader = new StreamReader(new XZStream(File.OpenRead(path)));
            yield return ("SGD dialogues", [.. Enumerable.Range(0, MostDialogues).Select(_ => reader.ReadLine()!)]);
        }

        yield return ("1 MB of a", [new string('a', HostileLength)]);
        yield return ("1 MB of spaces", [new string(' ', HostileLength)]);
        yield return ("1 MB of abab", [string.Concat(Enumerable.Repeat("ab", HostileLength / 2))]);
        yield return ("1 MB of nested merges", [string.Concat(Enumerable.Repeat("thethere", HostileLength / 8))]);
        yield return ("1 MB of e + accents", [string.Concat(Enumerable.Repeat("e\u0301\u0323", HostileLength / 5))]);
        yield return ("1 MB of emoji", [string.Concat(Enumerable.Repeat("🎉", HostileLength / 4))]);
    }

    private static void Compare(string tokenizer, string text, string[] parts, Tokenizer ours, Peer peer)
    {
        double bytes = parts.Sum(Encoding.UTF8.GetByteCount);
        int[][] ids = [.. parts.Select(p => ours.Encode(p))];
        uint[][] peerIds = [.. parts.Select(peer.Encode)];
        bool agree = ids.Zip(peerIds).All(p => p.First.Select(i => (uint)i).SequenceEqual(p.Second));
        var (ourEncode, peerEncode) = Race(parts.Length, i => ours.Encode(parts[i]), i => peer.Encode(parts[i]));
        Print("encode", ourEncode, peerEncode, null);

        long before = GC.GetAllocatedBytesForCurrentThread();
        long texts = ids.Sum(i => 22L + 2 * ours.Decode(i, skipSpecialTokens: true).Length);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        var (ourDecode, peerDecode) = Race(parts.Length, i => ours.Decode(ids[i], skipSpecialTokens: true), i => peer.Decode(peerIds[i]));
        Print("decode", ourDecode, peerDecode, (double)allocated / ids.Sum(i => i.Length));

        void Print(string way, double us, double them, double? perToken) => Console.WriteLine(
            $"{tokenizer,-26}{text,-22}{way,-8}{bytes / us / 1e6,14:F1}{bytes / them / 1e6,12:F1}{them / us,15:F1}{perToken,13:F1}{(agree ? "" : "  ids differ")}");
    }

    /// <summary>Seconds of each one's best round.</summary>
    private static (double Ours, double Peer) Race(int count, Action<int> ours, Action<int> peer)
    {
        double ourBest = double.MaxValue, peerBest = double.MaxValue;
        for (int round = 0; round < Rounds; round++)
        {
            ourBest = Math.Min(ourBest, Time(count, ours));
            peerBest = Math.Min(peerBest, Time(count, peer));
        }

        return (ourBest, peerBest);
    }

    private static double Time(int count, Action<int> action)
    {
        double start = ThreadClock.Seconds();
        for (int i = 0; i < count; i++)
            action(i);

        return ThreadClock.Seconds() - start;
    }
}
