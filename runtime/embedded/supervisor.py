"""Starts parts in order, waits until each answers, restarts what dies, stops all in reverse."""

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

Probe = Callable[[], Awaitable[bool]]
Say = Callable[[str], None]

_STEP = 0.05
_LAUNCH = Path(__file__).with_name("launch.py")


@dataclass(frozen=True, slots=True)
class Part:
    """One process. `ready` is asked until it says yes; None means ready when started."""

    name: str
    command: Sequence[str]
    log: Path
    ready: Probe
    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path | None = None
    user: tuple[int, int] | None = None
    """uid and gid to run as."""
    stop_signal: int = signal.SIGTERM
    death_signal: int = signal.SIGKILL
    """Sent by the kernel when the supervisor dies."""
    grace: float = 8.0
    start_timeout: float = 60.0
    before_start: Callable[[], None] | None = None
    """Clears what a killed predecessor left behind."""


class PartFailed(Exception):
    """A part ended or stayed silent before it was ready; the message ends with its log."""


class Supervisor:
    """Owns the processes. One event loop, one thread: the tie to the parent needs that."""

    def __init__(self, on_change: Callable[[dict[str, int]], None] | None = None) -> None:
        self._parts: dict[str, Part] = {}
        self._processes: dict[str, asyncio.subprocess.Process] = {}
        self._watchers: dict[str, asyncio.Task[None]] = {}
        self._ready: dict[str, asyncio.Event] = {}
        self._on_change = on_change or (lambda _: None)

    def pids(self) -> dict[str, int]:
        """Name → pid of what runs now."""
        return {
            name: process.pid
            for name, process in self._processes.items()
            if process.returncode is None
        }

    async def start(self, part: Part) -> None:
        """Returns when the part is ready. Raises `PartFailed`."""
        self._parts[part.name] = part
        self._ready[part.name] = asyncio.Event()
        await self._spawn(part)
        self._watchers[part.name] = asyncio.create_task(self._watch(part))

    async def wait_ready(self, name: str) -> None:
        """Until a part that was killed is back."""
        await self._ready[name].wait()

    def kill(self, name: str) -> int:
        """SIGKILL, as a crash would be; the watcher brings it back. Returns the pid killed."""
        process = self._processes[name]
        self._ready[name].clear()
        process.kill()
        return process.pid

    async def stop(self, name: str) -> None:
        """Asks a part to end, then insists. It is not brought back."""
        watcher = self._watchers.pop(name, None)
        if watcher is not None:
            watcher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await watcher
        process = self._processes.pop(name, None)
        part = self._parts.pop(name, None)
        if process is None or part is None or process.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(part.stop_signal)
        try:
            async with asyncio.timeout(part.grace):
                await process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()

    async def stop_all(self, groups: Sequence[Sequence[str]] = ()) -> None:
        """Stops the named groups first, each together, then the rest in reverse order."""
        for group in groups:
            await asyncio.gather(*(self.stop(name) for name in group if name in self._parts))
        for name in reversed(list(self._parts)):
            await self.stop(name)

    async def _spawn(self, part: Part) -> None:
        if part.before_start is not None:
            part.before_start()
        uid, gid = part.user or (-1, -1)
        launch = [sys.executable, "-S", "-E", str(_LAUNCH), str(os.getpid())]
        with part.log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *launch, str(int(part.death_signal)), str(uid), str(gid), *part.command,
                stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
                env=dict(part.environment), cwd=part.folder,
            )  # fmt: skip
        self._processes[part.name] = process
        self._on_change(self.pids())
        deadline = time.monotonic() + part.start_timeout
        while not await part.ready():
            if process.returncode is not None or time.monotonic() > deadline:
                raise PartFailed(_why(part, process.returncode))
            await asyncio.sleep(_STEP)
        self._ready[part.name].set()

    async def _watch(self, part: Part) -> None:
        """Brings the part back for as long as it is not stopped on purpose."""
        pause = 0.1
        while True:
            started = time.monotonic()
            await self._processes[part.name].wait()
            self._ready[part.name].clear()
            if time.monotonic() - started > 30:
                pause = 0.1
            await asyncio.sleep(pause)
            pause = min(pause * 2, 5.0)
            with contextlib.suppress(PartFailed):
                await self._spawn(part)


def _why(part: Part, code: int | None) -> str:
    ended = f"ended with {code}" if code is not None else "did not get ready in time"
    lines = part.log.read_text(errors="replace").splitlines() if part.log.exists() else []
    tail = [line[:400] for line in lines[-8:]]
    return f"{part.name} {ended}; the end of {part.log}:\n  " + "\n  ".join(tail)
