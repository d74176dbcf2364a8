using System.Collections.Concurrent;
using System.Text.Json;
using EdgeSdk.Runtime;
using EdgeSdk.Sampling;

namespace EdgeSdk.Distillation;

/// <summary>
/// Dialogues of train whose assistant is the server: what the device will have to foresee. The user's turns and the tools' results stay the data's.
/// Where the server calls and the reference does not, or another tool, the reference's turn stays too: what follows would not fit.
/// </summary>
/// <param name="greedyShare">How often the server writes a dialogue greedily; else at a temperature of 0.7.</param>
/// <param name="seed">Decides which those are, and what is drawn.</param>
internal sealed class OwnText(OnnxModel server, ChatFormat format, double greedyShare, int seed)
{
    private const int LongestTurn = 160;

    /// <summary>The longest dialogue that is taken, so that other words in it still fit the context.</summary>
    private const int LongestDialogue = LanguageModel.ContextLength / 2;

    /// <summary>A line for each dialogue: its ids as a JSON array. A run that is stopped leaves the dialogues that are finished.</summary>
    /// <param name="writers">Dialogues at the same time.</param>
    /// <returns>Tokens of the server's own, and of all.</returns>
    public async Task<(long Own, long All)> WriteAsync(Corpus dialogues, string path, int writers, Action<int> progress, CancellationToken cancellationToken)
    {
        var work = new ConcurrentQueue<(TokenisedDialogue Dialogue, int Index)>(dialogues.Dialogues.Where(d => d.Ids.Length <= LongestDialogue).Select((d, i) => (d, i)));
        var texts = new ConcurrentBag<(int Index, int[] Ids)>();
        long own = 0;
        async Task WriterAsync()
        {
            while (!cancellationToken.IsCancellationRequested && work.TryDequeue(out (TokenisedDialogue Dialogue, int Index) item))
            {
                var random = new Random(unchecked(seed * 1_000_003 + item.Index));
                SamplerSpec sampler = random.NextDouble() < greedyShare ? SamplerSpec.Greedy : new SamplerSpec(Temperature: 0.7f, Seed: (ulong)random.Next());
                (int[] ids, int written) = await RewriteAsync(item.Dialogue, sampler);
                texts.Add((item.Index, ids));
                Interlocked.Add(ref own, written);
                progress(texts.Count);
            }
        }

        await Task.WhenAll(Enumerable.Range(0, writers).Select(_ => Task.Run(WriterAsync, CancellationToken.None)));
        var ordered = texts.OrderBy(text => text.Index).Select(text => text.Ids).ToArray();
        await File.WriteAllLinesAsync(path, ordered.Select(ids => $"[{string.Join(',', ids)}]"), CancellationToken.None);
        return (own, ordered.Sum(ids => (long)ids.Length));
    }

    /// <summary>What <see cref="WriteAsync"/> wrote.</summary>
    public static Corpus Read(string path)
    {
        static int[] Ids(string line)
        {
            using JsonDocument json = JsonDocument.Parse(line);
            return [.. json.RootElement.EnumerateArray().Select(id => id.GetInt32())];
        }

        return new Corpus([.. File.ReadLines(path).Select(line => TokenisedDialogue.From(null, Ids(line)))]);
    }

    private async Task<(int[] Ids, int Written)> RewriteAsync(TokenisedDialogue dialogue, SamplerSpec sampler)
    {
        await using var reader = new Reader(server, sampler);
        var text = new List<int>();
        int written = 0;
        for (int i = 0; i < dialogue.Starts.Length; i++)
        {
            int start = dialogue.Starts[i], end = i + 1 < dialogue.Starts.Length ? dialogue.Starts[i + 1] : dialogue.Ids.Length;
            text.Add(dialogue.Ids[start]);
            int[] turn = dialogue.Ids[(start + 1)..end];
            if (dialogue.Ids[start] == Vocabulary.Assistant)
            {
                int[] own = [.. (await reader.WriteAsync([.. text], LongestTurn, CancellationToken.None)).Select(pick => pick.Token)];
                if (own[^1] == Vocabulary.End && Tools(own).SequenceEqual(Tools(turn)))
                {
                    turn = own;
                    written += own.Length;
                }
            }

            text.AddRange(turn);
        }

        return ([.. text], written);
    }

    private IEnumerable<string> Tools(int[] turn) => Answer.Of(format.Decode(turn)).Calls.Select(call => call.Name);
}
