using System.Text.Json.Nodes;
using EdgeSdk.Text;
using Microsoft.Extensions.Time.Testing;

namespace EdgeSdk.Tests.Text;

/// <summary>tests/data/text/templates.json holds what jinja2 renders, set up as transformers sets it for chat templates (make_templates.py beside it).</summary>
public sealed class ChatTemplateTests : IDisposable
{
    private static readonly JsonNode s_data = JsonNode.Parse(File.ReadAllText(Assets.Data("text/templates.json")))!;

    private static readonly JsonArray s_hello = new(new JsonObject { ["role"] = "user", ["content"] = "Hello" });

    private readonly string _root = Directory.CreateTempSubdirectory("edge-template-").FullName;

    public static TheoryData<string> Renderings => [.. s_data["renderings"]!.AsArray().Select(rendering => (string)rendering!["name"]!)];

    public static TheoryData<string> Failures => [.. s_data["failures"]!.AsArray().Select(source => (string)source!)];

    public void Dispose() => Directory.Delete(_root, recursive: true);

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
    [InlineData("{{ x is prime }}", 1, 9, "test 'prime'")]
    [InlineData("{{ x | random }}", 1, 8, "filter 'random'")]
    [InlineData("{{ ['a'] | map('shout') | list }}", 1, 12, "filter 'shout'")]
    [InlineData("{{ ['a'] | select('loud') | list }}", 1, 12, "test 'loud'")]
    [InlineData("{% if true %}{{ 'x' | shout }}{% endif %}", 1, 23, "filter 'shout'")]
    [InlineData("\r\n{% include 'a' %}", 2, 4, "tag 'include'")]
    [InlineData("{% import 'a' as b %}", 1, 4, "tag 'import'")]
    [InlineData("{% do x.append(1) %}", 1, 4, "tag 'do'")]
    [InlineData("{{ [1].append(2) }}", 1, 14, "'append' would change a list")]
    [InlineData("{{ {}.update({'a': 1}) }}", 1, 13, "'update' would change a mapping")]
    [InlineData("{{ lipsum() }}", 1, 10, "function 'lipsum'")]
    [InlineData("{{ strftime_now('%Q') }}", 1, 16, "'%Q'")]
    [InlineData("{{ '%e' % 1.5 }}", 1, 9, "'%e'")]
    [InlineData("{{ 'x'.encode('utf-8') }}", 1, 8, "'encode' of a string")]
    [InlineData("{{ ['a'] | map('upper') }}", 1, 1, "a generator cannot be printed")]
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
    [InlineData("{{ 10 ** (10 ** 10) }}", "too large")]
    [InlineData("{{ range(10 ** 9) }}", "at most 100000")]
    [InlineData("{% macro f(n) %}{{ f(n + 1) }}{% endmacro %}{{ f(0) }}", "nested too deeply")]
    [InlineData("{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}", "steps")]
    [InlineData("{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}", "nested too deeply")]
    [InlineData("{{ ('ab' * 250000 ~ 'aab') in 'ab' * 1000000 }}", "steps")]
    [InlineData("{{ ('ab' * 1000000).replace('ab' * 250000 ~ 'aab', '') }}", "steps")]
    [InlineData("{% set x = ' ' * 1000000 %}{% for i in range(100000) %}{% set y = x.strip() %}{% endfor %}", "steps")]
    [InlineData("{% set x = 'a' * 1000000 %}{% for i in range(100000) %}{% set y = {x: 1}[x] %}{% endfor %}", "steps")]
    [InlineData("{% set x = '😀' * 500000 %}{% for i in range(100000) %}{% set y = x[i] %}{% endfor %}", "steps")]
    [InlineData("{% for i in range(1000) %}{% set y = range(100000) | sort(reverse=true) %}{% endfor %}", "")]
    [InlineData("{{ [{}] | map(attribute='a.' * 4000000, default={}) | list }}", "characters")]
    [InlineData("{{ 'x'.center(10 ** 9) }}", "characters")]
    [InlineData("{{ '{:99999}'.format(1) * 1000 }}", "characters")]
    [InlineData("{{ '%.9999f' % 0.1 }}", "precision")]
    [InlineData("{{ range(10) | batch(10 ** 9, 1) | list }}", "characters")]
    [InlineData("{{ range(10) | slice(10 ** 9) | list }}", "steps")]
    [InlineData("{{ ('[' * 100000) | fromjson }}", "'fromjson' reads JSON")]
    [InlineData("{% set l = range(100000) | list %}{% for i in l %}{% set x = dict(*[[l]]) %}{% endfor %}", "")]
    [InlineData("{% set d = {'x' * 3000000: 1} %}{% for i in range(100000) %}{% set y = dict(d) %}{% endfor %}", "steps")]
    [InlineData("{% set d = {'x' * 3000000: 1} %}{% for i in range(100000) %}{% set y = dict(**d) %}{% endfor %}", "steps")]
    [InlineData("{% set d = {'x' * 2000000: 1} %}{% set e = dict(d) %}{% for i in range(100000) %}{% set y = d == e %}{% endfor %}", "steps")]
    [InlineData("{% set x = 'x' * 3000000 %}{% for i in range(100000) %}{{ ''[x] }}{% endfor %}", "steps")]
    [InlineData("{% set x = 'x' * 3000000 %}{% for i in range(100000) %}{% set y = x.removeprefix('x') %}{% endfor %}", "characters")]
    [InlineData("{% set x = '%Z' * 2000000 %}{% for i in range(100000) %}{% set y = strftime_now(x) %}{% endfor %}", "steps")]
    [InlineData("{% set n = namespace() %}{% set n.a = n %}{% set n.z = '' %}{% set x = '{0' ~ '.a' * 1000000 ~ '.z}' %}{% for i in range(100000) %}{% set y = x.format(n) %}{% endfor %}", "steps")]
    [InlineData("{% set x = 2 ** 4000 - 1 %}{% for i in range(100000) %}{% set y = [x * x, x * x, x * x, x * x] %}{% endfor %}", "steps")]
    [InlineData("{{ [[]] * 100000 | map('map', 'string', *range(100000)) | list }}", "")]
    [InlineData("{% for i in range(100000) %}{% set y = range(100000)[::2] %}{% endfor %}{{ 1 / 0 }}", "division by zero")]
    public void A_rendering_cannot_take_more_than_its_budget(string source, string words)
    {
        var e = Assert.Throws<EdgeException>(() => Render(source));

        Assert.Equal(EdgeErrorCode.InvalidModel, e.Code);
        Assert.Contains(words, e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{{ ('x' * 7800000) | list }}")]
    [InlineData("{{ ('x' * 7800000)[::-1] }}")]
    [InlineData("{% for c in 'x' * 7800000 %}{% endfor %}")]
    [InlineData("{{ (',' * 3900000).split(',') | length }}")]
    [InlineData("{{ (',' * 3900000).rsplit(',') | length }}")]
    [InlineData("{{ ('a ' * 1900000).split() | length }}")]
    [InlineData("{{ ('\\n' * 3900000).splitlines() | length }}")]
    [InlineData("{{ ('\\n' * 3900000) | indent }}")]
    [InlineData("{{ ('x' * 2000).replace('x', 'y' * 2000).replace('y', 'z' * 2000) }}")]
    [InlineData("{{ ('\\x01' * 3900000) | tojson }}")]
    [InlineData("{{ [0] * 400000 | tojson(separators=('x' * 100000, ':')) }}")]
    [InlineData("{{ ([{'x' * 100000: 1}] * 3000) | tojson }}")]
    [InlineData("{{ ('<' * 3900000) | e }}")]
    public void What_is_too_much_is_refused_before_it_is_made(string source)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();

        Assert.Throws<EdgeException>(() => Render(source));

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 64 << 20);
    }

