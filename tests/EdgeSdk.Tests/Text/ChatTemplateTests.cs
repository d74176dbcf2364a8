using System.Text.Json.Nodes;
using EdgeSdk.Text;

namespace EdgeSdk.Tests.Text;

/// <summary>tests/data/text/templates.json holds what jinja2 renders, set up as transformers sets it for chat templates (make_templates.py beside it).</summary>
public sealed class ChatTemplateTests : IDisposable
{
    private static readonly JsonNode s_data = JsonNode.Parse(File.ReadAllText(Assets.Data("text/templates.json")))!;

    private static readonly JsonArray s_hello = new(new JsonObject { ["role"] = "user", ["content"] = "Hello" });

    private readonly string root = Directory.CreateTempSubdirectory("edge-template-").FullName;

    public static TheoryData<string> Renderings => [.. s_data["renderings"]!.AsArray().Select(rendering => (string)rendering!["name"]!)];

    public static TheoryData<string> Failures => [.. s_data["failures"]!.AsArray().Select(source => (string)source!)];

    public void Dispose() => Directory.Delete(root, recursive: true);

    [Theory]
    [MemberData(nameof(Renderings))]
    public void A_template_renders_what_jinja_renders(string name)
    {
        var rendering = s_data["renderings"]!.AsArray().Single(r => (string)r!["name"]! == name)!;
        var template = ChatTemplate.Parse((string)Shared("source", "sources")!, name);

        string text = template.Render(
            Shared("messages", "conversations")!.AsArray(),
            Shared("tools", "toolsets")?.AsArray(),
            (bool)rendering["prompt"]!,
            rendering["more"]!.AsObject());

        Assert.Equal((string)rendering["text"]!, text);

        JsonNode? Shared(string kind, string table) => s_data[table]![(int)rendering[kind]!];
    }

