"""Real processes killed at bad moments: nothing lost, nothing doubled, by counting.

The sandbox is the vendors' view and outlives every kill; the ledger must agree with it.
"""

import asyncio
import random
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from tests.herald_process import Herald

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(600)]

COUNT = 500
PATIENCE = 240.0


async def send_surely(herald: Herald, user: str, key: str, **fields: object) -> str:
    """As a careful caller does: the same Idempotency-Key until an answer comes."""
    body = {"userId": user, "type": "application_update", "content": "Words.", **fields}
    for _ in range(200):
        try:
            answer = await herald.api.post(
                "/notifications", json=body, headers={"Idempotency-Key": key}, timeout=10
            )
        except OSError:
            await asyncio.sleep(0.1)
            continue
        except Exception as error:
            if type(error).__module__.partition(".")[0] not in {"httpx", "httpcore"}:
                raise
            await asyncio.sleep(0.1)
            continue
        if answer.status_code == 202:
            return str(answer.json()["id"])
        assert answer.status_code in {409, 503}, answer.text
        await asyncio.sleep(0.2)
    raise AssertionError(f"never accepted: {key}")


async def everything_ended(herald: Herald, ids: list[str]) -> Counter[str]:
    """Statuses once none is open any more."""
    deadline = asyncio.get_running_loop().time() + PATIENCE
    waiting, ended = set(ids), Counter[str]()
    while waiting:
        assert asyncio.get_running_loop().time() < deadline, (len(waiting), ended)
        for notification_id in list(waiting):
            try:
                item = await herald.get(notification_id)
            except Exception as error:
                if isinstance(error, AssertionError) or "httpx" in type(error).__module__:
                    break
                raise
            if item["status"] in {"accepted", "scheduled", "processing"}:
                break
            ended[item["status"]] += 1
            waiting.discard(notification_id)
        else:
            continue
        await asyncio.sleep(0.3)
    return ended


async def call_begun(herald: Herald, notification_id: str) -> None:
    """Until the ledger says that the provider is being called."""
    async with asyncio.timeout(20):
        while True:
            lines = (await herald.get(notification_id))["deliveries"]
            if lines and lines[0]["status"] == "sending":
                return
            await asyncio.sleep(0.05)


async def test_a_worker_killed_between_the_call_and_its_result_sends_once(herald: Herald) -> None:
    """The vendor is slow to answer, the worker dies meanwhile; the message was taken."""
    user = await herald.user("between", phone="+4915112345700", country="DE")
    await herald.api.put(f"/users/{user}/consents/sms", json={"granted": True, "source": "test"})
    targets = {"email": ("resend", f"{user}@example.com"), "sms": ("twilio", "+4915112345700")}
    for provider, to in targets.values():
        await herald.fault(provider=provider, kind="delay", delayMs=4000, times=1, to=to)
    sent = {channel: await herald.send(user, channels=[channel], title=channel)
            for channel in targets}  # fmt: skip
    for item in sent.values():
        await call_begun(herald, item["id"])
    await asyncio.sleep(0.5)
    herald.kill("worker-delivery")
    for item in sent.values():
        await herald.until(item["id"], "sent", "delivered", within=90)
    for _, to in targets.values():
        assert len(await herald.messages(to)) == 1


async def test_temporal_restarted_during_a_wait_keeps_the_wait(herald: Herald) -> None:
    user = await herald.user("waits")
    at = datetime.now(UTC) + timedelta(seconds=8)
    sent = await herald.send(user, scheduledAt=at.isoformat())
    await herald.until(sent["id"], "scheduled")
    herald.kill("temporal")
    done = await herald.until(sent["id"], "sent", "delivered", within=60)
    assert datetime.fromisoformat(done["deliveries"][0]["sentAt"]) >= at
    assert len(await herald.messages(f"{user}@example.com")) == 1


async def test_every_part_killed_at_random_during_500_sends_each_once(herald: Herald) -> None:
    """Workers, API, Temporal and PostgreSQL, at random moments, under load."""
    dice = random.Random(7)
    users = [await herald.user(f"kills-{n}") for n in range(25)]
    victims = ["worker-delivery", "postgres", "api", "worker-workflows", "temporal"]

    async def kill_them() -> None:
        for name in victims:
            await asyncio.sleep(dice.uniform(1.0, 2.5))
            herald.kill(name)

    gate = asyncio.Semaphore(10)

    async def one(number: int) -> str:
        async with gate:
            await asyncio.sleep(dice.uniform(0, 0.3))
            return await send_surely(
                herald, users[number % 25], f"kills-{number}", title=f"Number {number}",
                channels=["email"],
            )  # fmt: skip

    killing = asyncio.create_task(kill_them())
    ids = await asyncio.gather(*(one(number) for number in range(COUNT)))
    await killing
    assert len(set(ids)) == COUNT
    ended = await everything_ended(herald, list(ids))
    assert set(ended) <= {"sent", "delivered"}, ended

    received = Counter[str]()
    for user in users:
        received.update(m["subject"] for m in await herald.messages(f"{user}@example.com"))
    assert received == Counter(f"Number {number}" for number in range(COUNT))
