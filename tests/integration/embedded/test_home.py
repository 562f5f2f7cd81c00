"""What a home remembers, who may read it, and that one `up` holds it at a time."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from runtime.embedded.home import AlreadyRunning, Home, is_free
from runtime.embedded.leftovers import birth
from runtime.embedded.options import EmbeddedOptions
from tests.integration.embedded.support import alive


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    made.prepare()
    return made


def test_a_port_is_kept_while_it_is_free(home: Home) -> None:
    port = home.port("api")
    assert Home(home.path).port("api") == port
    with socket.create_server(("127.0.0.1", port)):
        assert not is_free(port)
        assert home.port("api") != port


def test_ports_differ(home: Home) -> None:
    ports = [home.port(f"part-{number}") for number in range(50)]
    assert len(set(ports)) == 50
    assert max(ports) < 32_768


def test_secrets_are_made_once_and_the_environment_wins(home: Home) -> None:
    made = home.secrets({})
    assert Home(home.path).secrets({}) == made
    given = home.secrets({"HERALD_API_KEY": "hk_given", "HERALD_MASTER_KEY": ""})
    assert given["HERALD_API_KEY"] == "hk_given"
    assert given["HERALD_MASTER_KEY"] == made["HERALD_MASTER_KEY"]
    assert home.secrets({}) == made


def test_only_the_owner_reads_secrets_and_state(home: Home) -> None:
    home.secrets({})
    home.write_state(up=True)
    home.write_state(up=False)
    for name in ("secrets.json", "state.json"):
        assert (home.path / name).stat().st_mode & 0o777 == 0o600
    assert not [path for path in home.path.iterdir() if path.name.endswith(str(os.getpid()))]


def test_one_holder_at_a_time(home: Home) -> None:
    other = Home(home.path)
    assert other.holder() is None
    home.lock()
    assert other.holder() == os.getpid()
    with pytest.raises(AlreadyRunning, match=str(os.getpid())):
        other.lock()
    home.unlock()
    assert other.holder() is None
    other.lock()
    other.unlock()


def test_leftovers_end_and_strangers_stay(home: Home) -> None:
    sleep = [sys.executable, "-c", "import time; time.sleep(600)"]
    with subprocess.Popen(sleep) as left, subprocess.Popen(sleep) as stranger:
        born = birth(stranger.pid)
        assert born is not None
        home.write_processes({"valkey": left.pid})
        known = home.read_state()["processes"]
        # The number of a process that is gone, which the kernel gave to another since.
        reused = {"postgres": {"pid": stranger.pid, "born": born - 1}}
        home.write_state(processes=known | reused)
        home.end_leftovers()
        left.wait(5)
        assert alive([stranger.pid]) == {stranger.pid}
        stranger.kill()
    assert home.read_state()["processes"] == {}


def test_a_large_log_makes_room(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.embedded.home.LOG_LIMIT", 10)
    log = home.log("api")
    log.write_text("short")
    assert home.log("api").read_text() == "short"
    log.write_text("long enough to go")
    assert not home.log("api").exists()
    assert log.with_suffix(".log.1").read_text() == "long enough to go"


@pytest.mark.parametrize("text", ["eight", "70000", "-1", "8e3"])
def test_a_port_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="HERALD_PORT"):
        EmbeddedOptions.from_environment({"HERALD_PORT": text})
