"""Questions that tell whether a part answers. Each says no rather than raise."""

import asyncio
import urllib.request

import asyncpg
from temporalio.api.workflowservice.v1 import GetSystemInfoRequest
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


def valkey_ok(port: int) -> Probe:
    """PONG to a PING, not LOADING."""

    async def probe() -> bool:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            return False
        try:
            writer.write(b"PING\r\n")
            async with asyncio.timeout(2):
                return (await reader.readline()).startswith(b"+PONG")
        except (OSError, TimeoutError):
            return False
        finally:
            writer.close()

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
