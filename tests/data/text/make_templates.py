"""Writes templates.json: what jinja2, set up as transformers sets it for chat templates, renders of the cases below. Run: python3 make_templates.py"""
import json
from pathlib import Path

from jinja2 import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[2]


def raise_exception(message):
    raise TemplateError(message)


def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"])
environment.filters["tojson"] = tojson
environment.globals["raise_exception"] = raise_exception


def tool(name, *parameters):
    properties = {p: {"type": "string", "description": f"The {p} <of> 'it'"} for p in parameters}
    return {"type": "function", "function": {"name": name, "description": f"Does \"{name}\"", "parameters": {"type": "object", "properties": properties, "required": list(parameters[:1])}}}


def call(name, **arguments):
    return {"type": "function", "function": {"name": name, "arguments": arguments}}


TOOLS = [tool("Restaurants_2_FindRestaurants", "location", "category"), tool("Weather_1_GetWeather", "date", "city"), {"type": "function", "function": {"name": "ping"}}]

SHORT = [{"role": "user", "content": "  A table for two, please \n"}]

LONG = [
    {"role": "system", "content": " You help with bookings.\n"},
    {"role": "user", "content": "Grüße, 你好 \U0001f44b <b>\"quoted\"</b> & it's"},
    {"role": "assistant", "content": None, "tool_calls": [
        call("Restaurants_2_FindRestaurants", location="São Paulo", category="日本料理", seats=2, price=1.50, far=1e22, near=1e-7, open=True, note=None, tags=["a", "b\n", {}], more={"z": [], "a": "\u2028\x7f\t\\"}),
        call("Weather_1_GetWeather"),
    ]},
    {"role": "tool", "content": "[{\"name\":\"Sino\"}]\n"},
    {"role": "tool", "content": "{}"},
    {"role": "assistant", "content": "Two of them.", "tool_calls": [call("ping")]},
    {"role": "tool", "content": "null"},
    {"role": "assistant", "content": "Your table is booked. \u00a0\U0001f37d\ufe0f\x1f"},
    {"role": "user", "content": ""},
]

CHATML = """\
{#- A made-up template in the manner of ChatML. -#}
{%- if tools %}
    {{- '<|im_start|>system\\n' }}
    {%- if messages and messages[0]['role'] == 'system' %}
        {{- messages[0]['content'] | trim ~ '\\n\\n' }}
    {%- endif %}
    {{- "Functions:\\n" }}
    {%- for tool in tools %}
        {{- loop.index ~ '. ' }}
        {{- tool | tojson }}
        {{- '\\n' if not loop.last else '' }}
    {%- endfor %}
    {{- '<|im_end|>\\n' }}
{%- elif messages[0].role == 'system' %}
    {{- '<|im_start|>system\\n' + messages[0].content + '<|im_end|>\\n' }}
{%- endif %}
{%- set ns = namespace(last_user=-1, results=0) %}
{%- for message in messages %}
    {%- if message.role == "user" %}{% set ns.last_user = loop.index0 %}{% endif %}
{%- endfor %}
{%- for message in messages if message.role != 'system' %}
    {%- set content = message.content if message.content is string else '' %}
    {%- if message.role == 'tool' %}
        {%- set ns.results = ns.results + 1 %}
        {{- '<|im_start|>user\\n<result n="' ~ ns.results ~ '">' ~ content.strip() ~ '</result><|im_end|>\\n' }}
    {%- else %}
        {{- '<|im_start|>' + message.role + '\\n' + content }}
        {%- if message.tool_calls is defined and message.tool_calls is not none %}
            {%- for call in message.tool_calls %}
                {%- if (loop.first and content) or not loop.first %}{{- '\\n' }}{% endif %}
                {{- '<call>{"name": "' ~ call.function.name ~ '", "arguments": ' }}
                {{- call.function.arguments if call.function.arguments is string else call.function.arguments | tojson }}
                {{- '}</call>' }}
            {%- endfor %}
        {%- endif %}
        {{- '<|im_end|>\\n' }}
    {%- endif %}
{%- endfor %}
{{- '<!-- ' ~ ns.last_user ~ ' of ' ~ messages|length ~ ' -->' }}
{%- if add_generation_prompt %}
    {{- '<|im_start|>assistant\\n' }}
    {%- if enable_thinking is defined and enable_thinking is false %}
        {{- '<think>\\n\\n</think>\\n\\n' }}
    {%- endif %}
{%- endif %}
"""

