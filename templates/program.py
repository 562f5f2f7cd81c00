"""Writes the program the engine runs from a checked syntax tree, never from the author's text.

What runs is therefore exactly what was checked: no second reading of the source could disagree.
On the way every rule of the language is made explicit:

- a path in a test (`if`, `and`, `or`, `not`, `default`, `is`) that is missing counts as none;
  anywhere else a missing path is an error that names it;
- `data.items` is the key `items`, never a method;
- each turn of a loop reports how much text it writes, so that the engine can stop it.
"""

import json
from dataclasses import dataclass, field
from typing import Final

from jinja2 import nodes
from pydantic import Field

from domain.base import Wire
from templates.check import check_template
from templates.errors import TemplateRefused
from templates.syntax import (
    BLOCK_END,
    BLOCK_START,
    COMPARISONS,
    FILTERS,
    METHOD_NAMES,
    OUTPUT_END,
    OUTPUT_START,
    PARSER,
    keywords,
    path_of,
)

_ACCESS: Final = (nodes.Name, nodes.Getattr, nodes.Getitem)
_PROBE_TESTS: Final = frozenset({"defined", "undefined"})


class Program(Wire):
    """`code` for the engine; `paths` and `loops` to name what is missing as its author wrote it."""

    path: str
    code: str
    paths: tuple[str, ...] = ()
    loops: dict[str, str] = Field(default_factory=dict)


def write_program(source: str, *, part: str) -> Program:
    """Check `source` and write its program; TemplateRefused when it may not run."""
    problems = check_template(source, part=part)
    if problems:
        raise TemplateRefused(problems)
    writer = _Writer()
    writer.block(PARSER.parse(source).body)
    return Program(
        path=part,
        code="".join(writer.out),
        paths=tuple(dict.fromkeys(writer.paths)),
        loops=writer.loops,
    )


