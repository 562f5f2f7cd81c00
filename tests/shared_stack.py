"""One stack for all processes of a parallel run: the first that needs it starts it for the others.

Databases and namespaces are each process's own within it; Valkey has no such walls, so that what is
told to everyone would reach the tests of another process, and each has one of its own.

Locks on files say who lives, so that a process that was killed counts as gone. The stack ends
when its starter is done and nobody else uses it; if the starter is killed its parts die with it,
and whoever needs a stack then starts another.
"""

import asyncio
import fcntl
import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from runtime.embedded.options import EmbeddedOptions
from runtime.embedded.stack import EmbeddedStack

PARTS: Final = ("postgres", "valkey", "temporal")


@asynccontextmanager
async def own_stack(home: Path) -> AsyncIterator[EmbeddedStack]:
    """PostgreSQL, Valkey and Temporal on ports of their own; gone when the block ends."""
    options = EmbeddedOptions(home=home, durable=False, keep=False, environment=dict(os.environ))
    async with EmbeddedStack(options, PARTS) as running:
        yield running


@asynccontextmanager
async def shared_stack(folder: Path) -> AsyncIterator[EmbeddedStack]:
    """The stack whose starter met in `folder`, or one started here. Only its URLs are shared:
    a test that kills parts has a stack of its own."""
    place = folder / "stack.json"
    async with _locked(folder / "stack.lock"):
        found = _living(place)
        if found is not None:
            using = _take(folder / f"{found['name']}.users", fcntl.LOCK_SH)
        else:
            name = f"stack-{os.getpid()}"
            owning = _take(folder / f"{name}.owner", fcntl.LOCK_EX)
            stack = own_stack(folder / name)
            running = await stack.__aenter__()
            urls = (running.database_url, running.temporal_address)
            place.write_text(json.dumps({"name": name, "urls": urls}))
    if found is not None:
        with using:
            database, temporal = found["urls"]
            options = EmbeddedOptions(
                home=folder / f"valkey-{os.getpid()}",
                database_url=database,
                temporal_address=temporal,
                durable=False,
                keep=False,
                environment=dict(os.environ),
            )
            async with EmbeddedStack(options, ("valkey",)) as own:
                yield own
        return
    with owning:
        try:
            yield running
        finally:
            async with _locked(folder / "stack.lock"):
                place.unlink()
            async with _locked(folder / f"{name}.users"):
                await stack.__aexit__(None, None, None)


def _living(place: Path) -> dict[str, Any] | None:
    """What the starter wrote, unless it is dead: its lock is free then."""
    try:
        found: dict[str, Any] = json.loads(place.read_text())
    except FileNotFoundError:
        return None
    try:
        with _take(place.with_name(f"{found['name']}.owner"), fcntl.LOCK_SH | fcntl.LOCK_NB):
            return None
    except BlockingIOError:
        return found


class _Held:
    """A lock, until the block ends or the process does."""

    def __init__(self, handle: int) -> None:
        self._handle = handle

    def __enter__(self) -> None:
        return None

    def __exit__(self, *_: object) -> None:
        os.close(self._handle)


def _take(path: Path, how: int) -> _Held:
    handle = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(handle, how)
    except BaseException:
        os.close(handle)
        raise
    return _Held(handle)


@asynccontextmanager
async def _locked(path: Path) -> AsyncIterator[None]:
    """Alone, after whoever else holds it; the loop goes on meanwhile."""
    with await asyncio.to_thread(_take, path, fcntl.LOCK_EX):
        yield