    [Theory]
    [InlineData("{{ dict(", "a=1,", ") }}", "'a' is given twice")]
    [InlineData("{{ f(", "1,", ") }}", "'f' is undefined")]
    [InlineData("{{ f(a=1, ", "*l,", ") }}", "arguments by place come first")]
    [InlineData("{% macro f(", "a,", ") %}{% endmacro %}", "'a' is there twice")]
    public void Many_arguments_take_no_more_time_for_one_another(string start, string argument, string end, string words)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();

        var e = Assert.Throws<EdgeException>(() => Render(start + string.Concat(Enumerable.Repeat(argument, 100_000)) + end));

        Assert.Contains(words, e.Message, StringComparison.Ordinal);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 256 << 20);
    }

    [Theory]
    [InlineData("{{ ('a' * 3000000).strip('bcdefghi' * 100000 ~ 'a') }}", "")]
    [InlineData("{{ ('a' * 3000000) | trim('bcdefghi' * 100000) | length }}", "3000000")]
    [InlineData("{{ ('x' * 1000000) | first }}{{ ('x' * 3000000 ~ '😀') | last }}", "x😀")]
    [InlineData("{{ ('x' * 1900000).replace('x', '') | length }}{{ ('x' * 1900000).replace('', '', 9) | length }}", "01900000")]
    [InlineData("{{ '😁a😀'.strip('😀') }}", "😁a")]
    public void Long_texts_are_worked_on_as_quickly_as_read(string source, string expected) => Assert.Equal(expected, Render(source));

    [Fact]
    public void A_longer_conversation_may_spend_more()
    {
        var messages = new JsonArray([.. Enumerable.Range(0, 2000).Select(i => new JsonObject { ["role"] = "user", ["content"] = new string('x', 1000) })]);
        var template = ChatTemplate.Parse("{% set ns = namespace(s='') %}{% for m in messages %}{% set ns.s = m.role ~ m.content %}{{ ns.s | trim }}{% endfor %}", "test.jinja");

        Assert.Equal(2000 * 1004, template.Render(messages, null, false).Length);
    }

    [Fact]
    public void A_conversation_beyond_measure_is_refused_at_once()
    {
        AssertRefused("more than 500000 values", new JsonArray(new JsonNode?[1_000_000]));
        AssertRefused("more than 500000 values", [.. Enumerable.Range(0, 300_000).Select(_ => new JsonObject { ["role"] = "user" })]);
        AssertRefused("nested too deeply", new JsonArray(Enumerable.Range(0, 100_000).Aggregate((JsonNode)new JsonArray(), (inner, _) => new JsonArray(inner))));
        AssertRefused("too long", JsonNode.Parse($"[{new string('9', 100_000)}]")!.AsArray());
        AssertRefused("a name twice", JsonNode.Parse("[{\"role\":\"user\",\"role\":\"system\"}]")!.AsArray());

        static void AssertRefused(string words, JsonArray messages)
        {
            var e = Assert.Throws<EdgeException>(() => ChatTemplate.Parse("{{ messages }}", "test.jinja").Render(messages, null, false));

            Assert.Equal(EdgeErrorCode.InvalidArgument, e.Code);
            Assert.Contains(words, e.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(600_000, "x", "at most 524288")]
    [InlineData(40_000, "{{ a | aaa }}", "filter 'aaa'")]
    [InlineData(100_000, "{#", "not closed")]
    [InlineData(40_000, "{% raw %}", "not closed")]
    public void A_template_of_any_length_is_refused_at_once(int count, string part, string words)
    {
        string source = string.Concat(Enumerable.Repeat(part, count));

        Assert.Contains(words, Assert.Throws<EdgeException>(() => Render(source)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{{ a", ".b", 60_000)]
    [InlineData("{{ a", "[0]", 60_000)]
    [InlineData("{{ a", "()", 60_000)]
    [InlineData("{{ a", "|upper", 60_000)]
    public void A_long_chain_is_refused_without_holding_its_text_again_for_each_link(string start, string link, int count)
    {
        var e = Assert.Throws<EdgeException>(() => Render(start + string.Concat(Enumerable.Repeat(link, count)) + " }}"));

        Assert.Contains("nested too deeply", e.Message, StringComparison.Ordinal);
        Assert.InRange(e.Message.Length, 1, 500);
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
    public void A_template_that_just_fits_the_stack_does_not_overflow_it_later()
    {
        var thread = new Thread(
            () =>
            {
                for (int depth = 40; depth < 2000; depth += 40)
                    Outcome(string.Concat(Enumerable.Repeat("{% macro a() %}", depth)) + "{{ caller }}{% set x = 1 %}" + string.Concat(Enumerable.Repeat("{% endmacro %}", depth)) + "{{ a() }}");
            },
            maxStackSize: 512 << 10);

        thread.Start();
        thread.Join();

        static void Outcome(string source)
        {
            try
            {
                Assert.Equal("", Render(source));
            }
            catch (EdgeException e)
            {
                Assert.Contains("nested too deeply", e.Message, StringComparison.Ordinal);
            }
        }
    }

    [Theory]
    [InlineData("{% for i in range(100000) %}{% for j in [1] %}{% break %}", "{% set a# = 1 %}", "{% endfor %}{% endfor %}")]
    [InlineData("{% macro f(x", ",a#", ") %}{% endmacro %}{% for i in range(100000) %}{% set y = f() %}{% endfor %}")]
    public void What_a_block_declares_counts_each_time_that_it_begins(string start, string part, string end)
    {
        string source = start + string.Concat(Enumerable.Range(0, 20_000).Select(i => part.Replace("#", $"{i}", StringComparison.Ordinal))) + end;

        Assert.Contains("steps", Assert.Throws<EdgeException>(() => Render(source)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Names_are_not_looked_up_through_many_blocks_for_nothing()
    {
        string source = string.Concat(Enumerable.Repeat("{% with %}", 400)) + "{% for i in range(100000) %}" + string.Concat(Enumerable.Repeat("{{ x }}", 100)) + "{% endfor %}" + string.Concat(Enumerable.Repeat("{% endwith %}", 400));

        Assert.Contains("steps", Assert.Throws<EdgeException>(() => Render(source)).Message, StringComparison.Ordinal);
        Assert.Contains("the name has 400 characters", Assert.Throws<EdgeException>(() => Render("{{ " + new string('a', 400) + " }}")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folders_template_is_its_file_or_the_one_in_its_tokenizer_config()
    {
        Assert.Contains("neither", Assert.Throws<EdgeException>(() => ChatTemplate.Load(_root)).Message, StringComparison.Ordinal);

        Assert.Null(ChatTemplate.Find(_root));

        Write("tokenizer_config.json", """{"bos_token":"x"}""");
        Assert.Null(ChatTemplate.Find(_root));

        Write("tokenizer_config.json", """{"chat_template":"one"}""");
        Assert.Equal("one", ChatTemplate.Load(_root).Render(s_hello, null, false));

        Write("chat_template.json", """{"chat_template":"two"}""");
        Assert.Equal("two", ChatTemplate.Load(_root).Render(s_hello, null, false));

        Write("chat_template.jinja", "three\n");
        Assert.Equal("three", ChatTemplate.Load(_root).Render(s_hello, null, false));

        Write("chat_template.jinja", "{% nothing %}");
        Assert.Contains(Path.Combine(_root, "chat_template.jinja") + ", line 1", Assert.Throws<EdgeException>(() => ChatTemplate.Load(_root)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""[{"name":"tool_use","template":"tools"},{"name":"default","template":"plain"}]""")]
    [InlineData("""{"default":"plain","tool_use":"tools"}""")]
    public void Of_named_templates_the_one_for_tools_renders_conversations_with_tools(string templates)
    {
        Write("tokenizer_config.json", $$"""{"chat_template":{{templates}}}""");
        var template = ChatTemplate.Load(_root);

        Assert.Equal("plain", template.Render(s_hello, null, false));
        Assert.Equal("tools", template.Render(s_hello, [], false));
    }

    [Fact]
    public void A_template_for_tools_may_lie_in_a_file_of_its_own()
    {
        Write("chat_template.jinja", "plain");
        Directory.CreateDirectory(Path.Combine(_root, "additional_chat_templates"));
        Write("additional_chat_templates/tool_use.jinja", "tools {{ eos_token }}");
        Write("tokenizer_config.json", """{"eos_token":"<e>"}""");
        var template = ChatTemplate.Load(_root);

        Assert.Equal("plain", template.Render(s_hello, null, false));
        Assert.Equal("tools <e>", template.Render(s_hello, [], false));
    }

    [Theory]
    [InlineData("""[{"name":"tool_use","template":"x"}]""", "no template named 'default', only tool_use")]
    [InlineData("[]", "no template named 'default'")]
    [InlineData("7", "neither a template nor a list")]
    [InlineData("""[{"name":"default"}]""", "neither a template nor a list")]
    public void A_config_without_a_template_to_use_says_what_to_do(string templates, string words)
    {
        Write("tokenizer_config.json", $$"""{"chat_template":{{templates}}}""");

        var e = Assert.Throws<EdgeException>(() => ChatTemplate.Load(_root));

        Assert.Contains(Path.Combine(_root, "tokenizer_config.json"), e.Message, StringComparison.Ordinal);
        Assert.Contains(words, e.Message, StringComparison.Ordinal);
        Assert.Contains("Write the one to use into chat_template.jinja", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("tokenizer_config.json", "[1]", "no JSON object")]
    [InlineData("tokenizer_config.json", "{", "cannot be read")]
    [InlineData("special_tokens_map.json", "\u0000", "cannot be read")]
    [InlineData("chat_template.json", "null", "no JSON object")]
    public void A_damaged_file_is_named(string file, string text, string words)
    {
        Write(file, text);

        var e = Assert.Throws<EdgeException>(() => ChatTemplate.Load(_root));

        Assert.Equal(EdgeErrorCode.InvalidModel, e.Code);
        Assert.StartsWith(Path.Combine(_root, file), e.Message, StringComparison.Ordinal);
        Assert.Contains(words, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Special_tokens_are_variables_of_the_template()
    {
        Write("chat_template.jinja", "{{ bos_token }}{{ eos_token }}{{ pad_token }}{{ unk_token is defined }}{{ cls_token is defined }}{{ additional_special_tokens }}{{ image_token }}{{ audio_token }}{{ add_bos_token is defined }}");
        Write("tokenizer_config.json", """
            {"bos_token":"<s>","eos_token":{"__type":"AddedToken","content":"</s>","lstrip":false},"unk_token":null,"additional_special_tokens":["<a>",{"content":"<b>"}],
             "image_token":"<img>","add_bos_token":true,"extra_special_tokens":{"audio_token":"<snd>"},"added_tokens_decoder":{}}
            """);
        Write("special_tokens_map.json", """{"bos_token":"no","unk_token":"no","pad_token":{"content":"<pad>"}}""");
        var template = ChatTemplate.Load(_root);

        Assert.Equal("<s></s><pad>FalseFalse['<a>', '<b>']<img><snd>False", template.Render(s_hello, null, false));
        Assert.StartsWith("<other></s>", template.Render(s_hello, null, false, new JsonObject { ["bos_token"] = "<other>" }), StringComparison.Ordinal);
    }

    [Fact]
    public void Of_an_old_folder_the_map_of_special_tokens_counts()
    {
        Write("chat_template.jinja", "{{ bos_token }}{{ eos_token }}");
        Write("tokenizer_config.json", """{"bos_token":"<no>","eos_token":"</s>"}""");
        Write("special_tokens_map.json", """{"bos_token":"<s>"}""");

        Assert.Equal("<s></s>", ChatTemplate.Load(_root).Render(s_hello, null, false));
    }

    [Fact]
    public void The_time_is_the_clocks_in_its_own_zone()
    {
        var clock = new FakeTimeProvider(new DateTimeOffset(2026, 7, 4, 23, 5, 3, TimeSpan.Zero));
        clock.SetLocalTimeZone(TimeZoneInfo.CreateCustomTimeZone("test", TimeSpan.FromHours(2), "test", "test"));

        Assert.Equal("05 Jul 2026, 01:05 AM", ChatTemplate.Parse("{{ strftime_now('%d %b %Y, %I:%M %p') }}", "test.jinja", clock).Render(s_hello, null, false));
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

    private void Write(string file, string text) => File.WriteAllText(Path.Combine(_root, file), text);
}
