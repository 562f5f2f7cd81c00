"""Campaigns as the storage tests make them: with many recipients, frozen and settled."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from domain.ab.definition import ABDesign
from domain.audience.shapes import Audience
from domain.campaigns.records import Campaign, CampaignStatus, RecipientStatus
from domain.campaigns.shapes import CampaignWords
from domain.enums import Category, Channel
from domain.ids import new_id
from domain.ports.campaigns import LineResult
from tests.integration.storage.conftest import Ledger, a_user, now

SENT, SKIPPED, FAILED = RecipientStatus.SENT, RecipientStatus.SKIPPED, RecipientStatus.FAILED
PENDING = RecipientStatus.PENDING
HOUR = timedelta(hours=1)


def a_campaign(users: Sequence[str], **fields: Any) -> Campaign:
    given: dict[str, Any] = {
        "id": new_id(), "name": "Spring", "type": "newsletter", "category": Category.MARKETING,
        "channels": (Channel.EMAIL,), "words": CampaignWords(title="T", content="C"),
        "audience": Audience(user_ids=tuple(users)), "status": CampaignStatus.RUNNING,
        "created_at": now(), "updated_at": now(),
    }  # fmt: skip
    return Campaign(**given | fields)


def a_test(**fields: Any) -> ABDesign:
    variants = [{"name": "A", "weight": 1}, {"name": "B", "weight": 2}, {"name": "C", "weight": 1}]
    return ABDesign.model_validate({"variants": variants, "decideAfter": "PT4H", **fields})


async def people(ledger: Ledger, count: int, **profile: Any) -> list[str]:
    stem = uuid4().hex[:10]
    ids = [f"{stem}-{number:04}" for number in range(count)]
    async with ledger.uow() as tx:
        for user_id in ids:
            await tx.users.put(a_user(user_id, **profile))
    return ids


async def bare_people(ledger: Ledger, count: int) -> list[str]:
    """Many, of whom nothing is known but their ids."""
    stem = uuid4().hex[:10]
    ids = [f"{stem}-{number:05}" for number in range(count)]
    async with ledger.uow() as tx:
        await tx.campaigns._db.execute(
            "insert into users (id, email_verified, created_at, updated_at)"
            " select id, false, now(), now() from unnest($1::text[]) as id",
            ids,
        )
    return ids


async def frozen(
    ledger: Ledger,
    campaign: Campaign,
    due: dict[str | None, datetime] | None = None,
    at: datetime | None = None,
) -> Campaign:
    async with ledger.uow() as tx:
        await tx.campaigns.insert(campaign)
        count = await tx.campaigns.freeze(campaign, due or {}, at)
        kept = replace(campaign, recipients=count, started_at=now())
        await tx.campaigns.save(kept)
    return kept


async def rows(ledger: Ledger, campaign: Campaign) -> list[dict[str, Any]]:
    async with ledger.uow() as tx:
        found = await tx.campaigns._db.fetch(
            "select * from campaign_recipients where campaign_id = $1 order by ordinal", campaign.id
        )
    return [dict(row) for row in found]


async def settle(ledger: Ledger, campaign: Campaign, *results: LineResult, **more: Any) -> bool:
    async with ledger.uow() as tx:
        return await tx.campaigns.settle(campaign.id, results, at=now(), **more)


def sent(ordinal: int, message_id: str | None = None) -> LineResult:
    return LineResult(
        ordinal, SENT, provider="resend", provider_message_id=message_id, sent_at=now()
    )
