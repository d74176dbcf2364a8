using System.Text;
using System.Text.Json.Nodes;
using EdgeSdk.Text;

namespace EdgeSdk.Tests.Text;

/// <summary>A tokenizer.json small enough to read: <c>a b c ab abc</c> and a control token, byte-level.</summary>
internal static class TinyTokenizer
{
    public const string File = """
        {
          "added_tokens": [{"id": 5, "content": "<end>", "special": true}],
          "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false},
          "post_processor": null,
          "decoder": {"type": "ByteLevel"},
          "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "c": 2, "ab": 3, "abc": 4}, "merges": ["a b", "ab c"]}
        }
        """;

    /// <summary>The file with one part changed, such as <c>model.unk_token</c>.</summary>
    public static Tokenizer With(string path, string json)
    {
        var root = JsonNode.Parse(File)!.AsObject();
        string[] names = path.Split('.');
        var parent = names[..^1].Aggregate((JsonNode)root, (node, name) => node[name]!);
        parent[names[^1]] = JsonNode.Parse(json);
        return Parse(root.ToJsonString());
    }

    public static Tokenizer Parse(string json) => Tokenizer.Parse(Encoding.UTF8.GetBytes(json), "tokenizer.json");
}
