"""Dead letters, suppressions, the audit log."""

from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.api.conftest import Actor, refusal


@pytest.fixture
async def sandbox(sandbox_url: str) -> Any:
    async with httpx.AsyncClient(base_url=sandbox_url, timeout=10) as opened:
        await opened.delete("/faults")
        yield opened
        await opened.delete("/faults")


async def failed(actor: Actor, sandbox: httpx.AsyncClient, times: int = 1) -> dict[str, Any]:
    """A notification that the vendor refused for good."""
    user = await actor.user()
    await sandbox.post(
        "/faults",
        json={"provider": "resend", "kind": "status", "status": 400, "times": times,
              "to": f"{user}@example.com"},
    )  # fmt: skip
    item = await actor.send(user)
    await actor.work(item["id"])
    return item


async def letter_of(api: httpx.AsyncClient, item: dict[str, Any]) -> dict[str, Any]:
    page = (await api.get("/dead-letters", params={"limit": 200})).json()
    [letter] = [line for line in page["data"] if line["notificationId"] == item["id"]]
    return dict(letter)


async def test_a_final_failure_is_listed_and_redriven(
    api: httpx.AsyncClient, actor: Actor, sandbox: httpx.AsyncClient
) -> None:
    item = await failed(actor, sandbox)
    assert (await api.get(f"/notifications/{item['id']}")).json()["status"] == "failed"
    letter = await letter_of(api, item)
    assert (letter["channel"], letter["provider"], letter["status"]) == ("email", "resend", "open")
    assert letter["code"]
    redriven = await api.post(f"/dead-letters/{letter['id']}/redrive")
    assert redriven.status_code == 202, redriven.text
    assert redriven.json()["status"] == "redriven"
    refusal(await api.post(f"/dead-letters/{letter['id']}/redrive"), 409, "dead_letter_closed")
    await actor.work(item["id"])
    shown = (await api.get(f"/notifications/{item['id']}")).json()
    assert shown["status"] == "sent"
    assert "redrive-1" in shown["links"]["workflow"]
    messages = (
        await sandbox.get("/messages", params={"to": f"{item['userId']}@example.com"})
    ).json()
    assert len(messages["data"]) == 1
    explained = (await api.get(f"/notifications/{item['id']}/explain")).json()
    assert "notification.redriven" in [line["event"] for line in explained["timeline"]]


async def test_many_are_redriven_by_what_they_have_in_common(
    api: httpx.AsyncClient, actor: Actor, sandbox: httpx.AsyncClient
) -> None:
    items = [await failed(actor, sandbox) for _ in range(3)]
    none = await api.post("/dead-letters/redrive", json={"filter": {"provider": "twilio"}})
    assert none.json() == {"redriven": 0, "refused": 0}
    body = {"filter": {"provider": "resend", "channel": "email", "type": "application_update"}}
    answer = await api.post("/dead-letters/redrive", json=body)
    assert answer.status_code == 202
    assert answer.json()["redriven"] >= 3
    for item in items:
        await actor.work(item["id"])
        assert (await api.get(f"/notifications/{item['id']}")).json()["status"] == "sent"
    assert (await api.get("/dead-letters", params={"provider": "resend"})).json()["data"] == []
    closed = (await api.get("/dead-letters", params={"status": "redriven"})).json()["data"]
    assert {item["id"] for item in items} <= {line["notificationId"] for line in closed}


async def test_a_letter_is_discarded(
    api: httpx.AsyncClient, actor: Actor, sandbox: httpx.AsyncClient
) -> None:
    letter = await letter_of(api, await failed(actor, sandbox))
    assert (await api.delete(f"/dead-letters/{letter['id']}")).status_code == 204
    refusal(await api.delete(f"/dead-letters/{letter['id']}"), 409, "dead_letter_closed")
    refusal(await api.post(f"/dead-letters/{letter['id']}/redrive"), 409, "dead_letter_closed")
    unknown = str(uuid4())
    refusal(await api.post(f"/dead-letters/{unknown}/redrive"), 404, "dead_letter_not_found")
    refusal(await api.delete(f"/dead-letters/{unknown}"), 404, "dead_letter_not_found")
    refusal(await api.post("/dead-letters/redrive", json={"filter": {"x": 1}}), 422,
            "validation_error")  # fmt: skip


async def test_a_suppressed_address_gets_nothing(api: httpx.AsyncClient, actor: Actor) -> None:
    user = await actor.user()
    body = {"channel": "email", "address": f"{user}@EXAMPLE.com", "reason": "asked us"}
    made = await api.post("/suppressions", json=body)
    assert made.status_code == 201, made.text
    again = await api.post("/suppressions", json=body | {"address": f"{user}@example.com"})
    assert (again.status_code, again.json()["id"]) == (200, made.json()["id"])
    item = await actor.send(user)
    await actor.work(item["id"])
    shown = (await api.get(f"/notifications/{item['id']}")).json()
    assert shown["status"] == "skipped"
    listed = (await api.get("/suppressions")).json()["data"]
    assert made.json()["id"] in [line["id"] for line in listed]
    assert (await api.delete(f"/suppressions/{made.json()['id']}")).status_code == 204
    refusal(await api.delete(f"/suppressions/{made.json()['id']}"), 404, "suppression_not_found")
    for bad, code in (({"channel": "email", "address": "x"}, "invalid_email"),
                      ({"channel": "sms", "address": "x"}, "invalid_phone")):  # fmt: skip
        refusal(await api.post("/suppressions", json=bad), 422, code)


async def test_who_changed_what_is_kept(api: httpx.AsyncClient, actor: Actor) -> None:
    await actor.key("users:read")
    user = await actor.user()
    await api.delete(f"/users/{user}")
    first = (await api.get("/audit", params={"limit": 1})).json()
    assert first["data"][0]["action"] == "user.erased"
    assert first["data"][0]["subject"] == f"user:{user}"
    assert first["data"][0]["actor"] == "key:first"
    older = (await api.get("/audit", params={"limit": 50, "cursor": first["nextCursor"]})).json()
    assert "api_key.created" in [line["action"] for line in older["data"]]
    refusal(await api.get("/audit", params={"cursor": "zzz"}), 422, "invalid_cursor")
