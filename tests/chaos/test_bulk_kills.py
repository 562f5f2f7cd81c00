"""A worker killed while it delivers a batch: by counting, every item once."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from tests.herald_process import Herald, running_herald

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]

COUNT = 500
WITHIN = 180.0


@pytest.fixture(scope="module")
async def herald(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Herald]:
    async with running_herald(tmp_path_factory.mktemp("chaos") / "home") as running:
        yield running


async def all_sent(herald: Herald, users: list[str], ids: set[str]) -> None:
    """Once every item of these users has ended, all of them sent."""
    deadline = asyncio.get_running_loop().time() + WITHIN
    while True:
        found: Counter[str] = Counter()
        for user in users:
            page = await herald.api.get(
                "/notifications", params={"userId": user, "limit": COUNT // len(users) + 1}
            )
            if page.is_success:
                found.update(i["status"] for i in page.json()["data"] if i["id"] in ids)
        if found.total() == COUNT and not found.keys() & {"accepted", "scheduled", "processing"}:
            break
        assert asyncio.get_running_loop().time() < deadline, found
        await asyncio.sleep(0.5)
    assert found.keys() <= {"sent", "delivered"}, found


async def some_arrived(herald: Herald, more_than: int) -> None:
    deadline = asyncio.get_running_loop().time() + WITHIN
    while len((await herald.sandbox.get("/messages")).json()["data"]) <= more_than:
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("moment", ["while_the_vendor_answers", "once_some_have_left"])
async def test_a_worker_killed_amid_a_batch(herald: Herald, moment: str) -> None:
    await herald.sandbox.delete("/messages")
    users = [await herald.user(f"bulk-{moment}-{number}") for number in range(10)]
    if moment == "while_the_vendor_answers":
        # Each call is taken at once and answered late: killed now, no result is recorded.
        await herald.fault(provider="resend", kind="delay", delayMs=3000, times=2)
        await herald.fault(provider="resend", kind="drop_response", times=1)
    items = [
        {"userId": users[number % 10], "type": "application_update", "title": f"Number {number}",
         "content": "Words.", "channels": ["email"]}
        for number in range(COUNT)
    ]  # fmt: skip
    answer = await herald.api.post(
        "/notifications/bulk", json={"notifications": items},
        headers={"Idempotency-Key": str(uuid4())},
    )  # fmt: skip
    assert answer.json()["accepted"] == COUNT, answer.text
    ids = {line["id"] for line in answer.json()["results"]}
    if moment == "while_the_vendor_answers":
        await asyncio.sleep(1.0)
    else:
        await some_arrived(herald, 0)
    herald.kill("worker-campaigns")
    await all_sent(herald, users, ids)
    received: Counter[str] = Counter()
    for user in users:
        received.update(m["subject"] for m in await herald.messages(f"{user}@example.com"))
    assert received == Counter(f"Number {number}" for number in range(COUNT))
