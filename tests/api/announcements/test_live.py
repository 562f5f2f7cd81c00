"""Announcements on open connections of several processes: at once, each once, to whom they
concern."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from uuid import UUID

import httpx
import pytest

from domain.announcements.messages import AdvanceInput
from domain.announcements.shapes import (
    ANNOUNCEMENTS_QUEUE,
    announcement_workflow_id,
    campaign_id_for,
)
from domain.ids import CAMPAIGNS_QUEUE
from runtime.container import Container
from runtime.temporal import connect_worker
from tests.api.announcements.calls import HOUR, announce, ready
from tests.api.conftest import Actor
from tests.api.live import frame, silence, socket
from workers.queues import make_worker
from workflows.announcement import AnnouncementWorkflow

pytestmark = pytest.mark.usefixtures("nothing_shown")

MOMENT = timedelta(seconds=0.4)


async def test_told_at_once_found_later_read_edited_and_withdrawn(
    api: httpx.AsyncClient, server: str, other_server: str, actor: Actor
) -> None:
    early, late = await actor.user(), await actor.user()
    token = await actor.token(early)
    async with socket(server, token) as phone, socket(other_server, token) as laptop:
        for connection in (phone, laptop):
            assert await frame(connection) == ready()
        made = await announce(api, title="Maintenance", data={"page": "/status"})
        for connection in (phone, laptop):
            told = await frame(connection)
            assert told["type"] == "announcement"
            assert told["data"]["id"] == made["id"]
            assert (told["data"]["title"], told["data"]["data"]) == (
                "Maintenance", {"page": "/status"},
            )  # fmt: skip
        async with socket(server, await actor.token(late)) as tablet:
            assert await frame(tablet) == ready(unread=1)
            assert await frame(tablet) == told
            await phone.send(json.dumps({"type": "read", "id": made["id"]}))
            assert await frame(laptop) == {"type": "read", "id": made["id"]}
            await silence(phone)
            await api.put(f"/announcements/{made['id']}", json={"title": "Later"})
            for connection in (phone, laptop, tablet):
                changed = await frame(connection)
                assert changed["type"] == "announcement_updated"
                assert changed["data"]["title"] == "Later"
                assert changed["version"] > told["version"]
            await api.delete(f"/announcements/{made['id']}")
            for connection in (phone, laptop, tablet):
                gone = await frame(connection)
                assert (gone["type"], gone["id"]) == ("announcement_withdrawn", made["id"])
                await silence(connection)
    async with socket(server, token) as again:
        assert await frame(again) == ready()
        await silence(again)


async def test_what_was_read_is_not_shown_again_and_what_was_dismissed_is_removed(
    api: httpx.AsyncClient, server: str, other_server: str, actor: Actor
) -> None:
    user = await actor.user()
    token = await actor.token(user)
    read, dismissed = await announce(api), await announce(api)
    async with socket(server, token) as phone, socket(other_server, token) as laptop:
        for connection in (phone, laptop):
            assert await frame(connection) == ready(unread=2)
            assert [(await frame(connection))["data"]["id"] for _ in range(2)] == [
                read["id"], dismissed["id"],
            ]  # fmt: skip
        await api.put(f"/users/{user}/notifications/{read['id']}/read")
        await api.delete(f"/users/{user}/notifications/{dismissed['id']}")
        for connection in (phone, laptop):
            assert await frame(connection) == {"type": "read", "id": read["id"]}
            assert await frame(connection) == {"type": "removed", "id": dismissed["id"]}
    async with socket(server, token) as again:
        assert await frame(again) == ready()
        await silence(again)


async def test_only_those_it_concerns_are_told(
    api: httpx.AsyncClient, server: str, actor: Actor
) -> None:
    one, other, refusing = [await actor.user() for _ in range(3)]
    choice = {"categories": {"announcements": {"enabled": False}}}
    await api.put(f"/users/{refusing}/preferences", json=choice)
    tokens = [await actor.token(user) for user in (one, other, refusing)]
    async with (
        socket(server, tokens[0]) as named,
        socket(server, tokens[1]) as stranger,
        socket(server, tokens[2]) as unwilling,
    ):
        for connection in (named, stranger, unwilling):
            assert await frame(connection) == ready()
        made = await announce(api, audience={"userIds": [one, refusing]})
        assert (await frame(named))["data"]["id"] == made["id"]
        last = await announce(api)
        for connection in (named, stranger):
            assert (await frame(connection))["data"]["id"] == last["id"]
        await silence(unwilling)
    async with socket(server, tokens[1]) as again:
        assert await frame(again) == ready(unread=1)
        assert (await frame(again))["data"]["id"] == last["id"]
        await silence(again)


async def test_a_segment_is_told_to_its_members_and_its_end_to_all_who_may_have_been(
    api: httpx.AsyncClient, server: str, other_server: str, actor: Actor
) -> None:
    inside, outside, joins, leaves = [await actor.user() for _ in range(4)]

    async def become(user: str, role: str) -> None:
        answer = await api.put(f"/users/{user}", json={"attributes": {"role": role}})
        assert answer.is_success

    for user in (inside, leaves):
        await become(user, "candidate")
    segment = {"field": "attributes.role", "op": "eq", "value": "candidate"}
    tokens = [await actor.token(user) for user in (inside, outside, joins, leaves)]
    async with (
        socket(server, tokens[0]) as member,
        socket(other_server, tokens[1]) as stranger,
        socket(server, tokens[2]) as newcomer,
        socket(other_server, tokens[3]) as leaver,
    ):
        connections = (member, stranger, newcomer, leaver)
        for connection in connections:
            assert await frame(connection) == ready()
        made = await announce(api, audience={"segment": segment})
        for connection in (member, leaver):
            assert (await frame(connection))["data"]["id"] == made["id"]
        await become(joins, "candidate")
        await become(leaves, "recruiter")
        await api.put(f"/announcements/{made['id']}", json={"title": "New"})
        for connection in (member, newcomer):
            told = await frame(connection)
            assert (told["type"], told["data"]["title"]) == ("announcement_updated", "New")
        await api.delete(f"/announcements/{made['id']}")
        for connection in connections:
            gone = await frame(connection)
            assert (gone["type"], gone["id"]) == ("announcement_withdrawn", made["id"])
            await silence(connection)
    async with socket(server, tokens[3], announcedAfter=told["version"]) as again:
        assert await frame(again) == ready()
        assert await frame(again) == gone
        await silence(again)


async def test_it_leaves_the_numbers_of_the_inbox_alone(
    api: httpx.AsyncClient, server: str, actor: Actor
) -> None:
    user = await actor.user()
    token = await actor.token(user)
    async with socket(server, token) as one:
        await frame(one)
        await actor.in_inbox(user)
        assert (await frame(one))["seq"] == 1
        await announce(api)
        assert (await frame(one))["type"] == "announcement"
        await actor.in_inbox(user)
        assert (await frame(one))["seq"] == 2
    async with socket(server, token, after=1) as again:
        assert await frame(again) == {"type": "ready", "seq": 2, "unread": 3}
        assert (await frame(again))["type"] == "announcement"
        assert (await frame(again))["seq"] == 2
        await silence(again)


async def test_what_starts_or_ends_is_told_by_whoever_notices(
    api: httpx.AsyncClient, server: str, actor: Actor, container: Container
) -> None:
    """The workflow's look at the row, at an instant of its own."""
    now = datetime.now(UTC)
    async with socket(server, await actor.token(await actor.user())) as one:
        await frame(one)
        span = {"startsAt": (now + HOUR).isoformat(), "endsAt": (now + 2 * HOUR).isoformat()}
        made = await announce(api, **span)
        for instant, kind in ((now + HOUR, "announcement"), (now + 2 * HOUR, "announcement_ended")):
            look = AdvanceInput(announcement_id=UUID(made["id"]), now=instant)
            for _ in range(2):
                await container.announcements.advance(look)
            assert (await frame(one))["type"] == kind
            await silence(one)


