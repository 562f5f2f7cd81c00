"""Campaigns over HTTP before they are sent: drafts, test sends, and every refusal."""

from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI

from tests.api.campaigns.calls import HERE, VARIANTS, draft, in_an_hour, made
from tests.api.conftest import Actor, client, fields_of, refusal


async def test_a_draft_is_shown_as_it_was_written(api: httpx.AsyncClient) -> None:
    given = draft(
        subject="News for {{ user.name }}", data={"a": [1]}, replyTo="ann@example.com",
        schedule={"localTime": "09:00", "date": "2099-12-01", "timezone": "Europe/Berlin"},
        rate={"perMinute": 600, "warmUp": [{"day": 1, "max": 10}]},
        test={"variants": VARIANTS, "fraction": 0.2, "metric": "open", "decideAfter": "PT4H"},
    ) | {"from": "Herald <jobs@example.com>"}  # fmt: skip
    answer = await api.post(HERE, json=given)
    assert answer.status_code == 201, answer.text
    shown = answer.json()
    for name in ("name", "type", "title", "content", "subject", "data", "replyTo", "from"):
        assert shown[name] == given[name], name
    assert shown["audience"]["userIds"] == ["nobody"]
    assert shown["schedule"]["localTime"] == "09:00"
    assert shown["rate"]["warmUp"] == [{"day": 1, "max": 10}]
    assert [v["name"] for v in shown["test"]["variants"]] == ["A", "B"]
    assert shown["test"]["decideAfter"] == "PT4H"
    assert (shown["status"], shown["category"], shown["channels"]) == (
        "draft", "announcements", ["email"],
    )  # fmt: skip
    path = shown["links"]["self"].removeprefix("/api")
    assert (await api.get(path)).json() == shown
    listed = await api.get(HERE, params={"status": "draft", "limit": 1})
    assert listed.json()["data"] == [shown]


@pytest.mark.parametrize(
    ("fields", "field", "code"),
    [
        ({"name": ""}, "name", "string_too_short"),
        ({"audience": None}, "audience", "model_attributes_type"),
        ({"type": "no_such_type"}, "type", "unknown_type"),
        ({"category": "jobs"}, "category", "category_mismatch"),
        ({"channels": ["pigeon"]}, "channels.0", "enum"),
        ({"title": None}, "body", "value_error"),
        ({"subject": "{{ user.name"}, "subject", "subject_invalid"),
        ({"schedule": {"cron": "@daily"}}, "schedule", "value_error"),
        ({"schedule": {"at": in_an_hour(), "cron": "0 9 * * MON"}}, "schedule", "value_error"),
        ({"schedule": {"localTime": "09:00"}}, "schedule", "value_error"),
        ({"rate": {"perMinute": 0}}, "rate.perMinute", "greater_than_equal"),
        ({"test": {"variants": VARIANTS[:1], "decideAfter": "PT4H"}}, "test.variants", "too_short"),
        (
            {"test": {"variants": [VARIANTS[0]] * 2, "decideAfter": "PT4H"}},
            "test.variants",
            "value_error",
        ),
        (
            {"test": {"variants": VARIANTS, "decideAfter": "PT4H", "fraction": 0}},
            "test.fraction",
            "greater_than",
        ),
        ({"replyTo": "no address"}, "replyTo", "value_error"),
    ],
)
async def test_a_draft_that_is_refused(
    api: httpx.AsyncClient, fields: dict[str, Any], field: str, code: str
) -> None:
    answer = await api.post(HERE, json=draft(**fields))
    assert answer.status_code == 422, answer.text
    assert fields_of(answer.json()).get(field) == code, answer.text


