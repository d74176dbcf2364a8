"""
Writes families.json and generated.json: what jinja2, set up as transformers sets it for chat templates, renders of the templates in families/ and of
random ones. Run: python3 make_cases.py (needs jinja2 3.1). The templates in families/ are written for these tests, each in the manner of a family of
published ones.
"""
import copy
import json
import random
import signal
from datetime import datetime
from pathlib import Path

import jinja2.ext
from jinja2 import TemplateError, nodes
from jinja2.ext import Extension
from jinja2.sandbox import ImmutableSandboxedEnvironment

HERE = Path(__file__).parent
NOW = datetime(2026, 7, 4, 9, 5, 3)


class Generation(Extension):
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        return nodes.CallBlock(self.call_method("_render"), [], [], body).set_lineno(line)

    def _render(self, caller):
        return caller()


def raise_exception(message):
    raise TemplateError(message)


def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[Generation, jinja2.ext.loopcontrols])
environment.filters["tojson"] = tojson
environment.filters["fromjson"] = json.loads
environment.globals["raise_exception"] = raise_exception
environment.globals["strftime_now"] = NOW.strftime


def render(source, variables):
    """The text, or what went wrong: a refusal is the template's own word. The variables are copied, as the filter indent changes a list."""
    try:
        return {"text": environment.from_string(source).render(**copy.deepcopy(variables))}
    except TemplateError as e:
        return {"refusal": str(e)} if type(e) is TemplateError else {"failure": str(e)}
    except Exception as e:
        return {"failure": f"{type(e).__name__}: {e}"}


# Conversations.

def user(content): return {"role": "user", "content": content}
def system(content): return {"role": "system", "content": content}
def assistant(content, **more): return {"role": "assistant", "content": content, **more}


def call(name, id, **arguments):
    return {"type": "function", "id": id, "function": {"name": name, "arguments": arguments}}


def result(content, name, id):
    return {"role": "tool", "name": name, "tool_call_id": id, "content": content}


def tool(name, description, required, **properties):
    return {"type": "function", "function": {"name": name, "description": description, "parameters": {"type": "object", "properties": properties, "required": required}}}


TOOLS = [
    tool("get_weather", "Says what the weather is.", ["city"], city={"type": "string", "description": "The city, <b>as written</b> & \"known\""}, unit={"type": "string", "enum": ["celsius", "fahrenheit"], "default": "celsius"}),
    tool("book_table", "Books a table.\nFor up to ten.", ["guests", "at"],
         guests={"type": "integer", "description": "How many", "minimum": 1},
         at={"type": "object", "properties": {"day": {"type": "string"}, "hours": {"type": "array", "items": {"type": "number"}}}, "required": ["day"]},
         notes={"type": ["string", "null"], "description": "  Anything else, e.g. Größe, 日本料理 "},
         extra={"type": "object", "additionalProperties": {"type": "boolean"}}),
    {"type": "function", "function": {"name": "ping"}},
]

CALLS = [
    system("You help with bookings."),
    user("How warm is it in Köln, and can four eat at Sino's tomorrow?"),
    assistant(None, tool_calls=[call("get_weather", "abcdef123", city="Köln")]),
    result('{"celsius": 21.5}', "get_weather", "abcdef123"),
    assistant("", tool_calls=[call("book_table", "abcdef124", guests=4, at={"day": "tomorrow", "hours": [19, 20.5]}, notes=None, extra={"terrace": True})]),
    result('{"booked": true, "note": "it\'s \\"fine\\""}', "book_table", "abcdef124"),
    assistant("It is 21.5 °C, and a table is booked. 🍽️"),
    user(" Thanks!\n"),
]

