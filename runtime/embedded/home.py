"""The home folder: what Herald on this machine remembers between starts.

state.json    ports, URLs and process ids of a running `up`; written whole or not at all
secrets.json  keys made at the first start; readable by its owner alone, as is the state
lock          held while an `up` runs, and holds its process id
logs/ …       one folder per part that keeps something
"""

import base64
import contextlib
import fcntl
import json
import os
import secrets
import shutil
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from runtime.embedded.leftovers import birth, end_recorded

LOG_LIMIT = 20_000_000
"""Bytes after which a log makes room at the next start."""


class AlreadyRunning(Exception):
    """Another `up` holds this home; the message names its process."""


class Home:
    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None

    def prepare(self) -> None:
        """Makes the folder. Others may pass through it, as PostgreSQL runs as another user."""
        if not self.path.exists():
            self.path.mkdir(parents=True)
            self.path.chmod(0o711)
        self.folder("logs")

    def folder(self, name: str) -> Path:
        """A folder of one part, closed to others."""
        path = self.path / name
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
        return path

    def log(self, name: str) -> Path:
        """The log of one part; one that has grown large is put aside, replacing the last such."""
        path = self.folder("logs") / f"{name}.log"
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_size > LOG_LIMIT:
                path.replace(path.with_suffix(".log.1"))
        return path

    def lock(self) -> None:
        """Raises `AlreadyRunning`. Held until `unlock` or the end of this process."""
        handle = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        deadline = time.monotonic() + 0.5
        while not _try_lock(handle, fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                holder = _read_pid(handle)
                os.close(handle)
                raise AlreadyRunning(f"Herald runs already in {self.path} (process {holder})")
            time.sleep(0.05)  # `holder` of another command holds it for an instant
        self.write_state(up=False)  # what a killed holder wrote is no longer so
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)
        self._lock = handle

    def unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def holder(self) -> int | None:
        """The process that runs this home, or None."""
        try:
            handle = os.open(self.path / "lock", os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            return None if _try_lock(handle, fcntl.LOCK_SH) else _read_pid(handle)
        finally:
            os.close(handle)

    def end_leftovers(self) -> None:
        """Ends what a killed supervisor left; call it with the lock held."""
        end_recorded(self.read_state().get("processes", {}))
        self.forget()

    def forget(self) -> None:
        """Nothing runs any more; ports and places stay known."""
        state = self.read_state()
        kept = {name: state[name] for name in ("ports", "postgres") if name in state}
        _write_private(self.path / "state.json", kept | {"up": False, "processes": {}})

    def read_state(self) -> dict[str, Any]:
        """The state last written; empty when there is none."""
        try:
            state: dict[str, Any] = json.loads((self.path / "state.json").read_text())
        except (FileNotFoundError, json.JSONDecodeError):
            return {}
        return state

    def write_state(self, **changes: Any) -> None:
        _write_private(self.path / "state.json", self.read_state() | changes)

    def write_processes(self, pids: Mapping[str, int]) -> None:
        known = {name: {"pid": pid, "born": birth(pid)} for name, pid in pids.items()}
        self.write_state(processes=known)

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
            _write_private(path, kept | made)
        return {name: given.get(name) or value for name, value in (kept | made).items()}

    def remove(self) -> None:
        """Deletes the home and what it keeps elsewhere."""
        elsewhere = self.read_state().get("postgres")
        for path in (self.path, *([Path(elsewhere)] if elsewhere else [])):
            shutil.rmtree(path, ignore_errors=True)


def _random() -> str:
    return secrets.token_urlsafe(32)


_MAKERS: dict[str, Callable[[], str]] = {
    "HERALD_API_KEY": lambda: f"hk_{_random()}",
    "HERALD_MASTER_KEY": lambda: base64.b64encode(secrets.token_bytes(32)).decode(),
    "HERALD_TOKEN_SECRET": _random,
    "RESEND_WEBHOOK_SECRET": lambda: "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode(),
    "POSTGRES_PASSWORD": lambda: secrets.token_hex(16),
    "ONESIGNAL_WEBHOOK_SECRET": _random,
    "SANDBOX_TWILIO_TOKEN": lambda: secrets.token_hex(16),
    "SANDBOX_SMTP_PASSWORD": lambda: secrets.token_hex(16),
    "SANDBOX_AWS_SECRET": lambda: secrets.token_hex(20),
}


def _write_private(path: Path, value: Mapping[str, Any]) -> None:
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(value, file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _try_lock(handle: int, kind: int) -> bool:
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _read_pid(handle: int) -> int | None:
    text = os.pread(handle, 20, 0)
    return int(text) if text.isdigit() else None


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
