"""Announcements: to whom, by whom, and what is refused."""

from typing import Any

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from tests.api.announcements.calls import HOUR, NOWHERE, announce, at, ids, inbox
from tests.api.conftest import Actor, client, fields_of, refusal

pytestmark = pytest.mark.usefixtures("nothing_announced")


async def test_it_concerns_only_those_it_names(api: httpx.AsyncClient, actor: Actor) -> None:
    one, other = await actor.user(), await actor.user()
    made = await announce(api, audience={"userIds": [one]})
    assert ids(await inbox(api, one)) == [made["id"]]
    page = await inbox(api, other)
    assert (page["data"], page["counts"]) == ([], {"total": 0, "unread": 0})
    for call in (api.put(f"/users/{other}/notifications/{made['id']}/read"),
                 api.delete(f"/users/{other}/notifications/{made['id']}")):  # fmt: skip
        refusal(await call, 404, "notification_not_found")


@pytest.mark.parametrize(
    "choice",
    [
        {"channels": {"websocket": {"enabled": False}}},
        {"categories": {"announcements": {"enabled": False}}},
        {"categories": {"announcements": {"channels": ["email"]}}},
    ],
)
async def test_who_opted_out_sees_none(
    api: httpx.AsyncClient, actor: Actor, choice: dict[str, Any]
) -> None:
    user = await actor.user()
    made = await announce(api, priority="critical")
    assert ids(await inbox(api, user)) == [made["id"]]
    assert (await api.put(f"/users/{user}/preferences", json=choice)).is_success
    assert ids(await inbox(api, user)) == []
    await api.post(f"/users/{user}/preferences/reset")
    assert ids(await inbox(api, user)) == [made["id"]]


async def test_who_unsubscribed_sees_none(api: httpx.AsyncClient, actor: Actor) -> None:
    user = await actor.user()
    made = await announce(api)
    assert (await api.delete(f"/users/{user}/subscriptions/announcement")).status_code == 204
    assert ids(await inbox(api, user)) == []
    body = {"type": "announcement", "channels": ["websocket"]}
    await api.post(f"/users/{user}/subscriptions", json=body)
    assert ids(await inbox(api, user)) == [made["id"]]


@pytest.mark.parametrize(
    ("fields", "field", "code"),
    [
        ({"endsAt": at(-HOUR)}, "endsAt", "ends_too_early"),
        ({"startsAt": at(2 * HOUR), "endsAt": at(HOUR)}, "endsAt", "ends_too_early"),
        ({"title": ""}, "title", "string_too_short"),
        ({"audience": {}}, "audience", "audience_not_one"),
        ({"audience": {"everyone": True, "userIds": ["a"]}}, "audience", "audience_not_one"),
        ({"audience": {"segment": {"field": "password", "op": "exists"}}},
         "audience.segment.field", "unknown_segment_field"),
        ({"audience": {"everyone": False}}, "audience.everyone", "literal_error"),
        ({"audience": {"userIds": []}}, "audience.userIds", "too_short"),
        ({"channels": ["email", "email"]}, "channels", "value_error"),
        ({"startsAt": "2030-01-01T00:00:00"}, "startsAt", "timezone_aware"),
        ({"colour": "red"}, "colour", "unknown_field"),
    ],
)  # fmt: skip
async def test_what_is_wrong_is_named(
    api: httpx.AsyncClient, fields: dict[str, Any], field: str, code: str
) -> None:
    answer = await api.post("/announcements", json={"title": "T", "content": "C"} | fields)
    assert fields_of(refusal(answer, 422, "validation_error")) == {field: code}


def role(name: str) -> dict[str, Any]:
    return {"segment": {"all": [{"field": "attributes.role", "op": "eq", "value": name}]}}


