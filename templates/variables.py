"""Which variables a template reads, as dotted paths: `user.name`, `data.jobId`.

Needed are those without which no rendering can succeed: read outside every `if` and loop body and
not given a default. Fields of loop items do not count; the list itself does.
"""

from dataclasses import dataclass, field
from typing import Final

from jinja2 import nodes

from templates.syntax import PARSER, path_of

_GUARDED: Final[dict[type[nodes.Node], frozenset[str]]] = {
    nodes.CondExpr: frozenset({"test", "expr1", "expr2"}),
    nodes.And: frozenset({"left", "right"}),
    nodes.Or: frozenset({"left", "right"}),
    nodes.Not: frozenset({"node"}),
    nodes.Test: frozenset({"node"}),
}


def required_variables(source: str) -> set[str]:
    """Paths every rendering of the (checked) source needs."""
    reader = _Reader()
    reader.block(PARSER.parse(source).body, frozenset(), sure=True)
    return reader.required


def used_variables(source: str) -> set[str]:
    """Every path the (checked) source reads under some condition, the required ones included."""
    reader = _Reader()
    reader.block(PARSER.parse(source).body, frozenset(), sure=True)
    return reader.used


@dataclass(slots=True)
class _Reader:
    required: set[str] = field(default_factory=set)
    used: set[str] = field(default_factory=set)

    def block(self, body: list[nodes.Node], local: frozenset[str], *, sure: bool) -> None:
        for node in body:
            if isinstance(node, nodes.If):
                self.expression(node.test, local, sure=False)
                for part in (node.body, node.elif_, node.else_):
                    self.block(list(part), local, sure=False)
            elif isinstance(node, nodes.For):
                self.expression(node.iter, local, sure=sure)
                inner = local | {"loop"}
                if isinstance(node.target, nodes.Name):
                    inner |= {node.target.name}
                if node.test is not None:
                    self.expression(node.test, inner, sure=False)
                self.block(node.body, inner, sure=False)
                self.block(node.else_, local, sure=False)
            else:
                for child in node.iter_child_nodes():
                    self.expression(child, local, sure=sure)

    def expression(self, node: nodes.Node, local: frozenset[str], *, sure: bool) -> None:
        path = path_of(node)
        if path is not None:
            if path[0] not in local:
                name = ".".join(path)
                self.used.add(name)
                if sure:
                    self.required.add(name)
            return
        guarded = _GUARDED.get(type(node), frozenset())
        if _is_default(node):
            guarded = frozenset({"node"})
        for name_, value in node.iter_fields():
            values = value if isinstance(value, list) else [value]
            for child in values:
                if isinstance(child, nodes.Node):
                    certain = sure and name_ not in guarded and not _is_argument(node, name_)
                    self.expression(child, local, sure=certain)


def _is_default(node: nodes.Node) -> bool:
    return isinstance(node, nodes.Filter) and node.name == "default"


def _is_argument(node: nodes.Node, name: str) -> bool:
    return isinstance(node, nodes.Filter) and name in {"args", "kwargs"}