HEADERS = """\
{{ bos_token }}
{% if custom_tools is defined %}
    {% set tools = custom_tools %}
{% endif %}
{% if not date_string is defined %}
    {% set date_string = "26 Jul 2024" %}
{% endif %}
{% if not tools is defined %}
    {% set tools = none %}
{% endif %}
{% if messages[0]['role'] == 'system' %}
    {% set system_message = messages[0]['content']|trim %}
    {% set messages = messages[1:] %}
{% else %}
    {% set system_message = "" %}
{% endif %}
<|start|>system<|end|>

Today: {{ date_string }}
  {{ system_message }}
{% if tools is not none %}
  Tools:
    {% for t in tools %}
{{ t.function | tojson(indent=4) }}

    {% endfor %}
{% endif %}
<|eot|>
{%- for message in messages %}
    {% if not (message.role == 'tool' or 'tool_calls' in message) %}
        {{- '<|start|>' + message['role'] + '<|end|>\\n\\n' + message['content'] | trim + '<|eot|>' }}
    {% elif 'tool_calls' in message %}
        {% if not message.tool_calls|length == 1 %}
<several>
        {% endif %}
        {% for tool_call in message.tool_calls %}
            {%- set function = tool_call.function %}
            {{- "[" + function.name + "(" -}}
            {% for name, value in function.arguments | items -%}
                {{ name }}={{ value | tojson(ensure_ascii=true, sort_keys=True) }}
                {%- if not loop.last %}, {% endif -%}
            {% endfor %}
            {{- ")]" }}
        {% endfor %}
    {% else %}
        {{- "<|start|>ipython<|end|>" }}
        {% if message.content is mapping or message.content is iterable and message.content is not string %}
            {{- message.content | tojson }}
        {% else %}
            {{- message.content }}
        {% endif %}
        {{- eos_token }}
    {% endif %}
{% endfor %}
{% if add_generation_prompt %}
    {{- '<|start|>assistant<|end|>\\n\\n' }}
{% endif %}
"""

LOOPS = """\
{% set ns = namespace(total=0, names=[], found=false) %}
{% for m in messages %}
  {% if m.role == 'assistant' %}{% continue %}{% endif %}
  {% set ns.total = ns.total + (m.content or '') | length %}
  {% set ns.names = ns.names + [m.role] %}
  {% if m.role == 'tool' and not ns.found %}{% set ns.found = true %}{% endif %}
  {% if loop.index > 7 %}{% break %}{% endif %}
{{ loop.index }}/{{ loop.length }}:{{ loop.revindex }}:{{ loop.previtem.role if loop.previtem else '-' }}:{{ loop.nextitem.role if loop.nextitem else '-' }}
{% else %}
none
{% endfor %}
{{ ns.total }} {{ ns.names }} {{ ns.found }}
{% for m in messages if m.role == 'tool' %}{{ loop.index0 }}{{ loop.first }}{{ loop.last }},{% else %}no tools{% endfor %}

{% for key, value in messages[0].items() %}{{ key }}={{ value | trim }};{% endfor %}
{% for key in messages[-1] %}{{ key }} {% endfor %}
{% for m in messages[::-1][:2] %}{{ m.role }} {% endfor %}
{% set x = 1 %}{% for i in [1, 2] %}{{ x }}{% set x = 5 %}{{ x }}{% endfor %}{{ x }}
"""

