"""Looking at processes from outside: which are there, which ports they hold and on what address."""

import asyncio
import os
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from runtime.embedded.leftovers import birth

REPOSITORY = Path(__file__).parents[3]


async def eventually(what: Callable[[], bool], seconds: float = 20.0) -> None:
    """Asks until it holds; fails after so long."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, "it did not come to be"
        await asyncio.sleep(0.05)


def alive(pids: Iterable[int]) -> set[int]:
    return {pid for pid in pids if birth(pid) is not None}


def processes_mentioning(text: str) -> set[int]:
    """Processes with this in their command line or their working folder."""
    found = set()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            command = (entry / "cmdline").read_bytes().decode(errors="replace")
            place = str((entry / "cwd").readlink())
        except OSError:
            continue
        if (text in command or text in place) and int(entry.name) != os.getpid():
            found.add(int(entry.name))
    return alive(found)


def listening_addresses(pid: int) -> set[str]:
    """The hexadecimal local addresses of a process's listening TCP sockets."""
    inodes = set()
    for handle in Path(f"/proc/{pid}/fd").iterdir():
        try:
            target = str(handle.readlink())
        except OSError:
            continue
        if target.startswith("socket:["):
            inodes.add(target[8:-1])
    addresses = set()
    for table in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{table}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A" and fields[9] in inodes:
                addresses.add(fields[1].split(":")[0])
    return addresses


LOOPBACK = "0100007F"
