using System.Text;
using System.Text.Json.Nodes;
using EdgeSdk.Text;

namespace EdgeSdk.Fuzz;

/// <summary>A chat template of any text, rendered with a conversation that has all that templates look for.</summary>
internal static class TemplateTarget
{
    private const int MaxRefusal = 1200;

    private static readonly JsonArray s_messages = JsonNode.Parse("""
        [{"role":"system","content":" Be kind. "},
         {"role":"user","content":"What is the weather in Köln? 👋🏽"},
         {"role":"assistant","content":null,"tool_calls":[{"id":"abcdef123","type":"function","function":{"name":"weather","arguments":{"city":"Köln","days":[1,2.5,null,true]}}}]},
         {"role":"tool","name":"weather","tool_call_id":"abcdef123","content":"{\"celsius\": 21}"},
         {"role":"assistant","content":"<think>\n21 is warm.\n</think>\n\nWarm.","reasoning_content":"21"},
         {"role":"user","content":[{"type":"text","text":"And here?"},{"type":"image"}]}]
        """)!.AsArray();

    private static readonly JsonArray s_tools = JsonNode.Parse("""
        [{"type":"function","function":{"name":"weather","description":"Says the weather.","parameters":{"type":"object",
          "properties":{"city":{"type":"string","description":"Where"},"days":{"type":"array","items":{"type":["number","null"]}}},"required":["city"]}}}]
        """)!.AsArray();

    private static readonly JsonObject s_more = JsonNode.Parse("""{"bos_token":"<s>","eos_token":"</s>","enable_thinking":false,"n":3,"f":2.5,"e":"","o":null,"l":[3,1,2],"d":{"k":1,"items":[1]}}""")!.AsObject();

    private static readonly string[] s_words =
    [
        "{{", "}}", "{%", "%}", "{#", "#}", "{{-", "-}}", "{%-", "-%}", "+%}", "{% if ", "{% elif ", "{% else %}", "{% endif %}", "{% for x in ", "{% for k, v in ", " recursive %}", "{% endfor %}",
        "{% set x = ", "{% set x %}", "{% endset %}", "{% set ns.a = ", "{% set ns = namespace(a=1) %}", "{% macro f(a, b=1) %}", "{% endmacro %}", "{% call(x) f(1) %}", "{% endcall %}",
        "{% filter upper %}", "{% endfilter %}", "{% with x = 1 %}", "{% endwith %}", "{% generation %}", "{% endgeneration %}", "{% raw %}", "{% endraw %}", "{% break %}", "{% continue %}",
        " in ", " not in ", " is ", " is not ", " and ", " or ", "not ", " if ", " else ", "==", "!=", "<=", ">=", "//", "**", "~", "+", "-", "*", "/", "%", "|", ".", ",", ":", "(", ")", "[", "]", "{", "}", "=",
        "true", "false", "none", "0", "1", "-1", "10", "2.5", "1e308", "0x1F", "99999999999999999999", "'a'", "\"\"", "'\\n'", "'\\u00e9'", "'%s'", "'{}'", "[]", "{}", "()", "[1, 2]", "{'a': 1}", "range(3)",
        "messages", "tools", "add_generation_prompt", "bos_token", "loop", "loop.index", "loop.last", "loop.previtem", "loop(x)", "caller()", "varargs", "kwargs", "x", "f(1)", "n", "l", "d", "o", "e", "ns.a",
        ".role", ".content", ".tool_calls", ".function.arguments", "['role']", "[0]", "[-1]", "[1:]", "[::-1]", "[::2]", "raise_exception('no')", "strftime_now('%d %b %Y')", "dict(a=1)", "*l", "**d",
        "|tojson", "|tojson(indent=2)", "|fromjson", "|upper", "|trim", "|length", "|list", "|items", "|join(',')", "|default('d', true)", "|map(attribute='role')", "|map('upper')", "|select('string')",
        "|selectattr('role', 'equalto', 'user')", "|rejectattr('tool_calls')", "|groupby('role')", "|sort(attribute='role')", "|dictsort", "|unique", "|batch(2)", "|slice(2)", "|reverse", "|first", "|last",
        "|int", "|float", "|round(1)", "|abs", "|sum", "|min", "|max", "|indent(2)", "|replace('a', 'b')", "|string", "|safe", "|e", "|format(1)", "|truncate(5)", "|center(9)", "|wordcount", "|title",
        ".split(',')", ".rsplit(' ', 1)", ".strip()", ".replace('a', 'b')", ".startswith('a')", ".items()", ".keys()", ".get('k')", ".format(1)", ".join(l)", ".find('a')", ".splitlines()", ".upper()", ".append(1)",
        " defined", " string", " mapping", " iterable", " divisibleby 3", " in l", " sameas none", " odd", "__class__",
    ];

    public static FuzzTarget Create() => new("template", s_words, Run);

    private static void Run(byte[] input)
    {
        string source = Encoding.UTF8.GetString(input);
        try
        {
            string text = ChatTemplate.Parse(source, "fuzz.jinja").Render(s_messages, s_tools, true, s_more);
            Check(text == ChatTemplate.Parse(source, "fuzz.jinja").Render(s_messages, s_tools, true, s_more) || source.Contains("strftime_now", StringComparison.Ordinal), "a second rendering differs");
        }
        catch (EdgeException e)
        {
            // The template's own words come first in what it refuses by raise_exception; all else says where it stands.
            Check(e.Code == EdgeErrorCode.InvalidArgument || e.Message.StartsWith("fuzz.jinja", StringComparison.Ordinal), $"a refusal without its place: {e.Message}");
            Check(e.Code == EdgeErrorCode.InvalidArgument || e.Message.Length < MaxRefusal, $"a refusal of {e.Message.Length} characters");
        }
    }

    private static void Check(bool holds, string otherwise)
    {
        if (!holds)
            throw new InvalidOperationException(otherwise);
    }
}
