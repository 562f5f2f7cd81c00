"""Digests on the wire: what waits under a key, sent on request."""

from uuid import uuid4

import httpx
import pytest

from domain.enums import PlanTrigger
from domain.ids import new_id
from domain.messages import PlanInput
from runtime.container import Container


@pytest.fixture
async def user(api: httpx.AsyncClient) -> str:
    """Has jobs gathered once a day."""
    user_id = f"user-{uuid4().hex[:12]}"
    await api.put(f"/users/{user_id}", json={"email": f"{user_id}@example.com", "timezone": "UTC"})
    await api.put(
        f"/users/{user_id}/preferences", json={"categories": {"jobs": {"delivery": "daily"}}}
    )
    return user_id


async def gathered(api: httpx.AsyncClient, container: Container, user: str, **fields: str) -> str:
    body = {"userId": user, "type": "job_match", "title": "A job", "content": str(new_id())}
    sent = (await api.post("/notifications", json=body | fields)).json()
    found = await container.plan.plan(
        PlanInput(notification_id=sent["id"], now=container.clock(), trigger=PlanTrigger.ACCEPTED)
    )
    assert found.gathered
    return str(sent["id"])


async def test_flushed_on_request_each_item_names_its_digest(
    api: httpx.AsyncClient, container: Container, user: str
) -> None:
    items = [await gathered(api, container, user) for _ in range(2)]
    upcoming = (await api.get(f"/users/{user}/upcoming")).json()["data"]
    assert [(item["id"], item["reason"]) for item in upcoming] == [
        (item, "digest_daily") for item in items
    ]
    assert upcoming[0]["digestId"] is None

    answer = await api.post(f"/users/{user}/digests/jobs/flush")
    assert answer.status_code == 200, answer.text
    flushed = answer.json()
    assert (flushed["outcome"], flushed["items"], flushed["waiting"]) == ("flushed", 2, 0)
    digest = (await api.get(f"/notifications/{flushed['digestId']}")).json()
    assert (digest["type"], digest["category"], digest["digestKey"]) == ("digest", "jobs", "jobs")
    assert [line["notificationId"] for line in digest["data"]["items"]] == items
    assert digest["data"]["items"][0]["title"] == "A job"
    assert digest["data"]["total"] == 2
    for item in items:
        shown = (await api.get(f"/notifications/{item}")).json()
        assert (shown["status"], shown["digestId"]) == ("digested", flushed["digestId"])
        explained = (await api.get(f"/notifications/{item}/explain")).json()
        assert explained["digestId"] == flushed["digestId"]
        assert flushed["digestId"] in explained["summary"]
        gone = (await api.delete(f"/notifications/{item}")).json()
        assert gone["outcome"] == "already_final"


async def test_nothing_waiting_is_said(api: httpx.AsyncClient, user: str) -> None:
    answer = (await api.post(f"/users/{user}/digests/jobs/flush")).json()
    assert answer == {"outcome": "nothing_waiting", "digestId": None, "items": 0, "waiting": 0}
    nobody = await api.post("/users/nobody/digests/jobs/flush")
    assert (nobody.status_code, nobody.json()["code"]) == (404, "user_not_found")


async def test_a_key_of_the_callers_own_may_hold_anything(
    api: httpx.AsyncClient, container: Container, user: str
) -> None:
    item = await gathered(api, container, user, digestKey="search/7 ü")
    answer = await api.post(f"/users/{user}/digests/search%2F7%20%C3%BC/flush")
    assert answer.json()["items"] == 1
    assert (await api.get(f"/notifications/{item}")).json()["digestKey"] == "search/7 ü"


async def test_an_idempotency_key_flushes_once(
    api: httpx.AsyncClient, container: Container, user: str
) -> None:
    await gathered(api, container, user)
    path, headers = f"/users/{user}/digests/jobs/flush", {"Idempotency-Key": str(uuid4())}
    first = await api.post(path, headers=headers)
    await gathered(api, container, user)
    again = await api.post(path, headers=headers)
    assert again.json() == first.json()
    assert again.headers["Idempotent-Replayed"] == "true"


async def test_a_users_own_token_may_flush_and_another_may_not(
    api: httpx.AsyncClient, user: str
) -> None:
    token = (await api.post(f"/users/{user}/tokens")).json()["token"]
    own = {"Authorization": f"Bearer {token}"}
    assert (await api.post(f"/users/{user}/digests/jobs/flush", headers=own)).is_success
    other = await api.post("/users/somebody/digests/jobs/flush", headers=own)
    assert other.status_code == 403


async def test_a_types_digest_rule_is_one_of_the_modes(api: httpx.AsyncClient, user: str) -> None:
    kind = {"category": "messages", "defaultChannels": ["email"]}
    name = f"own_{uuid4().hex[:8]}"
    wrong = await api.put(f"/notification-types/{name}", json=kind | {"digestRule": "now and then"})
    assert wrong.status_code == 422
    made = await api.put(f"/notification-types/{name}", json=kind | {"digestRule": "weekly"})
    assert made.json()["digestRule"] == "weekly"
    effective = await api.get(f"/users/{user}/preferences/effective", params={"type": name})
    assert effective.json()["delivery"] == "weekly"
    await api.put(
        f"/users/{user}/preferences", json={"categories": {"messages": {"enabled": True}}}
    )
    effective = await api.get(f"/users/{user}/preferences/effective", params={"type": name})
    assert effective.json()["delivery"] == "weekly", "nothing was said about the delivery"
    await api.put(
        f"/users/{user}/preferences", json={"categories": {"messages": {"delivery": "immediate"}}}
    )
    effective = await api.get(f"/users/{user}/preferences/effective", params={"type": name})
    assert effective.json()["delivery"] == "immediate"
