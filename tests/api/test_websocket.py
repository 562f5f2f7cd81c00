"""The live inbox over a real server: nothing lost, nothing twice."""

import asyncio
import json

import httpx
import pytest
import websockets

from tests.api.conftest import FIRST_KEY, Actor
from tests.api.live import frame, silence, socket


async def test_a_connection_is_told_what_arrives(server: str, actor: Actor) -> None:
    user = await actor.user()
    await actor.in_inbox(user)
    async with socket(server, await actor.token(user)) as one:
        assert await frame(one) == {"type": "ready", "seq": 1, "unread": 1}
        item = await actor.in_inbox(user, data={"a": 1})
        told = await frame(one)
        assert (told["type"], told["seq"]) == ("notification", 2)
        assert told["data"]["id"] == item["id"]
        assert told["data"]["title"] == item["title"]
        assert told["data"]["data"] == {"a": 1}
        assert told["data"]["readAt"] is None
        await silence(one)


async def test_the_token_may_come_in_the_header(server: str, actor: Actor) -> None:
    user = await actor.user()
    headers = {"Authorization": f"Bearer {await actor.token(user)}"}
    url = server.replace("http", "ws", 1) + "/api/ws"
    async with websockets.connect(url, additional_headers=headers) as one:
        assert (await frame(one))["type"] == "ready"


@pytest.mark.parametrize("token", ["", "nonsense", FIRST_KEY])
async def test_without_a_users_token_no_connection_opens(server: str, token: str) -> None:
    with pytest.raises(websockets.InvalidStatus) as refused:
        async with socket(server, token):
            pass
    assert refused.value.response.status_code == 401
    assert json.loads(refused.value.response.body)["code"] == "invalid_credentials"


async def test_a_connection_resumes_where_it_was(server: str, actor: Actor) -> None:
    user = await actor.user()
    token = await actor.token(user)
    ids = [(await actor.in_inbox(user))["id"] for _ in range(4)]
    async with socket(server, token, after=1) as one:
        assert (await frame(one))["seq"] == 4
        got = [await frame(one) for _ in range(3)]
        assert [(f["seq"], f["data"]["id"]) for f in got] == list(
            zip((2, 3, 4), ids[1:], strict=True)
        )
        await silence(one)
    async with socket(server, token, after=99) as one:
        assert (await frame(one))["seq"] == 4
        await actor.in_inbox(user)
        assert (await frame(one))["seq"] == 5
    for strange in ("all", "-1", "9" * 5000):
        async with socket(server, token, after=strange) as one:
            assert [(await frame(one))["seq"] for _ in range(6)] == [5, 1, 2, 3, 4, 5]


async def test_reconnecting_under_load_loses_and_repeats_nothing(server: str, actor: Actor) -> None:
    user = await actor.user()
    token = await actor.token(user)
    total = 40

    async def send() -> None:
        for _ in range(total):
            await actor.in_inbox(user)

    sending = asyncio.create_task(send())
    seen: list[int] = []
    last = 0
    while len(seen) < total:
        async with socket(server, token, after=last) as one:
            assert (await frame(one))["type"] == "ready"
            for _ in range(min(3, total - len(seen))):
                told = await frame(one, within=20)
                assert told["type"] == "notification"
                last = told["seq"]
                seen.append(last)
    await sending
    assert seen == list(range(1, total + 1))


async def test_reading_is_shared_between_connections(
    api: httpx.AsyncClient, server: str, actor: Actor
) -> None:
    user = await actor.user()
    token = await actor.token(user)
    first, second = [(await actor.in_inbox(user))["id"] for _ in range(2)]
    async with socket(server, token) as phone, socket(server, token) as laptop:
        assert (await frame(phone))["unread"] == 2
        await frame(laptop)
        await phone.send(json.dumps({"type": "read", "id": first}))
        assert await frame(laptop) == {"type": "read", "id": first}
        await silence(phone)
        await api.put(f"/users/{user}/notifications/{second}/read")
        for connection in (phone, laptop):
            assert await frame(connection) == {"type": "read", "id": second}
    counts = (await api.get(f"/users/{user}/notifications")).json()["counts"]
    assert counts == {"total": 2, "unread": 0}


async def test_strange_frames_are_answered_and_do_no_harm(server: str, actor: Actor) -> None:
    async with socket(server, await actor.token(await actor.user())) as one:
        await frame(one)
        for strange, code in [
            ("not json", "unknown_frame"), ("[]", "unknown_frame"),
            ('{"type": "dance"}', "unknown_frame"), ('{"type": "read"}', "invalid_id"),
            ('{"type": "read", "id": "x"}', "invalid_id"),
        ]:  # fmt: skip
            await one.send(strange)
            answer = await frame(one)
            assert (answer["type"], answer["code"]) == ("error", code)
        await one.send(json.dumps({"type": "read", "id": "01890000-0000-7000-8000-000000000000"}))
        await silence(one)


async def test_another_users_notification_is_not_told_or_read(
    api: httpx.AsyncClient, server: str, actor: Actor
) -> None:
    user, other = await actor.user(), await actor.user()
    async with socket(server, await actor.token(user)) as mine:
        await frame(mine)
        item = await actor.in_inbox(other)
        await mine.send(json.dumps({"type": "read", "id": item["id"]}))
        await silence(mine)
    counts = (await api.get(f"/users/{other}/notifications")).json()["counts"]
    assert counts["unread"] == 1


async def test_a_resumed_item_is_the_frame_that_was_live(server: str, actor: Actor) -> None:
    user = await actor.user()
    token = await actor.token(user)
    async with socket(server, token) as one:
        await frame(one)
        await actor.in_inbox(user, data={"jobId": "7", "deep": {"n": [1, None]}})
        live = await frame(one)
    async with socket(server, token, after=0) as again:
        await frame(again)
        assert await frame(again) == live


async def test_no_token_is_logged(
    server: str, actor: Actor, caplog: pytest.LogCaptureFixture
) -> None:
    token = await actor.token(await actor.user())
    with caplog.at_level("DEBUG"):
        async with socket(server, token) as one:
            await frame(one)
    logged = [r.getMessage() for r in caplog.records if not r.name.startswith("websockets.client")]
    assert not [line for line in logged if token in line]
