"""What the tests of A/B tests call."""

from typing import Any
from uuid import uuid4

import httpx


def definition(**change: Any) -> dict[str, Any]:
    return {
        "name": "Subjects", "metric": "click", "decideAfter": "PT4H",
        "variants": [{"name": "A", "subject": "Subject A"},
                     {"name": "B", "subject": "Subject B", "data": {"tone": "warm"}}],
    } | change  # fmt: skip


async def made(api: httpx.AsyncClient, **change: Any) -> dict[str, Any]:
    answer = await api.post("/ab-tests", json=definition(**change))
    assert answer.status_code == 201, answer.text
    test: dict[str, Any] = answer.json()
    return test


async def assigned(api: httpx.AsyncClient, test: dict[str, Any], user: str) -> dict[str, Any]:
    answer = await api.post(f"/ab-tests/{test['id']}/assign", json={"userId": user})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def with_variant(api: httpx.AsyncClient, test: dict[str, Any], name: str) -> str:
    """A user whose variant is this one."""
    while True:
        user = f"user-{uuid4().hex[:12]}"
        if (await assigned(api, test, user))["variant"]["name"] == name:
            return user


async def results(api: httpx.AsyncClient, test: dict[str, Any]) -> dict[str, Any]:
    answer = await api.get(f"/ab-tests/{test['id']}/results")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def outcomes(found: dict[str, Any], metric: str) -> dict[str, int]:
    everything = {found["metric"]: found} | {m["metric"]: m for m in found["otherMetrics"]}
    return {v["name"]: v["outcomes"] for v in everything[metric]["variants"]}
