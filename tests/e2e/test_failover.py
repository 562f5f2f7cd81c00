"""With a vendor failing, its messages leave by the other one, once each, and the timeline says so.

The whole of Herald over HTTP, the vendors' real SDKs, and a sandbox that misbehaves.
"""

import asyncio
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from tests.herald_process import Herald


@dataclass(frozen=True)
class Failing:
    channel: str
    first: str
    second: str


EMAIL = Failing("email", "resend", "smtp")
SMS = Failing("sms", "twilio", "sns")
PUSH = Failing("push", "firebase", "onesignal")


@dataclass(frozen=True)
class Person:
    user: str
    addresses: dict[str, str]
    """Where each provider reaches them."""


async def person(herald: Herald) -> Person:
    name = uuid4().hex[:10]
    user, email = f"fails-{name}", f"fails-{name}@example.com"
    phone, token = f"+49151{uuid4().int % 10**8:08}", f"token-{name}"
    await herald.user(f"fails-{name}", email=email, phone=phone)
    device = {"token": token, "platform": "android", "provider": "firebase"}
    answer = await herald.api.post(f"/users/{user}/devices", json=device)
    assert answer.is_success, answer.text
    reached = {"resend": email, "smtp": email, "twilio": phone, "sns": phone}
    return Person(user, {**reached, "firebase": token, "onesignal": user})


async def arrived(herald: Herald, one: Person, failing: Failing) -> dict[str, int]:
    """How many messages each of the two vendors took for this person."""
    counts = {}
    for provider in (failing.first, failing.second):
        found = await herald.messages(one.addresses[provider])
        counts[provider] = len([m for m in found if m["provider"] == provider])
    return counts


async def explained(herald: Herald, notification_id: str) -> dict[str, Any]:
    answer = await herald.api.get(f"/notifications/{notification_id}/explain")
    told: dict[str, Any] = answer.json()
    return told


@pytest.mark.parametrize("failing", [EMAIL, SMS, PUSH], ids=lambda one: one.first)
async def test_after_three_failures_it_leaves_by_the_other_vendor_once(
    herald: Herald, failing: Failing
) -> None:
    one = await person(herald)
    await herald.fault(
        provider=failing.first, kind="status", status=503, retryAfter=1,
        to=one.addresses[failing.first],
    )  # fmt: skip
    sent = await herald.send(one.user, channels=[failing.channel])
    done = await herald.until(sent["id"], "sent", "delivered")
    assert await arrived(herald, one, failing) == {failing.first: 0, failing.second: 1}
    [line] = done["deliveries"]
    assert (line["provider"], line["attempts"]) == (failing.second, 4)
    told = await explained(herald, sent["id"])
    assert f"by {failing.second} after {failing.first} failed" in told["summary"]
    tries = [
        (entry["detail"]["provider"], entry["detail"]["outcome"])
        for entry in told["timeline"]
        if "provider" in entry["detail"]
    ]
    failed = [(failing.first, "retry")] * 2 + [(failing.first, "failover")]
    assert tries == [*failed, (failing.second, "accepted")]


@pytest.mark.parametrize("failing", [EMAIL, SMS, PUSH], ids=lambda one: one.first)
async def test_bad_credentials_fail_over_at_once(herald: Herald, failing: Failing) -> None:
    one = await person(herald)
    await herald.fault(
        provider=failing.first, kind="status", status=401, to=one.addresses[failing.first]
    )
    sent = await herald.send(one.user, channels=[failing.channel])
    await herald.until(sent["id"], "sent", "delivered", within=10)
    assert await arrived(herald, one, failing) == {failing.first: 0, failing.second: 1}


async def test_a_lost_answer_does_not_fail_over(herald: Herald) -> None:
    """Taken, and the answer cut off: asked again with the same key, it is still one message."""
    one = await person(herald)
    await herald.fault(provider="resend", kind="drop_response", times=1, to=one.addresses["resend"])
    sent = await herald.send(one.user)
    await herald.until(sent["id"], "sent", "delivered")
    assert await arrived(herald, one, EMAIL) == {"resend": 1, "smtp": 0}


async def test_a_vendor_that_is_down_is_left_alone_and_used_again_when_it_is_back(
    herald: Herald,
) -> None:
    people = [await person(herald) for _ in range(8)]
    await herald.fault(provider="resend", kind="status", status=503, retryAfter=1)
    sent = [await herald.send(one.user) for one in people]
    await asyncio.gather(*(herald.until(item["id"], "sent", "delivered") for item in sent))
    for one in people:
        assert await arrived(herald, one, EMAIL) == {"resend": 0, "smtp": 1}
    late = await herald.send(people[0].user, title="While it rests")
    done = await herald.until(late["id"], "sent", "delivered", within=10)
    assert done["deliveries"][0]["attempts"] == 1, "nobody asked the vendor that is down"
    [left] = [e for e in (await explained(herald, late["id"]))["timeline"] if "sent" in e["event"]]
    assert left["detail"]["passedOver"] == ["resend"]
    await herald.sandbox.delete("/faults")
    async with asyncio.timeout(30):
        while True:
            again = await herald.send(people[1].user, title=f"Back {uuid4()}")
            done = await herald.until(again["id"], "sent", "delivered")
            if done["deliveries"][0]["provider"] == "resend":
                break
            await asyncio.sleep(0.5)
    found = (await herald.api.get("/providers")).json()["data"]
    [resend] = [one for one in found if one["name"] == "resend"]
    assert resend["breaker"]["state"] == "closed"


async def test_a_paused_provider_holds_and_resuming_lets_the_most_urgent_go_first(
    herald: Herald,
) -> None:
    one = await person(herald)
    assert (await herald.api.post("/providers/twilio/pause")).json()["paused"] is True
    try:
        held = {
            priority: await herald.send(
                one.user, channels=["sms"], priority=priority, title=f"It is {priority}"
            )
            for priority in ("low", "medium", "high", "critical")
        }
        for item in held.values():
            waiting = await herald.until(item["id"], "scheduled")
            assert waiting["reason"] == "provider_paused"
        assert await arrived(herald, one, SMS) == {"twilio": 0, "sns": 0}
    finally:
        assert (await herald.api.post("/providers/twilio/resume")).json()["paused"] is False
    for item in held.values():
        await herald.until(item["id"], "sent", "delivered", within=15)
    assert await arrived(herald, one, SMS) == {"twilio": 4, "sns": 0}


async def test_a_diverted_provider_lets_its_messages_go_by_the_other(herald: Herald) -> None:
    one = await person(herald)
    await herald.api.post("/providers/twilio/pause", json={"divert": True})
    try:
        sent = await herald.send(one.user, channels=["sms"])
        await herald.until(sent["id"], "sent", "delivered")
    finally:
        await herald.api.post("/providers/twilio/resume")
    assert await arrived(herald, one, SMS) == {"twilio": 0, "sns": 1}
