"""What a template may hold: every bomb is refused, every honest template passes."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import Environment

from templates.check import check_template
from templates.program import write_program
from templates.syntax import FILTERS, MAX_SOURCE_BYTES
from templates.variables import required_variables, used_variables

HONEST = [
    "",
    "plain { text } with % and # and <b>html</b>",
    "{{ user.name }}",
    "{{ data.items[0].title }} {{ data['job title'] }}",
    "{{- data.a -}}\n{# a note #}",
    "{% if data.a and not data.b or data.c == 'x' %}a{% elif data.d > -1 %}b{% else %}c{% endif %}",
    "{% for a in data.a %}{% for b in a.b if b.c %}{{ loop.index }}{{ b }}{% endfor %}{% endfor %}",
    "{% for a in data.a %}x{% else %}none{% endfor %}",
    "{{ 'a' if data.a is defined else 'b' }}",
    "{{ data.a in ['x', 'y', 1] }}",
    "{{ (data.a|first).b }}{{ ('a' if data.b else data.c)[0] }}{{ ('x' or data.y).z|upper }}",
    "{{ data.a|default(title)|upper|truncate(10, true, end='..') }}",
    "{{ data.at|datetime('long', timezone=user.timezone) }}",
]

BOMBS = {
    "repetition": "{{ 'a' * 1000000000 }}",
    "list repetition": "{{ [0] * 1000000000 }}",
    "power": "{{ 9 ** 999999999 }}",
    "addition": "{{ data.a + data.a }}",
    "concatenation": "{{ data.a ~ data.a }}",
    "format operator": "{{ '%1000000000d' % 1 }}",
    "range": "{% for i in range(1000000000) %}x{% endfor %}",
    "doubling set": "{% set x = 'a' %}{% for i in data.a %}{% set x = x ~ x %}{% endfor %}",
    "namespace": "{% set n = namespace(x='a') %}",
    "set block": "{% set x %}{{ data.a }}{% endset %}{{ x }}{{ x }}",
    "macro": "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "call block": "{% call data.f() %}x{% endcall %}",
    "recursive loop": "{% for a in data.a recursive %}{{ loop(a.b) }}{% endfor %}",
    "three loops": "{% for a in data.a %}{% for b in data.a %}{% for c in data.a %}x"
    "{% endfor %}{% endfor %}{% endfor %}",
    "method": "{{ data.a.upper() }}",
    "replace": "{{ 'a'|replace('a', 'aaaa')|replace('a', 'aaaa') }}",
    "center": "{{ 'a'|center(1000000000) }}",
    "indent": "{{ data.a|indent(1000000000) }}",
    "batch": "{{ data.a|batch(1, fill_with='x') }}",
    "map": "{{ data.a|map('upper')|list }}",
    "join of joins": "{{ data.a|join(data.a|join(data.a)) }}",
    "long join": "{{ data.a|join('" + "x" * 100 + "') }}",
    "wide number": "{{ data.a|number(1000000000) }}",
    "fine rounding": "{{ data.a|round(1000000000) }}",
    "long truncate": "{{ data.a|truncate(5, true, '" + "x" * 100 + "') }}",
    "huge integer": "{{ " + "9" * 100 + " }}",
    "unreadable integer": "{{ " + "9" * 10_000 + " }}",
    "infinity": "{{ 1e999 }}",
    "parentheses": "{{ " + "(" * 20_000 + "1" + ")" * 20_000 + " }}",
    "negations": "{{ " + "not " * 20_000 + "data.a }}",
    "long chain": "{{ data.a" + "|upper" * 50 + " }}",
    "deep ifs": "{% if data.a %}" * 50 + "{% endif %}" * 50,
    "deep path": "{{ data" + ".a" * 1000 + " }}",
    "many outputs": "{{ data.a }}" * 20_000,
    "long or": "{{ " + " or ".join(["data.a"] * 10_000) + " }}",
    "too large": "x" * (MAX_SOURCE_BYTES + 1),
    "include": "{% include 'secrets' %}",
    "import": "{% import 'x' as x %}",
    "from import": "{% from 'x' import y %}",
    "extends": "{% extends 'x' %}",
    "block": "{% block a %}x{% endblock %}",
    "filter block": "{% filter upper %}x{% endfilter %}",
    "raw": "{% raw %}<script>{% endraw %}",
    "with": "{% with x = 1 %}{{ x }}{% endwith %}",
    "do": "{% do data.a.append(1) %}",
    "autoescape": "{% autoescape false %}{{ data.a }}{% endautoescape %}",
    "safe": "{{ data.a|safe }}",
    "tojson": "{{ data|tojson }}",
    "class": "{{ data.__class__ }}",
    "class by key": "{{ data['__class__'] }}",
    "attr": "{{ data|attr('__class__') }}",
    "dynamic key": "{{ data[data.key] }}",
    "slice": "{{ data.a[0:5] }}",
    "loop cycle": "{% for a in data.a %}{{ loop.cycle }}{% endfor %}",
    "loop outside": "{{ loop.index }}",
    "hidden name": "{% for user in data.users %}{{ user }}{% endfor %}",
    "self": "{{ self }}",
    "control character": "a\x02data\x03",
    "surrogate": "\ud800",
    "surrogate in a text": "{{ '\\ud800' }}",
    "dict": "{{ {'a': 1} }}",
    "list": "{{ [1, 2] }}",
    "tuple target": "{% for k, v in data.a %}{{ k }}{% endfor %}",
    "dynamic arguments": "{{ data.a|truncate(*data.b) }}",
    "unknown test": "{{ data.a is divisibleby 3 }}",
    "unclosed": "{{ data.a",
    "unclosed if": "{% if data.a %}",
}


@pytest.mark.parametrize("source", HONEST)
def test_honest_templates_pass_and_can_be_written(source: str) -> None:
    assert check_template(source, part="p") == []
    assert write_program(source, part="p").path == "p"


@pytest.mark.parametrize("name", BOMBS)
def test_every_bomb_is_refused(name: str) -> None:
    problems = check_template(BOMBS[name], part="channels.email.html")
    assert problems
    assert all(p.path == "channels.email.html" and p.code and p.message for p in problems)


def test_a_problem_names_its_line_and_says_what_to_do() -> None:
    problems = check_template("one\ntwo {{ data.a ~ 'x' }}\n{{ data.b|safe }}", part="p")
    assert [(p.line, p.code) for p in problems] == [(2, "not_allowed"), (3, "not_allowed")]
    assert "write the values one after the other" in problems[0].message
    assert all(name in problems[1].message for name in FILTERS)


# Pieces from which nearly every construct of Jinja can be put together.
_WORDS = (
    "{{ }} {% %} {# #} data user .a ['a'] [0] | upper join default ( ) , 'x' 1 1.5 * ** + ~ - / % "
    "== < in not and or if else elif endif for endfor set endset macro endmacro call raw endraw is "
    "defined none true loop .index : = { } [ ] \\ \n <b> range(9) recursive include"
)
_PIECES = st.sampled_from(_WORDS.split(" "))
_SOURCES = st.lists(_PIECES, max_size=25).map(" ".join) | st.text(max_size=60)
_FORBIDDEN_WORDS = ("*", "~", "+", "set", "macro", "call", "include", "range", "recursive")


@settings(max_examples=400, deadline=None)
@given(_SOURCES)
def test_the_check_never_fails_and_what_passes_can_be_written(source: str) -> None:
    if check_template(source, part="p"):
        return
    write_program(source, part="p")
    tags = [token for token in Environment().lex(source) if token[1] in {"operator", "name"}]
    assert not [value for _, _, value in tags if value in _FORBIDDEN_WORDS]


@pytest.mark.parametrize(
    ("source", "required", "used"),
    [
        ("{{ user.name }} {{ data.jobId|upper }}", {"user.name", "data.jobId"}, set()),
        ("{{ data.a|default('x') }}", set(), {"data.a"}),
        ("{{ data.a|default(data.b) }}", set(), {"data.a", "data.b"}),
        ("{% if data.a %}{{ data.b }}{% else %}{{ data.c }}{% endif %}{{ data.d }}", {"data.d"},
         {"data.a", "data.b", "data.c"}),
        ("{% for j in data.jobs %}{{ j.title }}{{ loop.index }}{{ data.x }}{% endfor %}",
         {"data.jobs"}, {"data.x"}),
        ("{{ data.a if data.b else data.c }}", set(), {"data.a", "data.b", "data.c"}),
        ("{{ data.a or data.b }}", set(), {"data.a", "data.b"}),
        ("{{ data.a == data.b }}", {"data.a", "data.b"}, set()),
        ("{{ data['job title'][0].x }}", {"data.job title.0.x"}, set()),
        ("{% if data.a is defined %}x{% endif %}", set(), {"data.a"}),
        ("{{ data.at|datetime('long', timezone=user.timezone) }}", {"data.at"}, {"user.timezone"}),
    ],
)  # fmt: skip
def test_variables(source: str, required: set[str], used: set[str]) -> None:
    assert required_variables(source) == required
    assert used_variables(source) == required | used
