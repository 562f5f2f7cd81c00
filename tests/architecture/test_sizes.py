"""A file of more than 300 lines, or a function of more than 40, is asked why."""

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT = Path(__file__).parents[2]
LONGEST_FILE: Final = 300
LONGEST_FUNCTION: Final = 40
WRITTEN_ONCE = "storage/migrations/versions/"
"""A migration is read when it is written, and never changed."""
REASONS = {
    "workflows/notification.py": "one workflow is one file: the order of its commands, which a "
    "replay must meet again, is read in one go",
    "sandbox/__main__.py:parse_arguments": "a statement for each flag, and nothing else",
}
ASK = "Divide it by subject, or give its reason in REASONS: {}"


def sizes() -> Iterator[tuple[str, int, int]]:
    """(`path` or `path:function`, lines, the most it may have)."""
    command = ["git", "ls-files", "-co", "--exclude-standard", "*.py", "herald"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    for name in listed.stdout.split():
        path = ROOT / name
        if name.startswith(WRITTEN_ONCE) or not path.exists():
            continue
        text = path.read_text()
        yield name, len(text.splitlines()), LONGEST_FILE
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                yield f"{name}:{node.name}", lines, LONGEST_FUNCTION


def test_what_is_long_says_why() -> None:
    long = {name: lines for name, lines, most in sizes() if lines > most}
    unasked = {name: lines for name, lines in long.items() if name not in REASONS}
    assert not unasked, ASK.format(unasked)
    assert not REASONS.keys() - long.keys(), "what is short again needs no reason"
