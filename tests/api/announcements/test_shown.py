"""Announcements: shown to whom they concern from start to end, stored once, read by each."""

from datetime import UTC, datetime

import asyncpg
import httpx
import pytest

from domain.records.people import User
from runtime.container import Container
from tests.api.announcements.calls import HOUR, announce, at, ids, inbox
from tests.api.conftest import Actor, fields_of, refusal

pytestmark = pytest.mark.usefixtures("nothing_announced")


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


async def test_an_erased_user_leaves_no_reading_behind(
    api: httpx.AsyncClient, actor: Actor, sql: asyncpg.Connection
) -> None:
    user, made = await actor.user(), await announce(api)
    await api.put(f"/users/{user}/notifications/{made['id']}/read")
    assert (await api.delete(f"/users/{user}")).is_success
    assert await sql.fetchval("select count(*) from announcement_reads") == 0
