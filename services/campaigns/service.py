"""Campaigns as their makers handle them: drafts, sending, pausing, amending, cancelling.

The row is the truth. Every change is one transaction under the campaign's lock, told to Temporal
afterwards. Intents are written while holding it: whoever has the lock knows all that can leave.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from domain.campaigns.records import (
    Campaign,
    CampaignCounts,
    CampaignStatus,
    Recipient,
    RecipientStatus,
)
from domain.campaigns.shapes import AmendCampaign, NewCampaign, Schedule
from domain.campaigns.timing import recurs
from domain.enums import EventType, Priority
from domain.errors import Conflict, NotFound
from domain.ids import new_id
from domain.paging import Page, PageRequest
from domain.ports.campaign_runtime import CampaignStarter
from domain.ports.runtime import Clock
from domain.ports.storage import Transaction, UnitOfWork
from domain.records.operations import AuditEntry
from services.audience.preview import require_list
from services.campaigns.checks import CampaignChecks, refusal
from services.campaigns.drafts import WORDS, CampaignDrafts
from services.campaigns.events import campaign_event
from services.campaigns.scheduling import begins_at
from services.campaigns.sweep import CampaignSweep

ANSWER_WITHIN: Final = timedelta(seconds=5)
"""For closing a cancelled campaign's lines; its workflow does the rest."""
PAUSED_BY: Final = "paused_by_"
"""How the reason begins of a campaign that was not paused by hand."""


@dataclass(frozen=True, slots=True)
class CampaignView:
    campaign: Campaign
    counts: CampaignCounts