    [Theory]
    [MemberData(nameof(Failures))]
    public void What_jinja_refuses_is_refused_with_its_place(string source)
    {
        var e = Assert.Throws<EdgeException>(() => Render(source));

        Assert.Equal(EdgeErrorCode.InvalidModel, e.Code);
        Assert.StartsWith("test.jinja, line 1, column ", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_refusal_by_the_template_carries_its_message()
    {
        var messages = new JsonArray(new JsonObject { ["role"] = "user" }, new JsonObject { ["role"] = "function" });

        var e = Assert.Throws<EdgeException>(() => ChatTemplate.Parse((string)s_data["refusal"]!, "test.jinja").Render(messages, null, false));

        Assert.Equal(EdgeErrorCode.InvalidArgument, e.Code);
        Assert.Equal("Only 1 message, not function", e.Message);
    }

    [Fact]
    public void Our_own_template_refuses_a_role_that_it_does_not_know()
    {
        var template = ChatTemplate.Load(Path.Combine(Assets.Repository, "samples", "Distillation"));

        var e = Assert.Throws<EdgeException>(() => template.Render(new JsonArray(new JsonObject { ["role"] = "developer", ["content"] = "x" }), null, true));

        Assert.Equal(EdgeErrorCode.InvalidArgument, e.Code);
        Assert.Contains("not developer here", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a\n  {{ 'x' | shout }}", 2, 12, "filter 'shout'")]
    [InlineData("{% if x is odd %}", 1, 12, "test 'odd'")]
    [InlineData("\r\n{% macro f() %}{% endmacro %}", 2, 4, "tag 'macro'")]
    [InlineData("{% for a in b recursive %}", 1, 15, "'recursive'")]
    [InlineData("{% set x %}a{% endset %}", 1, 10, "block form")]
    [InlineData("{{ 2 ** 3 }}", 1, 6, "'**'")]
    [InlineData("{{ strftime_now('%Y') }}", 1, 16, "'strftime_now' is undefined")]
    [InlineData("{{ 'x'.encode('utf-8') }}", 1, 14, "''x'.encode' is undefined")]
    [InlineData("{{ ''.__class__.__mro__ }}", 1, 17, "'''.__class__' is undefined")]
    [InlineData("{{ messages[0].tool_calls[0].function }}", 1, 26, "'messages[0].tool_calls' is undefined")]
    [InlineData("{{ messages[0].content + missing }}", 1, 24, "'missing' is undefined")]
    [InlineData("{{ messages | tojson(pretty=true) }}", 1, 15, "'pretty'")]
    [InlineData("{{ 'a' | replace('b') }}", 1, 10, "needs the argument 'new'")]
    [InlineData("{{ 1\n  < 2 < 'a' }}", 2, 7, "'<' does not go between an integer and a string")]
    [InlineData("{% if true %}\n{% for x in y %}{% endif %}", 2, 20, "'endif'")]
    [InlineData("text\n {% if true %}", 2, 5, "'endif' is missing")]
    [InlineData("{{ 'é😀' ~ }}", 1, 12, "'}}'")]
    public void What_is_not_known_is_refused_by_name_and_place(string source, int line, int column, string words)
    {
        var e = Assert.Throws<EdgeException>(() => Render(source));

        Assert.Equal(EdgeErrorCode.InvalidModel, e.Code);
        Assert.StartsWith($"test.jinja, line {line}, column {column}: ", e.Message, StringComparison.Ordinal);
        Assert.Contains(words, e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData('\u20ac', "'\u20ac'")]
    [InlineData('\ud800', "U+D800")]
    public void A_character_without_meaning_is_named(char character, string words)
    {
        var e = Assert.Throws<EdgeException>(() => Render("{{ " + character + " }}"));

        Assert.StartsWith($"test.jinja, line 1, column 4: the character {words}", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{% for a in range(100000) %}{% for b in range(100000) %}{% endfor %}{% endfor %}", "steps")]
    [InlineData("{% set ns = namespace(s='x') %}{% for a in range(99) %}{% set ns.s = ns.s + ns.s %}{% endfor %}", "characters")]
    [InlineData("{% set ns = namespace(s=[1]) %}{% for a in range(99) %}{% set ns.s = ns.s + ns.s %}{% endfor %}", "characters")]
    [InlineData("{% set ns = namespace(s=[1]) %}{% for a in range(99) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}{{ ns.s }}", "")]
    [InlineData("{% set ns = namespace(s=[1]) %}{% for a in range(99) %}{% set ns.s = [ns.s, ns.s] %}{% endfor %}{{ ns.s == ns.s }}{{ ns.s | tojson }}", "")]
    [InlineData("{% set ns = namespace(s=[]) %}{% for a in range(99999) %}{% set ns.s = [ns.s] %}{% endfor %}{{ ns.s }}", "nested too deeply")]
    [InlineData("{{ 'x' * 999999999999 }}", "characters")]
    [InlineData("{{ [1] * 999999999999 }}", "characters")]
    [InlineData("{{ ('x' * 30000000) ~ ('y' * 30000000) }}", "characters")]
    [InlineData("{% set x = 'x' * 4000000 %}{{ x }}{{ x }}{{ x }}", "rendered text")]
    [InlineData("{% set x = 'x' * 4000000 %}{% for a in range(99999) %}{{ x == x ~ '' }}{% endfor %}", "")]
    [InlineData("{% set x = 'x' * 4000000 %}{% for a in range(99999) %}{{ 'y' in x }}{% endfor %}", "steps")]
    [InlineData("{% set x = 'x' * 4000000 %}{% for a in range(99999) %}{{ x | length }}{% endfor %}", "steps")]
    [InlineData("{% set ns = namespace(n=3) %}{% for a in range(99) %}{% set ns.n = ns.n * ns.n %}{% endfor %}", "too large")]
    public void A_rendering_cannot_take_more_than_its_budget(string source, string words)
    {
        var e = Assert.Throws<EdgeException>(() => Render(source));

        Assert.Equal(EdgeErrorCode.InvalidModel, e.Code);
        Assert.Contains(words, e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{{ ", "(", "1", ")", " }}")]
    [InlineData("{{ ", "[", "1", "]", " }}")]
    [InlineData("{{ ", "{'a':", "1", "}", " }}")]
    [InlineData("{{ ", "not ", "1", "", " }}")]
    [InlineData("{{ ", "-", "1", "", " }}")]
    [InlineData("{{ ", "", "1", "+1", " }}")]
    [InlineData("{{ ", "", "1", "|trim", " }}")]
    [InlineData("{{ ", "", "1", " if 1 else 1", " }}")]
    [InlineData("", "{% if true %}", "", "{% endif %}", "")]
    [InlineData("{% for ", "(", "x", ")", " in [] %}{% endfor %}")]
    public void A_template_cannot_overflow_the_stack(string start, string opening, string middle, string closing, string end)
    {
        string source = start + string.Concat(Enumerable.Repeat(opening, 20_000)) + middle + string.Concat(Enumerable.Repeat(closing, 20_000)) + end;
        EdgeException? e = null;
        var thread = new Thread(() => e = Assert.Throws<EdgeException>(() => Render(source)), maxStackSize: 512 << 10);

        thread.Start();
        thread.Join();

        Assert.NotNull(e);
        Assert.Contains("nested too deeply", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folders_template_is_its_file_or_the_one_in_its_tokenizer_config()
    {
        Assert.Contains("neither", Assert.Throws<EdgeException>(() => ChatTemplate.Load(root)).Message, StringComparison.Ordinal);

        Write("tokenizer_config.json", """{"bos_token":"x"}""");
        Assert.Contains("'default'", Assert.Throws<EdgeException>(() => ChatTemplate.Load(root)).Message, StringComparison.Ordinal);

        Write("tokenizer_config.json", """{"chat_template":"one"}""");
        Assert.Equal("one", ChatTemplate.Load(root).Render(s_hello, null, false));

        Write("tokenizer_config.json", """{"chat_template":[{"name":"tool_use","template":"no"},{"name":"default","template":"two"}]}""");
        Assert.Equal("two", ChatTemplate.Load(root).Render(s_hello, null, false));

        Write("chat_template.jinja", "three\n");
        Assert.Equal("three", ChatTemplate.Load(root).Render(s_hello, null, false));

        Write("chat_template.jinja", "{% nothing %}");
        Assert.Contains(Path.Combine(root, "chat_template.jinja") + ", line 1", Assert.Throws<EdgeException>(() => ChatTemplate.Load(root)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Values_made_in_code_render_as_those_read_from_json()
    {
        var more = new JsonObject { ["values"] = new JsonArray(1, 2.5, true, null, "x", long.MaxValue, 1e30, 0.1f) };

        Assert.Equal("[1, 2.5, true, null, \"x\", 9223372036854775807, 1e+30, 0.1]", Render("{{ values | tojson }}", more));
    }

    [Fact]
    public void One_template_serves_several_threads()
    {
        var template = ChatTemplate.Load(Assets.Data("hf/llama"));

        Parallel.For(0, 64, _ => Assert.Equal("<|user|>Hello<|eos|><|assistant|>", template.Render(s_hello, null, true)));
    }

    private static string Render(string source, JsonObject? more = null) => ChatTemplate.Parse(source, "test.jinja").Render(s_hello, null, false, more);

    private void Write(string file, string text) => File.WriteAllText(Path.Combine(root, file), text);
}
