"""The language of templates: which parts of Jinja's syntax, which filters, which tests, how big.

Everything not named here is refused when a template is saved, and `program.py` can only write
what is named here, so nothing else ever runs.
"""

from dataclasses import dataclass
from typing import Final, Literal, cast

from jinja2 import Environment, nodes

MAX_SOURCE_BYTES: Final = 256 * 1024
MAX_NODES: Final = 5_000
MAX_DEPTH: Final = 16
MAX_LOOP_DEPTH: Final = 2

CONTEXT_NAMES: Final = (
    "user",
    "data",
    "title",
    "content",
    "recommendations",
    "links",
    "notification",
    "locale",
)
LOOP_ATTRIBUTES: Final = frozenset(
    {"index", "index0", "revindex", "revindex0", "first", "last", "length"}
)
TESTS: Final = frozenset(
    {"defined", "undefined", "none", "odd", "even", "string", "number", "sequence", "mapping"}
)
COMPARISONS: Final = {
    "eq": "==",
    "ne": "!=",
    "lt": "<",
    "lteq": "<=",
    "gt": ">",
    "gteq": ">=",
    "in": "in",
    "notin": "not in",
}

REFUSED: Final[dict[type[nodes.Node], str]] = {
    nodes.Assign: "`set` is not available; put the value into the data",
    nodes.AssignBlock: "`set` is not available; put the value into the data",
    nodes.Macro: "macros are not available",
    nodes.CallBlock: "`call` is not available",
    nodes.FilterBlock: "`filter` blocks are not available; write the filter after the value",
    nodes.Call: "calling functions or methods is not available; use a filter",
    nodes.Include: "`include` is not available; use a layout",
    nodes.Import: "`import` is not available",
    nodes.FromImport: "`from … import` is not available",
    nodes.Extends: "`extends` is not available; name a layout instead",
    nodes.Block: "`block` is not available; name a layout instead",
    nodes.Concat: "joining text with `~` is not available; write the values one after the other",
    nodes.Slice: "slices are not available; use `truncate`, `first` or `last`",
    nodes.List: "lists may only stand after `in`, and hold constants",
    nodes.Tuple: "lists may only stand after `in`, and hold constants",
    nodes.Dict: "dictionaries cannot be written in a template",
    nodes.With: "`with` is not available",
    nodes.ScopedEvalContextModifier: "`autoescape` is not available; HTML is always escaped",
}

Kind = Literal["text", "int", "flag", "value"]


@dataclass(frozen=True, slots=True)
class Param:
    """One argument of a filter. `most` bounds an int's value or a text's length."""

    name: str
    kind: Kind
    most: int = 0


FILTERS: Final[dict[str, tuple[Param, ...]]] = {
    "default": (Param("default_value", "value"), Param("boolean", "flag")),
    "upper": (),
    "lower": (),
    "title": (),
    "trim": (),
    "length": (),
    "first": (),
    "last": (),
    "lines": (),
    "urlencode": (),
    "link": (),
    "join": (Param("separator", "text", 16),),
    "truncate": (
        Param("length", "int", 10_000),
        Param("killwords", "flag"),
        Param("end", "text", 16),
    ),
    "round": (Param("precision", "int", 10),),
    "number": (Param("decimals", "int", 10),),
    "datetime": (Param("style", "text", 16), Param("timezone", "value")),
}

# Names that every dict or list has as a method: looked up as keys only.
METHOD_NAMES: Final = frozenset(n for n in (*dir(dict), *dir(list)) if not n.startswith("_"))

# Written between control characters, which no author may use, a program needs no escaping of text.
OUTPUT_START, OUTPUT_END = "\x02", "\x03"
BLOCK_START, BLOCK_END = "\x04", "\x05"
COMMENT_START, COMMENT_END = "\x06", "\x07"

# Only parses; what it would do when run is irrelevant.
PARSER: Final = Environment(keep_trailing_newline=True, autoescape=True)


def path_of(node: nodes.Node) -> tuple[str, ...] | None:
    """`data.job["title"]` → ("data", "job", "title"); None for anything but a plain path."""
    keys: list[str] = []
    while True:
        if isinstance(node, nodes.Getattr):
            keys.append(node.attr)
            node = node.node
        elif isinstance(node, nodes.Getitem) and isinstance(node.arg, nodes.Const):
            keys.append(str(node.arg.value))
            node = node.node
        elif isinstance(node, nodes.Name):
            return (node.name, *reversed(keys))
        else:
            return None


def keywords(node: nodes.Filter) -> list[nodes.Keyword]:
    # The parser makes keywords here; the library's annotation says pairs.
    return cast(list[nodes.Keyword], node.kwargs)
