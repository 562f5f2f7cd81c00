"""Audiences counted before sending, and lists uploaded as CSV."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from fastapi import FastAPI

from tests.api.conftest import Actor, client, fields_of, refusal

CSV = {"content-type": "text/csv"}
MEGABYTE = 1024 * 1024


async def upload(
    api: httpx.AsyncClient, text: str | bytes, name: str = "a list", **headers: str
) -> httpx.Response:
    body = text.encode() if isinstance(text, str) else text
    return await api.post(
        "/audience-lists", params={"name": name}, content=body, headers=CSV | headers
    )


async def preview(api: httpx.AsyncClient, audience: dict[str, Any]) -> dict[str, Any]:
    answer = await api.post("/audiences/preview", json={"audience": audience})
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


async def count_lists(api: httpx.AsyncClient, name: str) -> int:
    listed = (await api.get("/audience-lists", params={"limit": 200})).json()["data"]
    return sum(item["name"] == name for item in listed)


async def test_a_segment_is_counted_and_sampled(api: httpx.AsyncClient, actor: Actor) -> None:
    role = uuid4().hex
    users = [
        await actor.user(attributes={"role": role, "level": n}, country="DE", locale="de")
        for n in range(12)
    ]
    segment = {"all": [
        {"field": "attributes.role", "op": "eq", "value": role},
        {"not": {"field": "attributes.level", "op": "gte", "value": 11}},
    ]}  # fmt: skip
    shown = await preview(api, {"segment": segment})
    assert shown["count"] == 11
    assert len({member["userId"] for member in shown["sample"]}) == 10
    assert shown == await preview(api, {"segment": segment})
    assert {member["userId"] for member in shown["sample"]} < set(users[:11])
    for member in shown["sample"]:
        assert {name: member[name] for name in ("locale", "timezone", "country")} == {
            "locale": "de", "timezone": "UTC", "country": "DE",
        }  # fmt: skip
    await api.put(f"/users/{users[0]}", json={"attributes": {"role": "other"}})
    assert (await api.delete(f"/users/{users[1]}")).status_code == 204
    assert (await preview(api, {"segment": segment}))["count"] == 9
    named = await preview(api, {"userIds": [*users[:3], "nobody"]})
    assert named["count"] == 2
    assert (await preview(api, {"everyone": True}))["count"] >= 11


async def test_a_wrong_audience_is_refused_by_path(api: httpx.AsyncClient) -> None:
    async def errors(audience: Any) -> dict[str, str]:
        answer = await api.post("/audiences/preview", json={"audience": audience})
        return fields_of(refusal(answer, 422, answer.json()["code"]))

    wrong = {"field": "email", "op": "eq", "value": "a@example.com"}
    assert await errors({"segment": {"all": [{"not": wrong}]}}) == {
        "audience.segment.all.0.not.field": "unknown_segment_field"
    }
    assert await errors({}) == {"audience": "audience_not_one"}
    assert await errors({"list": str(uuid4())}) == {"audience.list": "unknown_audience_list"}
    deep: Any = {"field": "country", "op": "exists"}
    for _ in range(11):
        deep = {"not": deep}
    assert await errors({"segment": deep}) == {"audience.segment": "segment_too_deep"}


async def test_a_list_is_uploaded_used_and_deleted(api: httpx.AsyncClient, actor: Actor) -> None:
    ada, bob, gone = await actor.user(), await actor.user(), await actor.user()
    await api.delete(f"/users/{gone}")
    rows = f"userId,note\n{ada},x\n{bob},y\n{ada},again\nnobody,\n{gone},\n!!,\n,z\n"
    answer = await upload(api, "\ufeff" + rows, name="Spring")
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert {name: made[name] for name in ("name", "accepted", "duplicates", "rejected")} == {
        "name": "Spring", "accepted": 2, "duplicates": 1, "rejected": 4,
    }  # fmt: skip
    assert [(error["line"], error["code"]) for error in made["errors"]] == [
        (5, "unknown_user"), (6, "unknown_user"), (7, "invalid_user_id"), (8, "missing_value"),
    ]  # fmt: skip
    shown = (await api.get(f"/audience-lists/{made['id']}")).json()
    assert shown == {name: value for name, value in made.items() if name != "errors"}
    listed = (await api.get("/audience-lists", params={"limit": 1})).json()
    assert listed["data"] == [shown]
    before = await preview(api, {"list": made["id"]})
    assert before["count"] == 2
    assert {member["userId"] for member in before["sample"]} == {ada, bob}
    await api.delete(f"/users/{ada}")
    assert (await preview(api, {"list": made["id"]}))["count"] == 1
    await api.put(f"/users/{ada}", json={"email": "back@example.com"})
    assert (await preview(api, {"list": made["id"]}))["count"] == 1, "erased from lists, too"
    assert (await api.delete(f"/audience-lists/{made['id']}")).status_code == 204
    for call in (api.get, api.delete):
        refusal(await call(f"/audience-lists/{made['id']}"), 404, "audience_list_not_found")


async def test_lists_come_in_pages(api: httpx.AsyncClient) -> None:
    names = [f"page {uuid4()}" for _ in range(3)]
    for name in names:
        assert (await upload(api, "userId\n", name=name)).status_code == 201
    seen: list[str] = []
    cursor = None
    while len(seen) < 3:
        page = (await api.get(
            "/audience-lists", params={"limit": 2} | ({"cursor": cursor} if cursor else {})
        )).json()  # fmt: skip
        seen += [item["name"] for item in page["data"]]
        cursor = page["nextCursor"]
    assert seen[:3] == names[::-1]


async def test_users_are_found_by_address(api: httpx.AsyncClient, actor: Actor) -> None:
    mail = f"{uuid4().hex}@example.com"
    ada = await actor.user(email=mail)
    shared = f"{uuid4().hex}@example.com"
    await actor.user(email=shared)
    await actor.user(email=shared)
    text = f"name;EMAIL\nAda; {mail.upper()} \nAda;{mail}\nX;{shared}\nY;{uuid4().hex}@b.c\n"
    made = (await upload(api, text)).json()
    assert (made["accepted"], made["duplicates"]) == (1, 1)
    assert [(error["line"], error["code"]) for error in made["errors"]] == [
        (4, "ambiguous_email"), (5, "unknown_email"),
    ]  # fmt: skip
    assert [
        member["userId"] for member in (await preview(api, {"list": made["id"]}))["sample"]
    ] == [ada]


async def test_a_broken_upload_leaves_nothing(
    api: httpx.AsyncClient, actor: Actor, app: FastAPI
) -> None:
    name, ada = f"broken {uuid4()}", await actor.user()
    rows = f"userId\n{ada}\n" + "nobody\n" * 6000
    refusal(await upload(api, rows + '"ada\n', name=name), 422, "csv_malformed")
    refusal(await upload(api, "", name=name), 422, "csv_empty")
    refusal(await upload(api, "name\nada\n", name=name), 422, "csv_column_missing")

    async def cut_off() -> AsyncIterator[bytes]:
        yield rows.encode()
        raise ConnectionError

    with pytest.raises(ConnectionError):
        await api.post("/audience-lists", params={"name": name}, content=cut_off(), headers=CSV)
    assert await count_lists(api, name) == 0


async def test_only_so_many_bad_rows_are_named_and_all_are_counted(api: httpx.AsyncClient) -> None:
    made = (await upload(api, "userId\n" + "nobody\n" * 12_345)).json()
    assert (made["accepted"], made["rejected"]) == (0, 12_345)
    assert [error["line"] for error in made["errors"]] == list(range(2, 1002))


async def test_bodies_that_are_no_csv_are_refused(api: httpx.AsyncClient, app: FastAPI) -> None:
    for kind in ("application/json", "text/plain", "text/csv; charset=latin-1"):
        answer = await upload(api, "userId\nada\n", **{"content-type": kind})
        refusal(answer, 415, "unsupported_media_type")
    for kind in ('text/csv; charset="UTF-8"', "text/csv;header=present"):
        assert (await upload(api, "userId\n", **{"content-type": kind})).status_code == 201
    problem = refusal(await upload(api, "userId\n", name=""), 422, "validation_error")
    assert fields_of(problem) == {"name": "string_too_short"}
    latin = await upload(api, b"userId\n" + b"\xe9\n")
    assert [error["code"] for error in latin.json()["errors"]] == ["not_utf8"]


async def test_sixteen_megabytes_are_taken_and_no_more(api: httpx.AsyncClient) -> None:
    header = "userId,note\n"
    line = "nobody," + "x" * 64_000 + "\n"
    fitting = header + line * ((16 * MEGABYTE - len(header)) // len(line))
    assert (await upload(api, fitting)).status_code == 201

    async def endless() -> AsyncIterator[bytes]:
        yield header.encode()
        for _ in range(17):
            yield b"x" * MEGABYTE
            await asyncio.sleep(0)

    over = await api.post("/audience-lists", params={"name": "x"}, content=endless(), headers=CSV)
    refusal(over, 413, "body_too_large")
    refusal(await upload(api, b" " * (16 * MEGABYTE + 1)), 413, "body_too_large")


async def test_an_upload_repeated_with_its_key_is_one_list(
    api: httpx.AsyncClient, actor: Actor
) -> None:
    name, user = f"once {uuid4()}", await actor.user()
    key = {"Idempotency-Key": str(uuid4())}
    first = await upload(api, f"userId\n{user}\n", name=name, **key)
    again = await upload(api, f"userId\n{user}\n", name=name, **key)
    assert first.json() == again.json()
    assert again.headers["idempotent-replayed"] == "true"
    assert await count_lists(api, name) == 1
    other = await upload(api, "userId\nother\n", name=name, **key)
    refusal(other, 422, "idempotency_key_reused")
    refusal(await upload(api, f"userId\n{user}\n", name="n", **key), 422, "idempotency_key_reused")


async def test_scopes(app: FastAPI, actor: Actor) -> None:
    body = {"audience": {"everyone": True}}
    async with client(app, await actor.key("campaigns:read")) as reader:
        assert (await reader.post("/audiences/preview", json=body)).status_code == 200
        assert (await reader.get("/audience-lists")).status_code == 200
        refusal(await upload(reader, "userId\n"), 403, "missing_scope")
        refusal(await reader.delete(f"/audience-lists/{uuid4()}"), 403, "missing_scope")
    async with client(app, await actor.key("users:read")) as stranger:
        refusal(await stranger.post("/audiences/preview", json=body), 403, "missing_scope")
