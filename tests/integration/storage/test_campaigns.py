"""Campaigns as rows: kept as they are, made once, told to Temporal by one process."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID, uuid4

from domain.campaigns.records import Campaign, CampaignStatus
from domain.paging import PageRequest
from tests.integration.storage.campaigns import (
    HOUR,
    a_campaign,
    a_test,
)
from tests.integration.storage.conftest import Ledger, now

EVERYONE = ("somebody",)


async def test_a_campaign_comes_back_as_it_was(ledger: Ledger) -> None:
    campaign = a_campaign(["a"], test=a_test(fraction=0.5), template_versions={"en": 3})
    async with ledger.uow() as tx:
        assert await tx.campaigns.insert(campaign)
        assert await tx.campaigns.get(campaign.id) == campaign
        assert await tx.campaigns.get(uuid4()) is None
        changed = replace(campaign, status=CampaignStatus.PAUSED, winner=1, recipients=7)
        await tx.campaigns.save(changed)
        assert await tx.campaigns.lock(campaign.id) == changed


async def test_an_occurrence_is_made_once(ledger: Ledger) -> None:
    parent = a_campaign(EVERYONE, status=CampaignStatus.SCHEDULED)
    occurs_at = now()
    async with ledger.uow() as tx:
        await tx.campaigns.insert(parent)
        first = a_campaign(EVERYONE, parent_id=parent.id, occurs_at=occurs_at)
        assert await tx.campaigns.insert(first)
        again = a_campaign(EVERYONE, parent_id=parent.id, occurs_at=occurs_at)
        assert not await tx.campaigns.insert(again)


async def test_what_temporal_was_not_told_is_claimed_by_one(ledger: Ledger) -> None:
    async def claimed(campaign: Campaign, again_before: datetime) -> bool:
        async with ledger.uow() as tx:
            found = await tx.campaigns.claim_untold(
                older_than=now() + HOUR, again_before=again_before, limit=1000
            )
        return campaign.id in {one.id for one in found}

    campaign, draft = a_campaign(EVERYONE), a_campaign(EVERYONE, status=CampaignStatus.DRAFT)
    long_ago = now() - HOUR
    async with ledger.uow() as tx:
        await tx.campaigns.insert(campaign)
        await tx.campaigns.insert(draft)
        young = await tx.campaigns.claim_untold(
            older_than=campaign.updated_at, again_before=long_ago, limit=1000
        )
    assert campaign.id not in {one.id for one in young}
    assert await claimed(campaign, long_ago)
    assert not await claimed(draft, now() + HOUR)
    assert not await claimed(campaign, long_ago), "somebody is at it"
    assert await claimed(campaign, now() + HOUR), "who died meanwhile is followed"
    async with ledger.uow() as tx:
        await tx.campaigns.mark_told(campaign.id, campaign.updated_at - HOUR)
    assert await claimed(campaign, now() + HOUR), "that was an earlier state"
    async with ledger.uow() as tx:
        await tx.campaigns.mark_told(campaign.id, campaign.updated_at)
    assert not await claimed(campaign, now() + HOUR)
    async with ledger.uow() as tx:
        await tx.campaigns.untell(campaign.id)
    assert await claimed(campaign, long_ago)


async def test_campaigns_are_listed_newest_first(ledger: Ledger) -> None:
    made = [
        a_campaign(EVERYONE, status=CampaignStatus.FAILED, created_at=now() + number * HOUR)
        for number in range(5)
    ]
    async with ledger.uow() as tx:
        for campaign in made:
            await tx.campaigns.insert(campaign)
    seen: list[UUID] = []
    request = PageRequest(2)
    while True:
        async with ledger.uow() as tx:
            page = await tx.campaigns.list(request, CampaignStatus.FAILED)
        seen += [item.id for item in page.items]
        if page.next_cursor is None:
            break
        request = PageRequest(2, page.next_cursor)
    assert seen == [campaign.id for campaign in reversed(made)]
