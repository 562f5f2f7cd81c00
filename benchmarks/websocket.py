"""The live inbox: many open connections in one API process, notifications at a steady rate.

Takes turns with its baseline, `benchmarks/bare_sockets.py`, on a PostgreSQL and a Valkey of their
own. Frames go through the inbox provider, as a delivery worker publishes them, to users drawn at
random; the ledger is not what is measured here. Server, clients and publisher are a process each.
"""

import argparse
import asyncio
import json
import os
import random
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import orjson
from redis.asyncio import Redis

from benchmarks.bare_sockets import TOPIC
from benchmarks.processes import answers, cpu_seconds, raise_file_limit, resident, running
from domain.content import RenderedMessage
from domain.enums import Category, Channel, Priority
from domain.ids import new_id
from domain.ports.inbox import InboxPublisher
from domain.ports.providers import OutboundMessage
from domain.records.people import User
from providers.inbox.live import InboxProvider
from runtime.container import Container
from runtime.embedded.home import free_port
from runtime.embedded.options import EmbeddedOptions
from runtime.embedded.stack import EmbeddedStack
from runtime.settings import Settings
from storage.migrate import upgrade

Publish = Callable[[str, int, float], Awaitable[object]]
"""(user, seq, due)"""


@dataclass(frozen=True, slots=True)
class Load:
    connections: int = 5000
    rate: int = 500
    """Notifications a second, over all users."""
    seconds: float = 20
    at_once: int = 50
    """Connections being opened at the same time."""
    turns: int = 2


def main(words: Sequence[str]) -> None:
    usual = Load()
    parser = argparse.ArgumentParser(prog="herald bench websocket")
    parser.add_argument("--connections", type=int, default=usual.connections)
    parser.add_argument("--rate", type=int, default=usual.rate, help="notifications a second")
    parser.add_argument("--seconds", type=float, default=usual.seconds)
    parser.add_argument("--at-once", type=int, default=usual.at_once)
    parser.add_argument("--turns", type=int, default=usual.turns)
    load = Load(**vars(parser.parse_args(list(words))))
    print(json.dumps(asyncio.run(_alone(load)), indent=2))


async def _alone(load: Load) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="herald-bench-") as folder:
        Path(folder).chmod(0o755)  # the database may run as another user
        options = EmbeddedOptions(
            home=Path(folder) / "home", port=0, durable=False, keep=False,
            environment=dict(os.environ),
        )  # fmt: skip
        async with EmbeddedStack(options, ("postgres", "valkey")) as stack:
            await upgrade(stack.database_url)
            return await measure(load, stack.database_url, stack.redis_url)


async def measure(load: Load, database_url: str, redis_url: str) -> dict[str, Any]:
    """The figures of both, by turn. The database is migrated."""
    raise_file_limit()
    bare, herald = [], []
    for _ in range(load.turns):
        bare.append(await _bare(load, redis_url))
        herald.append(await _herald(load, database_url, redis_url))
    return {"connections": load.connections, "rate": load.rate, "bare": bare, "herald": herald}


async def _bare(load: Load, redis_url: str) -> dict[str, Any]:
    port = free_port()
    users = [f"user-{number}" for number in range(load.connections)]
    urls = [f"ws://127.0.0.1:{port}/ws?user={user}" for user in users]
    async with (
        running("benchmarks.bare_sockets", str(port), redis_url) as server,
        Redis.from_url(redis_url, protocol=2) as redis,
    ):
        await answers(f"http://127.0.0.1:{port}/")

        async def publish(user: str, seq: int, due: float) -> None:
            frame = {"type": "notification", "seq": seq, "data": _shown(seq, due)}
            await redis.publish(f"{TOPIC}{user}", orjson.dumps(frame))

        return await _figures(load, server.pid, urls, users, publish)