async def test_an_idempotency_key_makes_one(api: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": uuid4().hex}
    first, second = [await api.post(HERE, json=draft(), headers=headers) for _ in range(2)]
    assert first.json()["id"] == second.json()["id"]
    other = await api.post(HERE, json=draft(name="Other"), headers=headers)
    assert other.status_code in {409, 422}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", ""), ("PUT", ""), ("POST", "/send"), ("POST", "/schedule"), ("POST", "/pause"),
        ("POST", "/resume"), ("POST", "/cancel"), ("POST", "/test"), ("POST", "/winner"),
        ("GET", "/metrics"), ("GET", "/recipients"), ("GET", "/recipients/ann"),
    ],
)  # fmt: skip
async def test_one_that_is_not_there(api: httpx.AsyncClient, method: str, path: str) -> None:
    bodies = {"/test": {"addresses": ["a@example.com"]}, "/winner": {"variant": "A"},
              "/schedule": {"schedule": {"at": in_an_hour()}}}  # fmt: skip
    body = {} if method == "GET" else {"json": bodies.get(path, {})}
    answer = await api.request(method, f"{HERE}/{uuid4()}{path}", **body)
    refusal(answer, 404, "campaign_not_found")
    bad = await api.request(method, f"{HERE}/not-an-id{path}", **body)
    refusal(bad, 422, "validation_error")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", HERE), ("POST", HERE), ("GET", f"{HERE}/{{id}}"), ("PUT", f"{HERE}/{{id}}"),
        ("POST", f"{HERE}/{{id}}/send"), ("POST", f"{HERE}/{{id}}/schedule"),
        ("POST", f"{HERE}/{{id}}/pause"), ("POST", f"{HERE}/{{id}}/resume"),
        ("POST", f"{HERE}/{{id}}/cancel"), ("POST", f"{HERE}/{{id}}/test"),
        ("POST", f"{HERE}/{{id}}/winner"), ("GET", f"{HERE}/{{id}}/metrics"),
        ("GET", f"{HERE}/{{id}}/recipients"), ("GET", f"{HERE}/{{id}}/recipients/ann"),
    ],
)  # fmt: skip
async def test_each_call_needs_its_scope(
    api: httpx.AsyncClient, app: FastAPI, actor: Actor, method: str, path: str
) -> None:
    """Reading does not write, and writing does not read."""
    wrong = "campaigns:write" if method == "GET" else "campaigns:read"
    async with client(app, await actor.key(wrong, "notifications:write")) as other:
        answer = await other.request(method, path.format(id=uuid4()), json={})
    refusal(answer, 403, "missing_scope")
    async with client(app) as nobody:
        assert (await nobody.request(method, path.format(id=uuid4()))).status_code == 401


async def test_a_draft_cannot_be_paused(api: httpx.AsyncClient) -> None:
    path = f"{HERE}/{(await made(api))['id']}"
    refusal(await api.post(f"{path}/pause", json={}), 409, "campaign_not_running")
    refusal(await api.post(f"{path}/resume", json={}), 409, "campaign_not_paused")
    refusal(await api.post(f"{path}/winner", json={"variant": "A"}), 409, "campaign_not_testing")


async def test_a_test_send(api: httpx.AsyncClient, actor: Actor) -> None:
    campaign = await made(api, test={"variants": VARIANTS, "decideAfter": "PT4H"})
    user = await actor.user(name="Ada")
    body = {"addresses": ["ann@example.com"], "userId": user}
    answer = await api.post(f"{HERE}/{campaign['id']}/test", json=body)
    assert answer.status_code == 200, answer.text
    messages = answer.json()["messages"]
    assert [(m["address"], m["variant"], m["error"]) for m in messages] == [
        ("ann@example.com", "A", None), ("ann@example.com", "B", None),
    ]  # fmt: skip
    assert all(m["providerMessageId"] for m in messages)
    path = f"{HERE}/{campaign['id']}/test"
    for bad in ([], ["no address"], ["a@example.com"] * 21):
        refusal(await api.post(path, json={"addresses": bad}), 422, "validation_error")
    nobody = {"addresses": ["a@example.com"], "userId": "nobody-at-all"}
    refusal(await api.post(path, json=nobody), 404, "user_not_found")
    inbox = await made(api, channels=["websocket"])
    answer = await api.post(f"{HERE}/{inbox['id']}/test", json=body)
    refusal(answer, 409, "campaign_without_email")
