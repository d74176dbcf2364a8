using System.Text.Json.Nodes;
using EdgeSdk.Text;

namespace EdgeSdk.Tests.Text;

public class ThoughtTests
{
    private const int A = 0, Begin = 6, End = 7;

    private static readonly Tokenizer s_tokenizer = TinyTokenizer.With(
        "added_tokens", """[{"id": 5, "content": "<end>", "special": true}, {"id": 6, "content": "<think>", "special": false}, {"id": 7, "content": "</think>", "special": false}, {"id": 8, "content": "\n", "special": false}]""");

    [Fact]
    public void Borders_are_single_tokens_or_none()
    {
        Assert.Equal(new ThoughtBorders(Begin, End, "<think>", "</think>"), ThoughtBorders.Of(s_tokenizer));
        Assert.Null(ThoughtBorders.Of(TinyTokenizer.Parse(TinyTokenizer.File)));
    }

    [Theory]
    [InlineData("a", false)]
    [InlineData("a<think>", true)]
    [InlineData("a<think>\n", true)]
    [InlineData("a<think>\n\n</think>\n\n", false)]
    [InlineData("<think>a", false)]
    [InlineData("<think>a</think>b<think>\n", true)]
    public void A_prompt_ends_inside_a_thought_where_nothing_stands_behind_its_beginning(string prompt, bool isOpen) =>
        Assert.Equal(isOpen, ThoughtBorders.Of(s_tokenizer)!.IsOpenBehind(s_tokenizer.Encode(prompt), s_tokenizer));

    [Theory]
    [InlineData("qwen3", null, false)]
    [InlineData("qwen3", true, false)]
    [InlineData("qwen3", false, false)]
    [InlineData("smollm3", true, false)]
    [InlineData("smollm3", false, false)]
    [InlineData("deepseek-r1", null, true)]
    [InlineData("deepseek-r1", false, true)]
    [InlineData("deepseek-v31", null, false)]
    [InlineData("deepseek-v31", true, true)]
    [InlineData("deepseek-v31", false, false)]
    public void Templates_of_families_that_think_are_told_whether_to_and_begin_the_thought_or_leave_it_to_the_model(string family, bool? thinks, bool isOpen)
    {
        var tokenizer = Tokenizer.Load(Assets.Data("tokenizers/qwen_style"));
        var template = ChatTemplate.Parse(File.ReadAllText(Assets.Data($"templates/families/{family}.jinja")), family);
        var messages = new JsonArray(new JsonObject { ["role"] = "user", ["content"] = "<think>" });

        int[] prompt = ChatPrompt.Encode(tokenizer, template, messages, null, thinks: thinks);

        Assert.Equal(isOpen, ThoughtBorders.Of(tokenizer)!.IsOpenBehind(prompt, tokenizer));
        if (thinks is false && !isOpen)
            Assert.EndsWith("</think>", tokenizer.Decode(prompt).TrimEnd(), StringComparison.Ordinal);
    }

    [Fact]
    public void Tokens_between_the_borders_are_counted_forwards_and_back()
    {
        int[] text = [Begin, A, Begin, A, A, End, A, Begin, A, End, End, A];
        int[] spent = [0, 0, 0, 0, 1, 2, 2, 2, 2, 3, 3, 3, 3]; // behind the two tokens of the prompt and each one that follows
        var state = new ThoughtState(new(Begin, End, 3, From: 2, IsOpen: false));
        foreach (int length in new[] { 2, 12, 5, 9, 3, 12 })
        {
            state.RewindTo(length);
            state.Follow(text.AsSpan(0, length));
            Assert.Equal((length, spent[length], length is 3 or 4 or 5 or 8 or 9, length >= 9), (length, state.Spent, state.IsInside, state.IsSpent));
        }
    }
}
