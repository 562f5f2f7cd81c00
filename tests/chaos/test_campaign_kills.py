"""A campaign whose processes are killed at random moments, paused and resumed meanwhile: every
recipient once, by counting the vendors, and accounts that add up in every answer.

The short form belongs to the suite. `HERALD_CHAOS_RECIPIENTS=20000` makes it the full one.
"""

import asyncio
import os
import random
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from benchmarks.people import add_people, ring_of
from runtime.embedded.home import Home
from tests.herald_process import Herald

pytestmark = [pytest.mark.chaos, pytest.mark.timeout(1800)]

RECIPIENTS = int(os.environ.get("HERALD_CHAOS_RECIPIENTS", "4000"))
SEED = int(os.environ.get("HERALD_CHAOS_SEED", "11"))
PATIENCE = 120 + RECIPIENTS / 50
VICTIMS = ("worker-campaigns", "postgres", "api", "temporal")
"""One round of kills, in an order that changes."""
ROUNDS = max(1, RECIPIENTS // 4000)
VENDOR_DELAY_MS = 1200
CROWD = {"all": [
    {"field": "country", "op": "eq", "value": "DE"},
    {"field": "locale", "op": "eq", "value": "en"},
]}  # fmt: skip
"""Who `add_people` makes."""


@pytest.fixture(scope="module")
async def crowd(herald: Herald) -> AsyncIterator[None]:
    """Many, who want the newsletter; every call of the vendor takes a while. The reserve, which
    knows no idempotency keys, is paused: what it is called with when a worker dies is unknown."""
    home = Home(Path(herald.environment["HERALD_HOME"]))
    await add_people(home.read_state()["database"], ring_of(home), RECIPIENTS, "crowd")
    await herald.fault(provider="resend", kind="delay", delayMs=VENDOR_DELAY_MS)
    paused = await herald.api.post("/providers/smtp/pause", json={})
    assert paused.is_success, paused.text
    yield
    await herald.api.post("/providers/smtp/resume", json={})
    await herald.sandbox.delete("/faults")


@dataclass
class Watch:
    """The campaign from outside, while parts of Herald are away now and then."""

    herald: Herald
    campaign: str = ""
    polls: int = 0
    last: dict[str, Any] = field(default_factory=dict)

    async def ask(self, method: str, path: str, **more: Any) -> httpx.Response | None:
        """None while nobody answers."""
        try:
            answer = await self.herald.api.request(method, path, timeout=30, **more)
        except httpx.TransportError:
            return None
        return None if answer.status_code >= 500 else answer

    async def surely(self, path: str, method: str = "POST") -> httpx.Response:
        """Until an answer comes. Sending, pausing, resuming and cancelling once more does no harm,
        but for a refusal."""
        async with asyncio.timeout(PATIENCE):
            while (answer := await self.ask(method, f"{self.campaign}/{path}")) is None:
                await asyncio.sleep(0.2)
        return answer

    async def start(self, name: str) -> None:
        body = {
            "name": name, "type": "newsletter", "title": name, "content": "Some words.",
            "audience": {"segment": CROWD},
        }  # fmt: skip
        made = await self.ask("POST", "/campaigns/email", json=body)
        assert made is not None
        assert made.status_code == 201, made.text
        self.campaign = f"/campaigns/email/{made.json()['id']}"
        sent = await self.surely("send")
        assert sent.status_code == 202, sent.text

    async def metrics(self) -> dict[str, Any] | None:
        """The accounts, if somebody answers: they add up."""
        answer = await self.ask("GET", f"{self.campaign}/metrics")
        if answer is None:
            return None
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        skipped = sum(found["skipped"].values())
        assert found["recipients"] == found["sent"] + skipped + found["failed"] + found["pending"]
        assert found["recipients"] in {0, RECIPIENTS}
        if self.last:
            assert found["sent"] >= self.last["sent"], "what was sent stays sent"
        self.polls += 1
        self.last = found
        return found

    async def lines(self) -> Counter[str]:
        """What the recipients themselves say, page by page: the accounts are sums beside them."""
        found, cursor = Counter[str](), ""
        while True:
            answer = (await self.surely(f"recipients?limit=1000{cursor}", "GET")).json()
            found.update(line["status"] for line in answer["data"])
            if answer["nextCursor"] is None:
                return found
            cursor = f"&cursor={answer['nextCursor']}"

    async def until(self, *statuses: str, sent: int = 0) -> dict[str, Any]:
        async with asyncio.timeout(PATIENCE):
            while True:
                found = await self.metrics()
                if found and found["status"] in statuses and found["sent"] >= sent:
                    return found
                await asyncio.sleep(0.1)


async def received(herald: Herald) -> dict[str, int]:
    answer = await herald.sandbox.get("/counts")
    counts: dict[str, int] = answer.json()
    return counts


async def test_every_recipient_once_while_everything_is_killed(herald: Herald, crowd: None) -> None:
    dice = random.Random(SEED)
    before = await received(herald)
    watch = Watch(herald)
    await watch.start("Chaos")
    await watch.until("running", sent=1)
    killed = Counter[str]()
    over = asyncio.Event()

    async def kill_them() -> None:
        for name in [v for _ in range(ROUNDS) for v in dice.sample(VICTIMS, len(VICTIMS))]:
            await asyncio.sleep(dice.uniform(0.1, 0.6 if ROUNDS == 1 else 5))
            if over.is_set():
                return
            await herald.fault(provider="resend", kind="drop_response", times=1)
            await asyncio.to_thread(herald.kill, name)
            killed[name] += 1

    async def pause_and_resume() -> None:
        for _ in range(ROUNDS):
            await asyncio.sleep(dice.uniform(0.5, 2.0))
            paused = await watch.surely("pause")
            if paused.status_code == 409:
                return
            await asyncio.sleep(dice.uniform(0.2, 1.0))
            await watch.surely("resume")

    trouble = [asyncio.create_task(kill_them()), asyncio.create_task(pause_and_resume())]
    done = await watch.until("completed")
    over.set()
    await asyncio.gather(*trouble)

    assert len(killed) >= 2, killed
    assert watch.polls > 10
    assert (done["sent"], done["pending"]) == (RECIPIENTS, 0), done
    assert await watch.lines() == {"sent": RECIPIENTS}
    counts = await received(herald)
    assert counts["messages"] - before["messages"] == RECIPIENTS
    assert counts["recipients"] - before["recipients"] == RECIPIENTS
    assert counts["twiceOrMore"] == before["twiceOrMore"] == 0


async def test_nothing_leaves_after_a_cancel_is_answered(herald: Herald, crowd: None) -> None:
    """Cancelled in the middle, with a worker killed just before: the accounts of the answer are
    the accounts for good."""
    before = await received(herald)
    watch = Watch(herald)
    await watch.start("Cancelled")
    await watch.until("running", sent=1)
    herald.kill("worker-campaigns")
    answer = await watch.surely("cancel")
    assert answer.status_code == 200, answer.text
    said = answer.json()
    left = (await received(herald))["messages"]
    assert (said["status"], said["pending"]) == ("cancelled", 0)
    assert 0 < said["sent"] < RECIPIENTS
    unknown = said["failures"].get("outcome_unknown", 0)
    assert said["sent"] <= left - before["messages"] <= said["sent"] + unknown

    await asyncio.sleep(1.5)
    after = await watch.metrics()
    assert after is not None
    assert {n: after[n] for n in ("sent", "skipped", "failed", "pending")} == {
        n: said[n] for n in ("sent", "skipped", "failed", "pending")
    }
    assert (await received(herald))["messages"] == left
    lines = await watch.lines()
    skipped = sum(after["skipped"].values())
    assert (lines["sent"], lines["failed"], lines["skipped"]) == (
        after["sent"], after["failed"], skipped,
    )  # fmt: skip
