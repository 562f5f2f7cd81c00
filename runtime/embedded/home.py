"""The home folder: what Herald on this machine remembers between starts.

state.json    ports, URLs and process ids of a running `up`; written whole or not at all
secrets.json  keys made at the first start; readable by its owner alone
lock          held while an `up` runs
logs/ …       one folder per part that keeps something
"""

import base64
import fcntl
import json
import os
import secrets
import socket
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any


class AlreadyRunning(Exception):
    """Another `up` holds this home."""


class Home:
    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None

    def prepare(self) -> None:
        """Makes the folder. Others may pass through it, as PostgreSQL runs as another user."""
        self.path.mkdir(parents=True, exist_ok=True)
        self.folder("logs")

    def folder(self, name: str) -> Path:
        """A folder of one part."""
        path = self.path / name
        path.mkdir(parents=True, exist_ok=True)
        return path

    def lock(self) -> None:
        """Raises `AlreadyRunning`. Held until this process ends."""
        handle = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(handle)
            raise AlreadyRunning(str(self.path)) from error
        self._lock = handle

    def unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def read_state(self) -> dict[str, Any]:
        """The state last written; empty when there is none."""
        try:
            state: dict[str, Any] = json.loads((self.path / "state.json").read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return {}
        return state

    def write_state(self, **changes: Any) -> None:
        state = self.read_state() | changes
        draft = self.path / f"state.json.{os.getpid()}"
        draft.write_text(json.dumps(state, indent=2))
        draft.replace(self.path / "state.json")

    def port(self, name: str) -> int:
        """The port remembered under this name when it is free, else a free one, remembered."""
        ports: dict[str, int] = self.read_state().get("ports", {})
        known = ports.get(name)
        if known is not None and is_free(known):
            return known
        taken = set(ports.values())
        port = free_port()
        while port in taken:
            port = free_port()
        self.write_state(ports=ports | {name: port})
        return port

    def secrets(self, given: Mapping[str, str]) -> dict[str, str]:
        """Every secret, made where it is missing; what the environment gives wins."""
        path = self.path / "secrets.json"
        try:
            kept: dict[str, str] = json.loads(path.read_text())
        except FileNotFoundError:
            kept = {}
        made = {name: make() for name, make in _MAKERS.items() if name not in kept}
        if made:
            draft = self.path / f"secrets.json.{os.getpid()}"
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
                json.dump(kept | made, file, indent=2)
            draft.replace(path)
        return {name: given.get(name) or value for name, value in (kept | made).items()}


def _random() -> str:
    return secrets.token_urlsafe(32)


_MAKERS: dict[str, Callable[[], str]] = {
    "HERALD_API_KEY": lambda: f"hk_{_random()}",
    "HERALD_MASTER_KEY": lambda: base64.b64encode(secrets.token_bytes(32)).decode(),
    "HERALD_TOKEN_SECRET": _random,
    "RESEND_WEBHOOK_SECRET": lambda: "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode(),
    "POSTGRES_PASSWORD": lambda: secrets.token_hex(16),
}


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """Below 32768: Temporal keeps its members' ports as 16 bits with a sign, and outgoing
    connections, which take ports from there upwards, cannot snatch it."""
    while True:
        port = 15_000 + secrets.randbelow(17_000)
        if is_free(port):
            return port
