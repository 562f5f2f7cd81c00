"""PostgreSQL: the wheel's binaries or Debian's, our own supervision.

PostgreSQL refuses to run as root. As root it runs as an unprivileged user, with data and binaries
where that user can reach them; when the home lies below a folder only root may enter they go to
a folder of our own elsewhere. Permissions of folders that are not ours are never touched.
"""

import os
import shutil
import signal
import tempfile
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from runtime.embedded.home import Home
from runtime.embedded.leftovers import end_living_in
from runtime.embedded.postgres_place import PostgresMissing, User, as_user, find_place
from runtime.embedded.probes import postgres_ok
from runtime.embedded.supervisor import Part

DATABASES = ("herald", "temporal", "temporal_visibility")
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


@dataclass(frozen=True, slots=True)
class Postgres:
    """Where this home's PostgreSQL lives, and how to reach it."""

    data: Path
    binaries: Path
    port: int
    password: str
    user: User | None
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
        """A killed postmaster leaves backends, which end soon, and a pid file, whose number any
        new process may carry; with nobody left in the data folder that file means nothing."""
        end_living_in(self.data)
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def initialise(self) -> None:
        """Runs initdb once; an interrupted one is done again. Raises `PostgresMissing`."""
        if (self.data / "PG_VERSION").exists():
            self._check_version()
            return
        with tempfile.NamedTemporaryFile("w", suffix=".pw", delete=False) as file:
            file.write(self.password)
        try:
            if self.user is not None:
                os.chown(file.name, *self.user)
            staging = self.data.with_name(self.data.name + ".new")
            shutil.rmtree(staging, ignore_errors=True)
            done = as_user(
                [str(self.binaries / "initdb"), "-D", str(staging), "-U", "herald",
                 "--auth=scram-sha-256", f"--pwfile={file.name}", "--encoding=UTF8",
                 "--locale=C.UTF-8", *([] if self.durable else ["--no-sync"])],
                self.user,
            )  # fmt: skip
            if done.returncode != 0:
                raise PostgresMissing(f"PostgreSQL's initdb failed:\n{done.stderr or done.stdout}")
            staging.rename(self.data)
        finally:
            Path(file.name).unlink()

    def _check_version(self) -> None:
        """Data of one major version cannot be opened by another."""
        kept = (self.data / "PG_VERSION").read_text().strip()
        said = as_user([str(self.binaries / "postgres"), "--version"], self.user).stdout
        if f" {kept}." not in said and f" {kept}\n" not in said:
            raise PostgresMissing(
                f"{self.data} was made by PostgreSQL {kept}, and {self.binaries} holds {said!r}. "
                "Bring that version back, or move the folder away to start empty."
            )

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
    root, binaries, user = find_place(home)
    return Postgres(
        data=root / "data",
        binaries=binaries,
        port=home.port("postgres"),
        password=password,
        user=user,
        durable=durable,
        log=home.log("postgres"),
    )


__all__ = ["DATABASES", "Postgres", "PostgresMissing", "locate"]
