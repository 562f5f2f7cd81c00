"""`test`: everything CI asks, in the order in which it is cheapest to fail."""

import subprocess
import sys
import time
from collections.abc import Sequence

import typer

from runtime.embedded.options import REPOSITORY

_LINT_IMPORTS = "from importlinter.cli import lint_imports_command as main; main()"

STEPS: tuple[tuple[str, Sequence[str]], ...] = (
    ("formatting", ("-m", "ruff", "format", "--check", "--quiet", ".", "herald")),
    ("lint", ("-m", "ruff", "check", "--quiet", ".", "herald")),
    ("types", ("-m", "mypy")),
    ("import contracts", ("-c", _LINT_IMPORTS)),
)
_TESTS = ("-q", "--durations=10")


def run(words: Sequence[str], jobs: int | None) -> None:
    """Exit 0 only when every step passed. `words` go to pytest, and then only pytest runs.

    `jobs` above 1 spreads the tests over as many processes; None: two for all of them, as they
    wait for real parts half of the time, and one for what is named.
    """
    started = time.monotonic()
    if not words:
        for name, command in STEPS:
            _step(name, command)
    jobs = jobs or (1 if words else 2)
    spread = ("-n", str(jobs), "--dist", "loadgroup") if jobs > 1 else ()
    _step("tests", ("-m", "pytest", *spread, *(words or _TESTS)))
    typer.secho(f"All of it passed in {time.monotonic() - started:.0f} s.", fg="green")


def _step(name: str, command: Sequence[str]) -> None:
    """Stops at the first that fails, with its own exit code."""
    started = time.monotonic()
    typer.secho(f"── {name}", bold=True)
    sys.stdout.flush()
    done = subprocess.run([sys.executable, *command], check=False, cwd=REPOSITORY)
    took = f"{time.monotonic() - started:.1f} s"
    if done.returncode:
        typer.secho(f"{name}: failed after {took}", fg="red", err=True)
        raise typer.Exit(done.returncode if done.returncode > 0 else 1)
    typer.echo(f"{name}: {took}")
