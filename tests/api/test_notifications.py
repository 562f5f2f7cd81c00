"""`/api/notifications`: accepted once, found again, changed, cancelled and explained."""

import asyncio
from datetime import datetime
from uuid import UUID, uuid4

import httpx
import pytest

from tests.api.conftest import Actor, fields_of, refusal

LATER = "2027-12-01T09:00:00+01:00"


async def test_a_sent_notification_has_the_whole_shape(
    api: httpx.AsyncClient, actor: Actor
) -> None:
    user = await actor.user()
    body = {
        "userId": user, "type": "job_match", "title": "New match", "content": "A job.",
        "data": {"jobId": "j1"}, "priority": "high", "channels": ["websocket", "email"],
        "strategy": "escalate", "escalateAfter": "PT15M", "scheduledAt": LATER,
        "expiresAt": "2027-12-02T09:00:00+01:00", "dedupKey": "k", "digestKey": "d",
        "email": {"subject": "S", "replyTo": "a@example.com", "attachments": [
            {"filename": "cv.pdf", "contentType": "application/pdf", "content": "aGVsbG8="}]},
        "sms": {"senderId": "JOBS"},
        "push": {"badge": 1, "sound": "default", "imageUrl": "https://x.example/i.png",
                 "clickAction": "https://x.example", "actions": [
                     {"id": "apply", "title": "Apply", "url": "https://x.example/a"}]},
    }  # fmt: skip
    answer = await api.post("/notifications", json=body)
    assert answer.status_code == 202
    shown = answer.json()
    assert answer.headers["location"] == f"/api/notifications/{shown['id']}"
    assert UUID(shown["id"]).version == 7
    for name in ("userId", "type", "title", "content", "data", "priority", "channels", "strategy",
                 "escalateAfter", "dedupKey", "digestKey", "sms"):  # fmt: skip
        assert shown[name] == body[name]
    assert datetime.fromisoformat(shown["scheduledAt"]) == datetime.fromisoformat(LATER)
    assert shown["status"] == "accepted"
    assert (shown["reason"], shown["until"], shown["readAt"]) == (None, None, None)
    assert shown["deliveries"] == []
    assert shown["email"]["attachments"] == [
        {"filename": "cv.pdf", "contentType": "application/pdf", "size": 5}
    ]
    assert shown["links"]["self"].endswith(f"/api/notifications/{shown['id']}")
    assert shown["links"]["explain"].endswith(f"/api/notifications/{shown['id']}/explain")
    assert f"notification%2F{shown['id']}" in shown["links"]["workflow"]
    again = await api.get(f"/notifications/{shown['id']}")
    assert again.status_code == 200
    assert again.json()["title"] == "New match"
    assert again.json()["push"]["actions"][0]["id"] == "apply"


async def test_snake_case_is_taken_and_camel_case_is_given(
    api: httpx.AsyncClient, actor: Actor
) -> None:
    user = await actor.user()
    answer = await api.post(
        "/notifications",
        json={"user_id": user, "type": "job_match", "title": "T", "content": "C",
              "dedup_key": "x", "email": {"reply_to": "a@example.com"}},
    )  # fmt: skip
    assert answer.status_code == 202
    assert answer.json()["dedupKey"] == "x"
    assert "user_id" not in answer.json()


@pytest.mark.parametrize(
    ("change", "field", "code"),
    [
        ({"userId": "nobody-here"}, "userId", "unknown_user"),
        ({"type": "no_such_type"}, "type", "unknown_type"),
        ({"type": "NOT A TYPE"}, "type", "string_pattern_mismatch"),
        ({"userId": None}, "userId", "string_type"),
        ({"colour": "red"}, "colour", "unknown_field"),
        ({"email": {"colour": "red"}}, "email.colour", "unknown_field"),
        ({"priority": "urgent"}, "priority", "enum"),
        ({"channels": []}, "channels", "too_short"),
        ({"channels": ["fax"]}, "channels.0", "enum"),
        ({"channels": ["email", "email"]}, "channels", "value_error"),
        ({"title": None}, "body", "value_error"),
        ({"escalateAfter": "-PT1M"}, "escalateAfter", "greater_than"),
        ({"scheduledAt": "2027-12-01T09:00:00"}, "scheduledAt", "timezone_aware"),
        ({"scheduledAt": "0001-01-01T00:00:00+14:00"}, "scheduledAt", "value_error"),
        ({"scheduledAt": "9999-12-31T23:59:59Z"}, "scheduledAt", "value_error"),
        ({"template": {"key": "no-such-template"}, "title": None, "content": None},
         "template.key", "unknown_template"),
        ({"type": "announcement", "title": "x" * 256}, "title", "string_too_long"),
        ({"content": "nul \x00 here"}, "content", "null_character"),
        ({"data": {"deep": {"er": ["\x00"]}}}, "data.deep.er.0", "null_character"),
    ],
)  # fmt: skip
async def test_what_cannot_be_sent_is_refused_by_field(
    api: httpx.AsyncClient, actor: Actor, change: dict[str, object], field: str, code: str
) -> None:
    user = await actor.user()
    body = {"userId": user, "type": "job_match", "title": "T", "content": "C"} | change
    answer = await api.post("/notifications", json=body)
    assert answer.status_code == 422, answer.text
    assert fields_of(answer.json()).get(field) == code, answer.text


