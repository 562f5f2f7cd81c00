"""What holds for every call: refusals, bodies, credentials, scopes, quotas, keys."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI

from tests.api.conftest import FIRST_KEY, Actor, client, fields_of, refusal

MEGABYTE = 1024 * 1024


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing-here", 404, "route_not_found"),
        ("GET", "/notifications/", 404, "route_not_found"),
        ("PATCH", "/notifications", 405, "method_not_allowed"),
        ("DELETE", "/users", 405, "method_not_allowed"),
    ],
)
async def test_unknown_routes_and_methods(
    api: httpx.AsyncClient, method: str, path: str, status: int, code: str
) -> None:
    answer = await api.request(method, path)
    refusal(answer, status, code)
    if status == 405:
        assert answer.headers["allow"]


@pytest.mark.parametrize(
    "body", ["{", "", "[1,]", "{'a': 1}", "NaN", '{"a": Infinity}', "\ufeff{}", "[" * 100_000]
)
async def test_what_is_not_json(api: httpx.AsyncClient, body: str) -> None:
    answer = await api.post(
        "/notifications", content=body.encode(), headers={"content-type": "application/json"}
    )
    if body:
        refusal(answer, 400, "malformed_json")
    else:
        assert fields_of(refusal(answer, 422, "validation_error")) == {"body": "missing"}


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        (b'{"title": "\\u0000"}', "title", "null_character"),
        (b'{"data": {"a": ["\\ud800"]}}', "data.a.0", "lone_surrogate"),
        (b'{"\\udc00": 1}', "body", "lone_surrogate"),
        (b'{"data": ' + b'{"a":' * 70 + b"1" + b"}" * 71, None, "too_deep"),
        (b"[]", "body", "model_attributes_type"),
        (b'"text"', "body", "model_attributes_type"),
    ],
)
async def test_json_that_nobody_could_store(
    api: httpx.AsyncClient, body: bytes, field: str | None, code: str
) -> None:
    answer = await api.post(
        "/notifications", content=body, headers={"content-type": "application/json"}
    )
    [error] = refusal(answer, 422, "validation_error")["errors"]
    assert error["code"] == code
    assert field is None or error["field"] == field


async def test_escaped_backslashes_are_no_null_characters(
    api: httpx.AsyncClient, actor: Actor
) -> None:
    item = await actor.send(await actor.user(), content="a literal \\u0000 and \U0001f600")
    shown = (await api.get(f"/notifications/{item['id']}")).json()
    assert shown["content"] == "a literal \\u0000 and \U0001f600"


async def test_null_characters_in_paths_and_queries(api: httpx.AsyncClient) -> None:
    refusal(await api.get("/users/a%00b"), 422, "validation_error")
    refusal(await api.get("/notifications?userId=a%00b"), 422, "validation_error")


async def test_another_media_type_is_refused(api: httpx.AsyncClient) -> None:
    answer = await api.post("/notifications", content=b"{}", headers={"content-type": "text/plain"})
    refusal(answer, 415, "unsupported_media_type")
    problem = await api.post(
        "/notifications", content=b"{}", headers={"content-type": "application/vnd.x+json"}
    )
    refusal(problem, 422, "validation_error")


async def test_a_body_over_its_limit_is_refused_by_length(api: httpx.AsyncClient) -> None:
    headers = {"content-type": "application/json"}
    over = await api.post("/notifications", content=b" " * (MEGABYTE + 1), headers=headers)
    refusal(over, 413, "body_too_large")
    at_limit = await api.post("/notifications", content=b" " * MEGABYTE, headers=headers)
    refusal(at_limit, 400, "malformed_json")
    bulk = await api.post(
        "/notifications/bulk", content=b" " * (16 * MEGABYTE + 1), headers=headers
    )
    refusal(bulk, 413, "body_too_large")


async def test_a_body_over_its_limit_is_refused_while_it_streams(api: httpx.AsyncClient) -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b" " * (MEGABYTE // 10)
            await asyncio.sleep(0)

    answer = await api.post(
        "/notifications", content=endless(), headers={"content-type": "application/json"}
    )
    refusal(answer, 413, "body_too_large")


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer ", "Basic abc", "Bearer hk_wrong", "Bearer a.b.c"]
)
async def test_without_good_credentials(app: FastAPI, authorization: str | None) -> None:
    headers = {"Authorization": authorization} if authorization is not None else {}
    async with client(app) as stranger:
        answer = await stranger.get("/notifications", headers=headers)
    refusal(answer, 401, "invalid_credentials")
    assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_a_key_may_do_what_its_scopes_say(app: FastAPI, actor: Actor) -> None:
    user = await actor.user()
    async with client(app, await actor.key("users:read")) as reader:
        assert (await reader.get(f"/users/{user}")).status_code == 200
        refusal(await reader.put(f"/users/{user}", json={}), 403, "missing_scope")
        refusal(await reader.get("/notifications"), 403, "missing_scope")
        refusal(await reader.post("/api-keys", json={}), 403, "missing_scope")
    async with client(app, await actor.key("admin")) as admin:
        assert (await admin.get("/notifications")).status_code == 200
        assert (await admin.get("/audit")).status_code == 200


async def test_keys_are_shown_once_listed_and_revoked(api: httpx.AsyncClient, app: FastAPI) -> None:
    body = {"name": "reports", "scopes": ["users:read"], "rateLimit": 30,
            "expiresAt": "2031-01-01T00:00:00Z"}  # fmt: skip
    made = (await api.post("/api-keys", json=body)).json()
    assert made["key"].startswith(made["prefix"])
    assert {name: made[name] for name in body} == body
    listed = (await api.get("/api-keys", params={"limit": 200})).json()["data"]
    [entry] = [key for key in listed if key["id"] == made["id"]]
    assert "key" not in entry
    async with client(app, made["key"]) as holder:
        assert (await holder.get("/users")).status_code == 200
        assert (await api.delete(f"/api-keys/{made['id']}")).status_code == 204
        refusal(await holder.get("/users"), 401, "invalid_credentials")
    refusal(await api.delete(f"/api-keys/{made['id']}"), 404, "api_key_not_found")
    refusal(await api.delete(f"/api-keys/{uuid4()}"), 404, "api_key_not_found")


async def test_an_expired_key_is_refused(app: FastAPI, actor: Actor) -> None:
    key = await actor.key("users:read", expiresAt="2020-01-01T00:00:00Z")
    async with client(app, key) as holder:
        refusal(await holder.get("/users"), 401, "invalid_credentials")


@pytest.mark.parametrize(
    ("change", "field"),
    [({"scopes": []}, "scopes"), ({"scopes": ["everything"]}, "scopes.0"), ({"name": ""}, "name"),
     ({"rateLimit": 0}, "rateLimit")],
)  # fmt: skip
async def test_a_bad_key_is_refused(
    api: httpx.AsyncClient, change: dict[str, object], field: str
) -> None:
    body = {"name": "x", "scopes": ["users:read"]} | change
    problem = refusal(await api.post("/api-keys", json=body), 422, "validation_error")
    assert field in fields_of(problem)


async def test_calls_are_limited_per_key_and_the_first_key_is_not(
    api: httpx.AsyncClient, app: FastAPI, actor: Actor
) -> None:
    async with client(app, await actor.key("users:read", rateLimit=3)) as holder:
        answers = [await holder.get("/users", params={"limit": 1}) for _ in range(5)]
    assert [a.status_code for a in answers[:3]] == [200, 200, 200]
    assert [a.headers["ratelimit-limit"] for a in answers] == ["3"] * 5
    assert answers[0].headers["ratelimit-remaining"] == "2"
    problem = answers[-1]
    refusal(problem, 429, "rate_limited")
    assert 1 <= int(problem.headers["retry-after"]) <= 60
    assert problem.headers["ratelimit-remaining"] == "0"
    assert int(problem.headers["ratelimit-reset"]) >= 1
    unlimited = await api.get("/users", params={"limit": 1})
    assert "ratelimit-limit" not in unlimited.headers


async def test_every_post_honours_its_idempotency_key(
    api: httpx.AsyncClient, app: FastAPI, actor: Actor
) -> None:
    headers = {"Idempotency-Key": str(uuid4())}
    body = {"name": "once", "scopes": ["users:read"]}
    first = await api.post("/api-keys", json=body, headers=headers)
    second = await api.post("/api-keys", json=body, headers=headers)
    assert first.json() == second.json()
    assert second.status_code == 201
    assert second.headers["idempotent-replayed"] == "true"
    other = await api.post("/api-keys", json=body | {"name": "twice"}, headers=headers)
    refusal(other, 422, "idempotency_key_reused")
    user = await actor.user()
    elsewhere = await api.post(f"/users/{user}/tokens", json=body, headers=headers)
    refusal(elsewhere, 422, "idempotency_key_reused")
    async with client(app, await actor.key("users:write")) as holder:
        answer = await holder.post(f"/users/{user}/tokens", json={}, headers=headers)
        assert answer.status_code == 201


async def test_one_key_used_twice_at_once_does_the_work_once(api: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": str(uuid4())}
    name = f"race-{uuid4()}"
    body = {"name": name, "scopes": ["users:read"]}
    answers = await asyncio.gather(
        *(api.post("/api-keys", json=body, headers=headers) for _ in range(10))
    )
    for answer in answers:
        if answer.status_code != 201:
            refusal(answer, 409, "idempotency_in_flight")
    made = {answer.json()["id"] for answer in answers if answer.status_code == 201}
    assert len(made) == 1
    listed = (await api.get("/api-keys", params={"limit": 200})).json()["data"]
    assert sum(key["name"] == name for key in listed) == 1


async def test_a_refused_post_leaves_its_key_free(api: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": str(uuid4())}
    refusal(await api.post("/api-keys", json={}, headers=headers), 422, "validation_error")
    body = {"name": "later", "scopes": ["users:read"]}
    assert (await api.post("/api-keys", json=body, headers=headers)).status_code == 201


async def test_the_first_key_works_with_any_case_of_bearer(app: FastAPI) -> None:
    async with client(app) as holder:
        answer = await holder.get("/users", headers={"Authorization": f"bearer {FIRST_KEY}"})
    assert answer.status_code == 200