async def _herald(load: Load, database_url: str, redis_url: str) -> dict[str, Any]:
    port = free_port()
    environment = {
        "DATABASE_URL": database_url, "REDIS_URL": redis_url, "HERALD_PORT": str(port),
        "TEMPORAL_ADDRESS": f"127.0.0.1:{free_port()}",
    }  # fmt: skip
    settings = Settings(**environment)  # type: ignore[arg-type]
    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(running("cli", "api", environment=environment))
        container = await stack.enter_async_context(Container.open(settings))
        users = await _users(container, load.connections)
        tokens = [(await container.tokens.mint(user)).token for user in users]
        await answers(f"http://127.0.0.1:{port}/health")
        publish = _through(container.inbox_bus)
        urls = [f"ws://127.0.0.1:{port}/api/ws?token={token}" for token in tokens]
        return await _figures(load, server.pid, urls, users, publish)


async def _users(container: Container, count: int) -> list[str]:
    run, now = uuid4().hex[:6], datetime.now(UTC)
    users = [f"bench-{run}-{number}" for number in range(count)]
    async with container.uow() as tx:
        for user in users:
            await tx.users.put(User(user, now, now, email=f"{user}@example.com", timezone="UTC"))
    return users


def _through(bus: InboxPublisher) -> Publish:
    """Publishing as a delivery does."""
    provider = InboxProvider(bus)

    async def publish(user: str, seq: int, due: float) -> None:
        shown = _shown(seq, due)
        await provider.send(
            OutboundMessage(
                delivery_id=new_id(),
                notification_id=new_id(),
                user_id=user,
                channel=Channel.WEBSOCKET,
                type="application_update",
                category=Category.APPLICATIONS,
                priority=Priority.MEDIUM,
                target=user,
                message=RenderedMessage(
                    title=shown["title"], data={"seq": seq, "notification": shown}
                ),
            )
        )

    return publish


def _shown(seq: int, due: float) -> dict[str, Any]:
    return {
        "id": str(new_id()),
        "seq": seq,
        "type": "application_update",
        "category": "applications",
        "priority": "medium",
        "title": "Your application moved on",
        "content": "Something about your application has changed; have a look when you can.",
        "data": {"due": due, "applicationId": str(new_id())},
        "createdAt": datetime.now(UTC).isoformat(),
        "readAt": None,
    }


async def _figures(
    load: Load, server: int, urls: list[str], users: list[str], publish: Publish
) -> dict[str, Any]:
    async with running("benchmarks.sockets") as clients:
        empty = resident(server)
        opening = cpu_seconds(server)
        opened = await _ask(clients, {"urls": urls, "atOnce": load.at_once})
        opening = cpu_seconds(server) - opening
        full = resident(server)
        working = cpu_seconds(server)
        sent = await _send(load, users, publish)
        arrived = await _ask(clients, {"expect": sent})
        working = cpu_seconds(server) - working
        return {
            "connectsPerSecond": opened["perSecond"],
            "connectCpuMs": round(opening / len(urls) * 1000, 2),
            "kibPerConnection": round((full - empty) / len(urls) / 1024, 1),
            "serverMib": round(resident(server) / 1024 / 1024, 1),
            "sent": sent,
            "cpuMsPerFrame": round(working / sent * 1000, 2),
            **arrived,
        }


async def _send(load: Load, users: list[str], publish: Publish) -> int:
    """Each when it is due; one user's in their order, as one inbox numbers them."""
    seqs: Counter[str] = Counter()
    orders = {user: asyncio.Lock() for user in users}
    chosen = random.Random(7)

    async def one(user: str, seq: int, due: float) -> None:
        async with orders[user]:
            await publish(user, seq, due)

    start = time.monotonic() + 0.5
    total = int(load.rate * load.seconds)
    async with asyncio.TaskGroup() as group:
        for index in range(total):
            due = start + index / load.rate
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            user = chosen.choice(users)
            seqs[user] += 1
            group.create_task(one(user, seqs[user], due))
    return total


async def _ask(process: subprocess.Popen[bytes], what: Mapping[str, Any]) -> dict[str, Any]:
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(orjson.dumps(what) + b"\n")
    process.stdin.flush()
    line = await asyncio.to_thread(process.stdout.readline)
    if not line:
        raise RuntimeError("the clients gave up; what they said is above")
    answer: dict[str, Any] = orjson.loads(line)
    return answer
