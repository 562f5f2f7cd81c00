"""Workflow code can reach no clock, no chance and no I/O: it imports nothing that has them, and
calls nothing that hides them. Workers run it without the SDK's sandbox, so this is its fence."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = sorted((ROOT / "workflows").glob("*.py"))
MAY_IMPORT = {
    "asyncio", "collections", "collections.abc", "dataclasses", "datetime", "enum", "typing",
    "uuid.UUID",
}  # fmt: skip
HOUSE = ("domain.", "activities.", "workflows.", "temporalio.")
HOUSE_ROOTS = ("workflows", "temporalio")
NOT_FROM_THE_HOUSE = ("domain.rules.local_time", "temporalio.client", "temporalio.worker")
"""Zones are worker state, a client is I/O."""
MAY_CALL_OF_ASYNCIO = {"Lock", "create_task", "Task", "Event", "shield", "CancelledError"}
BANNED_NAMES = {
    "open", "input", "print", "eval", "exec", "__import__", "globals", "hash", "id", "set",
    "frozenset",
}  # fmt: skip
BANNED_ATTRIBUTES = {"now", "utcnow", "today", "fromtimestamp", "astimezone", "timestamp"}


def offences(source: str) -> list[str]:
    """What in a workflow module could differ from one replay to the next."""
    return [
        f"{getattr(node, 'lineno', 0)}: {ast.unparse(node)[:80]}"
        for node in ast.walk(ast.parse(source))
        if _imports_a_stranger(node) or _calls_the_outside(node)
    ]


def _imports_a_stranger(node: ast.AST) -> bool:
    match node:
        case ast.Import():
            names = [alias.name for alias in node.names]
        case ast.ImportFrom():
            module = node.module or ""
            names = [module if module in MAY_IMPORT else f"{module}.{a.name}" for a in node.names]
        case _:
            return False
    return not all(_may_import(name) for name in names)


def _may_import(name: str) -> bool:
    if name.startswith(NOT_FROM_THE_HOUSE):
        return False
    return name in MAY_IMPORT or name.startswith(HOUSE) or name in HOUSE_ROOTS


def _calls_the_outside(node: ast.AST) -> bool:
    match node:
        case ast.Attribute(value=ast.Name(id="asyncio")):
            return node.attr not in MAY_CALL_OF_ASYNCIO
        case ast.Call(func=ast.Name()):
            return node.func.id in BANNED_NAMES
        case ast.Call(func=ast.Attribute()):
            owner = ast.unparse(node.func.value)
            return node.func.attr in BANNED_ATTRIBUTES and owner != "workflow"
        case ast.Global() | ast.Nonlocal() | ast.SetComp():
            return True
    return False


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_a_workflow_module_reaches_nothing_outside(path: Path) -> None:
    assert offences(path.read_text()) == []


@pytest.mark.parametrize(
    "line",
    [
        "import time", "import random", "import os", "from uuid import uuid4", "import httpx",
        "from zoneinfo import ZoneInfo", "from domain.rules.local_time import at_zone",
        "from temporalio.client import Client", "from datetime import *; datetime.now()",
        "d = datetime.now(UTC)", "d = datetime.today()", "d = at.astimezone(zone)",
        "asyncio.run(x)", "await_ = asyncio.wait([x])", "asyncio.as_completed([x])",
        "asyncio.sleep(1)", "asyncio.to_thread(f)", "open('f')", "for x in set(y): pass",
        "z = {x for x in y}", "h = hash(x)",
    ],
)  # fmt: skip
def test_the_fence_holds(line: str) -> None:
    assert offences(line)


@pytest.mark.parametrize(
    "line",
    ["workflow.now()", "from collections.abc import Callable", "asyncio.create_task(x)",
     "if x in {A, B}: pass", "from uuid import UUID", "from domain.enums import Channel"],
)  # fmt: skip
def test_what_is_harmless_passes(line: str) -> None:
    assert offences(line) == []