class CampaignService:
    def __init__(
        self,
        uow: UnitOfWork,
        checks: CampaignChecks,
        starter: CampaignStarter,
        sweep: CampaignSweep,
        clock: Clock,
    ) -> None:
        self._uow = uow
        self._checks = checks
        self._drafts = CampaignDrafts(checks, clock)
        self._starter = starter
        self._sweep = sweep
        self._clock = clock

    async def create(self, new: NewCampaign, actor: str) -> Campaign:
        """A draft, checked. Raises `Invalid`."""
        campaign = await self._drafts.make(new_id(), new)
        async with self._uow() as tx:
            await require_list(tx, campaign.audience)
            await tx.campaigns.insert(campaign)
            await tx.operations.audit(
                _audit(actor, "campaign.created", campaign, campaign.created_at)
            )
        return campaign

    async def start(
        self,
        tx: Transaction,
        campaign_id: UUID,
        new: NewCampaign,
        *,
        priority: Priority,
        actor: str,
    ) -> Campaign:
        """One that runs at once, as a part of the caller's transaction; `tell` of it when that has
        ended. If there is one with this id, that one. A list that is gone is empty. Raises
        `Invalid`."""
        found = await tx.campaigns.get(campaign_id)
        if found is not None:
            return found
        draft = await self._drafts.make(campaign_id, new)
        campaign = replace(
            draft,
            priority=priority,
            status=CampaignStatus.RUNNING,
            starts_at=draft.created_at,
            template_versions=await self._checks.pinned(draft),
        )
        await tx.campaigns.insert(campaign)
        await tx.operations.audit(_audit(actor, "campaign.launched", campaign, campaign.created_at))
        return campaign

    def tell(self, campaign: Campaign) -> None:
        """In the background, Temporal looks at how it stands now."""
        self._starter.tell(campaign)

    async def get(self, campaign_id: UUID) -> Campaign:
        """Raises `NotFound("campaign_not_found")`."""
        async with self._uow() as tx:
            return _there(await tx.campaigns.get(campaign_id), campaign_id)

    async def list(self, page: PageRequest, status: CampaignStatus | None) -> Page[Campaign]:
        async with self._uow() as tx:
            return await tx.campaigns.list(page, status)

    async def amend(self, campaign_id: UUID, change: AmendCampaign, actor: str) -> Campaign:
        """A draft may change in all; one that waits or is paused, in its words and rate. Raises
        `Conflict("campaign_under_way")`, `Invalid`."""
        changes = change.changes()
        async with self._uow() as tx:
            campaign = _there(await tx.campaigns.lock(campaign_id), campaign_id)
            free = campaign.status is CampaignStatus.DRAFT
            waits = campaign.status in {CampaignStatus.SCHEDULED, CampaignStatus.PAUSED}
            if not free and not (waits and set(changes) <= WORDS):
                raise _under_way(campaign)
            amended = await self._drafts.changed(campaign, changes)
            await require_list(tx, amended.audience)
            if not free:
                versions = await self._checks.pinned(amended)
                amended = replace(amended, template_versions=versions)
            await tx.campaigns.save(amended)
            await tx.operations.audit(_audit(actor, "campaign.amended", amended, self._clock()))
        return amended

    async def delete(self, campaign_id: UUID, actor: str) -> None:
        """A draft; of what was sent, the accounts stay. Raises
        `Conflict("campaign_not_draft")`."""
        async with self._uow() as tx:
            campaign = _there(await tx.campaigns.lock(campaign_id), campaign_id)
            if campaign.status is not CampaignStatus.DRAFT:
                raise Conflict("campaign_not_draft", f"The campaign is {campaign.status}.")
            await tx.campaigns.delete(campaign_id)
            await tx.operations.audit(_audit(actor, "campaign.deleted", campaign, self._clock()))

    async def send(self, campaign_id: UUID, actor: str) -> Campaign:
        """Now, whatever its schedule says, unless that recurs. Raises
        `Conflict("campaign_not_draft")`, `Conflict("campaign_schedule_kind")`."""
        return await self._launch(campaign_id, None, actor)

    async def schedule(self, campaign_id: UUID, given: Schedule | None, actor: str) -> Campaign:
        """By the schedule given, or the one it has; a scheduled one is rescheduled. Raises
        `Invalid("schedule_missing")`, what `begins_at` raises, `Conflict("campaign_not_draft")`,
        `Conflict("campaign_schedule_kind")`."""
        async with self._uow() as tx:
            campaign = _there(await tx.campaigns.get(campaign_id), campaign_id)
        chosen = given or campaign.schedule
        if chosen is None:
            raise refusal("schedule", "schedule_missing", "Say when it is to be sent.")
        return await self._launch(campaign_id, chosen, actor)

    async def pause(self, campaign_id: UUID, actor: str) -> Campaign:
        """Nothing leaves after the answer but what is with a provider this moment. Raises
        `Conflict("campaign_not_running")`."""
        async with self._uow() as tx:
            campaign = _there(await tx.campaigns.lock(campaign_id), campaign_id)
            if campaign.status is CampaignStatus.PAUSED:
                return campaign
            if not campaign.status.is_under_way:
                raise Conflict("campaign_not_running", f"The campaign is {campaign.status}.")
            paused = self._moved(campaign, CampaignStatus.PAUSED, resumes_as=campaign.status)
            await self._keep(tx, paused, actor, "campaign.paused", EventType.CAMPAIGN_PAUSED)
        self._starter.tell(paused)
        await self._sweep.landed(campaign_id)
        return paused

    async def resume(self, campaign_id: UUID, actor: str) -> Campaign:
        """Raises `Conflict("campaign_not_paused")`."""
        async with self._uow() as tx:
            campaign = _there(await tx.campaigns.lock(campaign_id), campaign_id)
            if campaign.status is not CampaignStatus.PAUSED:
                raise Conflict("campaign_not_paused", f"The campaign is {campaign.status}.")
            goes_on_as = campaign.resumes_as or CampaignStatus.RUNNING
            reason = None if (campaign.reason or "").startswith(PAUSED_BY) else campaign.reason
            resumed = self._moved(campaign, goes_on_as, resumes_as=None, reason=reason)
            await self._keep(tx, resumed, actor, "campaign.resumed", None)
            await tx.campaigns.wake_held(campaign_id, self._clock())
        self._starter.tell(resumed)
        return resumed

    async def cancel(self, campaign_id: UUID, actor: str) -> CampaignView:
        """Stops what has not left and answers with the final accounts; of very many notifications
        the workflow may yet cancel some. Raises `Conflict("campaign_over")`."""
        now = self._clock()
        async with self._uow() as tx:
            campaign = _there(await tx.campaigns.lock(campaign_id), campaign_id)
            if campaign.status in {CampaignStatus.COMPLETED, CampaignStatus.FAILED}:
                raise Conflict("campaign_over", f"The campaign is {campaign.status}.")
            if campaign.status is not CampaignStatus.CANCELLED:
                campaign = self._moved(campaign, CampaignStatus.CANCELLED, completed_at=now)
                await self._keep(tx, campaign, actor, "campaign.cancelled", None)
        self._starter.tell(campaign)
        await self._sweep.close(campaign_id, within=ANSWER_WITHIN)
        return await self.accounts(campaign_id)

    async def choose_winner(self, campaign_id: UUID, variant: str, actor: str) -> Campaign:
        """By hand, while the test is on. Raises `Conflict("campaign_not_testing")`,
        `Invalid("unknown_variant")`."""
        async with self._uow() as tx:
            campaign = _there(await tx.campaigns.lock(campaign_id), campaign_id)
            testing = CampaignStatus.TESTING in {campaign.status, campaign.resumes_as}
            if campaign.test is None or not testing or campaign.winner is not None:
                raise Conflict("campaign_not_testing", "There is no winner to choose.")
            names = [one.name for one in campaign.test.variants]
            if variant not in names:
                raise refusal("variant", "unknown_variant", f"There is no variant {variant!r}.")
            winner = names.index(variant)
            decided = self._moved(campaign, campaign.status, winner=winner, reason="winner_by_hand")
            await self._keep(tx, decided, actor, "campaign.winner_chosen", None)
        self._starter.tell(decided)
        return decided

    async def accounts(self, campaign_id: UUID) -> CampaignView:
        async with self._uow() as tx:
            campaign = _there(await tx.campaigns.get(campaign_id), campaign_id)
            return CampaignView(campaign, await tx.campaigns.counts(campaign))

    async def recipients(
        self,
        campaign_id: UUID,
        page: PageRequest,
        status: RecipientStatus | None,
        reason: str | None,
    ) -> Page[Recipient] | None:
        """None: they are no longer kept."""
        async with self._uow() as tx:
            campaign = _there(await tx.campaigns.get(campaign_id), campaign_id)
            found = await tx.campaigns.recipients(campaign, page, status=status, reason=reason)
            return found if await tx.campaigns.keeps_recipients(campaign) else None

    async def _launch(self, campaign_id: UUID, schedule: Schedule | None, actor: str) -> Campaign:
        now = self._clock()
        async with self._uow() as tx:
            campaign = _there(await tx.campaigns.lock(campaign_id), campaign_id)
            again = campaign.status is CampaignStatus.SCHEDULED
            if campaign.status is not CampaignStatus.DRAFT and not again:
                raise Conflict("campaign_not_draft", f"The campaign is {campaign.status}.")
            if again and recurs(campaign.schedule) is not recurs(schedule):
                detail = "What recurs and what is sent once are not made of each other: cancel it."
                raise Conflict("campaign_schedule_kind", detail)
            await self._checks.check(campaign)
            await require_list(tx, campaign.audience)
            launched = replace(
                self._moved(campaign, CampaignStatus.SCHEDULED),
                schedule=schedule,
                starts_at=now if schedule is None else begins_at(schedule, now),
                template_versions=await self._checks.pinned(campaign),
            )
            if schedule is None:
                launched = replace(launched, status=CampaignStatus.RUNNING)
            await self._keep(tx, launched, actor, "campaign.launched", None)
        self._starter.tell(launched)
        return launched

    async def _keep(
        self, tx: Transaction, campaign: Campaign, actor: str, word: str, event: EventType | None
    ) -> None:
        await tx.campaigns.save(campaign)
        await tx.campaigns.untell(campaign.id)
        await tx.operations.audit(_audit(actor, word, campaign, self._clock()))
        if event is not None:
            await tx.events.append([campaign_event(event, campaign, self._clock())])

    def _moved(self, campaign: Campaign, status: CampaignStatus, **more: Any) -> Campaign:
        return replace(campaign, status=status, updated_at=self._clock(), **more)


def _audit(actor: str, word: str, campaign: Campaign, at: datetime) -> AuditEntry:
    return AuditEntry(at, actor, word, f"campaign:{campaign.id}", {"status": campaign.status})


def _there(campaign: Campaign | None, campaign_id: UUID) -> Campaign:
    if campaign is None:
        raise NotFound("campaign_not_found", f"There is no campaign {campaign_id}.")
    return campaign


def _under_way(campaign: Campaign) -> Conflict:
    detail = f"The campaign is {campaign.status}: pause it to change its words or its rate."
    if campaign.status in {CampaignStatus.SCHEDULED, CampaignStatus.PAUSED}:
        detail = "Only its words and its rate may change now."
    return Conflict("campaign_under_way", detail)