async def test_it_concerns_whoever_is_in_its_segment_now(
    api: httpx.AsyncClient, actor: Actor, sql: asyncpg.Connection
) -> None:
    user, other = await actor.user(), await actor.user()
    made = await announce(api, audience=role("candidate"))
    assert made["audience"] == role("candidate")
    path = f"/users/{user}/notifications/{made['id']}"
    for attributes, shown in (({"role": "candidate"}, True), ({"role": "recruiter"}, False),
                              ({"role": "candidate"}, True)):  # fmt: skip
        assert (await api.put(f"/users/{user}", json={"attributes": attributes})).is_success
        page = await inbox(api, user)
        assert ids(page) == ([made["id"]] if shown else [])
        assert page["counts"] == {"total": int(shown), "unread": int(shown)}
        if not shown:
            refusal(await api.put(f"{path}/read"), 404, "notification_not_found")
            refusal(await api.delete(path), 404, "notification_not_found")
    assert ids(await inbox(api, other)) == []
    assert await sql.fetchval("select count(*) from announcement_reads") == 0
    assert (await api.put(f"{path}/read")).is_success
    assert (await inbox(api, user))["counts"] == {"total": 1, "unread": 0}


async def test_it_concerns_those_of_an_uploaded_list(api: httpx.AsyncClient, actor: Actor) -> None:
    user, other = await actor.user(), await actor.user()
    listed = await api.post(
        "/audience-lists", params={"name": "Some"}, content=f"userId\n{user}\n",
        headers={"Content-Type": "text/csv"},
    )  # fmt: skip
    audience = {"list": listed.json()["id"]}
    made = await announce(api, audience=audience)
    assert made["audience"] == audience
    assert ids(await inbox(api, user)) == [made["id"]]
    assert ids(await inbox(api, other)) == []
    assert (await api.delete(f"/audience-lists/{audience['list']}")).is_success
    assert ids(await inbox(api, user)) == []
    change = {"title": "New", "audience": audience}
    assert (await api.put(f"/announcements/{made['id']}", json=change)).is_success


async def test_a_list_must_be_there(api: httpx.AsyncClient) -> None:
    body = {"title": "T", "content": "C", "audience": {"list": NOWHERE}}
    problem = refusal(await api.post("/announcements", json=body), 422, "unknown_audience_list")
    assert fields_of(problem) == {"audience.list": "unknown_audience_list"}
    made = await announce(api, startsAt=at(HOUR))
    answer = await api.put(f"/announcements/{made['id']}", json={"audience": {"list": NOWHERE}})
    refusal(answer, 422, "unknown_audience_list")


async def test_lists_page_newest_first(api: httpx.AsyncClient) -> None:
    made = [(await announce(api))["id"] for _ in range(3)]
    first = (await api.get("/announcements", params={"limit": 2})).json()
    rest = (await api.get("/announcements", params={"cursor": first["nextCursor"]})).json()
    assert ids(first) + ids(rest) == made[::-1]
    assert rest["nextCursor"] is None


async def test_scopes_and_strangers(api: httpx.AsyncClient, app: FastAPI, actor: Actor) -> None:
    made = await announce(api)
    path = f"/announcements/{made['id']}"
    async with client(app, await actor.key("campaigns:read")) as reader:
        assert (await reader.get("/announcements")).is_success
        assert (await reader.get(path)).is_success
        body = {"title": "T", "content": "C"}
        refusal(await reader.post("/announcements", json=body), 403, "missing_scope")
        refusal(await reader.put(path, json=body), 403, "missing_scope")
        refusal(await reader.delete(path), 403, "missing_scope")
    for call in (api.get, api.delete):
        refusal(await call(f"/announcements/{NOWHERE}"), 404, "announcement_not_found")
    answer = await api.put(f"/announcements/{NOWHERE}", json={"title": "N"})
    refusal(answer, 404, "announcement_not_found")
    read = {"ids": [made["id"]], "userId": "nobody"}
    assert (await api.put("/notifications/bulk/read", json=read)).json() == {"updated": 0}