CONVERSATIONS = {
    "plain": [user("Hello, who are you?")],
    "system": [system("  Be brief & kind. \n"), user("What is 2 < 3?")],
    "turns": [user("One"), assistant("Two\n\n  with space "), user(" Three 👋🏽 é "), assistant("Vier"), user("")],
    "system turns": [system("You count."), user("One"), assistant("Two"), user("Three"), assistant("Four")],
    "two users": [user("One"), user("Two")],
    "calls": CALLS,
    "calls without system": CALLS[1:4],
    "parallel calls": [
        user("Weather in Oslo and Rome?"),
        assistant("Let me look.", tool_calls=[call("get_weather", "000000001", city="Oslo"), call("get_weather", "000000002", city="Rome", unit="celsius"), call("ping", "000000003")]),
        result("4", "get_weather", "000000001"), result("18", "get_weather", "000000002"), result("pong", "ping", "000000003"),
    ],
    "thinking": [
        user("What is 17 * 23?"),
        assistant("<think>\n17 * 20 is 340,\n17 * 3 is 51.\n</think>\n\n391"),
        user("And twice that?"),
        assistant("782", reasoning_content="\n2 * 391\n", thinking="2 * 391"),
    ],
    "thinking with calls": [
        system("Reason first. /think"),
        user("Is it warm in Rome?"),
        assistant("<think>\nI must look.\n</think>\n", tool_calls=[call("get_weather", "a1b2c3d4e", city="Rome")], thinking="I must look."),
        result("18", "get_weather", "a1b2c3d4e"),
        assistant("Rather.", reasoning_content="18 is warm."),
    ],
    "no thinking": [system("Do not reason. /no_think"), user("Hi /no_think")],
    "parts": [user([{"type": "text", "text": "What is this? "}, {"type": "image"}, {"type": "text", "text": " Really"}]), assistant("A cat.")],
    "calls as text": [
        user("Ping it."),
        {"role": "assistant", "content": "", "tool_calls": [{"type": "function", "id": "x", "function": {"name": "ping", "arguments": "{\"times\": 2}"}}]},
        {"role": "tool", "content": {"pong": [1, None]}, "tool_call_id": "x"},
    ],
}

DOCUMENTS = [{"doc_id": 7, "title": "A", "text": "Cats \"purr\"."}, {"doc_id": "b", "title": "B", "text": "Dogs\nbark."}]

FLAGS = {
    "smollm3": [{"enable_thinking": False}, {"python_tools": True}],
    "llama31": [{"tools_in_user_message": False}, {"builtin_tools": ["get_weather", "code_interpreter"], "date_string": "1 Jan 2030"}, {"custom_tools": TOOLS[:1]}],
    "qwen3": [{"enable_thinking": False}, {"enable_thinking": True}],
    "glm4": [{"enable_thinking": False}],
    "deepseek-v31": [{"thinking": True}],
    "harmony": [{"reasoning_effort": "high", "model_identity": "You are Zed."}],
    "granite3": [{"thinking": True}, {"documents": DOCUMENTS, "controls": {"citations": True}}],
    "command-a": [{"documents": DOCUMENTS}],
}

TOKENS = {"bos_token": "<s>", "eos_token": "</s>"}


def family_cases():
    for file in sorted((HERE / "families").glob("*.jinja")):
        source = file.read_text(encoding="utf-8")
        for number, (title, messages) in enumerate(CONVERSATIONS.items()):
            for tools in [None, TOOLS] if any("tool_calls" in m for m in messages) or title in ("plain", "system") else [None]:
                for flags in [{}] + (FLAGS.get(file.stem, []) if title in ("system", "calls", "thinking with calls", "turns") else []):
                    prompt = (number + (tools is not None)) % 2 == 0
                    variables = {**TOKENS, "messages": messages, "tools": tools, "documents": None, "add_generation_prompt": prompt, **flags}
                    yield {"template": file.stem, "messages": title, "tools": tools is not None, "prompt": prompt, "more": {**TOKENS, **flags}, **render(source, variables)}


# Random templates.

