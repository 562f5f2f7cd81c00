"""Says what is wrong with a template's source, and which variables it needs.

The syntax tree may hold only output, paths, constants, comparisons, tests, `and`/`or`/`not`, `if`,
`for` and the filters of `syntax.FILTERS`. Nothing that stores, calls, repeats, concatenates or
reaches another template is left, so no template can grow beyond its data and its own text.
"""

import math
import re
from collections.abc import Iterable
from typing import Final

from jinja2 import TemplateSyntaxError, nodes

from templates.errors import TemplateProblem
from templates.syntax import (
    COMPARISONS,
    CONTEXT_NAMES,
    FILTERS,
    LOOP_ATTRIBUTES,
    MAX_DEPTH,
    MAX_LOOP_DEPTH,
    MAX_NODES,
    MAX_SOURCE_BYTES,
    PARSER,
    REFUSED,
    TESTS,
    Param,
    keywords,
    path_of,
)

_CONTROL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_RESERVED: Final = frozenset({"self", "super", "caller", "varargs", "kwargs", "loop"})
_RAW: Final = re.compile(r"\{%[-+]?\s*raw\b")
_KINDS: Final = {"text": "a text", "int": "a whole number", "flag": "true or false"}


def check_template(source: str, *, part: str) -> list[TemplateProblem]:
    """Every reason why `source` may not be used, in order of lines; empty when it may.

    `part` names the source in the problems' `path`, such as `channels.email.html`.
    """
    problem = _unreadable(source)
    if problem is not None:
        return [problem.model_copy(update={"path": part})]
    try:
        tree = PARSER.parse(source)
    except TemplateSyntaxError as error:
        message = f"the template cannot be read: {error.message}"
        return [TemplateProblem(path=part, line=error.lineno, code="syntax", message=message)]
    except (RecursionError, ValueError, OverflowError):
        return [
            TemplateProblem(path=part, code="too_complex", message="the template is too complex")
        ]
    checker = _Checker(part)
    checker.block(tree.body, depth=0)
    return sorted(checker.problems, key=lambda p: p.line or 0)


def _unreadable(source: str) -> TemplateProblem | None:
    try:
        size = len(source.encode())
    except UnicodeEncodeError:
        return TemplateProblem(path="", code="encoding", message="the text is not valid Unicode")
    if size > MAX_SOURCE_BYTES:
        message = f"the template is {size} bytes, more than {MAX_SOURCE_BYTES}"
        return TemplateProblem(path="", code="too_large", message=message)
    for pattern, code, message in (
        (_CONTROL, "control_character", "the text holds a control character"),
        (_RAW, "not_allowed", "`raw` is not available"),
    ):
        found = pattern.search(source)
        if found:
            line = source.count("\n", 0, found.start()) + 1
            return TemplateProblem(path="", line=line, code=code, message=message)
    return None