EXPRESSIONS = [
    # output of values
    "{{ none }} {{ None }} {{ true }} {{ False }} {{ 1 }} {{ 1.0 }} {{ 1e16 }} {{ 0.1 }} {{ 1e-5 }} {{ 123456789012345680.0 }} {{ 0.0001 }} {{ 1_000 }} {{ 1e22 }} {{ 5e-324 }} {{ 1e15 }} {{ 999999999999999.9 }}",
    "{{ [1, 'a', \"it's\", '\"', 'both\\'\"', none, true, 1.5, [], {}, ()] }} {{ (1,) }} {{ (1, 2) }} {{ 1, 2 }} {{ {'a': 1, 'b': [2], 3: {}} }}",
    "{{ ['tab\\t', 'nl\\n', 'é', '\\x00', '\\u200b', '\\U0001f600', '\\\\', '\\u2028', '\\x7f', '\\xa0'] }}",
    "{{ 'a' 'b' \"c\" }} {{ 'x\\ty\\n\\x41\\u00e9\\101\\q' }} {{ '{{ }}' }} {{ \"%}\" }}",
    # arithmetic
    "{{ 7 / 2 }} {{ 7 // 2 }} {{ -7 // 2 }} {{ 7 % 3 }} {{ -7 % 3 }} {{ 7 % -3 }} {{ 6 / 3 }} {{ 7.5 // 2 }} {{ -7.5 % 2 }} {{ 2 * 3.0 }} {{ 1 + 2 * 3 - 4 }} {{ (1 + 2) * 3 }} {{ -3 + +2 }} {{ true + 1 }}",
    "{{ -0.0 % 1e16 }} {{ 0.0 % -2 }} {{ 1e16 // 3 }} {{ -0.0 // 5 }} {{ 5.5 // -2 }} {{ -1 // 1e300 }}",
    "{{ 99999999999999999999 * 99999999999999999999 }} {{ -5 }} {{ - 5 * 2 }}",
    "{{ 'a' * 3 }}{{ 2 * 'b' }} {{ [1] * 2 }} {{ [1] + [2] }} {{ (1,) + (2,) }} {{ 1 ~ 2 ~ none ~ missing ~ 1.5 }} {{ 'a' ~ 1 + '2' ~ 3 }} {{ 'n' * -1 }}|",
    # comparison and logic
    "{{ 1 < 2 }} {{ 1 < 2 < 3 }} {{ 3 > 2 > 2 }} {{ 1 == 1.0 }} {{ true == 1 }} {{ 'a' < 'b' }} {{ [1, 2] < [1, 3] }} {{ 'a' != 'b' }} {{ none == none }} {{ missing == missing }} {{ '1' == 1 }} {{ [1] == (1,) }} {{ {'a': 1} == {'a': 1.0} }} {{ 1 <= 1 }} {{ 2 >= 3 }} {{ '\U0001f600' > '\uffee' }}",
    "{{ 'b' in 'abc' }} {{ 'd' not in 'abc' }} {{ 1 in [1, 2] }} {{ 'k' in {'k': 1} }} {{ 1.0 in {1: 2} }} {{ 'x' in missing }} {{ not 1 in [2] }} {{ none in [none] }} {{ '' in '' }}",
    "{{ 1 and 2 }} {{ 0 or 'x' }} {{ not 0 }} {{ '' or none }} {{ 1 or missing.x }} {{ 0 and missing.x }} {{ not not [] }} {{ not true == false }}",
    "{{ 'a' if true else 'b' }} {{ 'a' if false }}| {{ 'a' if 0 else 'b' if 0 else 'c' }} {{ ('x' if '' else 'y') ~ 'z' }}",
    # tests
    "{{ a is defined }} {{ none is defined }} {{ a is undefined }} {{ none is none }} {{ 'x' is string }} {{ {} is mapping }} {{ [] is sequence }} {{ {} is sequence }} {{ 'x' is sequence }} {{ 1 is sequence }} {{ a is sequence }} {{ [] is iterable }} {{ 1 is iterable }} {{ a is iterable }} {{ true is boolean }} {{ 1 is boolean }} {{ 1 is number }} {{ true is number }} {{ 1.5 is number }} {{ '1' is number }} {{ true is true }} {{ 1 is true }} {{ false is false }} {{ 0 is false }} {{ 1 is not none }} {{ not 1 is none }} {{ 1 + 1 is number }}",
    # undefined
    "{{ missing }}|{{ {}.x }}|{% for x in missing %}x{% else %}empty{% endfor %}|{{ missing | length }}|{{ missing | list }}|{{ missing | trim }}|{{ missing | join(',') }}|{{ missing | default('d') }}|{{ missing | upper }}|{{ [missing] }}|{{ missing | first is defined }}|{{ [] | last }}|{{ missing | items | list }}|{{ ''['x'] }}|{{ [1][5] }}|{{ 5 .x }}|{{ none.x }}",
    # members, items, slices
    "{{ {'a': {'b': [10, 20]}}.a.b[1] }} {{ {'a': [1]}['a'][-1] }} {{ 'abc'[1] }} {{ 'abc'[-1] }} {{ [1, 2, 3].1 }} {{ {1: 'x'}[1] }} {{ {'items': 5}.items is mapping }} {{ {'items': 5}['items'] }} {{ {'a': none}.a }}",
    "{{ 'abcdef'[1:3] }} {{ 'abcdef'[:-2] }} {{ 'abcdef'[::2] }} {{ 'abcdef'[::-1] }} {{ 'abcdef'[4:1:-2] }} {{ 'abcdef'[10:] }}| {{ 'a\U0001f600b'[1:2] }} {{ 'a\U0001f600b'[::-1] }} {{ 'a\U0001f600b'[-1] }} {{ [1, 2, 3][1:] }} {{ [1, 2, 3][-2:] }} {{ (1, 2, 3)[:1] }} {{ [1,2,3,4][-1:0:-1] }} {{ [1,2][none:none] }} {{ 'abc'[-9:2] }}",
    # filters
    "{{ '  x\\n' | trim }}|{{ 'xxaxx' | trim('x') }}|{{ ['a', 1, none, missing] | join('-') }}|{{ {'k': 1, 'l': 2} | join(', ') }}|{{ 'abc' | join('.') }}|{{ [1, 2] | join }}",
    "{{ 'abc' | length }} {{ 'a\U0001f600' | length }} {{ [1] | length }} {{ {'a': 1} | count }} {{ 'Abc dEf' | upper }} {{ 'Abc dEf' | lower }} {{ 'hello wORLD-foo (bar) it\\'s' | title }} {{ 'hELLO World' | capitalize }} {{ 5 | upper }} {{ none | upper }}",
    "{{ none | default('d') }} {{ '' | default('d', true) }} {{ 0 | default(5, boolean=true) }} {{ missing | default }}| {{ missing | d(1) }} {{ 'x' | default('y') }} {{ missing.a if missing else 'safe' }}",
    "{{ 'abc' | list }} {{ {'a': 1} | list }} {{ {'a': 1, 'b': 2} | items | list }} {{ 'abc' | first }} {{ 'abc' | last }} {{ [1, 2] | last }} {{ {'k': 1} | first }}",
    "{{ 'aXbX' | replace('X', '-') }} {{ 'aXbX' | replace('X', '-', 1) }} {{ 'ab' | replace('', '.') }} {{ 'ab' | replace('', '.', 2) }} {{ 121 | replace('1', 'x') }} {{ '<b>' | safe }} {{ 12 | string ~ 'x' }} {{ [1] | string }}",
    "{{ '42' | int + 1 }} {{ ' 7 ' | int }} {{ '3.9' | int }} {{ 3.9 | int }} {{ -3.9 | int }} {{ 'x' | int }} {{ 'x' | int(9) }} {{ true | int }} {{ none | int(default=2) }} {{ '1e3' | int }} {{ '' | int }}",
    # tojson
    "{{ {'b': [1, 2.0, true, none, 'é\\n\"\\\\/<>&\\u2028'], 'a': {}, 'c': []} | tojson }}",
    "{{ {'b': [1, {'x': []}], 'a': {}} | tojson(indent=2) }} {{ [] | tojson(indent=2) }} {{ [1, [2]] | tojson(indent=0) }} {{ [1] | tojson(indent='\\t') }}",
    "{{ {'b': [1, 2], 'a': 'é\U0001f600\\x7f\\x01'} | tojson(ensure_ascii=true, separators=(',', ':'), sort_keys=true) }} {{ {'b': 1, 'a': 2} | tojson(true, none, [';', '=']) }} {{ {1: 2, true: 3, 1.5: 4} | tojson }} {{ (1, 2) | tojson }} {{ 'x' | tojson }} {{ 1e300 | tojson }}",
    # methods
    "{{ ' a '.strip() }}|{{ ' a '.lstrip() }}|{{ ' a '.rstrip() }}|{{ 'xax'.strip('x') }}|{{ 'a,b,c'.split(',') }} {{ ' a  b '.split() }} {{ 'a,b,c'.split(',', 1) }} {{ ' a b  c '.split(none, 1) }} {{ ''.split(',') }} {{ ''.split() }} {{ 'a</think>b'.split('</think>')[-1] }} {{ 'a b'.split(maxsplit=0) }}",
    "{{ 'abc'.startswith('ab') }} {{ 'abc'.endswith('c') }} {{ 'abc'.startswith(('x', 'a')) }} {{ 'aXb'.replace('X', '') }} {{ 'aa'.replace('a', 'b', 1) }} {{ 'aB'.upper() }} {{ 'aB'.lower() }} {{ \"they're fine 3rd\".title() }} {{ 'aB c'.capitalize() }}",
    "{% set d = {'a': 1, 'b': none} %}{{ d.get('a') }} {{ d.get('x') }} {{ d.get('x', 5) }} {{ d.get('b', 5) }} {% for k, v in d.items() %}{{ k }}{{ v }}{% endfor %} {{ d.keys() | list }} {{ d.values() | list }}",
    "{{ ''.find('', 1) }} {{ 'abc'.find('', 3) }} {{ 'abc'.find('', 4) }} {{ 'abc'.rfind('', 1, 0) }} {{ 'abc'.count('', 5) }} {{ 'abc'.startswith('', 4) }} {{ 'abc'.endswith('', 2, 1) }} {{ range(9).index(4) }} {{ range(9).count(4) }} {{ (1, 2, 1).count(1) }}",
    "{{ '{:*^9}|{:>5}|{}|{:d}'.format(false, true, true, true) }} {{ '%d %i %5.1f' % (2.9, -2.9, true) }} {{ '{0}{0}{x}'.format(1, x=none) }} {{ '{}'.format([1]) }} {{ '{!r:>6}'.format('a') }}",
    "{{ 'aaa'.replace('', '-') }} {{ 'aaa'.replace('', '-', 2) }} {{ ''.replace('', 'x') }} {{ 'aaa'.replace('a', '', 2) }} {{ 'abab'.replace('ab', 'b', 0) }} {{ 'a\U0001f600'.replace('', '.') }} {{ '\U0001f601a\U0001f600'.strip('\U0001f600') }} {{ 'a,b,,c'.rsplit(',', 2) }} {{ 'a,b'.split(',', 0) }} {{ ',a,'.split(',') }} {{ 'xaxbx'.rsplit('x') }}",
    # precedence of filters, calls and signs
    "{{ 'a' + 'b' | upper }} {{ ('a' + 'b') | upper }} {{ -1 | string }} {{ 'x' | upper | lower ~ 'Y' }} {{ 'a b'.split()[0] | upper }} {{ 'a' | upper is string }} {{ [1, 2, 3] | length > 2 }} {{ 2 * 'ab' | length }} {{ 1 ~ 2 * 3 ~ 4 }}",
    # set and scope
    "{% set a, b = 1, 2 %}{{ a }}{{ b }} {% set (c, d) = [3, 4] %}{{ c }}{{ d }} {% set t = 1, 2 %}{{ t }} {% if true %}{% set e = 5 %}{% endif %}{{ e }} {% for x in [1] %}{% set f = 6 %}{% endfor %}{{ f is defined }} {% for (p, (q, r)) in [[1, [2, 3]]] %}{{ p }}{{ q }}{{ r }}{% endfor %}",
    "{% set ns = namespace(a=1) %}{% for i in range(3) %}{% set ns.a = ns.a + i %}{% set ns.b = i %}{% endfor %}{{ ns.a }} {{ ns.b }} {{ ns.c is defined }} {{ range(1, 10, 4) | list }} {{ range(5, 0, -2) | list }} {{ range(0) | list }}",
    "{% for i in [1, 2, 3, 4] %}{% for j in [1, 2, 3] %}{% if j == 2 %}{% continue %}{% endif %}{% if i == 3 %}{% break %}{% endif %}{{ i }}{{ j }} {% endfor %}{% if i == 3 %}{% break %}{% endif %}{% endfor %}",
    "{% for x in (1, 2) if x > 1 %}{{ x }}{{ loop.length }}{% endfor %}{% for c in 'a\U0001f600' %}[{{ c }}]{% endfor %}{% for x in 1, 2 %}{{ x }}{% endfor %}",
    "{% if 0 %}a{% elif '' %}b{% elif [0] %}c{% else %}d{% endif %}{% if missing %}x{% else %}y{% endif %}{% if not missing and 1 is number %}z{% endif %}",
]

