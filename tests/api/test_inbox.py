"""The user's own inbox, and what is to come."""

import httpx
from fastapi import FastAPI

from tests.api.conftest import Actor, client, refusal

NOWHERE = "01890000-0000-7000-8000-000000000000"


async def test_the_inbox_holds_what_arrived_in_it(api: httpx.AsyncClient, actor: Actor) -> None:
    user = await actor.user()
    first = await actor.in_inbox(user)
    second = await actor.in_inbox(user)
    email = await actor.send(user)
    await actor.work(email["id"])
    page = (await api.get(f"/users/{user}/notifications")).json()
    assert [item["id"] for item in page["data"]] == [second["id"], first["id"]]
    assert [item["seq"] for item in page["data"]] == [2, 1]
    assert page["data"][0]["title"] == second["title"]
    assert page["counts"] == {"total": 2, "unread": 2}
    assert page["nextCursor"] is None


async def test_the_inbox_pages(api: httpx.AsyncClient, actor: Actor) -> None:
    user = await actor.user()
    ids = [(await actor.in_inbox(user))["id"] for _ in range(3)]
    first = (await api.get(f"/users/{user}/notifications", params={"limit": 2})).json()
    rest = (
        await api.get(
            f"/users/{user}/notifications", params={"limit": 2, "cursor": first["nextCursor"]}
        )
    ).json()
    assert [item["id"] for item in [*first["data"], *rest["data"]]] == ids[::-1]
    assert rest["nextCursor"] is None


async def test_reading_counts_down_and_can_be_repeated(
    api: httpx.AsyncClient, actor: Actor
) -> None:
    user = await actor.user()
    item, other = await actor.in_inbox(user), await actor.in_inbox(user)
    path = f"/users/{user}/notifications/{item['id']}/read"
    read = (await api.put(path)).json()
    assert read["readAt"]
    assert (await api.put(path)).json()["readAt"] == read["readAt"]
    unread = (await api.get(f"/users/{user}/notifications", params={"unread": "true"})).json()
    assert [line["id"] for line in unread["data"]] == [other["id"]]
    assert unread["counts"] == {"total": 2, "unread": 1}
    explained = (await api.get(f"/notifications/{item['id']}/explain")).json()
    read_events = [e for e in explained["timeline"] if e["event"] == "notification.read"]
    assert len(read_events) == 1


async def test_removing_takes_it_out(api: httpx.AsyncClient, actor: Actor) -> None:
    user = await actor.user()
    item = await actor.in_inbox(user)
    path = f"/users/{user}/notifications/{item['id']}"
    assert (await api.delete(path)).status_code == 204
    page = (await api.get(f"/users/{user}/notifications")).json()
    assert (page["data"], page["counts"]["total"]) == ([], 0)
    refusal(await api.delete(path), 404, "notification_not_found")


async def test_another_users_notification_is_not_there(
    api: httpx.AsyncClient, actor: Actor
) -> None:
    one, other = await actor.user(), await actor.user()
    item = await actor.in_inbox(one)
    path = f"/users/{other}/notifications/{item['id']}"
    refusal(await api.put(f"{path}/read"), 404, "notification_not_found")
    refusal(await api.delete(path), 404, "notification_not_found")
    refusal(await api.put(f"/users/{one}/notifications/{NOWHERE}/read"), 404,
            "notification_not_found")  # fmt: skip


async def test_an_unknown_user_is_not_found(api: httpx.AsyncClient) -> None:
    for path in "notifications", "upcoming":
        refusal(await api.get(f"/users/nobody/{path}"), 404, "user_not_found")


async def test_a_user_token_opens_its_own_inbox_only(app: FastAPI, actor: Actor) -> None:
    user, other = await actor.user(), await actor.user()
    item = await actor.in_inbox(user)
    async with client(app, await actor.token(user)) as mine:
        assert (await mine.get(f"/users/{user}/notifications")).status_code == 200
        read = await mine.put(f"/users/{user}/notifications/{item['id']}/read")
        assert read.status_code == 200
        assert (await mine.get(f"/users/{user}/upcoming")).status_code == 200
        assert (await mine.get(f"/users/{user}/preferences")).status_code == 200
        for path in (f"/users/{other}/notifications", f"/users/{user}", "/notifications"):
            refusal(await mine.get(path), 403, "missing_scope")


async def test_upcoming_is_soonest_first(api: httpx.AsyncClient, actor: Actor) -> None:
    user = await actor.user()
    for day in ("02", "01", "03"):
        item = await actor.send(user, scheduledAt=f"2027-12-{day}T09:00:00Z", type="announcement")
        await actor.work(item["id"])
    page = (await api.get(f"/users/{user}/upcoming", params={"limit": 2})).json()
    assert [item["until"][:10] for item in page["data"]] == ["2027-12-01", "2027-12-02"]
    rest = await api.get(
        f"/users/{user}/upcoming", params={"limit": 2, "cursor": page["nextCursor"]}
    )
    assert [item["until"][:10] for item in rest.json()["data"]] == ["2027-12-03"]
