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
_LONGEST_PAUSE = 5.0
_STEADY = 30.0
"""Seconds alive after which a part's next death counts as its first."""


@dataclass(frozen=True, slots=True)
class Part:
    """One process, and how it is told to start and end. Times are seconds."""

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
    """Clears what a killed predecessor left behind; runs in a thread."""


class PartFailed(Exception):
    """A part ended or stayed silent before it was ready; the message ends with its log."""


class Supervisor:
    """Owns the processes. One event loop, one thread: the tie to the parent needs that."""

    def __init__(
        self,
        on_change: Callable[[dict[str, int]], None] = lambda _: None,
        say: Say = lambda _: None,
    ) -> None:
        self._parts: dict[str, Part] = {}
        self._processes: dict[str, asyncio.subprocess.Process] = {}
        self._watchers: dict[str, asyncio.Task[None]] = {}
        self._ready: dict[str, asyncio.Event] = {}
        self._on_change = on_change
        self._say = say

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

    async def restart(self, name: str) -> None:
        """Stops a part in order and starts it again on the same port."""
        part = self._parts[name]
        await self.stop(name)
        await self.start(part)

    async def stop(self, name: str, deadline: float | None = None) -> None:
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
        left = part.grace if deadline is None else max(deadline - time.monotonic(), 0.5)
        try:
            async with asyncio.timeout(min(part.grace, left)):
                await process.wait()
        except TimeoutError:
            self._say(f"{name:<16} does not stop, killing it")
        kill_group(process.pid)
        await process.wait()

    async def stop_all(
        self, groups: Sequence[Sequence[str]] = (), within: float | None = None
    ) -> None:
        """Stops the named groups first, each together, then the rest in reverse order.

        `within` seconds the asking ends and the killing begins.
        """
        deadline = None if within is None else time.monotonic() + within
        rest = [[name] for name in reversed(self._parts)]
        for group in [*groups, *rest]:
            names = [name for name in group if name in self._parts]
            await asyncio.gather(*(self.stop(name, deadline) for name in names))
        self._on_change(self.pids())

    async def run_once(self, part: Part) -> None:
        """Runs a part that ends by itself. Raises `PartFailed` unless it ends with 0."""
        process = await self._launch(part)
        try:
            async with asyncio.timeout(part.start_timeout):
                code = await process.wait()
        except TimeoutError as error:
            raise PartFailed(_why(part, None)) from error
        finally:
            kill_group(process.pid)
        if code != 0:
            raise PartFailed(_why(part, code))

    async def _launch(self, part: Part) -> asyncio.subprocess.Process:
        if part.before_start is not None:
            await asyncio.to_thread(part.before_start)
        with part.log.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *tied(part.command, part.death_signal, part.user),
                stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
                env=dict(part.environment), cwd=part.folder,
            )  # fmt: skip

    async def _spawn(self, part: Part) -> None:
        process = await self._launch(part)
        self._processes[part.name] = process
        self._on_change(self.pids())
        deadline = time.monotonic() + part.start_timeout
        while not await part.ready():
            if process.returncode is not None or time.monotonic() > deadline:
                raise PartFailed(_why(part, process.returncode))
            await asyncio.sleep(_STEP)
        if process.returncode is not None:  # something else answers in its place
            raise PartFailed(_why(part, process.returncode))
        self._ready[part.name].set()

    async def _watch(self, part: Part) -> None:
        """Brings the part back for as long as it is not stopped on purpose."""
        pause = 0.1
        started = time.monotonic()
        while True:
            process = self._processes[part.name]
            code = await process.wait()
            self._ready[part.name].clear()
            kill_group(process.pid)
            if time.monotonic() - started > _STEADY:
                pause = 0.1
            self._say(f"{part.name:<16} ended with {code}, restarting it")
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
            started = time.monotonic()
            try:
                await self._spawn(part)
            except (PartFailed, OSError) as error:
                self._say(str(error))
                kill_group(self._processes[part.name].pid)
            else:
                self._say(f"{part.name:<16} is back")


def tied(
    command: Sequence[str],
    death_signal: int = signal.SIGKILL,
    user: tuple[int, int] | None = None,
) -> list[str]:
    """The command made to lead a session of its own and to end with this process."""
    uid, gid = user or (-1, -1)
    tie = [str(os.getpid()), str(int(death_signal)), str(uid), str(gid)]
    return [sys.executable, "-S", "-E", str(_LAUNCH), *tie, *command]


def kill_group(leader: int) -> None:
    """Each part leads a group of its own: nothing it forked may outlive it."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def _why(part: Part, code: int | None) -> str:
    ended = f"ended with {code}" if code is not None else "did not get ready in time"
    lines = part.log.read_text(errors="replace").splitlines() if part.log.exists() else []
    tail = [line[:400] for line in lines[-8:]]
    return f"{part.name} {ended}; the end of {part.log}:\n  " + "\n  ".join(tail)
