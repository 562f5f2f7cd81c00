"""A/B tests that notifications carry."""

from datetime import datetime, timedelta
from uuid import UUID, uuid4

import httpx

from domain.callbacks import EngagementKind
from domain.enums import Channel
from runtime.container import Container
from tests.api.ab_tests.calls import assigned, made, outcomes, results
from tests.api.conftest import Actor, fields_of, refusal


async def test_a_notification_carries_its_users_variant(
    actor: Actor, api: httpx.AsyncClient, container: Container
) -> None:
    test = await made(api)
    choice = {"id": test["id"]}
    user = await actor.user()
    sent = await actor.send(user, abTest=choice, data={"tone": "cool", "job": "cook"})
    name = (await assigned(api, test, user))["variant"]["name"]
    assert sent["email"]["subject"] == f"Subject {name}"
    assert sent["data"] == {"tone": "warm" if name == "B" else "cool", "job": "cook"}
    explained = (await api.get(f"/notifications/{sent['id']}/explain")).json()
    requested = explained["timeline"][0]["detail"]
    assert requested["abTest"] == {"id": test["id"], "variant": name}
    before = await results(api, test)
    assert outcomes(before, "click") == outcomes(before, "open") == {"A": 0, "B": 0}
    await actor.work(sent["id"])
    for _ in range(2):
        await container.engagement.record(
            UUID(sent["id"]),
            Channel.EMAIL,
            EngagementKind.CLICKED,
            container.clock(),
            "https://a.b",
        )
    found = await results(api, test)
    assert outcomes(found, "click") == {"A": 0, "B": 0} | {name: 1}
    assert outcomes(found, "open") == {"A": 0, "B": 0} | {name: 1}
    assert outcomes(found, "read") == {"A": 0, "B": 0}


async def test_reading_in_the_inbox_counts(actor: Actor, api: httpx.AsyncClient) -> None:
    test = await made(api, metric="read", variants=[{"name": "A", "title": "One"}, {"name": "B"}])
    user = await actor.user()
    item = await actor.in_inbox(user, abTest={"id": test["id"]}, title="Two")
    name = (await assigned(api, test, user))["variant"]["name"]
    assert item["title"] == ("One" if name == "A" else "Two")
    for _ in range(2):
        assert (await api.put(f"/users/{user}/notifications/{item['id']}/read")).is_success
    assert outcomes(await results(api, test), "read") == {"A": 0, "B": 0} | {name: 1}


async def test_who_refuses_tracking_has_no_outcome(
    actor: Actor, api: httpx.AsyncClient, container: Container
) -> None:
    test, user = await made(api), await actor.user()
    refused = {"granted": False, "source": "preferences"}
    assert (await api.put(f"/users/{user}/consents/tracking", json=refused)).is_success
    sent = await actor.send(user, abTest={"id": test["id"]})
    await actor.work(sent["id"])
    await container.engagement.record(
        UUID(sent["id"]), Channel.EMAIL, EngagementKind.OPENED, container.clock()
    )
    assert outcomes(await results(api, test), "open") == {"A": 0, "B": 0}


async def test_a_notification_after_the_end(actor: Actor, api: httpx.AsyncClient) -> None:
    test = await made(api)
    choice = {"id": test["id"]}
    old = await actor.user()
    first = await actor.send(old, abTest=choice)
    loser = "B" if first["email"]["subject"] == "Subject A" else "A"
    await api.post(f"/ab-tests/{test['id']}/decide", json={"variant": loser})
    assert (await actor.send(old, abTest=choice))["email"] == first["email"]
    new = await actor.send(await actor.user(), abTest=choice)
    assert new["email"]["subject"] == f"Subject {loser}"
    stopped = await made(api)
    await api.post(f"/ab-tests/{stopped['id']}/stop")
    plain = await actor.send(await actor.user(), abTest={"id": stopped["id"]})
    assert (plain["email"], plain["status"]) == (None, "accepted")


async def test_a_variant_may_change_the_time_and_the_sender(
    actor: Actor, api: httpx.AsyncClient, container: Container
) -> None:
    late = {"delay": "PT2H", "sender": "Jobs <jobs@example.com>", "title": "Later"}
    test = await made(api, variants=[{"name": "A"} | late, {"name": "B"} | late])
    before = container.clock()
    sent = await actor.send(await actor.user(), abTest={"id": test["id"]})
    due = datetime.fromisoformat(sent["scheduledAt"])
    assert timedelta(hours=2) <= due - before < timedelta(hours=2, minutes=1)
    assert sent["email"]["from"] == "Jobs <jobs@example.com>"
    ends = (before + timedelta(hours=1)).isoformat()
    body = {"userId": sent["userId"], "type": "application_update", "title": "T", "content": "C",
            "expiresAt": ends, "abTest": {"id": test["id"]}}  # fmt: skip
    refusal(await api.post("/notifications", json=body), 422, "expires_before_scheduled")


async def test_a_sender_leaves_with_the_message(
    actor: Actor, api: httpx.AsyncClient, sandbox_url: str
) -> None:
    test = await made(
        api, variants=[{"name": n, "sender": "Jobs <jobs@example.com>"} for n in ("A", "B")]
    )
    user = await actor.user()
    sent = await actor.send(user, abTest={"id": test["id"]})
    await actor.work(sent["id"])
    async with httpx.AsyncClient(base_url=sandbox_url) as sandbox:
        seen = (await sandbox.get("/messages", params={"to": f"{user}@example.com"})).json()
    [message] = seen["data"]
    assert message["payload"]["from"] == "Jobs <jobs@example.com>"


async def test_a_notification_of_a_test_that_does_not_fit(
    actor: Actor, api: httpx.AsyncClient
) -> None:
    user = await actor.user()
    body = {"userId": user, "type": "application_update", "title": "T", "content": "C"}

    async def sent_with(test_id: str) -> httpx.Response:
        return await api.post("/notifications", json=body | {"abTest": {"id": test_id}})

    answer = await sent_with(str(uuid4()))
    assert fields_of(refusal(answer, 422, "unknown_ab_test")) == {"abTest.id": "unknown_ab_test"}
    other = await made(api, type="newsletter")
    refusal(await sent_with(other["id"]), 422, "ab_test_of_another_type")
    draft = await made(api, status="draft")
    refusal(await sent_with(draft["id"]), 409, "ab_test_not_running")
    assert (await sent_with((await made(api, type="application_update"))["id"])).is_success


async def test_many_at_once(actor: Actor, api: httpx.AsyncClient) -> None:
    test = await made(api)
    users = [await actor.user() for _ in range(6)]
    items = [
        {"userId": user, "type": "application_update", "title": "T", "content": f"{n}",
         "abTest": {"id": test["id"] if n != 2 else str(uuid4())}}
        for n, user in enumerate([*users, *users])
    ]  # fmt: skip
    answer = (await api.post("/notifications/bulk", json={"notifications": items})).json()
    assert (answer["accepted"], answer["rejected"]) == (11, 1)
    assert answer["results"][2]["error"]["code"] == "unknown_ab_test"
    counted = await results(api, test)
    assert sum(variant["recipients"] for variant in counted["variants"]) == 6
    first = (await api.get(f"/notifications/{answer['results'][0]['id']}")).json()
    name = (await assigned(api, test, users[0]))["variant"]["name"]
    assert first["email"]["subject"] == f"Subject {name}"