WHITESPACE = [
    "a\n  {% if true %}\n  b\n  {% endif %}\nc\n",
    "a\n  {%+ if true %}\n  b\n  {%+ endif +%}\nc\n\n",
    "a  {%- if true -%}  b  {%- endif -%}  c",
    "a\n\n {{- 1 -}} \n\n b {{ 2 }}\n\n{{ 3 }}\n",
    "{# c #}\n x {#- c -#}  y\n  {# c #}\n  z\n \t{#+ c +#}\n w",
    "  {% if true %}x{% endif %}  {% if true %}y{% endif %}  \n  z  {% if true %}\n\n{% endif %}",
    "\n\n{% set a = 1 %}\n\n{{ a }}\r\n  {% set b = 2 %}\r\n{{ b }}\r\n",
    "{% raw %}\n {{ x }} {% if %}{# #} \n{% endraw %}\n b {%- raw -%}  {{ y }}  {%- endraw -%}  c\n  {% raw %}\nz\n  {% endraw +%}\nq",
    "{{ 1 }}  {% set x = 1 %}\n  {{ x }}",
    "{%-set x=1-%}{{x}}{{-x-}}{{{'a':{'b':1}}}}{{ {'a':1}['a']}}",
    "x\u00a0\u2003\n\u00a0 {%- if 1 %}\u00a0y{% endif %}",
    "{%set x = 'a\nb'%}{{x}}{{ '\\\n' }}|",
    "{\n{ a } % } # {",
    "",
    "\n",
    "{{ 'a' }}\n{{ 'b' }}\n\n",
    "-{%- if 1 -%}\n-\n{%- endif %}\n-",
]