@dataclass(slots=True)
class _Writer:
    out: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    loops: dict[str, str] = field(default_factory=dict)
    scope: dict[str, str] = field(default_factory=dict)

    def _tag(self, code: str) -> None:
        self.out.append(f"{BLOCK_START}{code}{BLOCK_END}")

    def block(self, body: list[nodes.Node]) -> None:
        for node in body:
            if isinstance(node, nodes.Output):
                for child in node.nodes:
                    if isinstance(child, nodes.TemplateData):
                        self.out.append(child.data)
                    else:
                        self.out.append(f"{OUTPUT_START}{self.expression(child)}{OUTPUT_END}")
            elif isinstance(node, nodes.If):
                self._if(node)
            elif isinstance(node, nodes.For):
                self._for(node)
            else:
                raise AssertionError(node)

    def _if(self, node: nodes.If) -> None:
        self._tag(f"if {self.expression(node.test, soft=True)}")
        self.block(node.body)
        for branch in node.elif_:
            self._tag(f"elif {self.expression(branch.test, soft=True)}")
            self.block(branch.body)
        if node.else_:
            self._tag("else")
            self.block(node.else_)
        self._tag("endif")

    def _for(self, node: nodes.For) -> None:
        assert isinstance(node.target, nodes.Name)  # noqa: S101 - the check allows nothing else
        name = node.target.name
        source = self._display(node.iter)
        items = f"{source}[]" if source else f"{name}"
        emitted = f"{name}_{len(self.loops)}"
        iterated = self.expression(node.iter)
        self.loops[emitted] = items
        self.scope[name] = emitted
        test = "" if node.test is None else f" if {self.expression(node.test, soft=True)}"
        self._tag(f"for {emitted} in {iterated}{test}")
        self.out.append(f"{OUTPUT_START}{_written(node.body)}|_turn{OUTPUT_END}")
        self.block(node.body)
        del self.scope[name]
        if node.else_:
            self._tag("else")
            self.block(node.else_)
        self._tag("endfor")

    def expression(self, node: nodes.Node, *, soft: bool = False) -> str:
        match node:
            case nodes.Const():
                return _literal(node.value)
            case nodes.Neg(node=nodes.Const(value=value)):
                return f"(-{_literal(value)})"
            case nodes.Name() | nodes.Getattr() | nodes.Getitem():
                return self._path(node, soft=soft)
            case nodes.Filter():
                return self._filter(node)
            case nodes.Test():
                return self._test(node)
            case nodes.Compare():
                return self._compare(node, soft=soft)
            case nodes.Not():
                return f"(not {self.expression(node.node, soft=True)})"
            case nodes.And() | nodes.Or():
                word = "and" if isinstance(node, nodes.And) else "or"
                left = self.expression(node.left, soft=True)
                return f"({left} {word} {self.expression(node.right, soft=soft)})"
            case nodes.CondExpr():
                test = self.expression(node.test, soft=True)
                yes = self.expression(node.expr1, soft=soft)
                no = '""' if node.expr2 is None else self.expression(node.expr2, soft=soft)
                return f"({yes} if {test} else {no})"
        raise AssertionError(node)

    def _display(self, node: nodes.Node) -> str | None:
        path = path_of(node)
        if path is None and isinstance(node, nodes.Getattr | nodes.Getitem):
            base, key = _split(node)
            return f"{self._display(base) or '…'}.{key}"
        if path is None:
            inner = node.node if isinstance(node, nodes.Filter) else None
            return None if inner is None else self._display(inner)
        root = self.loops.get(self.scope.get(path[0], ""), path[0])
        return ".".join((root, *path[1:]))

    def _path(self, node: nodes.Node, *, soft: bool) -> str:
        if not soft:
            self.paths.append(str(self._display(node)))
        return self._read(node, soft=soft)

    def _read(self, node: nodes.Node, *, soft: bool) -> str:
        if isinstance(node, nodes.Name):
            if node.name in self.scope:
                return self.scope[node.name]
            return f"({node.name}|default(none))" if soft else node.name
        if not isinstance(node, nodes.Getattr | nodes.Getitem):
            return self.expression(node, soft=soft)
        base, key = _split(node)
        inner = self._read(base, soft=soft)
        if isinstance(base, nodes.Name) and base.name == "loop":
            return f"loop.{key}"
        # Only a plain path can be named by the engine's own error.
        if key in METHOD_NAMES or (inner.startswith("(") and not soft):
            name = "none" if soft else _literal(self._display(node))
            return f"({inner}|_key({_literal(key)},{name}))"
        found = f"{inner}[{_literal(key)}]"
        return f"({found}|default(none))" if soft else found

    def _given(self, node: nodes.Node) -> str:
        """A filter's operand: the engine hands a missing value to a filter, so it is asked here."""
        value = self.expression(node)
        if not isinstance(node, _ACCESS):
            return value
        missing = f'""|_missing({_literal(self._display(node))})'
        return f"({value} if {value} is defined else {missing})"

    def _filter(self, node: nodes.Filter) -> str:
        assert node.node is not None  # noqa: S101 - the check allows nothing else
        values: dict[str, nodes.Expr] = {
            param.name: value for param, value in zip(FILTERS[node.name], node.args, strict=False)
        }
        values |= {pair.key: pair.value for pair in keywords(node)}
        if node.name == "default":
            return self._default(node.node, values)
        given = ",".join(
            f"{name}={self.expression(value, soft=True)}" for name, value in values.items()
        )
        return f"({self._given(node.node)}|{node.name}({given}))"

    def _default(self, operand: nodes.Expr, values: dict[str, nodes.Expr]) -> str:
        other = values.get("default_value")
        instead = '""' if other is None else self.expression(other)
        flag = values.get("boolean")
        falsy = isinstance(flag, nodes.Const) and flag.value is True
        if not isinstance(operand, _ACCESS):
            return f"({self.expression(operand)}|_default({instead},{_literal(falsy)}))"
        value = self.expression(operand, soft=True)
        if falsy:
            return f"({value} or {instead})"
        return f"({value} if {value} is not none else {instead})"

    def _test(self, node: nodes.Test) -> str:
        asked = node.node
        if node.name not in _PROBE_TESTS or not isinstance(asked, _ACCESS):
            soft = node.name not in _PROBE_TESTS
            return f"({self.expression(asked, soft=soft)} is {node.name})"
        if isinstance(asked, nodes.Name):
            return f"({self.scope.get(asked.name, asked.name)} is {node.name})"
        base, key = _split(asked)
        inner = self._read(base, soft=True)
        if key in METHOD_NAMES:
            word = "" if node.name == "defined" else "not "
            return f"({word}({inner}|_has({_literal(key)})))"
        if isinstance(base, nodes.Name) and base.name == "loop":
            return f"(loop.{key} is {node.name})"
        return f"({inner}[{_literal(key)}] is {node.name})"

    def _compare(self, node: nodes.Compare, *, soft: bool) -> str:
        operand = node.ops[0]
        right = operand.expr
        if isinstance(right, nodes.List | nodes.Tuple):
            items = ",".join(self.expression(item) for item in right.items)
            other = f"[{items}]"
        else:
            other = self.expression(right, soft=soft)
        return f"({self.expression(node.expr, soft=soft)} {COMPARISONS[operand.op]} {other})"


def _split(node: nodes.Node) -> tuple[nodes.Node, str | int]:
    if isinstance(node, nodes.Getattr):
        return node.node, node.attr
    assert isinstance(node, nodes.Getitem)  # noqa: S101 - callers pass paths only
    assert isinstance(node.arg, nodes.Const)  # noqa: S101
    key: str | int = node.arg.value
    return node.node, key


def _literal(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, float):
        return f"{value:.17f}" if abs(value) < 1 else repr(value)
    return json.dumps(value, ensure_ascii=False)


def _written(body: list[nodes.Node]) -> int:
    """How many characters of its own one turn of a loop writes at most."""
    total = 0
    for node in body:
        if isinstance(node, nodes.TemplateData):
            total += len(node.data)
        elif not isinstance(node, nodes.For):
            total += _written(list(node.iter_child_nodes()))
    return total
