"""Questions that tell whether a part answers. Each says no rather than raise."""

import asyncio
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field

import asyncpg
import redis.asyncio
from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest, GetSystemInfoRequest
from temporalio.client import Client
from temporalio.service import RPCError

from runtime.embedded.supervisor import Probe


def http_ok(url: str) -> Probe:
    """A GET that answers 200."""

    def ask() -> bool:
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310
                return bool(answer.status == 200)
        except OSError:
            return False

    async def probe() -> bool:
        return await asyncio.to_thread(ask)

    return probe


def postgres_ok(dsn: str) -> Probe:
    """A query that answers; false while it starts up or recovers."""

    async def probe() -> bool:
        try:
            connection = await asyncpg.connect(dsn, timeout=2)
        except (OSError, asyncpg.PostgresError, TimeoutError):
            return False
        await connection.close()
        return True

    return probe


def redis_ok(url: str) -> Probe:
    """An answer to PING; false while it loads its data."""

    async def probe() -> bool:
        client = redis.asyncio.from_url(url, socket_connect_timeout=2, socket_timeout=2)
        try:
            return bool(await client.ping())
        except (redis.RedisError, OSError):
            return False
        finally:
            await client.aclose()

    return probe


def temporal_ok(address: str) -> Probe:
    """The frontend answers for its system."""

    async def probe() -> bool:
        try:
            async with asyncio.timeout(3):
                client = await Client.connect(address)
                await client.workflow_service.get_system_info(GetSystemInfoRequest())
        except (RPCError, RuntimeError, TimeoutError):
            return False
        return True

    return probe


@dataclass(slots=True)
class Polled:
    """Whether someone began to poll every queue since `begin`: a worker has no port to ask."""

    address: str
    namespace: str
    queues: Sequence[str]
    _client: Client | None = None
    _since: float = field(default_factory=time.time)

    def begin(self) -> None:
        """Pollers of a predecessor are remembered for minutes; only later ones count."""
        self._since = time.time()

    async def __call__(self) -> bool:
        try:
            async with asyncio.timeout(3):
                if self._client is None:
                    self._client = await Client.connect(self.address, namespace=self.namespace)
                return all([await self._is_polled(self._client, name) for name in self.queues])
        except (RPCError, RuntimeError, TimeoutError):
            return False

    async def _is_polled(self, client: Client, queue: str) -> bool:
        for kind in (
            TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
            TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY,
        ):
            answer = await client.workflow_service.describe_task_queue(
                DescribeTaskQueueRequest(
                    namespace=self.namespace,
                    task_queue=TaskQueue(name=queue),
                    task_queue_type=kind,
                )
            )
            seen = (poller.last_access_time for poller in answer.pollers)
            if any(at.seconds + at.nanos / 1e9 >= self._since for at in seen):
                return True
        return False