# What jinja2 refuses too, when it parses or when it renders.
FAILURES = [
    "{{ missing.x }}",
    "{{ {}.a.b }}",
    "{{ missing['x'] }}",
    "{{ missing + 1 }}",
    "{{ missing() }}",
    "{{ 'a' + 1 }}",
    "{{ 1 / 0 }}",
    "{{ 1 // 0 }}",
    "{{ 'a' < 1 }}",
    "{{ missing | tojson }}",
    "{{ 1 | length }}",
    "{% for x in 5 %}{% endfor %}",
    "{{ none | items | list }}",
    "{{ 'a'.split('') }}",
    "{{ 1 in 5 }}",
    "{{ 1 in 'a' }}",
    "{{ range(1000000000) | list }}",
    "{% set x = {} %}{% set x.a = 1 %}",
    "{% set a, b = [1] %}",
    "{{ [1][::0] }}",
    "{{ 'a' | nothing }}",
    "{{ 'a' is nothing }}",
    "{{ 'a'.nothing() }}",
    "{{ -'a' }}",
    "{% nothing %}",
    "{% if 1 %}",
    "{% endif %}",
    "{% for x in [] %}{% endif %}",
    "{% break %}",
    "{{ 1",
    "{{ 'a }}",
    "{# a",
    "{% raw %}x",
    "{{ }}",
    "{{ 1 2 }}",
    "{{ (1 }}",
    "{{ 'a' | replace('b') }}",
    "{{ 'a' | upper(1) }}",
    "{{ f(a=1, 2) }}",
    "{% if false %}{{ f(a=1, a=2) }}{% endif %}",
    "{{ f(*a, *b) }}",
    "{{ f(**a, b=1) }}",
    "{{ f(*a, 1) }}",
    "{{ '{0} {}'.format(1, 2) }}",
    "{{ '{} {0}'.format(1, 2) }}",
    "{{ '{:>5}'.format([1]) }}",
    "{{ '{:>5}'.format(none) }}",
    "{{ '{:s}'.format(5) }}",
    "{{ '{:d}'.format(1.5) }}",
    "{{ '%o' % 1.5 }}",
    "{% for x in [1] %}{% set loop = 2 %}{% endfor %}",
    "{% for loop in [1] %}{% endfor %}",
    "{% filter length %}x{% endfilter %}",
    "{% call range(3) %}{% endcall %}",
    "{% macro f(a, a) %}{% endmacro %}",
    "{{ $ }}",
    "{{ '\\xZZ' }}",
]