class Generator:
    """Makes templates by a grammar of what chat templates use, wrong uses included."""

    VARIABLES = {
        "s": "Hello World", "u": "Größe 你好 😀", "e": "", "n": 3, "z": 0, "m": -7, "f": 2.5, "g": -0.5, "t": True, "o": None,
        "l": [3, 1, 2], "ls": ["b", "A", "c", "a"], "le": [], "d": {"k": 1, "items": [1], "a b": "x", "é": None}, "de": {}, "long": "a,b,,c  d\te\r\nf",
        "messages": [system(" sys "), user("hi\nthere"), assistant(None, tool_calls=[{"function": {"name": "f", "arguments": {"x": 1, "y": [True, None, 1.5]}}}]), {"role": "tool", "content": "{\"r\": 1}", "name": "f"}],
        "tools": None,
    }

    CONSTANTS = [
        "1", "0", "2", "-1", "10", "2.5", "0.1", "1e3", "true", "false", "none", "'a'", "'abc'", "''", "' x '", "'A b'", "'\\n'", "'é😀'", "[]",
        "[1,2,3]", "['b','a']", "{}", "{'a':1,'b':'x'}", "(1,2)", "()", "'1'", "'3.7'", "[[1,2],[3]]",
        "[{'k':2,'v':'p'},{'k':1,'v':'q'},{'k':2,'v':'r'}]", "range(4)", "1.0", "100000000000000000000", "'%s-%s'", "'{} {}'",
    ]

    STRING_METHODS = [
        "strip()", "lstrip()", "rstrip()", "strip('ab')", "split()", "split(',')", "split(' ',1)", "rsplit(',',1)", "upper()", "lower()", "title()",
        "capitalize()", "replace('a','bb')", "replace('l','',1)", "startswith('H')", "endswith(('d','x'))", "find('o')", "rfind('o')", "count('l')",
        "join(['x','y'])", "splitlines()", "partition(' ')", "rpartition('o')", "removeprefix('He')", "removesuffix('d')", "center(15)",
        "ljust(12,'.')", "rjust(12)", "zfill(6)", "isdigit()", "isalpha()", "isupper()", "islower()", "isalnum()", "isspace()", "swapcase()",
        "index('o')", "format(1,2)", "isnumeric()", "isdecimal()", "isascii()",
    ]

    MAPPING_METHODS = [
        "items()", "keys()", "values()", "get('k')", "get('zz')", "get('zz',5)", "copy()",
    ]

    LIST_METHODS = [
        "index(1)", "count(1)", "copy()",
    ]

    FILTERS = [
        "upper", "lower", "title", "capitalize", "trim", "length", "list", "first", "last", "join", "join(',')", "join('-',attribute='role')",
        "default('d')", "default('d',true)", "string", "int", "float", "int(5)", "abs", "round", "round(1)", "round(1,'floor')", "round(0,'ceil')",
        "sort", "sort(reverse=true)", "sort(case_sensitive=true)", "sort(attribute='k')", "unique|list", "reverse", "reverse|list", "tojson",
        "tojson(indent=2)", "tojson(ensure_ascii=true)", "tojson(sort_keys=true)", "tojson(separators=(',',':'))", "items|list", "dictsort",
        "dictsort(by='value')", "map('upper')|list", "map(attribute='k')|list", "map(attribute='k',default=9)|join(',')", "map('length')|list",
        "select|list", "select('string')|list", "reject('none')|list", "selectattr('k')|list", "selectattr('role','equalto','user')|list",
        "rejectattr('tool_calls','defined')|list", "selectattr('k','gt',1)|list", "groupby('k')", "groupby('v')", "batch(2)|list", "batch(2,0)|list",
        "slice(2)|list", "sum", "sum(start=1)", "sum(attribute='k')", "min", "max", "min(attribute='k')", "max(case_sensitive=true)",
        "replace('a','z')", "replace('l','L',1)", "indent", "indent(2,true)", "indent('> ',blank=true)", "wordcount", "truncate(5)",
        "truncate(5,true,'~',0)", "center(11)", "e", "safe", "escape|length", "format(1,2)", "format('q','r')", "count", "fromjson", "d('q')",
        "string|length", "upper|lower", "list|length", "tojson|length",
    ]

    TESTS = [
        "defined", "undefined", "none", "string", "mapping", "sequence", "iterable", "number", "integer", "float", "boolean", "true", "false", "odd",
        "even", "divisibleby(2)", "divisibleby 3", "in([1,2,3])", "in 'abc'", "eq(1)", "equalto 'a'", "ne 2", "lt(2)", "ge 1", "sameas(none)",
        "lower", "upper", "callable", "escaped",
    ]

    SUBSCRIPTS = [
        "[0]", "[-1]", "[1:]", "[:2]", "[::-1]", "[::2]", "[-2:]", ".k", ".items", "[\"k\"]", ".role", "[0].role",
        "[2].tool_calls[0].function.arguments.y",
    ]

    BLOCK_FILTERS = [
        "upper", "trim", "replace(\"a\",\"b\")|upper",
    ]

    KEYS = [
        "1", "2.0", "true", "\"r\"",
    ]

    TEXTS = [
        "a", "\n", "  ", "\n  ", "x\n", " \n\n ", "b ", "<|im_start|>", "é", "{ ", "}", " #", "\t\n",
    ]

    ITERABLES = ["l", "ls", "messages", "d", "s", "le", "range(3)", "d.items()", "messages[1:]", "[[1,2],[3,4]]", "missing", "messages|selectattr('role')", "ls|map('upper')"]

    LOOP = ["index", "first", "last", "revindex0", "previtem is defined", "length", "cycle(1,2)", "changed(i)", "depth"]

    def __init__(self, seed):
        self.random = random.Random(seed)

    def pick(self, items):
        return self.random.choice(items)

    def maybe(self, share, text, otherwise=""):
        return text if self.random.random() < share else otherwise

    def name(self):
        return self.pick([*self.VARIABLES, "missing", "x", "i"])

    def expression(self, depth):
        if depth <= 0:
            return self.pick([self.pick(self.CONSTANTS), self.name(), self.name()])
        a, b = self.expression(depth - 1), self.expression(depth - 1)
        kind = self.random.randrange(18)
        if kind < 2:
            return self.pick(self.CONSTANTS)
        if kind < 4:
            return self.name()
        if kind < 6:
            return f"({a} {self.pick(['+', '-', '*', '/', '//', '%', '~', '**', '+', '~'])} {b})"
        if kind < 8:
            return f"({a} {self.pick(['==', '!=', '<', '<=', '>', '>=', 'in', 'not in', 'and', 'or'])} {b})"
        if kind < 9:
            return f"(not {a})"
        if kind < 10:
            return f"({a} if {b}{self.maybe(.8, ' else ' + self.expression(depth - 1))})"
        if kind < 13:
            return f"{self.maybe(.5, self.name(), '(' + a + ')')}|{self.pick(self.FILTERS)}"
        if kind < 14:
            return f"({a} is {self.maybe(.3, 'not ')}{self.pick(self.TESTS)})"
        if kind < 15:
            return f"({self.maybe(.5, self.pick(['s', 'u', 'e', 'long']), a)}).{self.pick(self.STRING_METHODS)}"
        if kind < 16:
            return f"{self.pick(['d', 'de', 'l'])}.{self.pick(self.MAPPING_METHODS + self.LIST_METHODS)}"
        if kind < 17:
            return f"{self.name()}{self.pick(self.SUBSCRIPTS)}"
        return f"[{a}, {b}]" if self.random.random() < .6 else f"{{'q': {a}, {self.pick(self.KEYS)}: {b}}}"

    def tag(self, code):
        return f"{{%{self.pick(['', '', '-', '+'])} {code} {self.pick(['', '', '-', '+'])}%}}"

    def output(self, code):
        return f"{{{{{self.pick(['', '', '-', '+'])} {code} {self.pick(['', '', '-'])}}}}}"

    def body(self, depth, in_loop=False):
        return "".join(self.statement(depth, in_loop) for _ in range(self.random.randrange(1, 4)))

    def statement(self, depth, in_loop):
        kind = self.random.randrange(18)
        if depth <= 0 or kind < 3:
            return self.pick(self.TEXTS)
        if kind < 7:
            return self.output(self.expression(self.random.randrange(3)))
        inner = self.body(depth - 1, in_loop)
        if kind < 9:
            return (self.tag("if " + self.expression(2)) + inner + self.maybe(.3, self.tag("elif " + self.expression(1)) + self.body(depth - 1, in_loop))
                    + self.maybe(.5, self.tag("else") + self.body(depth - 1, in_loop)) + self.tag("endif"))
        if kind < 11:
            return (self.tag(f"for {self.pick(['i', 'i', 'i', 'i, x'])} in {self.pick(self.ITERABLES)}{self.maybe(.25, ' if ' + self.expression(1))}") + self.body(depth - 1, True)
                    + self.maybe(.3, f"{{{{ loop.{self.pick(self.LOOP)} }}}}") + self.maybe(.3, self.tag("else") + self.body(depth - 1, in_loop)) + self.tag("endfor"))
        if kind < 12:
            return self.tag(f"set {self.pick(['x', 'y'])} = {self.expression(2)}")
        if kind < 14:
            own = self.body(depth - 1)
            return self.pick([
                self.tag("set x" + self.pick(["", " | upper", " | trim | length"])) + inner + self.tag("endset"),
                self.tag("filter " + self.pick(self.BLOCK_FILTERS)) + inner + self.tag("endfilter"),
                self.tag(f"with x = {self.expression(1)}, q = x") + inner + self.tag("endwith"),
                self.tag("generation") + own + self.tag("endgeneration"),
                f"{{#{self.pick(['', '-', '+'])} note {self.pick(['', '-', '+'])}#}}",
                self.tag("for i in [[1,[2]],3] recursive") + "{{ loop.depth }}{{ loop(i) if i is iterable else i }}" + inner + self.tag("endfor"),
            ])
        if kind < 15:
            given = self.pick(["1", f"{self.expression(1)}, b={self.expression(1)}", "1, 2, 3", "b=1", "1, c=2", "*l", "**d", ""])
            return (self.tag(f"macro f(a, b={self.expression(1)})") + self.body(depth - 1)
                    + self.pick(["", "{{ caller() if caller is defined }}", "{{ varargs }}", "{{ kwargs }}", "{{ a }}{{ b }}"]) + self.tag("endmacro") + self.output(f"f({given})"))
        if kind < 16:
            return (self.tag("macro g(a)") + "<{{ caller(a) }}>" + self.body(depth - 1) + self.tag("endmacro") + self.tag(f"call(x) g({self.expression(1)})")
                    + self.body(depth - 1) + "{{ x }}" + self.tag("endcall"))
        if in_loop:
            return self.tag("if " + self.expression(1)) + self.tag(self.pick(["break", "continue"])) + self.tag("endif")
        return self.tag("set ns = namespace(c=0)") + self.tag("for i in l") + self.tag(f"set ns.c = {self.expression(1)}") + self.tag("endfor") + self.output("ns.c")


