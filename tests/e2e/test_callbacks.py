"""What vendors tell of messages decides about the next ones, over HTTP, on real parts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest

from tests.herald_process import Herald


async def told(herald: Herald, item: dict[str, Any], event: str, **more: str) -> None:
    """The vendor's signed callback about that notification's message, heard and applied."""
    [delivery] = (await herald.get(item["id"]))["deliveries"]
    body = {"provider": delivery["provider"], "messageId": delivery["providerMessageId"]}
    answer = await herald.sandbox.post("/callbacks", json=body | {"event": event} | more)
    assert answer.is_success, answer.text
    assert answer.json()["status"] == 200, answer.text
    await applied(herald, delivery["provider"])


async def applied(herald: Herald, provider: str, within: float = 20) -> None:
    """Returns when none of the provider's callbacks waits."""
    deadline = asyncio.get_running_loop().time() + within
    where = {"provider": provider, "status": "received"}
    while (await herald.api.get("/provider-callbacks", params=where)).json()["data"]:
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.05)


async def skip_of(herald: Herald, item: dict[str, Any]) -> tuple[str, str, str]:
    """Of a notification that was not sent: the reason, what the suppression is for, the summary."""
    await herald.until(item["id"], "skipped")
    explained = (await herald.api.get(f"/notifications/{item['id']}/explain")).json()
    [gate] = [gate for gate in explained["plans"][-1]["gates"] if gate["outcome"] == "skip"]
    return gate["reason"], gate["facts"].get("suppressionReason", ""), explained["summary"]


@pytest.mark.parametrize(
    ("event", "status", "reason"),
    [("bounced", "bounced", "bounced"), ("complained", "complained", "complained")],
)
async def test_after_a_bounce_or_a_complaint_the_next_email_is_skipped(
    herald: Herald, event: str, status: str, reason: str
) -> None:
    user = await herald.user(f"{event}-1")
    first = await herald.send(user)
    await herald.until(first["id"], "sent", "delivered")
    await told(herald, first, event)
    assert (await herald.get(first["id"]))["deliveries"][0]["status"] == status
    skipped, why, summary = await skip_of(herald, await herald.send(user, title="Next"))
    assert (skipped, why) == ("suppressed", reason)
    assert f"({reason})" in summary
    assert len(await herald.messages(f"{user}@example.com")) == 1


async def test_stop_by_sms_silences_the_number_and_start_lets_it_speak_again(
    herald: Herald,
) -> None:
    phone = f"+49151{uuid4().int % 10**8:08d}"
    user = await herald.user("stop-1", phone=phone, country="DE")
    await herald.api.put(f"/users/{user}/consents/sms", json={"granted": True, "source": "test"})
    first = await herald.send(user, channels=["sms"], title="First")
    await herald.until(first["id"], "sent", "delivered")

    await told(herald, first, "reply", text="Stop")
    skipped, why, summary = await skip_of(
        herald, await herald.send(user, channels=["sms"], title="Second")
    )
    assert (skipped, why) == ("suppressed", "opted_out")
    assert "(opted out)" in summary
    consent = (await herald.api.get(f"/users/{user}/consents/sms")).json()
    assert (consent["granted"], consent["source"], consent["text"]) == (False, "sms_reply", "Stop")
    assert len(await herald.messages(phone)) == 1

    await told(herald, first, "reply", text="START")
    third = await herald.send(user, channels=["sms"], title="Third")
    await herald.until(third["id"], "sent", "delivered")
    assert len(await herald.messages(phone)) == 2
    consent = (await herald.api.get(f"/users/{user}/consents/sms")).json()
    assert (consent["granted"], consent["source"]) == (True, "sms_reply")


async def test_a_stop_ends_what_waits_for_its_hour(herald: Herald) -> None:
    phone = f"+49151{uuid4().int % 10**8:08d}"
    user = await herald.user("stop-2", phone=phone, country="DE")
    first = await herald.send(user, channels=["sms"], title="First")
    await herald.until(first["id"], "sent", "delivered")
    waiting = await herald.send(
        user, channels=["sms"], title="Later", scheduledAt="2099-01-01T00:00:00Z"
    )
    await herald.until(waiting["id"], "scheduled")
    await told(herald, first, "reply", text="ARRÊT")
    assert (await herald.api.post(f"/notifications/{waiting['id']}/send-now")).is_success
    assert (await skip_of(herald, waiting))[:2] == ("suppressed", "opted_out")
    assert len(await herald.messages(phone)) == 1


@asynccontextmanager
async def diverted(herald: Herald, provider: str) -> AsyncIterator[None]:
    """While it lasts, messages leave by the channel's other provider."""
    await herald.api.post(f"/providers/{provider}/pause", json={"divert": True})
    try:
        yield
    finally:
        await herald.api.post(f"/providers/{provider}/resume")


async def test_sns_tells_of_deliveries_and_of_stop_and_start_by_signed_notifications(
    herald: Herald,
) -> None:
    phone = f"+49151{uuid4().int % 10**8:08d}"
    user = await herald.user("sns-1", phone=phone, country="DE")
    async with diverted(herald, "twilio"):
        first = await herald.send(user, channels=["sms"], title="First")
        await herald.until(first["id"], "sent", "delivered")
        await told(herald, first, "delivered")
        done = await herald.until(first["id"], "delivered")
        assert done["deliveries"][0]["provider"] == "sns"
        await told(herald, first, "reply", text="STOP")
        second = await herald.send(user, channels=["sms"], title="Second")
        assert (await skip_of(herald, second))[:2] == ("suppressed", "opted_out")
        await told(herald, first, "reply", text="START")
        third = await herald.send(user, channels=["sms"], title="Third")
        await herald.until(third["id"], "sent", "delivered")


async def test_onesignal_tells_of_deliveries_and_clicks(herald: Herald) -> None:
    user = await herald.user("onesignal-1")
    device = {"token": f"token-{uuid4()}", "platform": "android", "provider": "firebase"}
    assert (await herald.api.post(f"/users/{user}/devices", json=device)).is_success
    async with diverted(herald, "firebase"):
        first = await herald.send(user, channels=["push"])
        await herald.until(first["id"], "sent", "delivered")
    await told(herald, first, "delivered")
    await told(herald, first, "clicked")
    done = await herald.until(first["id"], "delivered")
    assert done["deliveries"][0]["provider"] == "onesignal"
    explained = (await herald.api.get(f"/notifications/{first['id']}/explain")).json()
    assert "notification.clicked" in [line["event"] for line in explained["timeline"]]


@pytest.mark.parametrize("provider", ["resend", "twilio", "sns", "onesignal", "firebase"])
async def test_what_nobody_signed_is_refused_and_not_kept(herald: Herald, provider: str) -> None:
    listed = "/provider-callbacks"
    before = (await herald.api.get(listed, params={"provider": provider})).json()
    for body in ({"type": "email.bounced"}, {"Type": "Notification", "event": {}}):
        answer = await herald.api.post(
            f"/webhooks/{provider}", json=body, headers={"Authorization": "Bearer guess"}
        )
        assert answer.status_code == 401, answer.text
    assert (await herald.api.get(listed, params={"provider": provider})).json() == before
