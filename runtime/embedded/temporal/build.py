"""Builds the server, its SQL tool and the Web UI once per version, into the user's cache.

Pinned by go.sum beside this file. A first build takes minutes, so it says how far it is.
"""

import asyncio
import contextlib
import hashlib
import os
import re
import shutil
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from runtime.embedded.supervisor import Say, kill_group, tied

MODULE = Path(__file__).parent
TARGETS = {
    "temporal-server": "go.temporal.io/server/cmd/server",
    "temporal-sql-tool": "go.temporal.io/server/cmd/tools/sql",
    "temporal-ui": "github.com/temporalio/ui-server/v2/cmd/server",
}
OLDEST_GO = (1, 26)
WAYS_OUT = (
    "Temporal needs one of these:\n"
    "  - Go 1.26 or newer on the PATH, and `./herald up` builds the server once, or\n"
    "  - TEMPORAL_ADDRESS=host:port of a Temporal server that is there already, or\n"
    "  - a network on which the Temporal SDK may download its dev server."
)


class BuildFailed(Exception):
    """The compiler's own words, ended by the ways out."""


@dataclass(frozen=True, slots=True)
class Binaries:
    server: Path
    sql_tool: Path
    ui: Path


def cache_folder(environ: Mapping[str, str]) -> Path:
    """One folder per set of versions."""
    user = Path(environ["HOME"]) if environ.get("HOME") else Path.home()
    base = Path(environ.get("XDG_CACHE_HOME") or user / ".cache")
    digest = hashlib.sha256((MODULE / "go.sum").read_bytes()).hexdigest()[:12]
    return base / "herald" / f"temporal-{digest}"


def cached(environ: Mapping[str, str]) -> Binaries | None:
    folder = cache_folder(environ)
    found = [folder / name for name in TARGETS]
    return Binaries(*found) if all(path.exists() for path in found) else None


def go_binary(environ: Mapping[str, str]) -> str | None:
    """A Go new enough, or None."""
    go = shutil.which("go", path=environ.get("PATH"))
    if go is None:
        return None
    said = subprocess.run(  # noqa: S603
        [go, "env", "GOVERSION"], capture_output=True, text=True, check=False, env=dict(environ)
    ).stdout
    match = re.match(r"go(\d+)\.(\d+)", said)
    if match is None or (int(match[1]), int(match[2])) < OLDEST_GO:
        return None
    return go


async def build(go: str, environ: Mapping[str, str], say: Say) -> Binaries:
    """Raises `BuildFailed`. Two builds at once are harmless: each renames its own into place."""
    folder = cache_folder(environ)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BuildFailed(f"{error}: set XDG_CACHE_HOME to a folder you may write") from error
    started = time.monotonic()
    for name, package in TARGETS.items():
        target = folder / name
        if target.exists():
            continue
        draft = folder / f"{name}.{os.getpid()}"
        command = [
            go, "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w",
            "-o", str(draft), package,
        ]  # fmt: skip
        process = await asyncio.create_subprocess_exec(
            *tied(command),
            cwd=MODULE,
            env={**environ, "CGO_ENABLED": "0"},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output = await _follow(process, name, started, say)
        if process.returncode != 0:
            with contextlib.suppress(FileNotFoundError):
                draft.unlink()
            raise BuildFailed(f"Building {name} failed:\n{output[-2000:]}\n{WAYS_OUT}")
        draft.replace(target)
    return Binaries(*(folder / name for name in TARGETS))


async def _follow(process: asyncio.subprocess.Process, name: str, started: float, say: Say) -> str:
    reading = asyncio.create_task(process.communicate())
    try:
        while not reading.done():
            await asyncio.wait({reading}, timeout=10)
            if not reading.done():
                took = time.monotonic() - started
                say(f"{'temporal':<16} building {name}: {took:.0f} s so far")
    except asyncio.CancelledError:
        kill_group(process.pid)
        await process.wait()
        raise
    output, _ = reading.result()
    return output.decode(errors="replace")