async def test_a_template_that_misses_a_variable_is_named(
    api: httpx.AsyncClient, actor: Actor
) -> None:
    user, key = await actor.user(), f"needs-{uuid4().hex[:8]}"
    made = await api.post(
        "/templates",
        json={"key": key, "channels": {"sms": {"body": "Code {{ data.code }}"}},
              "example": {"code": "1"}, "status": "published"},
    )  # fmt: skip
    assert made.status_code == 201, made.text
    body = {"userId": user, "type": "one_time_code", "template": {"key": key}, "channels": ["sms"]}
    problem = refusal(await api.post("/notifications", json=body), 422, "variable_missing")
    assert fields_of(problem) == {"data.code": "variable_missing"}
    good = await api.post("/notifications", json=body | {"data": {"code": "42"}})
    assert good.status_code == 202


async def test_the_same_key_accepts_once_and_answers_again(
    api: httpx.AsyncClient, actor: Actor
) -> None:
    user = await actor.user()
    body = {"userId": user, "type": "job_match", "title": "T", "content": "C"}
    headers = {"Idempotency-Key": str(uuid4())}
    first = await api.post("/notifications", json=body, headers=headers)
    second = await api.post("/notifications", json=body, headers=headers)
    assert (first.status_code, second.status_code) == (202, 202)
    assert "idempotent-replayed" not in first.headers
    assert second.headers["idempotent-replayed"] == "true"
    assert first.json()["id"] == second.json()["id"]
    other = await api.post("/notifications", json=body | {"title": "U"}, headers=headers)
    refusal(other, 422, "idempotency_key_reused")
    listed = await api.get("/notifications", params={"userId": user})
    assert len(listed.json()["data"]) == 1


async def test_twenty_calls_at_once_with_one_key_accept_one(
    api: httpx.AsyncClient, actor: Actor
) -> None:
    user = await actor.user()
    body = {"userId": user, "type": "job_match", "title": "T", "content": "C"}
    headers = {"Idempotency-Key": str(uuid4())}
    answers = await asyncio.gather(
        *(api.post("/notifications", json=body, headers=headers) for _ in range(20))
    )
    assert {answer.status_code for answer in answers} <= {202, 409}
    assert len({a.json()["id"] for a in answers if a.status_code == 202}) == 1


async def test_a_refused_call_leaves_its_key_free(api: httpx.AsyncClient, actor: Actor) -> None:
    user = f"user-{uuid4().hex[:12]}"
    body = {"userId": user, "type": "job_match", "title": "T", "content": "C"}
    headers = {"Idempotency-Key": str(uuid4())}
    refusal(await api.post("/notifications", json=body, headers=headers), 422, "unknown_user")
    await api.put(f"/users/{user}", json={})
    assert (await api.post("/notifications", json=body, headers=headers)).status_code == 202


async def test_an_idempotency_key_must_be_printable(api: httpx.AsyncClient) -> None:
    answer = await api.post("/notifications/bulk", json={}, headers={"Idempotency-Key": "a b"})
    assert fields_of(refusal(answer, 422, "validation_error")) == {
        "Idempotency-Key": "idempotency_key_invalid"
    }


async def test_the_list_filters_and_pages_without_gap_or_repeat(
    api: httpx.AsyncClient, actor: Actor
) -> None:
    user = await actor.user()
    sent = [(await actor.send(user))["id"] for _ in range(5)]
    await actor.send(await actor.user())
    seen: list[str] = []
    cursor = None
    while True:
        params = {"userId": user, "limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await api.get("/notifications", params=params)).json()
        assert len(page["data"]) <= 2
        seen += [item["id"] for item in page["data"]]
        cursor = page["nextCursor"]
        if cursor is None:
            break
    assert seen == sent[::-1]
    for params, count in [
        ({"status": "accepted"}, 5),
        ({"status": "failed"}, 0),
        ({"type": "application_update", "channel": "email"}, 5),
        ({"channel": "sms"}, 0),
        ({"createdBefore": "2020-01-01T00:00:00Z"}, 0),
        ({"createdAfter": "2020-01-01T00:00:00Z"}, 5),
    ]:
        page = (await api.get("/notifications", params={"userId": user, **params})).json()
        assert len(page["data"]) == count, params


@pytest.mark.parametrize(
    ("params", "field"),
    [
        ({"limit": 0}, "limit"),
        ({"limit": 201}, "limit"),
        ({"cursor": "nonsense"}, "cursor"),
        ({"status": "asleep"}, "status"),
        ({"createdAfter": "yesterday"}, "createdAfter"),
    ],
)
async def test_a_list_refuses_what_it_cannot_do(
    api: httpx.AsyncClient, params: dict[str, str], field: str
) -> None:
    answer = await api.get("/notifications", params=params)
    assert answer.status_code == 422
    assert field in fields_of(answer.json())


async def test_a_cursor_of_another_list_is_refused(api: httpx.AsyncClient, actor: Actor) -> None:
    await actor.user()
    await actor.user()
    cursor = (await api.get("/users", params={"limit": 1})).json()["nextCursor"]
    refusal(await api.get("/notifications", params={"cursor": cursor}), 422, "invalid_cursor")
