"""`/api/notifications/bulk`: each item on its own."""

import time
from typing import Final
from uuid import uuid4

import httpx
import orjson

from tests.api.conftest import Actor, fields_of, refusal

AIM: Final = 2.0
"""Seconds on an idle machine; tests share theirs."""


def item(user: str, **fields: object) -> dict[str, object]:
    return {"userId": user, "type": "job_match", "title": "T", "content": str(uuid4())} | fields


async def test_good_items_are_accepted_beside_bad_ones(
    api: httpx.AsyncClient, actor: Actor
) -> None:
    user = await actor.user()
    items = [
        item(user), item("nobody"), item(user, colour="red"), item(user, type="unheard_of"),
        item(user), {"userId": user},
    ]  # fmt: skip
    answer = await api.post("/notifications/bulk", json={"notifications": items})
    assert answer.status_code == 202, answer.text
    shown = answer.json()
    assert (shown["accepted"], shown["rejected"]) == (2, 4)
    results = shown["results"]
    assert [line["index"] for line in results] == list(range(6))
    assert [line["error"]["code"] if line.get("error") else "ok" for line in results] == [
        "ok", "unknown_user", "validation_error", "unknown_type", "ok", "validation_error",
    ]  # fmt: skip
    assert results[2]["error"]["errors"][0]["field"] == "colour"
    assert "error" not in results[0]
    assert "id" not in results[1]
    for line in (results[0], results[4]):
        assert (await api.get(f"/notifications/{line['id']}")).status_code == 200


async def test_ten_thousand_items_are_answered_within_seconds(
    api: httpx.AsyncClient, actor: Actor
) -> None:
    user = await actor.user()
    items = [item(user, data={"text": "x" * 200}) for _ in range(10_000)]
    body = orjson.dumps({"notifications": items})
    assert 1024 * 1024 < len(body) < 16 * 1024 * 1024
    began = time.perf_counter()
    answer = await api.post(
        "/notifications/bulk", content=body, headers={"content-type": "application/json"},
        timeout=120,
    )  # fmt: skip
    took = time.perf_counter() - began
    assert answer.status_code == 202
    assert took < 4 * AIM, took
    assert answer.json()["accepted"] == 10_000
    assert len({line["id"] for line in answer.json()["results"]}) == 10_000


async def test_no_items_and_too_many_are_refused(api: httpx.AsyncClient) -> None:
    for items, code in ([], "too_short"), ([{}] * 10_001, "too_long"):
        answer = await api.post("/notifications/bulk", json={"notifications": items})
        assert fields_of(refusal(answer, 422, "validation_error")) == {"notifications": code}


async def test_a_repeated_call_with_its_key_answers_the_same(
    api: httpx.AsyncClient, actor: Actor
) -> None:
    body = {"notifications": [item(await actor.user())]}
    headers = {"Idempotency-Key": str(uuid4())}
    first = await api.post("/notifications/bulk", json=body, headers=headers)
    second = await api.post("/notifications/bulk", json=body, headers=headers)
    assert first.json() == second.json()
    assert second.status_code == 202
    assert second.headers["idempotent-replayed"] == "true"


async def test_many_are_marked_read(api: httpx.AsyncClient, actor: Actor) -> None:
    one, other = await actor.user(), await actor.user()
    ids = [(await actor.in_inbox(user))["id"] for user in (one, one, other)]
    read = await api.put("/notifications/bulk/read", json={"ids": ids[:1], "userId": one})
    assert read.json() == {"updated": 1}
    rest = await api.put("/notifications/bulk/read", json={"ids": [*ids, str(uuid4())]})
    assert rest.json() == {"updated": 2}
    for user in (one, other):
        counts = (await api.get(f"/users/{user}/notifications")).json()["counts"]
        assert counts["unread"] == 0
    wrong = await api.put("/notifications/bulk/read", json={"ids": ["x"]})
    assert fields_of(refusal(wrong, 422, "validation_error")) == {"ids.0": "uuid_parsing"}


async def test_many_are_deleted_and_the_waiting_ones_are_never_sent(
    api: httpx.AsyncClient, actor: Actor
) -> None:
    user = await actor.user()
    arrived = await actor.in_inbox(user)
    waiting = await actor.send(user, scheduledAt="2027-12-01T09:00:00Z")
    ids = [arrived["id"], waiting["id"], str(uuid4())]
    answer = await api.request("DELETE", "/notifications/bulk", json={"ids": ids})
    assert answer.json() == {"deleted": 2}
    refusal(await api.get(f"/notifications/{waiting['id']}"), 404, "notification_not_found")
    assert (await api.get(f"/users/{user}/notifications")).json()["data"] == []
    assert (await api.get(f"/users/{user}/upcoming")).json()["data"] == []
