"""A/B tests over the API: made, assigned, answered and decided."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI

from domain.ab.definition import NewOutcome
from domain.ab.messages import ABTestLook
from runtime.container import Container
from tests.api.ab_tests.calls import assigned, definition, made, outcomes, results, with_variant
from tests.api.conftest import Actor, client, fields_of, refusal


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