class Scopes:
    """Makes templates that set, hide and read a few names in blocks within blocks."""

    NAMES = ["s", "n", "x", "y"]

    def __init__(self, seed):
        self.random = random.Random(seed)

    def expression(self):
        name, pick = self.random.choice(self.NAMES), self.random.choice
        return pick([name] * 5 + [f"({name} or 7)", f"({name} is defined)", f"({name} is defined)", f"({name} ~ {pick(self.NAMES)})", "1", "'z'", f"[{name}]", "m() if m is defined else 0"])

    def body(self, depth):
        return "".join(self.statement(depth) for _ in range(self.random.randrange(1, 5)))

    def statement(self, depth):
        kind, name, pick = self.random.randrange(17), self.random.choice(self.NAMES), self.random.choice
        if depth <= 0 or kind < 4:
            return "{{ " + self.expression() + " }},"
        if kind < 7:
            return f"{{% set {name} = {self.expression()} %}}"
        inner = self.body(depth - 1)
        if kind < 9:
            return f"{{% for {name} in {pick(['[1,2]', '[3]', 'ls', '[]'])}{pick(['', ' if ' + self.expression()])} %}}{inner}{pick(['', '{% else %}' + self.body(depth - 1)])}{{% endfor %}}"
        if kind < 11:
            return f"{{% if {self.expression()} %}}{inner}{pick(['', '{% else %}' + self.body(depth - 1), '{% elif ' + self.expression() + ' %}' + self.body(depth - 1)])}{{% endif %}}"
        if kind < 13:
            return f"{{% macro m({pick(['', 's', 's=1', 's, x=y', 'y=n'])}) %}}{inner}{{% endmacro %}}"
        if kind < 14:
            return "{{ m(" + pick(["", "1", "s"]) + ") if m is defined }};"
        return pick([
            f"{{% with {name} = {self.expression()} %}}{inner}{{% endwith %}}", f"{{% set {name} %}}{inner}{{% endset %}}", f"{{% filter upper %}}{inner}{{% endfilter %}}",
            f"{{% generation %}}{inner}{{% endgeneration %}}", "{% macro w(a) %}<{{ caller(a) }}>{% endmacro %}" + f"{{% call({name}) w({self.expression()}) %}}{inner}{{% endcall %}}",
        ])


