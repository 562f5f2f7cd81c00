"""Parts start in order, come back when they die, and never outlive who started them."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from runtime.embedded.home import free_port
from runtime.embedded.supervisor import Part, PartFailed, Supervisor
from tests.integration.embedded.support import REPOSITORY, alive, eventually

SERVER = """
import signal, socket, sys
{setup}
server = socket.create_server(("127.0.0.1", int(sys.argv[1])))
while True:
    server.accept()[0].close()
"""
DEAF = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"
FORKING = "import os, time; os.fork() or time.sleep(600)"


def server(folder: Path, name: str, setup: str = "", **changes: object) -> Part:
    port = free_port()

    async def answers() -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        writer.close()
        return True

    fields = {
        "name": name,
        "command": [sys.executable, "-c", SERVER.format(setup=setup), str(port), str(folder)],
        "log": folder / f"{name}.log",
        "ready": answers,
        "folder": folder,
        **changes,
    }
    return Part(**fields)  # type: ignore[arg-type]


@pytest_asyncio.fixture
async def supervisor() -> AsyncIterator[Supervisor]:
    made = Supervisor()
    yield made
    await made.stop_all()


async def test_a_killed_part_comes_back(supervisor: Supervisor, tmp_path: Path) -> None:
    part = server(tmp_path, "one")
    await supervisor.start(part)
    killed = supervisor.kill("one")
    await supervisor.wait_ready("one")
    assert supervisor.pids()["one"] != killed
    assert await part.ready()
    assert not alive([killed])


async def test_a_part_killed_from_outside_comes_back_again_and_again(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    await supervisor.start(server(tmp_path, "one"))
    seen = set()
    for _ in range(3):
        pid = supervisor.pids()["one"]
        seen.add(pid)
        os.kill(pid, signal.SIGKILL)
        await eventually(lambda: supervisor.pids().get("one", pid) not in seen)  # noqa: B023
        await supervisor.wait_ready("one")
    assert len(seen) == 3


async def test_restart_keeps_the_part_supervised(supervisor: Supervisor, tmp_path: Path) -> None:
    part = server(tmp_path, "one")
    await supervisor.start(part)
    before = supervisor.pids()["one"]
    await supervisor.restart("one")
    after = supervisor.pids()["one"]
    assert after != before
    supervisor.kill("one")
    await supervisor.wait_ready("one")
    assert supervisor.pids()["one"] != after


async def test_a_part_that_ends_says_why(supervisor: Supervisor, tmp_path: Path) -> None:
    part = server(tmp_path, "one", setup="sys.exit('no such disk')")
    with pytest.raises(PartFailed, match="no such disk"):
        await supervisor.start(part)


async def test_a_silent_part_is_given_up(supervisor: Supervisor, tmp_path: Path) -> None:
    part = server(tmp_path, "one", setup="import time; time.sleep(60)", start_timeout=0.5)
    with pytest.raises(PartFailed, match="did not get ready"):
        await supervisor.start(part)
    pid = supervisor.pids()["one"]
    await supervisor.stop_all()
    assert not alive([pid])


async def test_a_deaf_part_is_killed(supervisor: Supervisor, tmp_path: Path) -> None:
    await supervisor.start(server(tmp_path, "deaf", setup=DEAF, grace=0.5))
    pid = supervisor.pids()["deaf"]
    started = time.monotonic()
    await supervisor.stop("deaf")
    assert time.monotonic() - started < 3
    assert not alive([pid])


async def test_one_deadline_holds_for_all(supervisor: Supervisor, tmp_path: Path) -> None:
    for name in ("one", "two", "three"):
        await supervisor.start(server(tmp_path, name, setup=DEAF, grace=30.0))
    pids = supervisor.pids().values()
    started = time.monotonic()
    await supervisor.stop_all(within=1.0)
    assert time.monotonic() - started < 5
    assert not alive(pids)


async def test_what_a_part_forked_goes_with_it(supervisor: Supervisor, tmp_path: Path) -> None:
    await supervisor.start(server(tmp_path, "family", setup=FORKING))
    leader = supervisor.pids()["family"]
    family = _group(leader)
    assert len(family) == 2
    await supervisor.stop("family")
    await eventually(lambda: not alive(family))


async def test_groups_stop_first_and_the_rest_in_reverse(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    order = tmp_path / "order"
    note = (
        "import pathlib\n"
        "def note(*_):\n"
        "    with open({path!r}, 'a') as file: file.write({name!r} + ' ')\n"
        "    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, note)"
    )
    for name in ("first", "second", "drained"):
        setup = note.format(path=str(order), name=name)
        await supervisor.start(server(tmp_path, name, setup=setup))
    await supervisor.stop_all([["drained"]])
    assert order.read_text().split() == ["drained", "second", "first"]


async def test_run_once_waits_for_the_end(supervisor: Supervisor, tmp_path: Path) -> None:
    done = tmp_path / "done"
    good = server(tmp_path, "good", setup=f"open({str(done)!r}, 'w').close(); sys.exit(0)")
    await supervisor.run_once(good)
    assert done.exists()
    with pytest.raises(PartFailed, match="ended with 1"):
        await supervisor.run_once(server(tmp_path, "bad", setup="sys.exit('half way')"))


PARENT = """
import asyncio, sys
from pathlib import Path
from tests.integration.embedded.test_supervisor import DEAF, FORKING, server
from runtime.embedded.supervisor import Supervisor

async def main():
    supervisor = Supervisor()
    folder = Path(sys.argv[1])
    await supervisor.start(server(folder, "deaf", setup=DEAF))
    await supervisor.start(server(folder, "plain"))
    print(*supervisor.pids().values(), flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


async def test_parts_die_with_a_killed_supervisor(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, str(tmp_path)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
    ) as parent:
        assert parent.stdout is not None
        pids = [int(word) for word in parent.stdout.readline().split()]
        try:
            assert len(pids) == 2
            assert alive(pids) == set(pids)
            parent.kill()
            await eventually(lambda: not alive(pids), 5)
        finally:
            for pid in alive(pids):
                os.kill(pid, signal.SIGKILL)


def _group(leader: int) -> set[int]:
    members = set()
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if os.getpgid(int(entry.name)) == leader:
                members.add(int(entry.name))
    return alive(members)
