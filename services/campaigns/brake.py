"""Stops a campaign that goes wrong as a whole, before its audience is used up.

It is paused, with the reason in the resource: whoever mends the words, the account or the settings
resumes it, and those who were not reached yet are.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from domain.campaigns.records import Campaign, CampaignStatus, RecipientStatus
from domain.enums import EventType
from domain.ports.campaigns import LineResult
from domain.ports.runtime import Clock
from domain.ports.storage import UnitOfWork
from domain.records.operations import AuditEntry
from services.campaigns.events import campaign_event
from services.campaigns.intents import SENDS
from services.campaigns.service import PAUSED_BY
from services.delivery.outcomes import OUTCOME_UNKNOWN

IN_A_ROW: Final = 100
"""Recipients refused for good with nobody taken in between; fewer may be so by themselves."""
_ACTOR: Final = "herald"


class CampaignBrake:
    def __init__(self, uow: UnitOfWork, clock: Clock) -> None:
        self._uow = uow
        self._clock = clock

    async def refused(self, campaign: Campaign, results: Sequence[LineResult]) -> bool:
        """After recorded calls: whether the campaign is paused now, as these and all others of
        late were refused."""
        codes = _refusals(results)
        if not codes or len(codes) < len(results):
            return False
        async with self._uow() as tx:
            row = await tx.campaigns.refused_in_a_row(campaign.id, campaign.updated_at)
        if row < IN_A_ROW:
            return False
        await self._pull(campaign, f"{PAUSED_BY}refusals:{_most(codes)}")
        return True

    async def unmade(self, campaign: Campaign, results: Sequence[LineResult], ready: int) -> bool:
        """Before anything is recorded: whether the campaign is paused now, as none of so many
        messages could be made."""
        codes = _refusals(results)
        if ready < IN_A_ROW or len(codes) < ready:
            return False
        await self._pull(campaign, f"{PAUSED_BY}error:{_most(codes)}")
        return True

    async def broken(self, campaign: Campaign, code: str) -> None:
        """No message of it can be made."""
        await self._pull(campaign, f"{PAUSED_BY}error:{code}")

    async def _pull(self, campaign: Campaign, reason: str) -> None:
        """Unless it was changed since it was read: what is wrong may be mended by that."""
        async with self._uow() as tx:
            locked = await tx.campaigns.lock(campaign.id)
            if locked is None or locked.status not in SENDS:
                return
            if locked.updated_at != campaign.updated_at:
                return
            now = self._clock()
            paused = replace(
                locked,
                status=CampaignStatus.PAUSED,
                resumes_as=locked.status,
                reason=reason,
                updated_at=now,
            )
            await tx.campaigns.save(paused)
            await tx.campaigns.untell(paused.id)
            detail = {"status": paused.status, "reason": reason}
            entry = AuditEntry(now, _ACTOR, "campaign.paused", f"campaign:{paused.id}", detail)
            await tx.operations.audit(entry)
            await tx.events.append([campaign_event(EventType.CAMPAIGN_PAUSED, paused, now)])


def _refusals(results: Sequence[LineResult]) -> list[str]:
    return [
        result.reason or ""
        for result in results
        if result.status is RecipientStatus.FAILED and result.reason != OUTCOME_UNKNOWN
    ]


def _most(codes: Sequence[str]) -> str:
    return Counter(codes).most_common(1)[0][0]