async def test_a_workflow_starts_sends_and_ends_it(
    api: httpx.AsyncClient, server: str, actor: Actor, container: Container
) -> None:
    """From the call to the last frame, with workers as a process of ours runs them; the emails
    leave by the rails of campaigns."""
    user, bystander = await actor.user(), await actor.user()
    settings = container.settings
    client = await connect_worker(settings.temporal_address, settings.temporal_namespace)
    async with (
        make_worker(client, ANNOUNCEMENTS_QUEUE, container),
        make_worker(client, CAMPAIGNS_QUEUE, container),
        socket(server, await actor.token(user)) as one,
    ):
        await frame(one)
        begins = datetime.now(UTC) + MOMENT
        span = {"startsAt": begins.isoformat(), "endsAt": (begins + HOUR).isoformat()}
        made = await announce(
            api, audience={"userIds": [user, bystander]}, channels=["email"], **span
        )
        assert (await frame(one, within=20))["data"]["id"] == made["id"]
        assert datetime.now(UTC) >= begins
        path = f"/announcements/{made['id']}"
        sending = f"/campaigns/email/{campaign_id_for(UUID(made['id']))}"
        while (campaign := (await api.get(sending)).json()).get("status") != "completed":
            await asyncio.sleep(0.02)
        assert (campaign["type"], campaign["channels"]) == ("announcement", ["email"])
        assert (await api.get(path)).json()["campaignId"] == campaign["id"]
        accounts = (await api.get(f"{sending}/metrics")).json()
        assert (accounts["recipients"], accounts["sent"]) == (2, 2)
        ends = datetime.now(UTC) + MOMENT
        assert (await api.put(path, json={"endsAt": ends.isoformat()})).is_success
        assert (await frame(one))["type"] == "announcement_updated"
        assert (await frame(one, within=20))["type"] == "announcement_ended"
        handle = client.get_workflow_handle_for(
            AnnouncementWorkflow.run, announcement_workflow_id(UUID(made["id"]))
        )
        assert (await handle.result()).status == "ended"
