"""Announcements: shown to whom they concern from start to end, stored once, read by each."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from domain.records.people import User
from runtime.container import Container
from tests.api.conftest import Actor, client, fields_of, refusal

NOWHERE = "01890000-0000-7000-8000-000000000000"
HOUR = timedelta(hours=1)


def at(distance: timedelta) -> str:
    return (datetime.now(UTC) + distance).isoformat()


@pytest.fixture
async def sql(database: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database)
    yield connection
    await connection.close()


@pytest.fixture(autouse=True)
async def nothing_announced(sql: asyncpg.Connection) -> None:
    await sql.execute("delete from announcement_reads; delete from announcements")


async def announce(api: httpx.AsyncClient, **fields: Any) -> dict[str, Any]:
    answer = await api.post("/announcements", json={"title": "T", "content": "C"} | fields)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def inbox(api: httpx.AsyncClient, user: str, **query: Any) -> dict[str, Any]:
    answer = await api.get(f"/users/{user}/notifications", params=query)
    assert answer.status_code == 200, answer.text
    page: dict[str, Any] = answer.json()
    return page


def ids(page: dict[str, Any]) -> list[str]:
    return [item["id"] for item in page["data"]]


async def test_an_announcement_is_made_with_little_said(api: httpx.AsyncClient) -> None:
    answer = await api.post("/announcements", json={"title": "T", "content": "C"})
    assert answer.status_code == 201
    made = answer.json()
    assert answer.headers["location"] == f"/api/announcements/{made['id']}"
    assert made["audience"] == {"everyone": True}
    assert (made["channels"], made["priority"]) == (["websocket"], "medium")
    assert (made["status"], made["endsAt"], made["revision"]) == ("active", None, 0)
    assert (await api.get(f"/announcements/{made['id']}")).json() == made


async def test_all_that_was_said_is_kept(api: httpx.AsyncClient) -> None:
    body = {
        "title": "Maintenance", "content": "At ten.", "data": {"page": "/status"},
        "audience": {"userIds": ["ada", "bob"]}, "channels": ["email", "push"],
        "startsAt": "2090-01-01T10:00:00Z", "endsAt": "2090-01-02T10:00:00Z", "priority": "high",
    }  # fmt: skip
    made = await announce(api, **body)
    assert made["status"] == "scheduled"
    assert made["channels"] == ["websocket", "email", "push"]
    kept = {name: value for name, value in body.items() if name != "channels"}
    assert {name: made[name] for name in kept} == kept


async def test_everyone_finds_it_and_nobody_has_a_row_before_reading(
    api: httpx.AsyncClient, container: Container, sql: asyncpg.Connection
) -> None:
    now = datetime.now(UTC)
    users = [f"reader-{n:04}" for n in range(1_000)]
    for start in range(0, len(users), 100):
        async with container.uow() as tx:
            for user in users[start : start + 100]:
                await tx.users.put(User(user, now, now))
    made = await announce(api)
    for user in users[::100]:
        page = await inbox(api, user)
        assert (ids(page), page["counts"]) == ([made["id"]], {"total": 1, "unread": 1})
    tables = ("announcement_reads", "inbox_items", "notifications")
    for table in tables:
        assert (
            await sql.fetchval(f"select count(*) from {table} where user_id like 'reader-%'") == 0
        )
    assert (await api.put(f"/users/{users[7]}/notifications/{made['id']}/read")).is_success
    assert [r["user_id"] for r in await sql.fetch("select * from announcement_reads")] == [users[7]]
    assert (await inbox(api, users[7]))["counts"] == {"total": 1, "unread": 0}
    assert (await inbox(api, users[8]))["counts"] == {"total": 1, "unread": 1}


async def test_it_stands_among_the_users_own_items(api: httpx.AsyncClient, actor: Actor) -> None:
    user = await actor.user()
    before = await actor.in_inbox(user)
    made = await announce(api, data={"a": 1}, priority="high", endsAt=at(HOUR))
    after = await actor.in_inbox(user)
    page = await inbox(api, user)
    assert ids(page) == [after["id"], made["id"], before["id"]]
    assert [item["seq"] for item in page["data"]] == [2, None, 1]
    assert page["counts"] == {"total": 3, "unread": 3}
    shown = page["data"][1]
    assert shown["type"] == "announcement"
    assert shown["category"] == "announcements"
    for name in ("title", "content", "data", "priority", "startsAt", "endsAt"):
        assert shown[name] == made[name]
    assert (shown["userId"], shown["readAt"]) == (user, None)


async def test_pages_lose_and_repeat_nothing(api: httpx.AsyncClient, actor: Actor) -> None:
    user = await actor.user()
    expected = []
    for n in range(4):
        expected.append((await actor.in_inbox(user))["id"])
        expected.append((await announce(api, title=f"A {n}"))["id"])
    for limit in (1, 2, 3, 7, 8):
        seen: list[str] = []
        cursor: dict[str, str] = {}
        while True:
            page = await inbox(api, user, limit=limit, **cursor)
            assert len(page["data"]) <= limit
            seen += ids(page)
            if page["nextCursor"] is None:
                break
            cursor = {"cursor": page["nextCursor"]}
            if limit == 3:
                newer = await announce(api, title="meanwhile")
                await api.delete(f"/announcements/{newer['id']}")
        assert seen == expected[::-1], limit
    refusal(
        await api.get(f"/users/{user}/notifications", params={"cursor": "bm90IGEgY3Vyc29y"}),
        422, "invalid_cursor",
    )  # fmt: skip


async def test_only_what_is_unread(api: httpx.AsyncClient, actor: Actor) -> None:
    user = await actor.user()
    first, second = await announce(api), await announce(api)
    path = f"/users/{user}/notifications/{first['id']}/read"
    read = (await api.put(path)).json()
    assert read["readAt"]
    assert (await api.put(path)).json()["readAt"] == read["readAt"]
    assert ids(await inbox(api, user, unread=True)) == [second["id"]]
    assert ids(await inbox(api, user)) == [second["id"], first["id"]]
    updated = await api.put(
        "/notifications/bulk/read", json={"ids": [first["id"], second["id"]], "userId": user}
    )
    assert updated.json() == {"updated": 1}
    assert (await inbox(api, user))["counts"] == {"total": 2, "unread": 0}


async def test_reading_is_in_the_event_log_once(
    api: httpx.AsyncClient, actor: Actor, sql: asyncpg.Connection
) -> None:
    user, made = await actor.user(), await announce(api)
    for _ in range(2):
        await api.put(f"/users/{user}/notifications/{made['id']}/read")
    kinds = await sql.fetch(
        "select type, user_id from event_log where detail ->> 'announcementId' = $1 order by seq",
        made["id"],
    )
    assert [tuple(row) for row in kinds] == [
        ("announcement.published", ""), ("announcement.read", user),
    ]  # fmt: skip


async def test_dismissing_takes_it_out_for_one_user(api: httpx.AsyncClient, actor: Actor) -> None:
    user, other = await actor.user(), await actor.user()
    made = await announce(api)
    path = f"/users/{user}/notifications/{made['id']}"
    assert (await api.delete(path)).status_code == 204
    refusal(await api.delete(path), 404, "notification_not_found")
    refusal(await api.put(f"{path}/read"), 404, "notification_not_found")
    assert await inbox(api, user) == {
        "data": [], "nextCursor": None, "counts": {"total": 0, "unread": 0},
    }  # fmt: skip
    assert ids(await inbox(api, other)) == [made["id"]]


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


async def test_it_is_shown_from_its_start_to_its_end(
    api: httpx.AsyncClient, actor: Actor, sql: asyncpg.Connection
) -> None:
    """By comparison of instants: no workflow runs here."""
    user = await actor.user()
    made = await announce(api, startsAt=at(HOUR), endsAt=at(2 * HOUR))
    assert (made["status"], ids(await inbox(api, user))) == ("scheduled", [])
    await sql.execute("update announcements set starts_at = now() - interval '1 second'")
    assert ids(await inbox(api, user)) == [made["id"]]
    assert (await api.get(f"/announcements/{made['id']}")).json()["status"] == "active"
    assert (await sql.fetchval("select status from announcements")) == "scheduled"
    await sql.execute("update announcements set ends_at = now()")
    assert ids(await inbox(api, user)) == []
    for status, found in (("ended", [made["id"]]), ("active", []), ("scheduled", [])):
        listed = await api.get("/announcements", params={"status": status})
        assert ids(listed.json()) == found
    path = f"/announcements/{made['id']}"
    refusal(await api.put(path, json={"title": "New"}), 409, "announcement_ended")
    refusal(await api.delete(path), 409, "announcement_ended")


async def test_a_scheduled_one_may_be_changed_altogether(
    api: httpx.AsyncClient, actor: Actor
) -> None:
    user = await actor.user()
    made = await announce(api, startsAt=at(HOUR), endsAt=at(2 * HOUR))
    path = f"/announcements/{made['id']}"
    change = {"audience": {"userIds": [user]}, "channels": ["email"], "startsAt": at(-HOUR)}
    changed = (await api.put(path, json=change)).json()
    assert (changed["status"], changed["revision"]) == ("active", 1)
    assert changed["audience"] == {"userIds": [user]}
    assert changed["channels"] == ["websocket", "email"]
    assert ids(await inbox(api, user)) == [made["id"]]


async def test_a_shown_one_keeps_who_and_when_it_began(
    api: httpx.AsyncClient, actor: Actor
) -> None:
    user, made = await actor.user(), await announce(api, endsAt=at(HOUR))
    path = f"/announcements/{made['id']}"
    change = {"audience": {"userIds": [user]}, "startsAt": at(HOUR / 2), "channels": ["sms"]}
    problem = refusal(await api.put(path, json=change | {"title": "N"}), 409, "already_started")
    assert set(fields_of(problem)) == {"audience", "startsAt", "channels"}
    same = {"title": "New", "content": "Words", "data": {"b": 2}, "priority": "low",
            "endsAt": None, "audience": made["audience"], "startsAt": made["startsAt"],
            "channels": ["websocket"]}  # fmt: skip
    changed = (await api.put(path, json=same)).json()
    assert {k: changed[k] for k in same} == same
    assert changed["revision"] == 1
    assert (await api.put(path, json=same)).json()["revision"] == 1
    [shown] = (await inbox(api, user))["data"]
    assert (shown["title"], shown["content"], shown["data"]) == ("New", "Words", {"b": 2})


async def test_withdrawn_it_is_gone_and_stays_on_record(
    api: httpx.AsyncClient, actor: Actor
) -> None:
    user, made = await actor.user(), await announce(api)
    path = f"/announcements/{made['id']}"
    for _ in range(2):
        assert (await api.delete(path)).json()["status"] == "withdrawn"
    assert ids(await inbox(api, user)) == []
    assert (await api.get(path)).json()["status"] == "withdrawn"
    refusal(await api.put(path, json={"title": "N"}), 409, "announcement_withdrawn")
    audited = (await api.get("/audit")).json()["data"]
    mine = [line for line in audited if line["subject"] == f"announcement:{made['id']}"]
    assert [line["action"] for line in mine] == ["announcement.withdrawn", "announcement.created"]


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


async def test_an_erased_user_leaves_no_reading_behind(
    api: httpx.AsyncClient, actor: Actor, sql: asyncpg.Connection
) -> None:
    user, made = await actor.user(), await announce(api)
    await api.put(f"/users/{user}/notifications/{made['id']}/read")
    assert (await api.delete(f"/users/{user}")).is_success
    assert await sql.fetchval("select count(*) from announcement_reads") == 0