class _Checker:
    """Walks one tree, top down, stopping below whatever it refuses."""

    def __init__(self, part: str) -> None:
        self.problems: list[TemplateProblem] = []
        self._part = part
        self._nodes = 0
        self._loop_names: list[str] = []

    def refuse(self, node: nodes.Node, message: str, code: str = "not_allowed") -> None:
        self.problems.append(
            TemplateProblem(path=self._part, line=node.lineno, code=code, message=message)
        )

    def _enter(self, node: nodes.Node, depth: int) -> bool:
        self._nodes += 1
        if depth > MAX_DEPTH:
            self.refuse(node, f"nested deeper than {MAX_DEPTH} levels", "too_deep")
            return False
        if self._nodes > MAX_NODES:
            if self._nodes == MAX_NODES + 1:
                self.refuse(node, f"more than {MAX_NODES} expressions", "too_complex")
            return False
        return True

    def block(self, body: list[nodes.Node], depth: int) -> None:
        for node in body:
            if not self._enter(node, depth):
                return
            if isinstance(node, nodes.Output):
                for child in node.nodes:
                    if not isinstance(child, nodes.TemplateData):
                        self.expression(child, depth + 1)
            elif isinstance(node, nodes.If):
                self.expression(node.test, depth + 1)
                self.block(node.body, depth + 1)
                self.block(list(node.elif_), depth)
                self.block(node.else_, depth + 1)
            elif isinstance(node, nodes.For):
                self._loop(node, depth)
            else:
                self._refuse_unknown(node)

    def _loop(self, node: nodes.For, depth: int) -> None:
        if node.recursive:
            self.refuse(node, "`recursive` loops are not available")
        if not isinstance(node.target, nodes.Name):
            self.refuse(node, "a loop has one variable: `{% for item in data.items %}`")
            return
        name = node.target.name
        if name in CONTEXT_NAMES or name in self._loop_names:
            self.refuse(node, f"the loop variable `{name}` hides another variable", "name_hidden")
        self._name(node.target, name)
        self.expression(node.iter, depth + 1)
        self._loop_names.append(name)
        if len(self._loop_names) > MAX_LOOP_DEPTH:
            self.refuse(node, f"loops nested deeper than {MAX_LOOP_DEPTH}", "too_deep")
        if node.test is not None:
            self.expression(node.test, depth + 1)
        self.block(node.body, depth + 1)
        self._loop_names.pop()
        self.block(node.else_, depth + 1)

    def expression(self, node: nodes.Node, depth: int) -> None:  # noqa: PLR0912 - one per kind
        if not self._enter(node, depth):
            return
        match node:
            case nodes.Const():
                self._constant(node)
            case nodes.Neg(node=nodes.Const(value=int() | float())):
                pass
            case nodes.Name():
                if node.name == "loop" and not self._loop_names:
                    self.refuse(node, "`loop` exists only inside a `for`")
                elif node.name != "loop":
                    self._name(node, node.name)
            case nodes.Getattr():
                self._attribute(node, node.attr, depth)
            case nodes.Getitem():
                self._item(node, depth)
            case nodes.Filter():
                self._filter(node, depth)
            case nodes.Test():
                if node.name not in TESTS or node.args or node.kwargs:
                    self.refuse(node, f"the test `{node.name}` is not one of {_list(TESTS)}")
                self.expression(node.node, depth + 1)
            case nodes.Compare():
                self._compare(node, depth)
            case nodes.Not():
                self.expression(node.node, depth + 1)
            case nodes.And() | nodes.Or():
                self.expression(node.left, depth + 1)
                self.expression(node.right, depth + 1)
            case nodes.CondExpr():
                for child in (node.test, node.expr1, node.expr2):
                    if child is not None:
                        self.expression(child, depth + 1)
            case _:
                self._refuse_unknown(node)

    def _refuse_unknown(self, node: nodes.Node) -> None:
        message = REFUSED.get(type(node))
        if message is None and isinstance(node, nodes.BinExpr | nodes.UnaryExpr):
            message = "calculating is not available; put the result into the data"
        self.refuse(node, message or f"`{type(node).__name__.lower()}` is not available")

    def _name(self, node: nodes.Node, name: str) -> None:
        if not _NAME.fullmatch(name) or name in _RESERVED:
            self.refuse(node, f"`{name}` cannot be used as a name", "bad_name")

    def _constant(self, node: nodes.Const) -> None:
        value = node.value
        huge = isinstance(value, float) and not math.isfinite(value)
        if huge or (isinstance(value, int) and abs(value) >= 2**63):
            self.refuse(node, "the number is too large", "too_large")
        elif not (value is None or isinstance(value, str | int | float)):
            self.refuse(node, "this constant is not available")
        elif isinstance(value, str) and not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError:
                self.refuse(node, "the text is not valid Unicode", "encoding")

    def _attribute(self, node: nodes.Getattr, name: str, depth: int) -> None:
        if name.startswith("_"):
            self.refuse(node, f"`{name}` cannot be used as a name", "bad_name")
        base = node.node
        if isinstance(base, nodes.Name) and base.name == "loop" and name not in LOOP_ATTRIBUTES:
            self.refuse(node, f"`loop.{name}` is not one of {_list(LOOP_ATTRIBUTES)}")
        self.expression(base, depth + 1)

    def _item(self, node: nodes.Getitem, depth: int) -> None:
        key = node.arg
        if not (isinstance(key, nodes.Const) and type(key.value) in (str, int)):
            words = REFUSED.get(type(key)) if isinstance(key, nodes.Slice) else None
            self.refuse(node, words or "between brackets only a text or a number may stand")
        elif str(key.value).startswith("_"):
            self.refuse(node, f"`{key.value}` cannot be used as a name", "bad_name")
        else:
            self._constant(key)
        if isinstance(node.node, nodes.Name) and node.node.name == "loop":
            self.refuse(node, "write `loop.index`, not brackets")
        self.expression(node.node, depth + 1)

    def _compare(self, node: nodes.Compare, depth: int) -> None:
        self.expression(node.expr, depth + 1)
        if len(node.ops) > 1:
            self.refuse(node, "compare two values at a time, and join with `and`")
        for operand in node.ops:
            right = operand.expr
            if operand.op not in COMPARISONS:
                self.refuse(node, f"`{operand.op}` is not available")
            if operand.op in {"in", "notin"} and isinstance(right, nodes.List | nodes.Tuple):
                for item in right.items:
                    if not isinstance(item, nodes.Const):
                        self.refuse(item, "the list after `in` may hold constants only")
                    self.expression(item, depth + 1)
            else:
                self.expression(right, depth + 1)

    def _filter(self, node: nodes.Filter, depth: int) -> None:
        params = FILTERS.get(node.name)
        if params is None:
            self.refuse(node, f"the filter `{node.name}` is not one of {_list(FILTERS)}")
        elif node.dyn_args or node.dyn_kwargs or len(node.args) > len(params):
            self.refuse(node, f"the filter `{node.name}` is given too much", "bad_argument")
        else:
            named = {param.name: param for param in params}
            given = [*zip(params, node.args, strict=False)]
            for pair in keywords(node):
                if pair.key not in named or any(p.name == pair.key for p, _ in given):
                    self.refuse(node, f"`{node.name}` does not take `{pair.key}`", "bad_argument")
                else:
                    given.append((named[pair.key], pair.value))
            for param, value in given:
                self._argument(node, param, value, depth)
        if node.node is None:
            self._refuse_unknown(node)
        else:
            self.expression(node.node, depth + 1)

    def _argument(self, node: nodes.Filter, param: Param, value: nodes.Expr, depth: int) -> None:
        if param.kind == "value":
            if not isinstance(value, nodes.Const) and path_of(value) is None:
                message = f"`{node.name}` takes a constant or a variable here"
                self.refuse(node, message, "bad_argument")
            else:
                self.expression(value, depth + 1)
            return
        constant = value.value if isinstance(value, nodes.Const) else None
        match param.kind, constant:
            case "text", str():
                if len(constant) > param.most:
                    self.refuse(node, f"{param.name} is longer than {param.most}", "bad_argument")
            case "flag", bool():
                pass
            case "int", int() if not isinstance(constant, bool):
                if not 0 <= constant <= param.most:
                    message = f"{param.name} is not within 0 and {param.most}"
                    self.refuse(node, message, "bad_argument")
            case _:
                wanted = _KINDS[param.kind]
                self.refuse(node, f"`{node.name}` takes {wanted} as {param.name}", "bad_argument")


def _list(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
