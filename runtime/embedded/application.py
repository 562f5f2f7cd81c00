"""Herald's own parts above the infrastructure: sandbox, migrations, API, workers."""

import asyncio
from collections.abc import Callable, Iterable, Sequence

from runtime.embedded.home import is_free
from runtime.embedded.probes import Polled, http_ok
from runtime.embedded.stack import EmbeddedStack
from runtime.embedded.supervisor import Part, PartFailed, Probe, Say
from runtime.embedded.vendors import sandbox_environment, vendor_environment

APPLICATION = ("sandbox", "migrations", "api", "workers")
_DRAIN_GRACE = 13.0
"""Seconds; longer than a worker lets its activities end."""
_GIVEN_SECRETS = (
    "HERALD_API_KEY",
    "HERALD_MASTER_KEY",
    "HERALD_TOKEN_SECRET",
    "RESEND_WEBHOOK_SECRET",
)


class Application:
    """Brings Herald up on a stack that runs, and is stopped together with it."""

    def __init__(
        self,
        stack: EmbeddedStack,
        say: Say = lambda _: None,
        parts: Iterable[str] = APPLICATION,
    ) -> None:
        self._stack = stack
        self._options = stack.options
        self._say = say
        self._wanted = set(parts)
        self._secrets = stack.home.secrets(stack.options.environment)
        self.sandbox_url = ""
        self._smtp_port = 0
        self.api_url = stack.api_url

    @property
    def api_key(self) -> str:
        return self._secrets["HERALD_API_KEY"]

    async def start(self) -> None:
        """Raises `PartFailed`."""
        if "sandbox" in self._wanted:
            await self._start_sandbox()
        if "migrations" in self._wanted:
            await self._migrate()
        parts = []
        if "api" in self._wanted:
            parts.append(self._api())
        if "workers" in self._wanted:
            workers = self._options.workers.items()
            parts.extend(self._worker(name, queues) for name, queues in workers)
        self._stack.drained_first = [part.name for part in parts]
        try:
            async with asyncio.TaskGroup() as starting:
                for part in parts:
                    starting.create_task(self._stack.begin(part))
        except ExceptionGroup as group:
            raise group.exceptions[0] from group

    def environment(self) -> dict[str, str]:
        """What the API, workers and migrations are given."""
        inherited = {name: value for name, value in self._options.environment.items() if value}
        ours = {
            "DATABASE_URL": self._stack.database_url,
            "REDIS_URL": self._stack.redis_url,
            "TEMPORAL_ADDRESS": self._stack.temporal_address,
            "TEMPORAL_NAMESPACE": self._stack.namespace,
            "TEMPORAL_UI_URL": self._stack.temporal_ui_url or inherited.get("TEMPORAL_UI_URL", ""),
            "HERALD_PORT": self.api_url.rpartition(":")[2],
            "HERALD_PUBLIC_URL": inherited.get("HERALD_PUBLIC_URL", self.api_url),
            "HERALD_OUTBOX_URL": f"{self.sandbox_url}/outbox" if self.sandbox_url else "",
            "PYTHONPATH": str(self._options.repository),
            "PYTHONUNBUFFERED": "1",
            **{name: self._secrets[name] for name in _GIVEN_SECRETS},
        }
        vendors = vendor_environment(inherited, self._secrets, self.sandbox_url, self._smtp_port)
        given = inherited | ours | vendors
        if given.pop("PYTHONDONTWRITEBYTECODE", ""):
            # Nothing is written beside the sources, and still a restart takes half the time.
            given["PYTHONPYCACHEPREFIX"] = str(self._stack.home.folder("bytecode"))
        return {name: value for name, value in given.items() if value}

    async def _start_sandbox(self) -> None:
        home = self._stack.home
        port = home.port("sandbox")
        self._smtp_port = home.port("sandbox-smtp")
        self.sandbox_url = f"http://127.0.0.1:{port}"
        part = Part(
            name="sandbox",
            command=[
                self._options.python, "-m", "sandbox", "--port", str(port),
                "--smtp-port", str(self._smtp_port), "--data-dir", str(home.folder("sandbox")),
                "--callback-base-url", self.api_url,
            ],
            log=home.log("sandbox"),
            ready=http_ok(f"{self.sandbox_url}/health"),
            environment={
                "LANG": "C.UTF-8",
                "PYTHONUNBUFFERED": "1",
                **sandbox_environment(self._options.environment, self._secrets),
            },
            folder=self._options.repository,
            grace=4.0,
        )  # fmt: skip
        await self._stack.begin(part)

    async def _migrate(self) -> None:
        async def ready() -> bool:
            return True

        self._say(f"{'migrations':<16} running")
        await self._stack.supervisor.run_once(self._part("migrations", ("migrate",), ready))

    def _api(self) -> Part:
        port = int(self.api_url.rpartition(":")[2])
        if not is_free(port):
            raise PartFailed(
                f"Port {port} is taken by another program: choose one with HERALD_PORT "
                "(0 lets Herald choose)."
            )
        ready = http_ok(f"{self.api_url}/health")
        return self._part("api", ("api", "--port", str(port)), ready)

    def _worker(self, name: str, queues: Sequence[str]) -> Part:
        polled = Polled(self._stack.temporal_address, self._stack.namespace, queues)
        words = ("worker", "--queues", ",".join(queues))
        return self._part(name, words, polled, polled.begin)

    def _part(
        self,
        name: str,
        words: Sequence[str],
        ready: Probe,
        before_start: Callable[[], None] | None = None,
    ) -> Part:
        return Part(
            name=name,
            command=[self._options.python, "-m", "cli", *words],
            log=self._stack.home.log(name),
            ready=ready,
            environment=self.environment(),
            folder=self._options.repository,
            grace=_DRAIN_GRACE,
            before_start=before_start,
        )
