using System.Text;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace EdgeSdk.Distillation;

internal sealed partial class ChatFormat
{
    private readonly Dictionary<string, int> _vocab = new();
    private readonly Dictionary<(int, int), (int Rank, int Id)> _merges = new();
    private readonly Dictionary<string, int> _special = new();
    private readonly System.Collections.Concurrent.ConcurrentDictionary<string, int[]> _cache = new();

    public ChatFormat(string folder)
    {
        JsonNode t = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "tokenizer.json")))!;
        foreach (var p in t["model"]!["vocab"]!.AsObject()) _vocab[p.Key] = (int)p.Value!;
        int r = 0;
        foreach (var m in t["model"]!["merges"]!.AsArray())
        {
            string a = (string)m![0]!, b = (string)m[1]!;
            _merges[(_vocab[a], _vocab[b])] = (r++, _vocab[a + b]);
        }

        for (int i = 0; i < 16; i++) _special[Vocabulary.Special[i]] = i;
        Tokens = _vocab.OrderBy(v => v.Value).Select(v => v.Key).ToArray();
    }

    /// <summary>Token texts in byte letters.</summary>
    public IReadOnlyList<string> Tokens { get; }

    public static string Render(JsonArray messages, JsonArray? tools, bool prompt)
    {
        var s = new StringBuilder();
        if (tools is { Count: > 0 })
        {
            s.Append("<|system|>").AppendJoin('\n', tools.Select(t => (string)t!["function"]!["name"]! + "(" + string.Join(", ", t["function"]!["parameters"]!["properties"]!.AsObject().Select(p => p.Key)) + ")")).Append("<|end|>");
        }

        foreach (var m in messages)
        {
            string role = (string)m!["role"]!;
            s.Append("<|" + role + "|>").Append(((string?)m["content"] ?? "").Trim());
            foreach (var c in (m["tool_calls"] as JsonArray) ?? []) s.Append("<|call|>" + (string)c!["function"]!["name"]! + Cli.Dialogues.Compact(c["function"]!["arguments"]));
            s.Append("<|end|>");
        }

        if (prompt) s.Append("<|assistant|>");
        return s.ToString();
    }

    /// <summary>A token's bytes, a letter of Latin-1 for each: text in which places are bytes.</summary>
    public string Letters(int id)
    {
        if (id < 16) return "\0";
        var s = new StringBuilder();
        foreach (char c in Tokens[id]) s.Append(ByteOf(c));
        return s.ToString();
    }

    public string Decode(int[] ids) => string.Concat(ids.Select(id => id < 16 ? Vocabulary.Special[id] : Letters(id)));

    private static readonly Dictionary<char, char> s_bytes = MakeBytes();

    private static Dictionary<char, char> MakeBytes()
    {
        var d = new Dictionary<char, char>();
        int n = 0;
        for (int b = 0; b < 256; b++) d[b is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF) ? (char)b : (char)(256 + n++)] = (char)b;
        return d;
    }

    private static char ByteOf(char c) => s_bytes[c];

    /// <summary>Words with the blank before them and without, by id, both ways.</summary>
    public Dictionary<int, int> Twins()
    {
        var twins = new Dictionary<int, int>();
        foreach ((string token, int id) in _vocab)
        {
            if (id < Vocabulary.FirstMerge || token[0] != 'Ġ' || !_vocab.TryGetValue(token[1..], out int bare)) continue;
            twins[id] = bare;
            twins[bare] = id;
        }

        return twins;
    }

    public int[] Encode(string text)
    {
        var ids = new List<int>();
        foreach (string piece in Special().Split(text))
        {
            if (_special.TryGetValue(piece, out int id)) { ids.Add(id); continue; }
            foreach (Match w in Words().Matches(piece)) ids.AddRange(_cache.GetOrAdd(w.Value, Word));
        }

        return [.. ids];
    }

    private int[] Word(string word)
    {
        var ids = Encoding.UTF8.GetBytes(word).Select(b => Vocabulary.FirstByte + b).ToList();
        while (true)
        {
            int best = int.MaxValue, at = -1, id = 0;
            for (int i = 1; i < ids.Count; i++)
            {
                if (_merges.TryGetValue((ids[i - 1], ids[i]), out var m) && m.Rank < best) (best, at, id) = (m.Rank, i, m.Id);
            }

            if (at < 0) return [.. ids];
            ids[at - 1] = id;
            ids.RemoveAt(at);
        }
    }

    [GeneratedRegex(Vocabulary.Pattern, RegexOptions.CultureInvariant)]
    private static partial Regex Words();

    [GeneratedRegex(@"(<\|[a-z_0-9]+\|>|</?think>)")]
    private static partial Regex Special();
}
