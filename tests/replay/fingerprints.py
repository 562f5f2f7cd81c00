"""What each workflow module tells the server, and on what it depends, drawn from its source.

`python -m tests.replay.fingerprints` writes the present ones to `fingerprints.json`.
"""

import ast
import json
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
BASELINE = Path(__file__).parent / "fingerprints.json"
VALUES_ONLY = {"__init__.py", "options.py", "search.py"}
"""A replay does not look at durations and policies."""
COMMANDS = {
    "execute_activity", "execute_activity_method", "start_activity", "start_activity_method",
    "execute_local_activity", "execute_local_activity_method", "start_local_activity",
    "start_local_activity_method", "execute_child_workflow", "start_child_workflow", "sleep",
    "wait_condition", "upsert_search_attributes", "upsert_memo", "continue_as_new", "patched",
    "deprecate_patch", "create_task", "gather",
}  # fmt: skip


def present() -> dict[str, dict[str, list[str]]]:
    """Module → function → its commands and branches, in order."""
    return {
        path.name: _module(ast.parse(path.read_text()))
        for path in sorted((ROOT / "workflows").glob("*.py"))
        if path.name not in VALUES_ONLY
    }


def baseline() -> dict[str, dict[str, list[str]]]:
    return json.loads(BASELINE.read_text())


def _module(tree: ast.Module) -> dict[str, list[str]]:
    functions = {
        node.name: node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    return {name: lines for name, node in functions.items() if (lines := list(_steps(node)))}


def _steps(function: ast.AST) -> Iterator[str]:
    for node in ast.iter_child_nodes(function):
        match node:
            case ast.If() | ast.While() | ast.IfExp():
                yield f"{type(node).__name__.lower()} {ast.unparse(node.test)}"
            case ast.For():
                yield f"for {ast.unparse(node.target)} in {ast.unparse(node.iter)}"
            case ast.comprehension():
                tests = " and ".join(ast.unparse(test) for test in node.ifs) or "always"
                yield f"each {ast.unparse(node.iter)} if {tests}"
            case ast.Return() if node.value is not None:
                yield f"return {ast.unparse(node.value)}"
            case ast.ExceptHandler() if node.type is not None:
                yield f"except {ast.unparse(node.type)}"
            case ast.Call() if _called(node) in COMMANDS:
                first = ast.unparse(node.args[0]) if node.args else ""
                yield f"{_called(node)}({first})"
        yield from _steps(node)


def _called(call: ast.Call) -> str | None:
    return call.func.attr if isinstance(call.func, ast.Attribute) else None


if __name__ == "__main__":
    BASELINE.write_text(json.dumps(present(), indent=1, ensure_ascii=False) + "\n")
    sys.stdout.write(f"{BASELINE.name} written\n")
