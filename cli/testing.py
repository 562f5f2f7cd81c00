"""`test`: everything CI asks, in the order in which it is cheapest to fail."""

import subprocess
import sys
import time
from collections.abc import Sequence

import typer

from runtime.embedded.options import REPOSITORY

STEPS: tuple[tuple[str, Sequence[str]], ...] = (
    ("formatting", ("ruff", "format", "--check", "-q", ".")),
    ("lint", ("ruff", "check", "-q", ".")),
    ("types", ("mypy",)),
    ("import contracts", ("importlinter",)),
)


def run(words: Sequence[str]) -> None:
    """Exit 0 only when every step passed. `words` go to pytest, and then only pytest runs."""
    if not words:
        for name, command in STEPS:
            _step(name, _module(command))
    _step("tests", [sys.executable, "-m", "pytest", *(words or ("-q", "--durations=10"))])
    typer.secho("All of it passed.", fg="green")


def _module(command: Sequence[str]) -> list[str]:
    if command == ("importlinter",):
        code = "from importlinter.cli import lint_imports_command as main; main()"
        return [sys.executable, "-c", code]
    return [sys.executable, "-m", *command]


def _step(name: str, command: Sequence[str]) -> None:
    started = time.monotonic()
    typer.secho(f"── {name}", bold=True)
    sys.stdout.flush()
    done = subprocess.run(command, check=False, cwd=REPOSITORY)
    took = time.monotonic() - started
    if done.returncode:
        typer.secho(f"{name}: failed after {took:.1f} s", fg="red")
        raise typer.Exit(1)
    typer.echo(f"{name}: {took:.1f} s")
