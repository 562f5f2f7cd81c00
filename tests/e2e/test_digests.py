"""Digests from outside: gathered, sent on request as one email, each item saying where it went."""

import asyncio

from tests.herald_process import Herald

DAILY = {"categories": {"jobs": {"delivery": "daily"}}}


async def test_what_is_gathered_arrives_as_one_email(herald: Herald) -> None:
    user = await herald.user("digest-1")
    await herald.api.put(f"/users/{user}/preferences", json=DAILY)
    sent = [
        await herald.send(user, type="job_match", title=f"Job {n}", channels=["email", "websocket"])
        for n in range(3)
    ]
    for item in sent:
        held = await herald.until(item["id"], "scheduled")
        assert held["reason"] == "digest_daily"
    cancelled = (await herald.api.delete(f"/notifications/{sent[2]['id']}")).json()
    assert cancelled["outcome"] == "cancelled"

    flushed = (await herald.api.post(f"/users/{user}/digests/jobs/flush")).json()
    assert (flushed["outcome"], flushed["items"]) == ("flushed", 2)
    digest = await herald.left(flushed["digestId"])
    assert (digest["type"], digest["data"]["total"]) == ("digest", 2)
    assert {line["channel"] for line in digest["deliveries"]} == {"email", "websocket"}
    [message] = await herald.messages(f"{user}@example.com")
    assert message["subject"] == "2 notifications for you"
    assert "Job 0" in message["text"]
    assert "Job 1" in message["text"]
    assert "Job 2" not in message["text"]
    for item in sent[:2]:
        shown = await herald.get(item["id"])
        assert (shown["status"], shown["digestId"]) == ("digested", flushed["digestId"])
    inbox = (await herald.api.get(f"/users/{user}/notifications")).json()["data"]
    assert [item["id"] for item in inbox] == [flushed["digestId"]]


async def test_a_choice_changed_to_immediate_sends_what_waits(herald: Herald) -> None:
    user = await herald.user("digest-2")
    await herald.api.put(f"/users/{user}/preferences", json=DAILY)
    sent = [await herald.send(user, type="job_match", title=f"Job {n}") for n in range(2)]
    for item in sent:
        await herald.until(item["id"], "scheduled")
    await herald.api.put(
        f"/users/{user}/preferences", json={"categories": {"jobs": {"delivery": "immediate"}}}
    )
    for item in sent:
        await herald.until(item["id"], "sent", "delivered")
    subjects = sorted(m["subject"] for m in await herald.messages(f"{user}@example.com"))
    assert subjects == ["Job 0", "Job 1"]
    nothing = (await herald.api.post(f"/users/{user}/digests/jobs/flush")).json()
    assert nothing["outcome"] == "nothing_waiting"


async def test_a_digest_waits_out_an_operators_pause(herald: Herald) -> None:
    user = await herald.user("digest-3")
    await herald.api.put(f"/users/{user}/preferences", json=DAILY)
    one = await herald.send(user, type="job_match", title="Held")
    await herald.until(one["id"], "scheduled")
    await herald.api.post("/channels/email/pause")
    try:
        flushed = (await herald.api.post(f"/users/{user}/digests/jobs/flush")).json()
        held = await herald.until(flushed["digestId"], "scheduled")
        assert held["reason"] == "channel_paused"
        assert await herald.messages(f"{user}@example.com") == []
    finally:
        await herald.api.post("/channels/email/resume")
    await herald.until(flushed["digestId"], "sent", "delivered")


async def test_flushes_from_many_at_once_make_one_digest(herald: Herald) -> None:
    user = await herald.user("digest-4")
    await herald.api.put(f"/users/{user}/preferences", json=DAILY)
    sent = [await herald.send(user, type="job_match", title=f"Job {n}") for n in range(4)]
    for item in sent:
        await herald.until(item["id"], "scheduled")
    answers = await asyncio.gather(
        *(herald.api.post(f"/users/{user}/digests/jobs/flush") for _ in range(6))
    )
    items = [answer.json()["items"] for answer in answers]
    assert sorted(items) == [0, 0, 0, 0, 0, 4]
