"""What callers say of a campaign made into one, and changed in one, each checked as a whole."""

from dataclasses import replace
from typing import Any, Final
from uuid import UUID

from pydantic import ValidationError

from domain.campaigns.records import Campaign, CampaignStatus
from domain.campaigns.shapes import CampaignWords, NewCampaign
from domain.enums import Channel
from domain.ports.runtime import Clock
from services.campaigns.checks import CampaignChecks, refusal
from services.campaigns.scheduling import check_recurrence

WORDS: Final = frozenset(
    {"template", "subject", "title", "content", "data", "sender", "reply_to", "rate", "name"}
)
"""What may be amended while a campaign waits or is paused."""
_NEEDED: Final = frozenset({"name", "type", "audience", "data"})


class CampaignDrafts:
    def __init__(self, checks: CampaignChecks, clock: Clock) -> None:
        self._checks = checks
        self._clock = clock

    async def make(self, campaign_id: UUID, new: NewCampaign) -> Campaign:
        """Checked. Raises `Invalid`."""
        now = self._clock()
        check_recurrence(new.schedule, now)
        kind = await self._checks.kind_of(new.type, new.category)
        campaign = Campaign(
            id=campaign_id,
            name=new.name,
            type=kind.type,
            category=kind.category,
            channels=new.channels or (Channel.EMAIL,),
            words=CampaignWords.model_validate(
                new.model_dump(include=set(CampaignWords.model_fields))
            ),
            audience=new.audience,
            status=CampaignStatus.DRAFT,
            created_at=now,
            updated_at=now,
            schedule=new.schedule,
            rate=new.rate,
            test=new.test,
        )
        await self._checks.check(campaign)
        return campaign

    async def changed(self, campaign: Campaign, changes: dict[str, Any]) -> Campaign:
        """With the changes made and checked. Raises `Invalid`."""
        emptied = [name for name in changes if name in _NEEDED and changes[name] is None]
        if emptied:
            raise refusal(emptied[0], "validation_error", "It cannot be taken away.")
        words = {name: changes[name] for name in changes if name in CampaignWords.model_fields}
        rest = {name: changes[name] for name in changes if name not in words}
        check_recurrence(rest.get("schedule"), self._clock())
        if "type" in rest:
            kind = await self._checks.kind_of(rest["type"], None)
            rest["category"] = kind.category
        if "channels" in rest:
            rest["channels"] = rest["channels"] or (Channel.EMAIL,)
        try:
            merged = CampaignWords.model_validate({**campaign.words.model_dump(), **words})
        except ValidationError as error:
            detail = "title and content come together"
            raise refusal("content", "validation_error", detail) from error
        amended = replace(
            campaign,
            words=merged,
            revision=campaign.revision + 1,
            updated_at=self._clock(),
            **rest,
        )
        await self._checks.check(amended)
        return amended
