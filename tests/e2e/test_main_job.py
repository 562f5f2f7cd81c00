"""The main job as a caller sees it, over HTTP, on real parts."""

import asyncio
import os
import signal
import subprocess
import time
from datetime import UTC, datetime, timedelta

from runtime.embedded.options import REPOSITORY
from tests.herald_process import Herald, herald_command


def quiet_now(now: datetime) -> dict[str, object]:
    """Quiet hours that hold now and for two hours more."""
    start, end = now - timedelta(hours=1), now + timedelta(hours=2)
    return {
        "enabled": True,
        "start": start.strftime("%H:%M"),
        "end": end.strftime("%H:%M"),
        "timezone": "UTC",
    }


async def test_the_demo_ends_with_four_messages(herald: Herald) -> None:
    done = await asyncio.to_thread(
        subprocess.run, herald_command("demo"), env=dict(herald.environment), cwd=REPOSITORY,
        capture_output=True, text=True, check=False, timeout=90,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    for word in ("resend", "twilio", "firebase", "inbox", "Dashboard", "Outbox", "Temporal"):
        assert word in done.stdout


async def test_quiet_hours_hold_a_notification_and_a_changed_preference_moves_it(
    herald: Herald,
) -> None:
    user = await herald.user("quiet-1")
    await herald.api.put(
        f"/users/{user}/preferences", json={"quietHours": quiet_now(datetime.now(UTC))}
    )
    sent = await herald.send(user, title="Held")
    held = await herald.until(sent["id"], "scheduled")
    assert held["reason"] == "quiet_hours"
    assert datetime.fromisoformat(held["until"]) > datetime.now(UTC) + timedelta(hours=1)

    upcoming = (await herald.api.get(f"/users/{user}/upcoming")).json()["data"]
    assert [item["id"] for item in upcoming] == [sent["id"]]
    explanation = (await herald.api.get(f"/notifications/{sent['id']}/explain")).json()
    gate = next(
        gate
        for gate in explanation["plans"][0]["gates"]
        if gate["gate"] == "quiet_hours" and gate["outcome"] == "defer"
    )
    assert gate["channel"] == "email"
    assert gate["facts"]["timezone"] == "UTC"
    assert "quiet hours" in explanation["summary"]

    await herald.api.put(f"/users/{user}/preferences", json={"quietHours": None})
    await herald.until(sent["id"], "sent", "delivered")
    assert len(await herald.messages(f"{user}@example.com")) == 1
    explanation = (await herald.api.get(f"/notifications/{sent['id']}/explain")).json()
    assert explanation["plans"][-1]["trigger"] == "preferences_changed"


async def test_a_held_notification_is_cancelled_before_sending(herald: Herald) -> None:
    user = await herald.user("quiet-2")
    await herald.api.put(
        f"/users/{user}/preferences", json={"quietHours": quiet_now(datetime.now(UTC))}
    )
    sent = await herald.send(user)
    await herald.until(sent["id"], "scheduled")
    answer = (await herald.api.delete(f"/notifications/{sent['id']}")).json()
    assert answer["outcome"] == "cancelled"
    explanation = (await herald.api.get(f"/notifications/{sent['id']}/explain")).json()
    assert explanation["summary"] == "Cancelled before sending."
    again = (await herald.api.delete(f"/notifications/{sent['id']}")).json()
    assert again["outcome"] == "already_final"


async def test_a_sent_notification_cannot_be_cancelled_and_names_its_message(
    herald: Herald,
) -> None:
    user = await herald.user("sent-1")
    sent = await herald.send(user)
    await herald.until(sent["id"], "sent", "delivered")
    answer = (await herald.api.delete(f"/notifications/{sent['id']}")).json()
    assert answer["outcome"] == "already_sent"
    [message] = await herald.messages(f"{user}@example.com")
    assert answer["deliveries"][0]["providerMessageId"] == message["id"]


async def test_send_now_ends_the_quiet_hours(herald: Herald) -> None:
    user = await herald.user("quiet-3")
    await herald.api.put(
        f"/users/{user}/preferences", json={"quietHours": quiet_now(datetime.now(UTC))}
    )
    sent = await herald.send(user)
    await herald.until(sent["id"], "scheduled")
    assert (await herald.api.post(f"/notifications/{sent['id']}/send-now")).is_success
    await herald.until(sent["id"], "sent", "delivered")


async def test_503_with_retry_after_twice_leads_to_one_message_after_the_waits(
    herald: Herald,
) -> None:
    user = await herald.user("retry-1")
    await herald.fault(
        provider="resend", kind="status", status=503, retryAfter=2, times=2,
        to=f"{user}@example.com",
    )  # fmt: skip
    started = time.monotonic()
    sent = await herald.send(user)
    await herald.until(sent["id"], "sent", "delivered", within=40)
    assert time.monotonic() - started >= 4
    assert len(await herald.messages(f"{user}@example.com")) == 1
    [delivery] = (await herald.get(sent["id"]))["deliveries"]
    assert delivery["attempts"] == 3


async def test_400_leads_to_a_dead_letter_at_once_and_redrive_sends_it(herald: Herald) -> None:
    user = await herald.user("dead-1")
    to = f"{user}@example.com"
    await herald.fault(provider="resend", kind="status", status=400, to=to)
    sent = await herald.send(user)
    failed = await herald.until(sent["id"], "failed")
    assert failed["deliveries"][0]["attempts"] == 1
    letters = (await herald.api.get("/dead-letters")).json()["data"]
    [letter] = [item for item in letters if item["notificationId"] == sent["id"]]
    assert await herald.messages(to) == []

    await herald.sandbox.delete("/faults")
    assert (await herald.api.post(f"/dead-letters/{letter['id']}/redrive")).is_success
    await herald.until(sent["id"], "sent", "delivered")
    assert len(await herald.messages(to)) == 1


async def test_a_cut_answer_does_not_double_the_message(herald: Herald) -> None:
    """The vendor took it and the connection was cut: email by key, SMS by asking."""
    user = await herald.user("cut-1", phone="+4915112345601", country="DE")
    await herald.api.put(f"/users/{user}/consents/sms", json={"granted": True, "source": "test"})
    targets = {"resend": f"{user}@example.com", "twilio": "+4915112345601"}
    for provider, to in targets.items():
        await herald.fault(provider=provider, kind="drop_response", times=1, to=to)
    sent = [await herald.send(user, channels=[channel], title=channel)
            for channel in ("email", "sms")]  # fmt: skip
    for item in sent:
        await herald.until(item["id"], "sent", "delivered")
    for to in targets.values():
        assert len(await herald.messages(to)) == 1


async def test_with_temporal_stopped_accepting_and_cancelling_go_on(herald: Herald) -> None:
    user = await herald.user("away-1")
    await herald.send(user, title="Before")
    pid = herald.pid("temporal")
    os.kill(pid, signal.SIGSTOP)
    try:
        times, kept = [], []
        for number in range(20):
            started = time.perf_counter()
            kept.append(await herald.send(user, title=f"While away {number}"))
            times.append(time.perf_counter() - started)
        answer = (await herald.api.delete(f"/notifications/{kept[0]['id']}")).json()
    finally:
        os.kill(pid, signal.SIGCONT)
    assert answer["outcome"] == "cancelled"
    assert max(times) < 0.25
    for item in kept[1:]:
        await herald.until(item["id"], "sent", "delivered", within=60)
    subjects = [m["subject"] for m in await herald.messages(f"{user}@example.com")]
    assert sorted(s for s in subjects if s.startswith("While")) == sorted(
        f"While away {n}" for n in range(1, 20)
    )
    assert (await herald.get(kept[0]["id"]))["status"] == "cancelled"


async def test_a_second_up_on_the_same_home_says_so(herald: Herald) -> None:
    done = await asyncio.to_thread(
        subprocess.run, herald_command("up"), env=dict(herald.environment), cwd=REPOSITORY,
        capture_output=True, text=True, check=False, timeout=30,
    )  # fmt: skip
    assert done.returncode == 2
    assert "already" in (done.stdout + done.stderr)
