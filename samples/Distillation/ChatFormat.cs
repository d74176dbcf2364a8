using System.Text;
using System.Text.Json.Nodes;
using EdgeSdk.Text;
using EdgeSdk.Text.Constraints;

namespace EdgeSdk.Distillation;

/// <summary>The format of docs/chat-format.md as the SDK itself applies it: by the template and the tokenizer of a model folder.</summary>
internal sealed class ChatFormat(string folder)
{
    private readonly Tokenizer _tokenizer = Tokenizer.Load(folder);
    private readonly ChatTemplate _template = ChatTemplate.Load(folder);

    /// <summary>The ids of a conversation; with <paramref name="prompt"/> up to where the assistant's answer begins.</summary>
    public int[] Encode(JsonArray messages, JsonArray tools, bool prompt) => ChatPrompt.Encode(_tokenizer, _template, messages, tools, prompt);

    /// <summary>A constraint on an answer of at most <paramref name="limit"/> tokens behind a prompt.</summary>
    public ConstrainedText Constrain(Constraint constraint, int prompt, int limit) => ConstrainedText.For(constraint, _tokenizer, [Vocabulary.End], prompt, prompt + limit);

    /// <summary>The text of ids, special tokens written out.</summary>
    public string Decode(ReadOnlySpan<int> ids) => _tokenizer.Decode(ids);

    /// <summary>A token's bytes, a letter of Latin-1 for each: text in which places are bytes. NUL for a special token.</summary>
    public string Letters(int id) => _tokenizer.IsSpecial(id) ? "\0" : Encoding.Latin1.GetString(_tokenizer.BytesOf(id));

    /// <summary>Words with the blank before them and without, by id, both ways.</summary>
    public Dictionary<int, int> Twins()
    {
        var idOf = Enumerable.Range(0, Vocabulary.Size).Where(id => !_tokenizer.IsSpecial(id)).ToDictionary(Letters);
        var twins = new Dictionary<int, int>();
        foreach ((string letters, int id) in idOf)
        {
            if (id < Vocabulary.FirstMerge || letters[0] != ' ' || !idOf.TryGetValue(letters[1..], out int bare)) continue;
            twins[id] = bare;
            twins[bare] = id;
        }

        return twins;
    }
}
