"""`/api/notifications/{id}`: changed, cancelled, sent now, explained."""

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.api.conftest import Actor, fields_of, refusal

LATER = "2027-12-01T09:00:00+01:00"
NOWHERE = "01890000-0000-7000-8000-000000000000"


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", ""), ("PUT", ""), ("DELETE", ""), ("POST", "/send-now"), ("GET", "/explain"),
     ("GET", "/deliveries")],
)  # fmt: skip
async def test_an_unknown_notification_is_not_found(
    api: httpx.AsyncClient, method: str, path: str
) -> None:
    body = {"json": {}} if method == "PUT" else {}
    missing = await api.request(method, f"/notifications/{NOWHERE}{path}", **body)  # type: ignore[arg-type]
    refusal(missing, 404, "notification_not_found")
    wrong = await api.request(method, f"/notifications/not-an-id{path}", **body)  # type: ignore[arg-type]
    assert fields_of(refusal(wrong, 422, "validation_error")) == {"id": "uuid_parsing"}


async def test_a_waiting_notification_is_changed(api: httpx.AsyncClient, actor: Actor) -> None:
    item = await actor.send(await actor.user(), scheduledAt=LATER)
    answer = await api.put(
        f"/notifications/{item['id']}",
        json={"title": "Other", "content": "Words", "data": {"a": 1}, "priority": "low",
              "channels": ["sms"], "scheduledAt": None, "expiresAt": "2028-01-01T00:00:00Z"},
    )  # fmt: skip
    assert answer.status_code == 200, answer.text
    shown = (await api.get(f"/notifications/{item['id']}")).json()
    assert (shown["title"], shown["priority"], shown["channels"]) == ("Other", "low", ["sms"])
    assert shown["scheduledAt"] is None
    assert shown["expiresAt"] == "2028-01-01T00:00:00Z"
    unknown = await api.put(f"/notifications/{item['id']}", json={"userId": "other"})
    assert fields_of(refusal(unknown, 422, "validation_error")) == {"userId": "unknown_field"}


async def test_a_sent_notification_is_not_changed(api: httpx.AsyncClient, actor: Actor) -> None:
    item = await actor.send(await actor.user())
    await actor.work(item["id"])
    answer = await api.put(f"/notifications/{item['id']}", json={"title": "Other"})
    refusal(answer, 409, "already_sent")
    refusal(await api.post(f"/notifications/{item['id']}/send-now"), 409, "already_sent")


async def test_a_cancelled_notification_is_never_sent(api: httpx.AsyncClient, actor: Actor) -> None:
    item = await actor.send(await actor.user(), scheduledAt=LATER)
    answer = await api.delete(f"/notifications/{item['id']}")
    assert answer.status_code == 200
    assert answer.json()["outcome"] == "cancelled"
    await actor.work(item["id"])
    shown = (await api.get(f"/notifications/{item['id']}")).json()
    assert (shown["status"], shown["deliveries"]) == ("cancelled", [])
    again = await api.delete(f"/notifications/{item['id']}")
    assert again.json()["outcome"] == "already_final"
    refusal(await api.put(f"/notifications/{item['id']}", json={}), 409, "already_final")


async def test_cancelling_what_was_sent_names_the_provider(
    api: httpx.AsyncClient, actor: Actor
) -> None:
    item = await actor.send(await actor.user())
    await actor.work(item["id"])
    answer = (await api.delete(f"/notifications/{item['id']}")).json()
    assert answer["outcome"] == "already_sent"
    [line] = answer["deliveries"]
    assert line["provider"] == "resend"
    assert line["providerMessageId"]


async def test_send_now_marks_it(api: httpx.AsyncClient, actor: Actor) -> None:
    item = await actor.send(await actor.user(), scheduledAt=LATER)
    assert (await api.post(f"/notifications/{item['id']}/send-now")).status_code == 200
    await actor.work(item["id"])
    assert (await api.get(f"/notifications/{item['id']}")).json()["status"] == "sent"


async def test_what_waits_is_explained_and_upcoming(api: httpx.AsyncClient, actor: Actor) -> None:
    user = await actor.user()
    until = (datetime.now(UTC) + timedelta(hours=3)).replace(microsecond=0)
    item = await actor.send(user, scheduledAt=until.isoformat())
    await actor.work(item["id"])
    shown = (await api.get(f"/notifications/{item['id']}")).json()
    assert (shown["status"], shown["reason"]) == ("scheduled", "scheduled")
    assert datetime.fromisoformat(shown["until"]) == until
    upcoming = (await api.get(f"/users/{user}/upcoming")).json()
    assert [line["id"] for line in upcoming["data"]] == [item["id"]]
    explained = (await api.get(f"/notifications/{item['id']}/explain")).json()
    assert explained["notificationId"] == item["id"]
    assert explained["status"] == "scheduled"
    assert explained["summary"]
    [plan] = explained["plans"]
    assert set(plan) >= {"at", "trigger", "outcome", "until", "gates"}
    assert all(set(gate) == {"gate", "channel", "outcome", "reason", "until", "facts"}
               for gate in plan["gates"])  # fmt: skip
    assert explained["timeline"][0]["event"] == "notification.requested"
    assert set(explained["timeline"][0]) == {"at", "event", "channel", "detail"}


async def test_deliveries_are_listed(api: httpx.AsyncClient, actor: Actor) -> None:
    item = await actor.send(await actor.user(), channels=["email", "websocket"])
    await actor.work(item["id"])
    page = (await api.get(f"/notifications/{item['id']}/deliveries")).json()
    assert page["nextCursor"] is None
    by_channel = {line["channel"]: line for line in page["data"]}
    assert by_channel["email"]["status"] == "sent"
    assert by_channel["websocket"]["status"] == "delivered"
    assert by_channel["email"]["attempts"] == 1
    assert by_channel["email"]["error"] is None
