"""A campaign's own steps, as its workflow takes them: opening, freezing, deciding, ending.

Each is one transaction that finds what an earlier attempt did, so that repeating it is harmless.
"""

from dataclasses import replace
from datetime import datetime
from uuid import UUID, uuid5

from domain.ab.counts import Arm
from domain.ab.decision import Winner, decide_winner, variant_for_the_rest
from domain.ab.definition import ABDesign, ABMetric, WinnerMode
from domain.ab.results import MetricResult, analyze
from domain.campaigns.messages import (
    CampaignState,
    FinishCampaignInput,
    FreezeInput,
    Frozen,
    OpenInput,
)
from domain.campaigns.parts import partitions_of
from domain.campaigns.records import Campaign, CampaignCounts, CampaignStatus
from domain.campaigns.recurrence import occurrence_schedule, recurrence_of
from domain.campaigns.shapes import Schedule
from domain.campaigns.timing import is_over, over_at, recurs
from domain.enums import EventType
from domain.errors import Conflict, NotFound
from domain.ports.runtime import Clock
from domain.ports.storage import Transaction, UnitOfWork
from domain.rules.local_time import first_instant, zone_of
from services.campaigns.checks import CampaignChecks
from services.campaigns.events import campaign_event
from services.campaigns.sweep import CampaignSweep


class CampaignRunService:
    def __init__(
        self, uow: UnitOfWork, checks: CampaignChecks, sweep: CampaignSweep, clock: Clock
    ) -> None:
        self._uow = uow
        self._checks = checks
        self._sweep = sweep
        self._clock = clock

    async def open(self, command: OpenInput) -> CampaignState:
        """How it stands; one that is due by now has begun. Of a recurring one, the occurrence; or,
        without one, whether it is over."""
        async with self._uow() as tx:
            campaign = _there(await tx.campaigns.lock(command.campaign_id), command.campaign_id)
            if command.occurs_at is not None:
                campaign = await self._occurrence(tx, campaign, command.occurs_at)
            elif campaign.schedule is not None and recurs(campaign.schedule):
                return _state(await self._recurring(tx, campaign, campaign.schedule, command.now))
            due = campaign.starts_at is not None and campaign.starts_at <= command.now
            if campaign.status is CampaignStatus.SCHEDULED and due:
                campaign = replace(
                    campaign, status=CampaignStatus.RUNNING, updated_at=self._clock()
                )
                await tx.campaigns.save(campaign)
            return _state(campaign)

    async def freeze(self, command: FreezeInput) -> Frozen:
        """Writes the recipients, the first time; then tells how they are cut into partitions.
        Raises `Conflict("campaign_over")` and writes nothing when it was cancelled meanwhile."""
        async with self._uow() as tx:
            await tx.campaigns.lock_freeze(command.campaign_id)
            campaign = _there(await tx.campaigns.get(command.campaign_id), command.campaign_id)
            if campaign.status.is_over:
                return Frozen(recipients=0)
            if campaign.recipients is None:
                campaign = await self._frozen(tx, campaign, command.now)
            buckets = await tx.campaigns.buckets(campaign.id)
            return Frozen(recipients=campaign.recipients or 0, partitions=partitions_of(buckets))

    async def decide(self, command: FinishCampaignInput) -> CampaignState:
        """Chooses the test's winner, unless somebody has."""
        async with self._uow() as tx:
            campaign = _there(await tx.campaigns.lock(command.campaign_id), command.campaign_id)
            if campaign.test is None or campaign.winner is not None or campaign.status.is_over:
                return _state(await self._on(tx, campaign))
            counts = await tx.campaigns.counts(campaign)
            metric = campaign.test.metric
            found = decide_winner({metric: result_of(campaign.test, counts)}, metric)
            significant = isinstance(found, Winner) and found.significant
            decided = replace(
                campaign,
                winner=variant_for_the_rest(found),
                reason="winner_significant" if significant else f"winner_{found.reason}",
            )
            return _state(await self._on(tx, decided))

    async def finish(self, command: FinishCampaignInput) -> CampaignState:
        """Completes it when nothing is pending any more; else tells that it is not over. Closes
        what is left of a cancelled one."""
        async with self._uow() as tx:
            campaign = _there(await tx.campaigns.lock(command.campaign_id), command.campaign_id)
            running = campaign.status in {CampaignStatus.RUNNING, CampaignStatus.TESTING}
            if running and not (await tx.campaigns.counts(campaign)).pending:
                now = self._clock()
                campaign = replace(
                    campaign, status=CampaignStatus.COMPLETED, completed_at=now, updated_at=now
                )
                await tx.campaigns.save(campaign)
                event = campaign_event(EventType.CAMPAIGN_COMPLETED, campaign, now)
                await tx.events.append([event])
        if campaign.status is CampaignStatus.CANCELLED:
            await self._sweep.close(campaign.id)
        return _state(campaign)

    async def _on(self, tx: Transaction, campaign: Campaign) -> Campaign:
        """Out of its test."""
        status, resumes_as = campaign.status, campaign.resumes_as
        if status is CampaignStatus.TESTING:
            status = CampaignStatus.RUNNING
        if resumes_as is CampaignStatus.TESTING:
            resumes_as = CampaignStatus.RUNNING
        moved = replace(campaign, status=status, resumes_as=resumes_as, updated_at=self._clock())
        await tx.campaigns.save(moved)
        return moved

    async def _frozen(self, tx: Transaction, campaign: Campaign, now: datetime) -> Campaign:
        """Meanwhile it may be paused and amended; who is written does not depend on that."""
        schedule, due, at = campaign.schedule, {}, None
        if schedule is not None and schedule.local_time is not None and schedule.date is not None:
            usual = schedule.timezone or "UTC"
            # Also of those who move, after this question, to where nobody lived.
            at = first_instant(schedule.date, schedule.local_time, zone_of(usual))
            for found in await tx.campaigns.zones(campaign):
                zone = zone_of(found.zone or usual)
                due[found.zone] = first_instant(schedule.date, schedule.local_time, zone)
        elif campaign.test is not None and any(
            v.delay or v.send_at for v in campaign.test.variants
        ):
            at = now
        count = await tx.campaigns.freeze(campaign, due, at)
        standing = _there(await tx.campaigns.lock(campaign.id), campaign.id)
        if standing.status.is_over:
            raise Conflict("campaign_over", f"The campaign is {standing.status}.")
        frozen = replace(
            _begun(standing), recipients=count, started_at=now, updated_at=self._clock()
        )
        await tx.campaigns.save(frozen)
        await tx.events.append([campaign_event(EventType.CAMPAIGN_STARTED, frozen, now)])
        return frozen

    async def _recurring(
        self, tx: Transaction, campaign: Campaign, schedule: Schedule, now: datetime
    ) -> Campaign:
        """Completed once its last date is over."""
        if campaign.status is not CampaignStatus.SCHEDULED or not is_over(schedule, now):
            return campaign
        at = self._clock()
        over = replace(campaign, status=CampaignStatus.COMPLETED, completed_at=at, updated_at=at)
        await tx.campaigns.save(over)
        await tx.campaigns.untell(over.id)
        await tx.events.append([campaign_event(EventType.CAMPAIGN_COMPLETED, over, at)])
        return over

    async def _occurrence(self, tx: Transaction, parent: Campaign, at: datetime) -> Campaign:
        """One of a recurring campaign's sends, under an id that a second attempt finds."""
        now, single = self._clock(), None
        if parent.schedule is not None and recurs(parent.schedule):
            at = recurrence_of(parent.schedule).near(at)
            single = occurrence_schedule(parent.schedule, at)
        occurrence = replace(
            parent,
            id=uuid5(parent.id, at.isoformat()),
            parent_id=parent.id,
            occurs_at=at,
            starts_at=at,
            schedule=single,
            status=CampaignStatus.SCHEDULED,
            template_versions=await self._checks.pinned(parent),
            created_at=now,
            updated_at=now,
        )
        if parent.status is not CampaignStatus.SCHEDULED:
            occurrence = replace(occurrence, status=CampaignStatus.CANCELLED, completed_at=now)
        await tx.campaigns.insert(occurrence)
        return _there(await tx.campaigns.lock(occurrence.id), occurrence.id)


