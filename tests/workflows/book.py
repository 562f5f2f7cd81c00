"""Services of one's own behind the campaign activities: a small book of accounts that follows a
script, and notes everything it is asked with the workflow's instant."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from domain.campaigns.messages import (
    CampaignState,
    ChunkCounts,
    ChunkInput,
    ChunkResult,
    ChunkState,
    FinishCampaignInput,
    FreezeInput,
    Frozen,
    OpenInput,
    Partition,
)
from domain.campaigns.records import CampaignStatus
from domain.errors import NotFound
from domain.ids import new_id

RUNNING, PAUSED = CampaignStatus.RUNNING, CampaignStatus.PAUSED
Step = ChunkState | timedelta | Exception
"""A timedelta: what is left of the chunk is due that much later."""


@dataclass
class Sends:
    """One campaign: what its services will say, and what they were asked."""

    parts: list[tuple[int, int, timedelta | None, bool]] = field(
        default_factory=lambda: [(0, 1999, None, False)]
    )
    """Partitions: low, high, due after the freeze, tested."""
    status: CampaignStatus = RUNNING
    starts_after: timedelta | None = None
    """After the first look at it."""
    resumes_after: timedelta | None = None
    """When a paused one is found running, though nobody tells."""
    script: dict[int, list[Step]] = field(default_factory=dict)
    """Chunk → how each attempt ends; done when the script runs out."""
    decide_after: timedelta | None = None
    by_hand: bool = False
    unfinished: int = 0
    """How many times the last step still finds something pending."""
    hold: asyncio.Event | None = None
    """Chunks last until this is set."""
    id: UUID = field(default_factory=new_id)
    decided: bool = False
    start: datetime | None = None
    opened: list[timedelta] = field(default_factory=list)
    frozen: list[timedelta] = field(default_factory=list)
    decisions: list[timedelta] = field(default_factory=list)
    finished: list[timedelta] = field(default_factory=list)
    attempts: list[tuple[int, timedelta]] = field(default_factory=list)
    done: dict[int, timedelta] = field(default_factory=dict)
    """Chunk → when all of it was sent."""
    calling: asyncio.Event = field(default_factory=asyncio.Event)
    looked: asyncio.Event = field(default_factory=asyncio.Event)
    occurrences: list[datetime] = field(default_factory=list)

    def since(self, now: datetime) -> timedelta:
        if self.start is None:
            self.start = now
        return now - self.start

    def assert_sent_once(self, *chunks: int) -> None:
        assert sorted(self.done) == sorted(chunks), self
        assert self.done == dict(self.attempts), "nothing is tried after it was done"


class Book:
    """Stands where CampaignRunService and CampaignChunkService stand."""

    def __init__(self) -> None:
        self._cases: dict[UUID, Sends] = {}

    def add(self, case: Sends) -> Sends:
        self._cases[case.id] = case
        return case

    def case(self, campaign_id: UUID) -> Sends:
        case = self._cases.get(campaign_id)
        if case is None:
            raise NotFound("campaign_not_found", "No such campaign.")
        return case

    def occurrence(self, parent: Sends, at: datetime) -> Sends:
        """Made once for each instant."""
        occurrence_id = uuid5(parent.id, at.isoformat())
        if occurrence_id not in self._cases:
            parent.occurrences.append(at)
            self.add(Sends(id=occurrence_id, parts=parent.parts))
        return self._cases[occurrence_id]

    async def open(self, command: OpenInput) -> CampaignState:
        case = self.case(command.campaign_id)
        if command.occurs_at is not None:
            case = self.occurrence(case, command.occurs_at)
        at = case.since(command.now)
        case.opened.append(at)
        due = case.starts_after is None or case.starts_after <= at
        resumes = case.resumes_after is not None and case.resumes_after <= at
        if (case.status is CampaignStatus.SCHEDULED and due) or (case.status is PAUSED and resumes):
            case.status = RUNNING
        case.looked.set()
        return _state(case)

    async def freeze(self, command: FreezeInput) -> Frozen:
        case = self.case(command.campaign_id)
        case.frozen.append(case.since(command.now))
        parts = tuple(
            Partition(low=low, high=high, due_at=due and command.now + due, tested=tested)
            for low, high, due, tested in case.parts
        )
        return Frozen(recipients=sum(p.high - p.low + 1 for p in parts), partitions=parts)

    async def decide(self, command: FinishCampaignInput) -> CampaignState:
        case = self.case(command.campaign_id)
        case.decisions.append(case.since(command.now))
        case.decided = True
        return _state(case)

    async def finish(self, command: FinishCampaignInput) -> CampaignState:
        case = self.case(command.campaign_id)
        case.finished.append(case.since(command.now))
        if case.unfinished:
            case.unfinished -= 1
        elif not case.status.is_over:
            case.status = CampaignStatus.COMPLETED
        return _state(case)

    async def deliver(self, command: ChunkInput) -> ChunkResult:
        case = self.case(command.campaign_id)
        at = case.since(command.now)
        case.attempts.append((command.low, at))
        case.calling.set()
        if case.hold is not None:
            await case.hold.wait()
        if case.status is PAUSED:
            return ChunkResult(state=ChunkState.HELD)
        if case.status.is_over:
            return ChunkResult(state=ChunkState.STOPPED)
        steps = case.script.get(command.low, [])
        step = steps.pop(0) if steps else ChunkState.DONE
        if isinstance(step, Exception):
            raise step
        if isinstance(step, timedelta):
            return ChunkResult(state=ChunkState.DONE, due_at=command.now + step)
        if step is ChunkState.DONE:
            case.done[command.low] = at
        counts = ChunkCounts(sent=command.high - command.low + 1)
        return ChunkResult(state=step, counts=counts if step is ChunkState.DONE else ChunkCounts())


def _state(case: Sends) -> CampaignState:
    starts_at = None
    if case.starts_after is not None and case.start is not None:
        starts_at = case.start + case.starts_after
    return CampaignState(
        campaign_id=case.id,
        status=case.status,
        name=f"campaign {case.id}",
        starts_at=starts_at,
        decided=(case.decide_after is None and not case.by_hand) or case.decided,
        winner_by_hand=case.by_hand,
        decide_after_seconds=case.decide_after.total_seconds() if case.decide_after else 0,
    )
