"""Processes of a supervisor that was killed: found again by what cannot be mistaken, and ended.

A process id alone proves nothing, as the kernel hands it out again; an id with its time of birth,
or a working folder nobody else has, does. Where there is no /proc, nothing is found.
"""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterable
from pathlib import Path

_PROC = Path("/proc")
_STEP = 0.02


def birth(pid: int) -> int | None:
    """The process's start in clock ticks after boot; None when it is gone or a zombie."""
    try:
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in {"Z", "X"} else int(fields[19])


def living_in(folder: Path) -> set[int]:
    """Processes whose working folder this is."""
    found = set()
    for entry in _PROC.glob("[0-9]*/cwd"):
        with contextlib.suppress(OSError):
            if entry.readlink() == folder and birth(int(entry.parent.name)) is not None:
                found.add(int(entry.parent.name))
    return found


def send(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def wait_gone(remaining: Callable[[], set[int]], seconds: float) -> set[int]:
    """Waits until nothing remains, at most so long; returns what still does."""
    deadline = time.monotonic() + seconds
    while (left := remaining()) and time.monotonic() < deadline:
        time.sleep(_STEP)
    return left


def end_recorded(processes: dict[str, dict[str, int | None]]) -> None:
    """Ends what an earlier supervisor recorded as `{name: {"pid", "born"}}` and left running.

    Its children die with it, but not in the same instant: PostgreSQL shuts down in order.
    """
    known = {
        entry["pid"]: entry["born"]
        for entry in processes.values()
        if entry["pid"] is not None and entry["born"] is not None
    }

    def remaining() -> set[int]:
        return {pid for pid, born in known.items() if birth(pid) == born}

    send(remaining(), signal.SIGINT)
    if left := wait_gone(remaining, 8):
        send(left, signal.SIGKILL)
        wait_gone(remaining, 2)


def end_living_in(folder: Path) -> None:
    """Ends what still works in a folder of ours: it was orphaned and is on its way out."""
    if wait_gone(lambda: living_in(folder), 1):
        send(living_in(folder), signal.SIGINT)
        if left := wait_gone(lambda: living_in(folder), 5):
            send(left, signal.SIGKILL)
            wait_gone(lambda: living_in(folder), 2)
