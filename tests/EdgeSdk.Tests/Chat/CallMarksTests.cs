using System.Text.Json;
using EdgeSdk.Chat;
using EdgeSdk.Text;
using Microsoft.Extensions.AI;

namespace EdgeSdk.Tests.Chat;

/// <summary>Calls in the formats of other models' templates.</summary>
public class CallMarksTests
{
    private const string Head = "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{% if m.tool_calls %}";
    private const string Foot = "{% endif %}<|end|>{% endfor %}";

    /// <summary>Each call in a style of published templates, and an answer of two calls as its model writes it.</summary>
    private static readonly Dictionary<string, (string Template, string Answer)> s_formats = new()
    {
        ["an object in tags"] = (
            "{% for c in m.tool_calls %}\n<tool_call>\n{\"name\": \"{{ c.function.name }}\", \"arguments\": {{ c.function.arguments | tojson }}}\n</tool_call>{% endfor %}",
            "<tool_call>\n{\"name\": \"Look\", \"arguments\": {\"at\": \"A <b>\"}}\n</tool_call>\n<tool_call>\n{\"name\": \"Book\", \"arguments\": {}}\n</tool_call>"),
        ["a list behind a mark"] = (
            "[TOOL_CALLS] [{% for c in m.tool_calls %}{\"name\": \"{{ c.function.name }}\", \"arguments\": {{ c.function.arguments | tojson }}, \"id\": \"{{ c.id }}\"}{% if not loop.last %}, {% endif %}{% endfor %}]",
            "[TOOL_CALLS] [{\"name\": \"Look\", \"arguments\": {\"at\": \"A <b>\"}}, {\"name\": \"Book\", \"arguments\": {}}]"),
        ["a name, a separator, a block"] = (
            "{% for c in m.tool_calls %}<call>function<sep>{{ c.function.name }}\n```json\n{{ c.function.arguments | tojson }}\n```</call>{% endfor %}",
            "<call>function<sep>Look\n```json\n{\"at\": \"A <b>\"}\n```</call>\n<call>function<sep>Book\n```json\n{}\n```</call>"),
        ["blocks within one beginning and one end"] = (
            "<calls>{% for c in m.tool_calls %}<call>{{ c.function.name }}<sep>{{ c.function.arguments | tojson }}</call>{% if not loop.last %}{{ '\\n' }}{% endif %}{% endfor %}</calls>",
            "<calls><call>Look<sep>{\"at\": \"A <b>\"}</call>\n<call>Book<sep>{}</call></calls>"),
        ["a tag with the name"] = (
            "{% for c in m.tool_calls %}<function={{ c.function.name }}>{{ c.function.arguments | tojson }}</function>{% endfor %}",
            "<function=Look>{\"at\": \"A <b>\"}</function><function=Book>{}</function>"),
    };

    public static TheoryData<string> Names() => [.. s_formats.Keys];

    [Theory]
    [MemberData(nameof(Names))]
    public void Calls_are_read_as_the_template_writes_them_wherever_the_pieces_end(string name)
    {
        var (template, answer) = s_formats[name];
        var marks = CallMarks.Of(ChatTemplate.Parse(Head + template + Foot, name));
        for (int length = 1; length <= answer.Length; length += length < 8 ? 1 : 7)
        {
            var contents = Read(marks, "Let me see.\n" + answer, length);

            Assert.Equal("Let me see.", string.Concat(contents.OfType<TextContent>().Select(text => text.Text)));
            var calls = contents.OfType<FunctionCallContent>().ToList();
            Assert.Equal(["Look", "Book"], calls.Select(call => call.Name));
            Assert.Equal("A <b>", Assert.IsType<JsonElement>(calls[0].Arguments!["at"]).GetString());
            Assert.Equal(["a-1", "a-2"], calls.Select(call => call.CallId));
        }
    }

    [Fact]
    public void An_answer_that_is_a_bare_object_is_a_call_where_the_template_writes_them_so()
    {
        var marks = CallMarks.Of(ChatTemplate.Parse(Head + "{% for c in m.tool_calls %}{\"name\": \"{{ c.function.name }}\", \"parameters\": {{ c.function.arguments | tojson }}}{% endfor %}" + Foot, "bare"));

        Assert.Equal("Look", Assert.IsType<FunctionCallContent>(Assert.Single(Read(marks, "{\"name\": \"Look\", \"parameters\": {\"at\": 3}}", 5))).Name);
        Assert.Equal("{\"a\": 1}", string.Concat(Read(marks, "{\"a\": 1}", 3).OfType<TextContent>().Select(text => text.Text)));
        Assert.Equal("Use {\"name\": \"Look\"} here", string.Concat(Read(marks, "Use {\"name\": \"Look\"} here", 4).OfType<TextContent>().Select(text => text.Text)));
    }

    [Fact]
    public void What_is_no_call_between_the_marks_stays_text_and_a_call_without_an_end_is_read()
    {
        var marks = CallMarks.Of(ChatTemplate.Parse(Head + s_formats["an object in tags"].Template + Foot, "tags"));

        Assert.Equal("<tool_call>{\"name\":</tool_call> a < b", string.Concat(Read(marks, "<tool_call>{\"name\":</tool_call> a < b", 6).OfType<TextContent>().Select(text => text.Text)));
        Assert.Equal("<tool_call>{\"name\":", string.Concat(Read(marks, "<tool_call>{\"name\":", 6).OfType<TextContent>().Select(text => text.Text)));
        Assert.Equal("Look", Assert.IsType<FunctionCallContent>(Assert.Single(Read(marks, "<tool_call>{\"name\":\"Look\",\"arguments\":\"{}\"}", 6))).Name);
    }

    [Fact]
    public void The_shipped_format_and_templates_without_calls_have_no_marks()
    {
        Assert.Null(CallMarks.Of(ChatTemplate.Parse(File.ReadAllText(Path.Combine(Assets.Repository, "samples/models/device/chat_template.jinja")), "device")));
        Assert.Null(CallMarks.Of(ChatTemplate.Parse("{% for m in messages %}{{ m.content }}{% endfor %}", "plain")));
    }

    private static List<AIContent> Read(CallMarks? marks, string answer, int length)
    {
        Assert.NotNull(marks);
        var reader = new AnswerReader("a", marks: marks);
        var contents = new List<AIContent>();
        for (int at = 0; at < answer.Length; at += length)
            contents.AddRange(reader.Append(answer[at..Math.Min(answer.Length, at + length)]));

        return [.. contents, .. reader.End()];
    }
}
