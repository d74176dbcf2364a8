using System.Runtime.InteropServices;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace EdgeSdk.Distillation;

/// <summary>
/// Learns a byte-level byte-pair encoding (Sennrich et al., arXiv 1508.07909; bytes as in GPT-2): words are split by the pre-tokenizer, and the
/// most frequent pair of neighbours becomes a token until the vocabulary is full; of equally frequent pairs the one of the lowest ids.
/// </summary>
internal sealed partial class BpeTrainer
{
    private static readonly JsonSerializerOptions s_readable = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly Dictionary<string, int> _words = new(StringComparer.Ordinal);

    /// <summary>Counts the words of a text in the chat format; special tokens are no text.</summary>
    public void Count(string text)
    {
        foreach (string piece in SpecialTokens().Split(text))
        {
            foreach (ValueMatch word in Words().EnumerateMatches(piece))
                CollectionsMarshal.GetValueRefOrAddDefault(_words, piece.Substring(word.Index, word.Length), out _)++;
        }
    }

    /// <summary>Learns the merges, pairs of ids in order of their rank.</summary>
    public List<(int Left, int Right)> Learn()
    {
        var words = _words.OrderBy(w => w.Key, StringComparer.Ordinal)
            .Select(w => (Ids: Encoding.UTF8.GetBytes(w.Key).Select(b => Vocabulary.FirstByte + b).ToList(), Count: (long)w.Value)).ToArray();
        var counts = new Dictionary<(int Left, int Right), long>();
        var places = new Dictionary<(int, int), HashSet<int>>();
        void Add(int word, int sign)
        {
            List<int> ids = words[word].Ids;
            for (int i = 1; i < ids.Count; i++)
            {
                var pair = (ids[i - 1], ids[i]);
                CollectionsMarshal.GetValueRefOrAddDefault(counts, pair, out _) += sign * words[word].Count;
                if (sign < 0) continue;
                if (!places.TryGetValue(pair, out HashSet<int>? at)) places[pair] = at = [];
                at.Add(word);
            }
        }

        for (int w = 0; w < words.Length; w++) Add(w, 1);
        var merges = new List<(int Left, int Right)>();
        while (Vocabulary.FirstMerge + merges.Count < Vocabulary.Size)
        {
            var best = counts.Aggregate((a, b) => b.Value > a.Value || (b.Value == a.Value && b.Key.CompareTo(a.Key) < 0) ? b : a);
            if (best.Value < 1) break;
            int merged = Vocabulary.FirstMerge + merges.Count;
            merges.Add(best.Key);
            foreach (int word in places[best.Key].ToArray())
            {
                Add(word, -1);
                Merge(words[word].Ids, best.Key, merged);
                Add(word, 1);
            }

            counts.Remove(best.Key);
        }

        return merges;
    }

    /// <summary>Writes <c>tokenizer.json</c> and <c>tokenizer_config.json</c>, which Hugging Face's tokenizers and the SDK read.</summary>
    public static void Write(string folder, IReadOnlyList<(int Left, int Right)> merges)
    {
        var tokens = new List<string>(Vocabulary.Special);
        tokens.AddRange(Enumerable.Range(0, 256).Select(ByteSymbol));
        var pairs = new JsonArray();
        foreach ((int left, int right) in merges)
        {
            pairs.Add((JsonNode)new JsonArray(tokens[left], tokens[right]));
            tokens.Add(tokens[left] + tokens[right]);
        }

        // Where a small text has too few pairs, reserved tokens fill the vocabulary: its size is part of the format.
        while (tokens.Count < Vocabulary.Size) tokens.Add($"<|reserved_{tokens.Count}|>");
        var vocabulary = new JsonObject();
        for (int id = 0; id < tokens.Count; id++) vocabulary[tokens[id]] = id;
        var byteLevel = new JsonObject { ["type"] = "ByteLevel", ["add_prefix_space"] = false, ["trim_offsets"] = true, ["use_regex"] = false };
        var tokenizer = new JsonObject
        {
            ["version"] = "1.0",
            ["truncation"] = null,
            ["padding"] = null,
            ["added_tokens"] = new JsonArray([.. Vocabulary.Special.Select((token, id) => new JsonObject
            {
                ["id"] = id,
                ["content"] = token,
                ["single_word"] = false,
                ["lstrip"] = false,
                ["rstrip"] = false,
                ["normalized"] = false,
                ["special"] = true,
            })]),
            ["normalizer"] = null,
            ["pre_tokenizer"] = new JsonObject
            {
                ["type"] = "Sequence",
                ["pretokenizers"] = new JsonArray(
                    new JsonObject
                    {
                        ["type"] = "Split",
                        ["pattern"] = new JsonObject { ["Regex"] = Vocabulary.Pattern },
                        ["behavior"] = "Isolated",
                        ["invert"] = false,
                    },
                    byteLevel),
            },
            ["post_processor"] = null,
            ["decoder"] = byteLevel.DeepClone(),
            ["model"] = new JsonObject
            {
                ["type"] = "BPE",
                ["dropout"] = null,
                ["unk_token"] = null,
                ["continuing_subword_prefix"] = null,
                ["end_of_word_suffix"] = null,
                ["fuse_unk"] = false,
                ["byte_fallback"] = false,
                ["ignore_merges"] = false,
                ["vocab"] = vocabulary,
                ["merges"] = pairs,
            },
        };
        var configuration = new JsonObject
        {
            ["tokenizer_class"] = "PreTrainedTokenizerFast",
            ["model_max_length"] = LanguageModel.ContextLength,
            ["eos_token"] = Vocabulary.Special[Vocabulary.End],
            ["pad_token"] = Vocabulary.Special[Vocabulary.Pad],
            ["clean_up_tokenization_spaces"] = false,
        };
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "tokenizer.json"), tokenizer.ToJsonString(s_readable) + "\n");
        File.WriteAllText(Path.Combine(folder, "tokenizer_config.json"), configuration.ToJsonString(s_readable) + "\n");
    }

    private static void Merge(List<int> ids, (int Left, int Right) pair, int merged)
    {
        int kept = 0;
        for (int i = 0; i < ids.Count; i++, kept++)
        {
            bool here = i + 1 < ids.Count && ids[i] == pair.Left && ids[i + 1] == pair.Right;
            ids[kept] = here ? merged : ids[i];
            if (here) i++;
        }

        ids.RemoveRange(kept, ids.Count - kept);
    }

    /// <summary>GPT-2's letter for a byte: itself where it is printable Latin-1, else the next letter from U+0100 on.</summary>
    private static string ByteSymbol(int value)
    {
        static bool Printable(int b) => b is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF);
        return Printable(value) ? ((char)value).ToString() : ((char)(256 + Enumerable.Range(0, value).Count(b => !Printable(b)))).ToString();
    }

    [GeneratedRegex(Vocabulary.Pattern, RegexOptions.CultureInvariant)]
    private static partial Regex Words();

    [GeneratedRegex(@"<\|[a-z_0-9]+\|>|</?think>")]
    private static partial Regex SpecialTokens();
}
