"""Items from twenty senders while workers die: each in exactly one digest, by counting.

The full size is `HERALD_CHAOS_ITEMS=1000`; the short form runs with the others.
"""

import asyncio
import logging
import os
import random
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest
from temporalio.service import RPCError

from domain.digests.messages import DigestSignal
from domain.ids import digest_workflow_id
from runtime.temporal import connect_worker
from tests.chaos.test_kills import send_surely
from tests.herald_process import Herald, running_herald

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(900)]

log = logging.getLogger(__name__)
ITEMS = int(os.environ.get("HERALD_CHAOS_ITEMS", "200"))
SENDERS = 20
USERS = 5
KILLS = max(3, ITEMS // 100)
VICTIMS = ("worker-workflows", "worker-delivery", "worker-workflows", "temporal", "postgres")
PATIENCE = 120 + ITEMS / 2


@pytest.fixture(scope="module")
async def herald(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Herald]:
    async with running_herald(tmp_path_factory.mktemp("chaos") / "home") as running:
        yield running


class Chaos:
    """What goes on while the senders send."""

    def __init__(self, herald: Herald, users: list[str]) -> None:
        self.herald = herald
        self.users = users
        self.dice = random.Random(11)
        self.over = asyncio.Event()

    async def kill(self) -> None:
        """The workers again and again, in the full size also Temporal and PostgreSQL."""
        for turn in range(KILLS):
            await asyncio.sleep(self.dice.uniform(1.0, 2.0))
            await asyncio.to_thread(self.herald.kill, VICTIMS[turn % len(VICTIMS)])

    async def flush(self) -> None:
        """Asks the digests' workflows for what they have, at moments that suit nobody."""
        temporal = (await asyncio.to_thread(self.herald.status))["temporal"]
        client = await connect_worker(temporal["address"], temporal["namespace"])
        while not self.over.is_set():
            await asyncio.sleep(self.dice.uniform(0.2, 0.6))
            workflow = digest_workflow_id(self.dice.choice(self.users), "jobs")
            try:
                await client.get_workflow_handle(workflow).signal(DigestSignal.FLUSH)
            except RPCError:
                continue  # nothing waits there


async def send_all(herald: Herald, users: list[str]) -> list[str]:
    numbers, sent = iter(range(ITEMS)), []

    async def send() -> None:
        for number in numbers:
            user, fields = users[number % USERS], {"type": "job_match", "channels": ["email"]}
            title = f"Number {number}"
            sent.append(await send_surely(herald, user, f"digest-{number}", title=title, **fields))

    await asyncio.gather(*(send() for _ in range(SENDERS)))
    return sent


async def all_gathered(herald: Herald, users: list[str], items: list[str]) -> dict[str, Any]:
    """Every item once none waits any more."""
    found: dict[str, Any] = {}
    async with asyncio.timeout(PATIENCE):
        while True:
            for user in users:
                await herald.api.post(f"/users/{user}/digests/jobs/flush")
            for item in items:
                if item not in found:
                    answer = await herald.api.get(f"/notifications/{item}")
                    if answer.status_code == 503:
                        break  # what was killed last is just coming back
                    shown = answer.json()
                    if shown["status"] not in {"accepted", "scheduled", "processing"}:
                        found[item] = shown
            if len(found) == len(items):
                return found
            await asyncio.sleep(0.5)


async def test_each_item_is_in_exactly_one_digest_whatever_dies(herald: Herald) -> None:
    users = [await herald.user(f"gatherer-{n}") for n in range(USERS)]
    for user in users:
        await herald.api.put(
            f"/users/{user}/preferences", json={"categories": {"jobs": {"delivery": "weekly"}}}
        )
    chaos = Chaos(herald, users)
    killing, flushing = asyncio.create_task(chaos.kill()), asyncio.create_task(chaos.flush())
    items = await send_all(herald, users)
    await killing
    chaos.over.set()
    await flushing
    assert len(set(items)) == ITEMS
    found = await all_gathered(herald, users, items)

    assert {item["status"] for item in found.values()} == {"digested"}
    digests = {item["digestId"] for item in found.values()}
    in_digests = Counter[str]()
    for digest in digests:
        shown = await herald.until(digest, "sent", "delivered", within=PATIENCE)
        lines = [line["notificationId"] for line in shown["data"]["items"]]
        assert shown["data"]["total"] == len(lines)
        assert all(found[line]["digestId"] == digest for line in lines)
        in_digests.update(lines)
    assert in_digests == Counter(items)
    mails = [m for user in users for m in await herald.messages(f"{user}@example.com")]
    assert len(mails) == len(digests), "each digest left once, and nothing by itself"
    log.info("%s items, %s kills, %s digests", ITEMS, KILLS, len(digests))
