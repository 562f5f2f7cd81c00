"""The infrastructure as one thing to start and stop: `up` and the tests share it."""

import asyncio
import shutil
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

from runtime.embedded.home import Home
from runtime.embedded.options import EmbeddedOptions
from runtime.embedded.postgres import Postgres, locate
from runtime.embedded.supervisor import Part, Say, Supervisor
from runtime.embedded.temporal.build import (
    WAYS_OUT,
    Binaries,
    BuildFailed,
    build,
    cached,
    go_binary,
)
from runtime.embedded.temporal.server import (
    NAMESPACE,
    dev_server_part,
    prepare_namespace,
    prepare_schema,
    server_part,
    ui_part,
)
from runtime.embedded.valkey import valkey_part

INFRASTRUCTURE = ("postgres", "valkey", "temporal", "temporal-ui")


class EmbeddedStack:
    """`async with EmbeddedStack(options) as stack:` brings up what is not given by a URL.

    After that `database_url`, `redis_url`, `temporal_address` and `temporal_ui_url` are set.
    """

    def __init__(
        self,
        options: EmbeddedOptions,
        parts: Iterable[str] = INFRASTRUCTURE,
        say: Say = lambda _: None,
    ) -> None:
        self.options = options
        self.home = Home(options.home)
        self.supervisor = Supervisor(lambda pids: self.home.write_state(pids=pids))
        self.database_url = options.database_url or ""
        self.redis_url = options.redis_url or ""
        self.temporal_address = options.temporal_address or ""
        self.temporal_ui_url: str | None = None
        self.postgres: Postgres | None = None
        self._wanted = set(parts)
        self._say = say

    async def __aenter__(self) -> Self:
        self.home.prepare()
        try:
            await self._start()
        except BaseException:
            await self.supervisor.stop_all()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.supervisor.stop_all()

    def pid(self, name: str) -> int:
        return self.supervisor.pids()[name]

    def kill(self, name: str) -> int:
        """SIGKILL; the supervisor brings the part back."""
        return self.supervisor.kill(name)

    async def wait_ready(self, name: str) -> None:
        await self.supervisor.wait_ready(name)

    async def _start(self) -> None:
        binaries = await self._temporal_binaries() if self._builds_temporal() else None
        if "postgres" in self._wanted and not self.database_url:
            await self._start_postgres()
        if "valkey" in self._wanted and not self.redis_url:
            part, self.redis_url = valkey_part(self.home)
            await self._begin(part)
        if "temporal" in self._wanted and not self.temporal_address:
            await self._start_temporal(binaries)
        if "temporal-ui" in self._wanted and self.temporal_ui_url is None and binaries is not None:
            api = f"http://127.0.0.1:{self.options.port}"
            part, self.temporal_ui_url = ui_part(self.home, binaries, self.temporal_address, api)
            await self._begin(part)

    def _builds_temporal(self) -> bool:
        if self.options.temporal_address:
            return "temporal-ui" in self._wanted and cached(self.options.environment) is not None
        return bool(self._wanted & {"temporal", "temporal-ui"})

    async def _temporal_binaries(self) -> Binaries | None:
        environment = self.options.environment
        found = cached(environment)
        if found is not None:
            return found
        go = await asyncio.to_thread(go_binary, environment)
        if go is None:
            return None
        self._say("temporal      building the server and its Web UI, once: 2-4 minutes")
        return await build(go, environment, self._say)

    async def _start_postgres(self) -> None:
        password = self.home.secrets({})["POSTGRES_PASSWORD"]
        self.postgres = locate(self.home, password, durable=self.options.durable)
        await asyncio.to_thread(self.postgres.initialise)
        await self._begin(self.postgres.part())
        await self.postgres.create_databases()
        self.database_url = self.postgres.url("herald")

    async def _start_temporal(self, binaries: Binaries | None) -> None:
        if binaries is not None and self.postgres is not None:
            await prepare_schema(binaries, self.postgres)
            part, self.temporal_address = server_part(self.home, binaries, self.postgres)
        else:
            executable = await self._dev_server()
            part, self.temporal_address = dev_server_part(
                self.home, executable, self.options.environment
            )
            self.temporal_ui_url = f"http://127.0.0.1:{self.home.port('temporal-ui')}"
        await self._begin(part)
        await prepare_namespace(self.temporal_address, NAMESPACE)

    async def _dev_server(self) -> Path:
        """The `temporal` CLI, from the PATH or by the SDK's own download."""
        on_path = shutil.which("temporal", path=self.options.environment.get("PATH"))
        if on_path is not None:
            return Path(on_path)
        from temporalio.testing import WorkflowEnvironment

        folder = self.home.folder("temporal/download")
        self._say("temporal      no Go here: downloading the SDK's dev server")
        try:
            environment = await WorkflowEnvironment.start_local(
                download_dest_dir=str(folder), ip="127.0.0.1"
            )
        except RuntimeError as error:
            raise BuildFailed(f"{error}\n{WAYS_OUT}") from error
        await environment.shutdown()
        return next(path for path in folder.iterdir() if path.is_file())

    async def _begin(self, part: Part) -> None:
        self._say(f"{part.name:<13} starting")
        await self.supervisor.start(part)
