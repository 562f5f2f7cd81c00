"""The infrastructure as one thing to start and stop: `up` and the tests share it."""

import asyncio
import time
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from runtime.embedded.home import Home
from runtime.embedded.options import EmbeddedOptions
from runtime.embedded.postgres import Postgres, PostgresMissing, locate
from runtime.embedded.supervisor import Part, PartFailed, Say, Supervisor
from runtime.embedded.temporal.build import Binaries, BuildFailed
from runtime.embedded.temporal.obtain import dev_server, server_binaries
from runtime.embedded.temporal.server import (
    NAMESPACE,
    SchemaFailed,
    dev_server_part,
    prepare_namespace,
    prepare_schema,
    server_part,
    ui_part,
)
from runtime.embedded.valkey import ValkeyMissing, valkey_part

INFRASTRUCTURE = ("postgres", "valkey", "temporal", "temporal-ui")

REFUSALS = (PostgresMissing, ValkeyMissing, BuildFailed, SchemaFailed, PartFailed)
"""Why a part is not there; each message says what to do."""

STOP_WITHIN = 16.0
"""Seconds for an orderly stop; the kill that follows keeps the whole below twenty."""


class EmbeddedStack:
    """`async with EmbeddedStack(options) as stack:` brings up what is not given by a URL.

    After that `database_url`, `redis_url`, `temporal_address` and, if asked for,
    `temporal_ui_url` are set. Raises `AlreadyRunning` and what `REFUSALS` lists.
    """

    def __init__(
        self,
        options: EmbeddedOptions,
        parts: Iterable[str] = INFRASTRUCTURE,
        say: Say = lambda _: None,
    ) -> None:
        self.options = options
        self.home = Home(options.home)
        self.supervisor = Supervisor(self.home.write_processes, say)
        self.database_url = options.database_url or ""
        self.redis_url = options.redis_url or ""
        self.temporal_address = options.temporal_address or ""
        self.temporal_ui_url: str | None = None
        self.api_url = ""
        """Where the API will be, whether or not it runs."""
        self.postgres: Postgres | None = None
        self.drained_first: list[str] = []
        """Parts that are stopped together before all others."""
        self._wanted = set(parts)
        self._say = say
        if unknown := self._wanted - set(INFRASTRUCTURE):
            raise ValueError(f"no such part: {', '.join(sorted(unknown))}")

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Cleans up after itself when it fails or is cancelled."""
        self.home.prepare()
        self.home.lock()
        try:
            await asyncio.to_thread(self.home.end_leftovers)
            await self._start()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Those to be drained first, then the rest in reverse order."""
        try:
            await self.supervisor.stop_all([self.drained_first], within=STOP_WITHIN)
        finally:
            self.home.forget()
            if not self.options.keep:
                self.home.remove()
            self.home.unlock()

    def pid(self, name: str) -> int:
        return self.supervisor.pids()[name]

    def kill(self, name: str) -> int:
        """SIGKILL; the supervisor brings the part back. Await `wait_ready` for that."""
        return self.supervisor.kill(name)

    async def restart(self, name: str) -> None:
        """Stops a part in order and starts it again on the same port."""
        await self.supervisor.restart(name)

    async def wait_ready(self, name: str) -> None:
        await self.supervisor.wait_ready(name)

    async def _start(self) -> None:
        port = self.options.port or self.home.port("api")
        self.api_url = f"http://127.0.0.1:{port}"
        binaries = await self._binaries()
        owns_temporal = "temporal" in self._wanted and not self.temporal_address
        if ("postgres" in self._wanted and not self.database_url) or (
            owns_temporal and binaries is not None
        ):
            await self._start_postgres()
        if "valkey" in self._wanted and not self.redis_url:
            part, self.redis_url = valkey_part(self.home)
            await self.begin(part)
        if owns_temporal:
            await self._start_temporal(binaries)
        elif "temporal" in self._wanted:
            await prepare_namespace(self.temporal_address, self.namespace)
        if "temporal-ui" in self._wanted and self.temporal_ui_url is None and binaries is not None:
            part, self.temporal_ui_url = ui_part(
                self.home, binaries, self.temporal_address, self.api_url
            )
            await self.begin(part)

    async def _binaries(self) -> Binaries | None:
        """The server's own binaries; for a server brought along only what is there already."""
        wanted = self._wanted & {"temporal", "temporal-ui"}
        if not wanted:
            return None
        may_build = not self.options.temporal_address
        return await server_binaries(self.options.environment, self._say, may_build=may_build)

    async def _start_postgres(self) -> None:
        password = self.home.secrets({})["POSTGRES_PASSWORD"]
        self.postgres = locate(self.home, password, durable=self.options.durable)
        await asyncio.to_thread(self.postgres.initialise)
        await self.begin(self.postgres.part())
        await self.postgres.create_databases()
        self.database_url = self.database_url or self.postgres.url("herald")

    async def _start_temporal(self, binaries: Binaries | None) -> None:
        if binaries is not None and self.postgres is not None:
            await prepare_schema(binaries, self.postgres)
            part, self.temporal_address = server_part(self.home, binaries, self.postgres)
        else:
            executable = await dev_server(self.home, self.options.environment, self._say)
            part, self.temporal_address = dev_server_part(
                self.home, executable, self.options.environment
            )
            self.temporal_ui_url = f"http://127.0.0.1:{self.home.port('temporal-ui')}"
        await self.begin(part)
        await prepare_namespace(self.temporal_address, self.namespace)

    async def begin(self, part: Part) -> None:
        """Starts a part under this stack's supervision. Raises `PartFailed`."""
        started = time.monotonic()
        self._say(f"{part.name:<16} starting")
        await self.supervisor.start(part)
        self._say(f"{part.name:<16} ready after {time.monotonic() - started:.1f} s")

    @property
    def namespace(self) -> str:
        return self.options.environment.get("TEMPORAL_NAMESPACE") or NAMESPACE
