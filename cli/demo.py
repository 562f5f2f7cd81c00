"""The demo: one user, one notification on each channel, their timelines, and where to look.

Everything runs on the real parts; the vendors are the sandbox unless their keys are set. The
in-app message is received over a real WebSocket. Exit 0 only if all four arrived.
"""

import asyncio
import contextlib
import json
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import httpx
import websockets

from cli.connection import Connection
from cli.output import headline, timeline

PATIENCE = 60.0
_ARRIVED = {"sent", "delivered"}
_DRY = {"failed", "cancelled", "skipped", "expired"}

MESSAGES: tuple[Mapping[str, Any], ...] = (
    {
        "type": "application_update",
        "channels": ["email"],
        "title": "Your application moved on",
        "content": "Northwind Robotics would like to talk to you about Staff Engineer.",
    },
    {
        "type": "interview_reminder",
        "channels": ["sms"],
        "title": "Interview tomorrow",
        "content": "Your interview with Northwind Robotics is tomorrow at 10:00.",
    },
    {
        "type": "job_match",
        "channels": ["push"],
        "priority": "high",
        "title": "A new job for you",
        "content": "Staff Engineer at Northwind Robotics, Berlin.",
        "push": {"clickAction": "https://jobfinders.example/jobs/42"},
    },
    {
        "type": "message_received",
        "channels": ["websocket"],
        "title": "A message from Dana",
        "content": "Looking forward to meeting you tomorrow!",
    },
)


async def run_demo(connection: Connection, say: Any = print) -> bool:
    """Sends and follows the four. `say` prints a line. True when all arrived."""
    user = f"demo-{uuid4().hex[:8]}"
    headers = {"Authorization": f"Bearer {connection.api_key}"}
    async with httpx.AsyncClient(
        base_url=f"{connection.base_url}/api", headers=headers, timeout=30
    ) as api:
        await _make_user(api, user)
        say(f"A user, {user}: English, Berlin, an email address, a phone and a phone's app.")
        async with _inbox(connection, api, user) as frames:
            sent = [
                (await _ok(api.post("/notifications", json={"userId": user, **message})))
                for message in MESSAGES
            ]
            done = [await _follow(api, item["id"]) for item in sent]
            live = await _received(frames, done[-1]["id"])
    say("")
    for item, explanation in done_pairs(done):
        say(headline(item))
        for line in timeline(explanation):
            say(f"    {line}")
        say("")
    say(f"{'✔' if live else '✘'} The in-app message reached an open WebSocket.")
    return live and all(item["status"] in _ARRIVED for item in done)


def done_pairs(done: list[dict[str, Any]]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    return [(item, item.pop("explanation")) for item in done]


async def _make_user(api: httpx.AsyncClient, user: str) -> None:
    profile = {
        "email": f"{user}@example.com",
        "phone": "+4915112345678",
        "name": "Dilara Demo",
        "locale": "en",
        "timezone": "Europe/Berlin",
        "country": "DE",
    }
    await _ok(api.put(f"/users/{user}", json=profile))
    await _ok(
        api.put(f"/users/{user}/consents/sms", json={"granted": True, "source": "herald demo"})
    )
    device = {"token": f"demo-token-{user}", "platform": "android", "provider": "firebase"}
    await _ok(api.post(f"/users/{user}/devices", json=device))


async def _ok(call: Any) -> Any:
    answer: httpx.Response = await call
    if answer.is_error:
        raise RuntimeError(f"{answer.request.method} {answer.request.url}: {answer.text}")
    return answer.json() if answer.content else None


@contextlib.asynccontextmanager
async def _inbox(connection: Connection, api: httpx.AsyncClient, user: str) -> Any:
    """An open inbox connection, as the user's own browser would hold it."""
    token = (await _ok(api.post(f"/users/{user}/tokens", json={})))["token"]
    url = connection.base_url.replace("http", "ws", 1) + f"/api/ws?token={token}"
    async with websockets.connect(url) as socket:
        ready = json.loads(await asyncio.wait_for(socket.recv(), 10))
        if ready["type"] != "ready":
            raise RuntimeError(f"the inbox answered {ready}")
        yield socket


async def _received(socket: Any, notification_id: str) -> bool:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(10):
            while True:
                frame = json.loads(await socket.recv())
                if frame["type"] == "notification" and frame["data"]["id"] == notification_id:
                    return True
    return False


async def _follow(api: httpx.AsyncClient, notification_id: str) -> dict[str, Any]:
    """Waits for an ending, then asks for the explanation."""
    deadline = asyncio.get_running_loop().time() + PATIENCE
    while True:
        item: dict[str, Any] = await _ok(api.get(f"/notifications/{notification_id}"))
        if item["status"] in _ARRIVED | _DRY or asyncio.get_running_loop().time() > deadline:
            item["explanation"] = await _ok(api.get(f"/notifications/{notification_id}/explain"))
            return item
        await asyncio.sleep(0.1)
