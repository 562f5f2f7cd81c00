"""What the tests of campaigns call."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx

from domain.campaigns.messages import ChunkInput, FinishCampaignInput, FreezeInput, OpenInput
from tests.api.conftest import Actor

HERE = "/campaigns/email"
VARIANTS = [{"name": "A", "subject": "One"}, {"name": "B", "subject": "Two"}]
TEST = {"variants": VARIANTS, "decideAfter": "PT4H"}


def draft(**fields: Any) -> dict[str, Any]:
    return {
        "name": "Spring", "type": "announcement", "title": "Hello", "content": "Some words.",
        "audience": {"userIds": ["nobody"]},
    } | fields  # fmt: skip


async def made(api: httpx.AsyncClient, **fields: Any) -> dict[str, Any]:
    answer = await api.post(HERE, json=draft(**fields))
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def told(api: httpx.AsyncClient, campaign: dict[str, Any], word: str, **body: Any) -> Any:
    answer = await api.post(f"{HERE}/{campaign['id']}/{word}", json=body)
    assert answer.is_success, answer.text
    return answer.json()


def in_an_hour() -> str:
    return (datetime.now(UTC) + timedelta(hours=1)).isoformat()


async def work(actor: Actor, campaign: dict[str, Any], *, finish: bool = True) -> None:
    """What the workflow would do now."""
    wanted, now = UUID(campaign["id"]), datetime.now(UTC)
    run, chunks = actor.container.campaign_run, actor.container.campaign_chunks
    await run.open(OpenInput(campaign_id=wanted, now=now))
    await run.freeze(FreezeInput(campaign_id=wanted, now=now))
    await chunks.deliver(ChunkInput(campaign_id=wanted, low=0, high=499, now=now))
    if finish:
        await run.finish(FinishCampaignInput(campaign_id=wanted, now=now))
