"""Sending one chunk of a campaign, each recipient once, whatever dies on the way.

Facts are read and planned, words are made, and then wave after wave of provider calls: a
transaction writes the intents, the calls follow, and one more transaction their results. An attempt
that finds open intents of an earlier one settles those first, by their provider's way: with the
same key, by asking, or as unknown.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from domain.campaigns.messages import ChunkCounts, ChunkInput, ChunkResult, ChunkState
from domain.campaigns.records import Campaign, RecipientStatus
from domain.delivering import RetryLater
from domain.enums import Channel
from domain.errors import Conflict, Invalid, NotFound
from domain.ports.campaigns import ChunkLine, LineResult, OpenBatch
from domain.ports.precedence import Precedence
from domain.ports.runtime import Clock, RenderProblem, Starter
from domain.ports.storage import Transaction, UnitOfWork
from domain.retry import LEAST_REST, SCHEDULES
from services.campaigns.brake import CampaignBrake
from services.campaigns.calls import Called, CampaignCalls, is_too_old, unknown_result
from services.campaigns.intents import SENDS, CampaignIntents, Wave, calls_of, waves_of
from services.campaigns.make import made_again, make_messages
from services.campaigns.plan import PlannedChunk, Throttles, plan_chunk
from services.campaigns.route import (
    CampaignRoute,
    ChunkHeld,
    ChunkWay,
    share_of_a_minute,
)
from services.campaigns.words import CampaignComposer, Edition
from services.catalogue.reading import Catalogue
from services.notifications.accept import AcceptService

LONGEST_REST: Final = SCHEDULES[Channel.EMAIL].ceiling
"""Of an attempt. A chunk that is to wait longer, for a quota, gives its place to another."""


@dataclass(frozen=True, slots=True)
class _Work:
    """What an attempt found to do."""

    campaign: Campaign
    planned: PlannedChunk
    way: ChunkWay | None
    """None: nothing of it is an email."""


class CampaignChunkService:
    def __init__(
        self,
        uow: UnitOfWork,
        catalogue: Catalogue,
        composer: CampaignComposer,
        route: CampaignRoute,
        throttles: Throttles,
        accept: AcceptService,
        starter: Starter,
        precedence: Precedence,
        clock: Clock,
    ) -> None:
        self._accept = accept
        self._starter = starter
        self._precedence = precedence
        self._uow = uow
        self._catalogue = catalogue
        self._composer = composer
        self._route = route
        self._calls = CampaignCalls(uow, route, precedence, clock)
        self._brake = CampaignBrake(uow, clock)
        self._intents = CampaignIntents(uow, clock)
        self._throttles = throttles
        self._clock = clock

    async def deliver(self, command: ChunkInput) -> ChunkResult:
        """Sends what is due of [low, high]. Raises `RetryLater` while something of it is to be
        tried again soon; what ended by then is in the accounts."""
        settled = await self._settle_open(command)
        if isinstance(settled, ChunkState):
            return ChunkResult(state=settled)
        await self._precedence.give_way()
        work = await self._prepare(command)
        if not isinstance(work, _Work):
            return ChunkResult(state=work) if isinstance(work, ChunkState) else work
        edition = await self._edition(work.campaign)
        if edition is None:
            return ChunkResult(state=ChunkState.HELD)
        lines = work.planned.ready
        made = await make_messages(
            edition, lines, self._accept, self._precedence, self._now(command)
        )
        if await self._brake.unmade(work.campaign, made.failed, len(lines)):
            return ChunkResult(state=ChunkState.HELD)
        results = [*work.planned.settled, *made.failed]
        calls = calls_of(work.way, made.emails) if work.way else []
        called = await self._send(command, work, waves_of(calls, results, made.notified))
        ended = [result for one in called for result in one.results or ()]
        return await self._ended(command, called, _counted([*settled, *results, *ended]))

    async def _edition(self, campaign: Campaign) -> Edition | None:
        """None: the campaign's words are broken, and it is paused now."""
        try:
            return await self._composer.edition(campaign)
        except (RenderProblem, Invalid) as problem:
            await self._brake.broken(campaign, problem.code)
            return None

    async def _settle_open(self, command: ChunkInput) -> tuple[LineResult, ...] | ChunkState:
        """What an attempt that died left behind. While the campaign is paused nothing is called,
        and only what is too old to be repeated is given up."""
        async with self._uow() as tx:
            campaign = await self._campaign(tx, command)
            batches = await tx.campaigns.open_batches(campaign.id, command.low)
            ordinals = [ordinal for batch in batches for ordinal in batch.ordinals]
            found = await tx.campaigns.lines_of(campaign.id, ordinals) if batches else ()
        lines = {line.ordinal: line for line in found}
        stop = _stop(campaign)
        if stop is ChunkState.HELD:
            await self._record(command, self._given_up(batches, lines), ())
        if stop is not None or not batches:
            return stop or ()
        edition = await self._edition(campaign)
        if edition is None:
            return ChunkState.HELD
        called: list[Called] = []
        lost: list[LineResult] = []
        for batch in batches:
            call, without = made_again(edition, lines, batch, self._now(command))
            lost += without
            called.append(await self._calls.settle(self._route.named(batch.provider), call))
        await self._record(command, called, lost)
        _come_again(called)
        return (*lost, *(result for one in called for result in one.results or ()))

    def _given_up(
        self, batches: Sequence[OpenBatch], lines: Mapping[int, ChunkLine]
    ) -> list[Called]:
        now = self._clock()
        old = [batch for batch in batches if is_too_old(batch, now)]
        return [
            Called(
                batch,
                tuple(
                    unknown_result(lines[ordinal], batch.provider)
                    for ordinal in batch.ordinals
                    if ordinal in lines
                ),
            )
            for batch in old
        ]

    async def _prepare(self, command: ChunkInput) -> _Work | ChunkResult | ChunkState:
        async with self._uow() as tx:
            campaign = await self._campaign(tx, command)
            stop = _stop(campaign)
            if stop is not None:
                return stop
            kind = await self._catalogue.type(campaign.type)
            now = self._now(command)
            lines = await tx.campaigns.load_lines(campaign.id, command.low, command.high, now)
            planned = await plan_chunk(tx, campaign, kind, lines, self._throttles, now)
            paused = {part.name: part.divert for part in await tx.operations.paused()}
            if not planned.ready:
                return await self._nothing_to_send(tx, command, planned)
        ready = share_of_a_minute(campaign, self._route.together(planned.ready))
        return await self._directed(campaign, replace(planned, ready=ready), paused)

    async def _nothing_to_send(
        self, tx: Transaction, command: ChunkInput, planned: PlannedChunk
    ) -> ChunkResult:
        """Only lines that end or wait, none of which may be on its way by an attempt thought
        dead."""
        await tx.campaigns.lock_chunk(command.campaign_id, command.low)
        if await tx.campaigns.open_batches(command.campaign_id, command.low):
            raise Conflict("chunk_taken", "Another attempt is at work on this chunk.")
        await tx.campaigns.settle(command.campaign_id, planned.settled, at=self._clock())
        due = await tx.campaigns.next_due(
            command.campaign_id, command.low, command.high, self._now(command)
        )
        return ChunkResult(state=ChunkState.DONE, due_at=due, counts=_counted(planned.settled))

    async def _directed(
        self, campaign: Campaign, planned: PlannedChunk, paused: Mapping[str, bool]
    ) -> _Work | ChunkState:
        """What is no email goes on while emails are held or wait; those are come back for. Under
        a cap there are not both, so that what goes on has paid for itself."""
        emails = [line for line in planned.ready if line.channel is Channel.EMAIL]
        others = tuple(line for line in planned.ready if line.channel is not Channel.EMAIL)
        way = await self._route.direct(emails, paused) if emails else None
        if way is None or isinstance(way, ChunkWay):
            later = await self._route.turn(campaign, planned.ready, way)
            if later is None:
                return _Work(campaign, planned, way)
            way = later
        if emails and others:
            return _Work(campaign, replace(planned, ready=others), None)
        if isinstance(way, ChunkHeld):
            return ChunkState.HELD
        raise RetryLater(way.code, way.after)

    async def _send(self, command: ChunkInput, work: _Work, waves: Sequence[Wave]) -> list[Called]:
        """The calls made. A wave of which nothing was taken ends it: the provider is not well, and
        the next attempt may go another way."""
        called: list[Called] = []
        for planned in waves:
            wave = await self._intents.write(command, work.campaign, planned)
            for _, notification, _ in wave.notified:
                self._starter.start(notification.id, about=notification)
            if work.way is None or not wave.calls:
                continue
            answers = await self._calls.make(work.way.provider, wave.calls)
            called += answers
            await self._record(command, answers, ())
            if any(c.results is None for c in answers) or all(c.again for c in answers):
                break
            ended = [result for one in answers for result in one.results or ()]
            if await self._brake.refused(work.campaign, ended):
                break
        return called

    async def _record(
        self, command: ChunkInput, called: Sequence[Called], more: Sequence[LineResult]
    ) -> None:
        known = [one for one in called if one.results is not None]
        results = [*more, *(result for one in known for result in one.results or ())]
        if not known and not results:
            return
        async with self._uow() as tx:
            closed = await tx.campaigns.settle(
                command.campaign_id,
                results,
                batches=[one.batch.id for one in known],
                anew=[one.batch.id for one in known if one.is_to_be_tried_anew],
                at=self._clock(),
            )
            if not closed:
                raise Conflict("chunk_taken", "Another attempt has recorded this chunk.")

    async def _ended(
        self, command: ChunkInput, called: Sequence[Called], counts: ChunkCounts
    ) -> ChunkResult:
        rest = _rest(called)
        if rest is not None and rest[0] > LONGEST_REST:
            due_at = self._clock() + rest[0]
            return ChunkResult(state=ChunkState.DONE, counts=counts, due_at=due_at)
        _come_again(called)
        async with self._uow() as tx:
            due = await tx.campaigns.next_due(
                command.campaign_id, command.low, command.high, self._now(command)
            )
        return ChunkResult(state=ChunkState.DONE, counts=counts, due_at=due)

    def _now(self, command: ChunkInput) -> datetime:
        """An attempt may come long after its command, and a workflow's clock be ahead."""
        return max(command.now, self._clock())

    async def _campaign(self, tx: Transaction, command: ChunkInput) -> Campaign:
        campaign = await tx.campaigns.get(command.campaign_id)
        if campaign is None:
            raise NotFound("campaign_not_found", f"There is no campaign {command.campaign_id}.")
        return campaign


def _stop(campaign: Campaign) -> ChunkState | None:
    if campaign.status in SENDS:
        return None
    return ChunkState.STOPPED if campaign.status.is_over else ChunkState.HELD


def _come_again(called: Sequence[Called]) -> None:
    """Raises `RetryLater` for the first that wants it."""
    rest = _rest(called)
    if rest is not None:
        after, code = rest
        raise RetryLater(code, min(max(after, LEAST_REST), LONGEST_REST))


def _rest(called: Sequence[Called]) -> tuple[timedelta, str] | None:
    """How soon the first of them wants to be tried again, and why."""
    return min(((one.again, one.code) for one in called if one.again is not None), default=None)


def _counted(results: Sequence[LineResult]) -> ChunkCounts:
    statuses = [result.status for result in results]
    return ChunkCounts(
        sent=statuses.count(RecipientStatus.SENT),
        skipped=statuses.count(RecipientStatus.SKIPPED),
        failed=statuses.count(RecipientStatus.FAILED),
    )
