"""`up`, `status` and `down` as a user meets them, on the parts below the API."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runtime.embedded.home import Home, free_port
from tests.integration.embedded.support import (
    LOOPBACK,
    REPOSITORY,
    alive,
    eventually,
    listening_addresses,
    processes_mentioning,
)

PARTS = "postgres,valkey,temporal,temporal-ui,sandbox"
NAMES = {"postgres", "valkey", "temporal", "temporal-ui", "sandbox"}


class Machine:
    """A home and the commands on it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.port = free_port()
        self.started: list[subprocess.Popen[str]] = []
        own = ("DATABASE_URL", "REDIS_URL", "TEMPORAL_ADDRESS", "HERALD_API_KEY")
        kept = {name: value for name, value in os.environ.items() if name not in own}
        self.environment = {
            **kept,
            "HERALD_HOME": str(home),
            "HERALD_PORT": str(self.port),
            "PYTHONPATH": str(REPOSITORY),
        }

    def command(self, *words: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "cli", *words], env=self.environment, cwd="/",
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip

    def begin_up(self, parts: str = PARTS) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, "-m", "cli", "up", "--parts", parts], env=self.environment, cwd="/",
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip
        self.started.append(process)
        return process

    async def up(self, parts: str = PARTS) -> "subprocess.Popen[str]":
        process = self.begin_up(parts)
        home = Home(self.home)

        def is_up() -> bool:
            return home.holder() == process.pid and bool(home.read_state().get("up"))

        await eventually(lambda: is_up() or process.poll() is not None, 400)
        assert process.poll() is None, process.communicate()[0]
        return process

    def status(self) -> dict[str, Any]:
        done = self.command("status", "--json")
        described: dict[str, Any] = json.loads(done.stdout)
        return described | {"exit": done.returncode}

    def left(self) -> set[int]:
        places = [str(self.home), *filter(None, [Home(self.home).read_state().get("postgres")])]
        return set().union(*(processes_mentioning(place) for place in places))


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    made = Machine(tmp_path / "home")
    yield made
    for process in made.started:
        if process.poll() is None:
            process.kill()
        process.communicate()
    Home(made.home).remove()


async def ended(process: "subprocess.Popen[str]", seconds: float = 20.0) -> tuple[int, str]:
    output, _ = await asyncio.to_thread(process.communicate, timeout=seconds)
    return process.returncode, output


async def test_up_status_down(machine: Machine) -> None:
    process = await machine.up()
    status = machine.status()
    assert status.pop("exit") == 0
    assert list(status) == [
        "api", "temporal", "database", "redis", "sandbox", "outbox", "dashboard", "apiKey",
        "processes",
    ]  # fmt: skip
    assert set(status["temporal"]) == {"address", "namespace", "ui"}
    assert {item["name"] for item in status["processes"]} == NAMES
    for item in status["processes"]:
        assert set(item) == {"name", "pid"}
        assert listening_addresses(item["pid"]) == {LOOPBACK}
    for url in (status["outbox"], status["temporal"]["ui"]):
        with urllib.request.urlopen(url, timeout=5) as page:
            assert page.status == 200
    again = machine.command("up", "--parts", PARTS)
    assert again.returncode == 2
    assert str(process.pid) in again.stderr
    doctor = machine.command("doctor")
    assert doctor.returncode == 0, doctor.stdout
    down = machine.command("down")
    assert down.returncode == 0
    code, output = await ended(process)
    assert code == 0
    assert "postgres" in output
    assert not machine.left()
    assert machine.status() == {
        **dict.fromkeys(status),
        "temporal": dict.fromkeys(status["temporal"]),
        "apiKey": status["apiKey"],
        "processes": [],
        "exit": 1,
    }
    assert machine.command("down").returncode == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_stops_everything(machine: Machine, number: signal.Signals) -> None:
    process = await machine.up("postgres,valkey,sandbox")
    os.killpg(process.pid, number)  # as a terminal does: to every process of the foreground
    code, output = await ended(process)
    assert code == 0, output
    assert not machine.left()


async def test_a_signal_while_starting(machine: Machine) -> None:
    process = machine.begin_up()
    log = machine.home / "logs" / "valkey.log"
    await eventually(log.exists)
    process.send_signal(signal.SIGTERM)
    code, output = await ended(process)
    assert code == 0, output
    assert not machine.left()
    assert Home(machine.home).holder() is None


@pytest.mark.chaos
async def test_a_killed_up_leaves_nothing_and_returns_to_its_ports(machine: Machine) -> None:
    process = await machine.up()
    before = machine.status()
    process.kill()
    process.wait()
    # At once, while PostgreSQL still shuts down.
    await machine.up()
    after = machine.status()
    for name in ("database", "redis", "temporal", "sandbox"):
        assert after[name] == before[name]
    pids = {item["pid"] for item in before["processes"]}
    assert not alive(pids)
    assert not pids & {item["pid"] for item in after["processes"]}


@pytest.mark.chaos
async def test_a_killed_up_takes_its_parts_along(machine: Machine) -> None:
    process = await machine.up()
    process.kill()
    process.wait()
    await eventually(lambda: not machine.left(), 15)
    assert machine.status()["exit"] == 1


@pytest.mark.chaos
async def test_every_killed_part_is_replaced(machine: Machine) -> None:
    await machine.up()
    first = {item["name"]: item["pid"] for item in machine.status()["processes"]}
    for pid in first.values():
        os.kill(pid, signal.SIGKILL)

    def replaced() -> bool:
        now = {item["name"]: item["pid"] for item in machine.status()["processes"]}
        return set(now) == NAMES and not set(now.values()) & set(first.values())

    await eventually(replaced, 30)
    async with asyncio.timeout(30):
        while (doctor := machine.command("doctor")).returncode:
            await asyncio.sleep(0.2)
    assert "✘" not in doctor.stdout


async def test_a_taken_port_is_named_before_anything_starts(machine: Machine) -> None:
    with socket.create_server(("127.0.0.1", machine.port)):
        done = machine.command("up")
    assert done.returncode == 1
    assert f"Port {machine.port} is taken" in done.stderr
    assert not (machine.home / "postgres").exists()


async def test_a_port_that_is_none_is_named(machine: Machine) -> None:
    machine.environment["HERALD_PORT"] = "eight"
    done = machine.command("up")
    assert done.returncode == 1
    assert "HERALD_PORT" in done.stderr
    assert "Traceback" not in done.stderr


async def test_commands_are_listed_and_loaded_when_called(machine: Machine) -> None:
    listed = machine.command("--help").stdout
    for name in ("up", "status", "down", "demo", "test", "send", "explain", "cancel", "upcoming",
                 "dead-letters", "keys", "doctor", "bench", "migrate", "api",
                 "worker"):  # fmt: skip
        assert f" {name} " in listed
    loaded = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "cli", "status"],
        env=machine.environment, capture_output=True, text=True, check=False,
    ).stderr  # fmt: skip
    assert "typer" in loaded
    for heavy in ("temporalio", "sqlalchemy", "fastapi", "httpx"):
        assert f"| {heavy}" not in loaded