def is_stable(outcome):
    """Whether the text is the same on every run and not too long to keep."""
    text = outcome.get("text", "")
    return len(text) < 400 and "object at 0x" not in text and "iterator" not in text and not any(0xD800 <= ord(c) < 0xE000 for c in text)


def generated_cases(generator, count):
    signal.signal(signal.SIGALRM, lambda *_: (_ for _ in ()).throw(TimeoutError))
    cases = []
    while len(cases) < count:
        source = generator.body(generator.random.randrange(1, 4))
        signal.setitimer(signal.ITIMER_REAL, 2)
        try:
            outcome = render(source, Generator.VARIABLES)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        # What fails teaches less than what renders: one in ten is enough.
        if "Timeout" not in outcome.get("failure", "") and is_stable(outcome) and ("text" in outcome or generator.random.random() < .1):
            cases.append({"source": source, **outcome})
    return cases


def write(name, data):
    (HERE / name).write_text(json.dumps(data, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def main():
    families = list(family_cases())
    write("families.json", {"conversations": CONVERSATIONS, "tools": TOOLS, "cases": families})
    generated = generated_cases(Generator(20261125), 1000) + generated_cases(Scopes(20261126), 300)
    write("generated.json", {"variables": Generator.VARIABLES, "cases": generated})
    print(len(families), "cases of families,", sum("text" in case for case in families), "of them rendered;", len(generated), "generated,", sum("text" in case for case in generated), "rendered")


main()