REFUSAL = "{% if messages | length > 1 %}\n{{ raise_exception('Only ' ~ 1 ~ ' message, not ' + messages[1].role) }}{% endif %}"


def render(source, variables):
    return environment.from_string(source).render(**variables)


def case(name, source, messages, tools=None, prompt=True, **more):
    variables = {"messages": messages, "tools": tools, "documents": None, "add_generation_prompt": prompt, **more}
    return {"name": name, "source": source, "messages": messages, "tools": tools, "prompt": prompt, "more": more, "text": render(source, variables)}


def conversations(name, source, **more):
    for title, messages in [("short", SHORT), ("system only", LONG[:1]), ("calls", LONG), ("calls without system", LONG[1:])]:
        for tools in [None, [], TOOLS[:1], TOOLS]:
            for prompt in [False, True]:
                yield case(f"{name}, {title}, {'no' if tools is None else len(tools)} tools, prompt {prompt}", source, messages, tools, prompt, **more)


def refusal(source):
    try:
        text = render(source, {"messages": SHORT})
    except Exception:
        return source
    raise AssertionError(f"jinja2 renders {source!r} as {text!r}")


def main():
    ours = (REPOSITORY / "samples/Distillation/chat_template.jinja").read_text()
    golden = (REPOSITORY / "tests/data/hf/llama/chat_template.jinja").read_text()
    cases = [
        *conversations("ours", ours),
        case("golden, short", golden, SHORT),
        case("golden, roles", golden, [m for m in LONG if isinstance(m["content"], str)], None, False),
        *conversations("chatml", CHATML),
        case("chatml, without thinking", CHATML, LONG, TOOLS, True, enable_thinking=False),
        *conversations("headers", HEADERS, bos_token="<|bos|>", eos_token="<|eos|>"),
        case("headers, date and tools given", HEADERS, LONG, None, True, bos_token="", eos_token="", date_string="1 Jan", custom_tools=TOOLS[:1]),
        case("loops, long", LOOPS, LONG),
        case("loops, short", LOOPS, SHORT),
        *(case(f"expression {i}", source, SHORT) for i, source in enumerate(EXPRESSIONS)),
        *(case(f"white space {i}", source, SHORT) for i, source in enumerate(WHITESPACE)),
    ]
    data = {**share(cases), "failures": [refusal(source) for source in FAILURES], "refusal": REFUSAL}
    (HERE / "templates.json").write_text(json.dumps(data, ensure_ascii=True, indent=1) + "\n")


def share(cases):
    """Sources, messages and tools once each, cases by their places among them."""
    tables = {"source": [], "messages": [], "tools": []}

    def place(kind, value):
        if value not in tables[kind]:
            tables[kind].append(value)
        return tables[kind].index(value)

    return {"sources": tables["source"], "conversations": tables["messages"], "toolsets": tables["tools"],
            "renderings": [{**c, **{kind: place(kind, c[kind]) for kind in tables}} for c in cases]}


main()