def _begun(campaign: Campaign) -> Campaign:
    """In its test, if it has one; also when it goes on after a pause."""
    if campaign.test is None or campaign.test.fraction >= 1:
        return campaign
    if campaign.status is CampaignStatus.PAUSED:
        return replace(campaign, resumes_as=CampaignStatus.TESTING)
    return replace(campaign, status=CampaignStatus.TESTING)


def result_of(test: ABDesign, counts: CampaignCounts) -> MetricResult:
    """What the counts say of a campaign's test, and how sure they are of it."""
    arms = [
        Arm(v.name, v.sent, v.opened if test.metric is ABMetric.OPEN else v.clicked)
        for v in counts.variants
    ]
    return analyze(test.metric, arms)


def _state(campaign: Campaign) -> CampaignState:
    test = campaign.test
    held_out = test is not None and test.fraction < 1
    starts_at = campaign.starts_at
    if campaign.schedule is not None and recurs(campaign.schedule):
        starts_at = over_at(campaign.schedule)  # all that its own workflow waits for
    return CampaignState(
        campaign_id=campaign.id,
        status=campaign.status,
        name=f"campaign {campaign.id}",
        starts_at=starts_at,
        decided=not held_out or campaign.winner is not None,
        winner_by_hand=test is not None and test.winner is WinnerMode.MANUAL,
        decide_after_seconds=test.decide_after.total_seconds() if test and test.decide_after else 0,
    )


def _there(campaign: Campaign | None, campaign_id: UUID) -> Campaign:
    if campaign is None:
        raise NotFound("campaign_not_found", f"There is no campaign {campaign_id}.")
    return campaign
