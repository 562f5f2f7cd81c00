"""What the tests of announcements call."""

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

HOUR = timedelta(hours=1)
NOWHERE = "01890000-0000-7000-8000-000000000000"


def at(distance: timedelta) -> str:
    return (datetime.now(UTC) + distance).isoformat()


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


def ready(unread: int = 0) -> dict[str, Any]:
    return {"type": "ready", "seq": 0, "unread": unread}
