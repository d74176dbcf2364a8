using System.Text.Json.Nodes;

namespace EdgeSdk.Tests.Chat;

/// <summary>The golden pair with tokens for thoughts, and a template that begins one for the model unless it is told not to think.</summary>
public sealed class ThinkingPair : GoldenPair
{
    private const string Template =
        "{% for m in messages %}{{ '<|' + m['role'] + '|>' }}{% if m.reasoning_content %}{{ '<think>' + m.reasoning_content + '</think>' }}{% endif %}" +
        "{{ m['content'] | trim + '<|eos|>' }}{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|><think>\\n' }}" +
        "{% if enable_thinking is defined and not enable_thinking %}{{ '\\n</think>\\n\\n' }}{% endif %}{% endif %}";

    protected override string Checkpoint(string name, string scratch)
    {
        string copy = Directory.CreateDirectory(Path.Combine(scratch, name)).FullName;
        foreach (string file in Directory.EnumerateFiles(base.Checkpoint(name, scratch)))
            File.Copy(file, Path.Combine(copy, Path.GetFileName(file)));

        string path = Path.Combine(copy, "tokenizer.json");
        var tokenizer = JsonNode.Parse(File.ReadAllText(path))!;
        tokenizer["added_tokens"]!.AsArray().Add(Token(508, "<think>"));
        tokenizer["added_tokens"]!.AsArray().Add(Token(509, "</think>"));
        File.WriteAllText(path, tokenizer.ToJsonString());
        File.WriteAllText(Path.Combine(copy, "chat_template.jinja"), Template);
        return copy;
    }

    /// <summary>As Qwen3 has them: not special.</summary>
    private static JsonObject Token(int id, string content) => new JsonObject
    {
        ["id"] = id,
        ["content"] = content,
        ["single_word"] = false,
        ["lstrip"] = false,
        ["rstrip"] = false,
        ["normalized"] = false,
        ["special"] = false,
    };
}
