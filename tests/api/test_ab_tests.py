"""A/B tests over the API: made, assigned, answered, decided, and carried by notifications."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI

from domain.ab.definition import NewOutcome
from domain.ab.messages import ABTestLook
from domain.callbacks import EngagementKind
from domain.enums import Channel
from runtime.container import Container
from tests.api.conftest import Actor, client, fields_of, refusal


def definition(**change: Any) -> dict[str, Any]:
    return {
        "name": "Subjects", "metric": "click", "decideAfter": "PT4H",
        "variants": [{"name": "A", "subject": "Subject A"},
                     {"name": "B", "subject": "Subject B", "data": {"tone": "warm"}}],
    } | change  # fmt: skip


async def made(api: httpx.AsyncClient, **change: Any) -> dict[str, Any]:
    answer = await api.post("/ab-tests", json=definition(**change))
    assert answer.status_code == 201, answer.text
    test: dict[str, Any] = answer.json()
    return test


async def assigned(api: httpx.AsyncClient, test: dict[str, Any], user: str) -> dict[str, Any]:
    answer = await api.post(f"/ab-tests/{test['id']}/assign", json={"userId": user})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def with_variant(api: httpx.AsyncClient, test: dict[str, Any], name: str) -> str:
    """A user whose variant is this one."""
    while True:
        user = f"user-{uuid4().hex[:12]}"
        if (await assigned(api, test, user))["variant"]["name"] == name:
            return user


async def results(api: httpx.AsyncClient, test: dict[str, Any]) -> dict[str, Any]:
    answer = await api.get(f"/ab-tests/{test['id']}/results")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def outcomes(found: dict[str, Any], metric: str) -> dict[str, int]:
    everything = {found["metric"]: found} | {m["metric"]: m for m in found["otherMetrics"]}
    return {v["name"]: v["outcomes"] for v in everything[metric]["variants"]}


async def test_a_test_is_made_shown_and_listed(api: httpx.AsyncClient) -> None:
    test = await made(api, type="newsletter", fraction=0.5)
    assert (test["status"], test["decision"], test["winner"]) == ("running", None, "automatic")
    assert test["variants"][1]["data"] == {"tone": "warm"}
    assert test["decideAfter"] == "PT4H"
    started = datetime.fromisoformat(test["startedAt"])
    assert datetime.fromisoformat(test["decideAt"]) == started + timedelta(hours=4)
    assert (await api.get(f"/ab-tests/{test['id']}")).json() == test
    listed = (await api.get("/ab-tests", params={"status": "running", "limit": 1})).json()
    assert listed["data"][0] == test
    nobody = await results(api, test)
    assert (nobody["verdict"], nobody["leader"]) == ("inconclusive", None)
    assert nobody["variants"][0] == {
        "name": "A", "recipients": 0, "outcomes": 0, "rate": None, "value": None,
        "interval": {"low": 0.0, "high": 1.0},
    }  # fmt: skip


async def test_a_draft_assigns_nobody_until_it_is_started(api: httpx.AsyncClient) -> None:
    test = await made(api, status="draft")
    path = f"/ab-tests/{test['id']}"
    assert (test["startedAt"], test["decideAt"]) == (None, None)
    refusal(await api.post(f"{path}/assign", json={"userId": "ada"}), 409, "ab_test_not_running")
    refusal(await api.post(f"{path}/decide", json={"variant": "A"}), 409, "ab_test_not_running")
    for _ in range(2):
        assert (await api.post(f"{path}/start")).json()["status"] == "running"
    assert (await assigned(api, test, "ada"))["reason"] == "assigned"


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"variants": [{"name": "A"}]}, "variants", "too_short"),
        ({"variants": [{"name": "A"}, {"name": "A"}]}, "variants", "value_error"),
        ({"fraction": 0}, "fraction", "greater_than"),
        ({"metric": "luck"}, "metric", "enum"),
        ({"decideAfter": None}, "body", "value_error"),
        ({"colour": "red"}, "colour", "unknown_field"),
    ],
)
async def test_what_is_no_test(
    api: httpx.AsyncClient, change: dict[str, Any], field: str, code: str
) -> None:
    answer = await api.post("/ab-tests", json=definition(**change))
    assert fields_of(refusal(answer, 422, "validation_error")) == {field: code}


async def test_unknown_things(api: httpx.AsyncClient) -> None:
    nowhere = f"/ab-tests/{uuid4()}"
    for call in (
        api.get(nowhere), api.get(f"{nowhere}/results"), api.post(f"{nowhere}/start"),
        api.post(f"{nowhere}/stop"), api.post(f"{nowhere}/assign", json={"userId": "ada"}),
        api.post(f"{nowhere}/decide", json={"variant": "A"}),
        api.post(f"{nowhere}/outcomes", json={"userId": "ada", "metric": "click"}),
    ):  # fmt: skip
        refusal(await call, 404, "ab_test_not_found")
    refusal(await api.post("/ab-tests", json=definition(type="no_such")), 422, "unknown_type")
    test = await made(api)
    answer = await api.post(f"/ab-tests/{test['id']}/decide", json={"variant": "C"})
    assert fields_of(refusal(answer, 422, "unknown_variant")) == {"variant": "unknown_variant"}


async def test_scopes(app: FastAPI, actor: Actor) -> None:
    async with client(app, await actor.key("campaigns:read")) as reader:
        assert (await reader.get("/ab-tests")).status_code == 200
        refusal(await reader.post("/ab-tests", json=definition()), 403, "missing_scope")
    async with client(app, await actor.key("notifications:write")) as stranger:
        refusal(await stranger.get("/ab-tests"), 403, "missing_scope")


async def test_the_same_key_makes_one_test(api: httpx.AsyncClient) -> None:
    key = {"Idempotency-Key": uuid4().hex}
    first = await api.post("/ab-tests", json=definition(), headers=key)
    again = await api.post("/ab-tests", json=definition(), headers=key)
    assert again.json() == first.json()
    assert again.headers["idempotent-replayed"] == "true"


async def test_a_user_keeps_their_variant(api: httpx.AsyncClient) -> None:
    test = await made(api)
    users = [f"user-{n}" for n in range(20)]
    first = [await assigned(api, test, user) for user in users]
    assert {answer["variant"]["name"] for answer in first} == {"A", "B"}
    assert [await assigned(api, test, user) for user in users] == first
    assert sum(v["recipients"] for v in (await results(api, test))["variants"]) == 20


async def test_who_is_held_out_gets_the_winner(api: httpx.AsyncClient) -> None:
    test = await made(api, fraction=0.5)
    users = [f"user-{n}" for n in range(40)]
    before = {user: await assigned(api, test, user) for user in users}
    held = [user for user in users if before[user]["variant"] is None]
    assert 0 < len(held) < 40
    assert {before[user]["reason"] for user in held} == {"held_out"}
    for _ in range(2):
        decided = await api.post(f"/ab-tests/{test['id']}/decide", json={"variant": "B"})
        assert decided.json()["status"] == "decided"
    decision = decided.json()["decision"]
    assert (decision["variant"], decision["reason"]) == ("B", "by_hand")
    assert decision["summary"].startswith("Too little to tell")
    for user in users:
        after = await assigned(api, test, user)
        if user in held:
            assert (after["variant"]["name"], after["reason"]) == ("B", "winner")
        else:
            assert after == before[user]
    other = await api.post(f"/ab-tests/{test['id']}/decide", json={"variant": "A"})
    refusal(other, 409, "ab_test_ended")
    for action in ("stop", "start"):
        refusal(await api.post(f"/ab-tests/{test['id']}/{action}"), 409, "ab_test_ended")
    counted = (await results(api, test))["variants"]
    assert sum(variant["recipients"] for variant in counted) == 40 - len(held)


async def test_a_stopped_test_assigns_nobody_else(api: httpx.AsyncClient) -> None:
    test = await made(api)
    ada = await assigned(api, test, "ada")
    for _ in range(2):
        stopped = await api.post(f"/ab-tests/{test['id']}/stop")
        assert (stopped.json()["status"], stopped.json()["decision"]) == ("stopped", None)
    assert await assigned(api, test, "ada") == ada
    bob = await assigned(api, test, "bob")
    assert (bob["variant"], bob["reason"]) == (None, "stopped")
    refusal(
        await api.post(f"/ab-tests/{test['id']}/decide", json={"variant": "A"}),
        409, "ab_test_ended",
    )  # fmt: skip


async def test_outcomes_count_once_and_only_of_the_assigned(api: httpx.AsyncClient) -> None:
    test = await made(api)
    path = f"/ab-tests/{test['id']}/outcomes"
    ada = await with_variant(api, test, "A")
    said = {"userId": ada, "metric": "conversion", "value": 12.5}
    first = await api.post(path, json=said)
    assert (first.status_code, first.json()) == (201, {"counted": True})
    assert (await api.post(path, json=said | {"value": 99})).json() == {"counted": False}
    answer = await api.post(path, json=said | {"userId": "stranger"})
    assert fields_of(refusal(answer, 422, "not_assigned")) == {"userId": "not_assigned"}
    found = await results(api, test)
    assert outcomes(found, "conversion") == {"A": 1, "B": 0}
    assert outcomes(found, "click") == {"A": 0, "B": 0}
    [conversions] = [m for m in found["otherMetrics"] if m["metric"] == "conversion"]
    assert conversions["variants"][0]["value"] == 12.5


async def test_a_clear_difference_is_called_one_and_decides(
    api: httpx.AsyncClient, container: Container
) -> None:
    test = await made(api)
    async with container.uow() as tx:
        for n in range(300):
            kept = await tx.ab_tests.assign(UUID(test["id"]), f"u{n}", n % 2, container.clock())
            assert kept == n % 2
    clickers = [f"u{n}" for n in range(300) if (n % 2 and n < 150) or n < 40]
    for user in clickers:
        click = NewOutcome.model_validate({"userId": user, "metric": "click"})
        assert await container.ab_tests.record(UUID(test["id"]), click)
    found = await results(api, test)
    assert (found["verdict"], found["leader"]) == ("significant", "B")
    assert [v["outcomes"] for v in found["variants"]] == [20, 75]
    assert found["summary"].startswith("B is better than A: 50.0% against 13.3% clicked (+275%;")
    [pair] = found["comparisons"]
    assert pair["significant"] is True
    assert pair["liftInterval"]["low"] > 0
    decide_at = datetime.fromisoformat(test["decideAt"])
    early = await container.ab_tests.look(
        ABTestLook(test_id=UUID(test["id"]), now=decide_at - timedelta(seconds=1))
    )
    assert (early.ended, early.decide_at) == (False, decide_at)
    step = await container.ab_tests.look(ABTestLook(test_id=UUID(test["id"]), now=decide_at))
    assert (step.ended, step.status, step.winner) == (True, "decided", 1)
    decision = (await api.get(f"/ab-tests/{test['id']}")).json()["decision"]
    assert (decision["by"], decision["significant"]) == ("metric", True)
    assert decision["reason"] == "significant_lead"
    audit = (await api.get("/audit", params={"limit": 200})).json()["data"]
    mine = [e["action"] for e in audit if e["subject"] == f"ab_test:{test['id']}"]
    assert mine == ["ab_test.decided", "ab_test.created"]


async def test_without_outcomes_the_baseline_goes_to_the_rest(
    api: httpx.AsyncClient, container: Container
) -> None:
    test = await made(api)
    at = datetime.fromisoformat(test["decideAt"])
    await container.ab_tests.look(ABTestLook(test_id=UUID(test["id"]), now=at))
    decision = (await api.get(f"/ab-tests/{test['id']}")).json()["decision"]
    assert (decision["variant"], decision["significant"]) == ("A", False)
    assert decision["reason"] == "no_recipients"
    assert (await assigned(api, test, "anybody"))["variant"]["name"] == "A"


async def test_only_a_hand_decides_a_manual_test(
    api: httpx.AsyncClient, container: Container
) -> None:
    test = await made(api, winner="manual")
    assert test["decideAt"] is None
    step = await container.ab_tests.look(
        ABTestLook(test_id=UUID(test["id"]), now=datetime(2099, 1, 1, tzinfo=UTC))
    )
    assert (step.ended, step.decide_at) == (False, None)


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
