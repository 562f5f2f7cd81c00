"""Sending one chunk of a campaign, each recipient once, whatever dies on the way.

Facts are read and planned, words are made, and then one transaction writes the intents: one for
each provider call, under a lock on the chunk and a hold on the campaign, so that two attempts
never write for the same recipient and a cancel finds every intent there will ever be. The calls
follow, and their results in one more transaction. An attempt that finds open intents of an earlier
one settles those first, by their provider's way: with the same key, by asking, or as unknown.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice

from domain.campaigns.ids import recipient_id
from domain.campaigns.messages import ChunkCounts, ChunkInput, ChunkResult, ChunkState
from domain.campaigns.records import Campaign, CampaignStatus, RecipientStatus
from domain.content import Content
from domain.delivering import RetryLater
from domain.enums import Channel
from domain.errors import Conflict, NotFound
from domain.ids import new_id
from domain.ports.campaigns import ChunkLine, LineResult, OpenBatch
from domain.ports.providers import OutboundMessage
from domain.ports.runtime import Clock, RenderProblem, Starter
from domain.ports.storage import Transaction, UnitOfWork
from domain.records import Notification
from services.accept import AcceptService
from services.campaign_calls import Call, Called, CampaignCalls, without_target
from services.campaign_plan import PlannedChunk, Throttles, plan_chunk
from services.campaign_route import (
    CampaignRoute,
    ChunkHeld,
    ChunkLater,
    ChunkWay,
    warm_up_day,
    warm_up_left,
)
from services.campaign_words import CampaignComposer, Edition
from services.catalogue import Catalogue

SENDS = frozenset({CampaignStatus.RUNNING, CampaignStatus.TESTING})


@dataclass(frozen=True, slots=True)
class _Work:
    """What an attempt found to do."""

    campaign: Campaign
    planned: PlannedChunk
    way: ChunkWay | None
    """None: nothing of it is an email."""


Notified = tuple[ChunkLine, Notification, Content]
"""A recipient with the notification that carries the message on."""


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
        clock: Clock,
    ) -> None:
        self._accept = accept
        self._starter = starter
        self._uow = uow
        self._catalogue = catalogue
        self._composer = composer
        self._route = route
        self._calls = CampaignCalls(route, clock)
        self._throttles = throttles
        self._clock = clock

    async def deliver(self, command: ChunkInput) -> ChunkResult:
        """Sends what is due of [low, high]. Raises `RetryLater` while something of it is to be
        tried again soon; what ended by then is in the accounts."""
        settled = await self._settle_open(command)
        if isinstance(settled, ChunkState):
            return ChunkResult(state=settled)
        work = await self._prepare(command)
        if not isinstance(work, _Work):
            return ChunkResult(state=work) if isinstance(work, ChunkState) else work
        edition = await self._composer.edition(work.campaign)
        results, calls = self._compose(edition, work, max(command.now, self._clock()))
        notified = await self._notified(edition, work)
        called = await self._send(command, work, results, calls, notified)
        counts = _counted([*settled, *results, *(r for c in called for r in c.results or ())])
        return await self._ended(command, called, counts)

    async def _settle_open(self, command: ChunkInput) -> tuple[LineResult, ...] | ChunkState:
        """What an attempt that died left behind."""
        async with self._uow() as tx:
            campaign = await self._campaign(tx, command)
            batches = await tx.campaigns.open_batches(campaign.id, command.low)
            ordinals = [ordinal for batch in batches for ordinal in batch.ordinals]
            found = await tx.campaigns.lines_of(campaign.id, ordinals) if batches else ()
        stop = _stop(campaign)
        if stop is not None or not batches:
            return stop or ()
        edition = await self._composer.edition(campaign)
        lines = {line.ordinal: line for line in found}
        now = self._clock()
        called: list[Called] = []
        lost: list[LineResult] = []
        for batch in batches:
            provider = self._route.named(batch.provider)
            mine = [lines[o] for o in batch.ordinals if o in lines]
            kept = tuple(line for line in mine if line.user.email is not None)
            lost += without_target(lines, batch)
            if provider is None:
                continue
            call = Call(batch, kept, tuple(edition.email(line, now) for line in kept))
            called += await self._calls.make(provider, [call], in_doubt=True)
        await self._record(command, called, lost)
        _come_again(called)
        return tuple(result for one in called for result in one.results or ())

    async def _prepare(self, command: ChunkInput) -> _Work | ChunkResult | ChunkState:
        async with self._uow() as tx:
            campaign = await self._campaign(tx, command)
            stop = _stop(campaign)
            if stop is not None:
                return stop
            kind = await self._catalogue.type(campaign.type)
            lines = await tx.campaigns.load_lines(
                campaign.id, command.low, command.high, command.now
            )
            planned = await plan_chunk(tx, campaign, kind, lines, self._throttles, command.now)
            paused = {part.name: part.divert for part in await tx.operations.paused()}
            if not planned.ready:
                await tx.campaigns.settle(campaign.id, planned.settled, at=self._clock())
                due = await tx.campaigns.next_due(campaign.id, command.low, command.high)
                counts = _counted(planned.settled)
                return ChunkResult(state=ChunkState.DONE, due_at=due, counts=counts)
        emails = [line for line in planned.ready if line.channel is Channel.EMAIL]
        if not emails:
            return _Work(campaign, planned, None)
        way = await self._route.direct(campaign, command.low, emails, paused)
        if isinstance(way, ChunkHeld):
            return ChunkState.HELD
        if isinstance(way, ChunkLater):
            raise RetryLater(way.code, way.after)
        return _Work(campaign, planned, way)

    async def _notified(self, edition: Edition, work: _Work) -> list[Notified]:
        """On the other channels each message is a notification of its own, with all that those
        have: devices, segments, the inbox."""
        found = []
        for line in work.planned.ready:
            if line.channel is not Channel.EMAIL:
                notification_id = recipient_id(work.campaign.id, line.ordinal)
                made = await self._accept.prepare(edition.notification(line), notification_id)
                found.append((line, *made))
        return found

    def _compose(
        self, edition: Edition, work: _Work, now: datetime
    ) -> tuple[list[LineResult], list[Call]]:
        """The messages, in as many calls as the provider needs; what cannot be rendered fails."""
        results = list(work.planned.settled)
        made = []
        for line in work.planned.ready:
            if line.channel is not Channel.EMAIL:
                continue
            try:
                made.append((line, edition.email(line, now)))
            except RenderProblem as problem:
                reason = problem.code if problem.variable is None else f"missing:{problem.variable}"
                results.append(LineResult(line.ordinal, RecipientStatus.FAILED, reason))
        return results, _calls(work.way, made) if work.way else []

    async def _send(
        self,
        command: ChunkInput,
        work: _Work,
        results: list[LineResult],
        calls: list[Call],
        notified: list[Notified],
    ) -> tuple[Called, ...]:
        calls, put_off = await self._write_intents(command, work, results, calls, notified)
        results += put_off
        for _, notification, _ in notified:
            self._starter.start(notification.id, about=notification)
        if work.way is None:
            return ()
        called = await self._calls.make(work.way.provider, calls)
        await self._record(command, called, ())
        return called

    async def _write_intents(
        self,
        command: ChunkInput,
        work: _Work,
        results: Sequence[LineResult],
        calls: list[Call],
        notified: list[Notified],
    ) -> tuple[list[Call], list[LineResult]]:
        async with self._uow() as tx:
            await tx.campaigns.lock_chunk(work.campaign.id, command.low)
            held = await tx.campaigns.hold(work.campaign.id)
            if held is None or held.status not in SENDS or held.revision != work.campaign.revision:
                raise Conflict("campaign_changed", "The campaign changed while it was planned.")
            kept, put_off = await self._within_warm_up(tx, work.campaign, calls)
            now = self._clock()
            handed_on = [
                LineResult(line.ordinal, RecipientStatus.PENDING, notification_id=notification.id)
                for line, notification, _ in notified
            ]
            await tx.notifications.insert([(made, content) for _, made, content in notified])
            await tx.campaigns.settle(work.campaign.id, [*results, *put_off, *handed_on], at=now)
            batches = [call.batch for call in kept]
            if not await tx.campaigns.write_batches(work.campaign.id, command.low, batches, now):
                raise Conflict("chunk_taken", "Another attempt is at work on this chunk.")
        return kept, put_off

    async def _within_warm_up(
        self, tx: Transaction, campaign: Campaign, calls: list[Call]
    ) -> tuple[list[Call], list[LineResult]]:
        """Only what today's share still holds; the rest waits for tomorrow."""
        if campaign.rate is None or not campaign.rate.warm_up:
            return calls, []
        now = self._clock()
        began, ends = warm_up_day(campaign, now)
        await tx.campaigns.lock_chunk(campaign.id, -1)  # one chunk at a time counts the day
        gone = await tx.campaigns.sent_since(campaign.id, began)
        gone += await tx.campaigns.in_flight(campaign.id)
        left = warm_up_left(campaign, gone, now)
        if left is None:
            return calls, []
        kept: list[Call] = []
        put_off: list[LineResult] = []
        for call in calls:
            some = max(min(left, len(call.lines)), 0)
            left -= some
            put_off += [
                LineResult(line.ordinal, RecipientStatus.PENDING, "warm_up", due_at=ends)
                for line in call.lines[some:]
            ]
            if some:
                batch = replace(call.batch, ordinals=call.batch.ordinals[:some])
                kept.append(Call(batch, call.lines[:some], call.messages[:some]))
        return kept, put_off

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
                at=self._clock(),
            )
            if not closed:
                raise Conflict("chunk_taken", "Another attempt has recorded this chunk.")

    async def _ended(
        self, command: ChunkInput, called: Sequence[Called], counts: ChunkCounts
    ) -> ChunkResult:
        _come_again(called)
        async with self._uow() as tx:
            due = await tx.campaigns.next_due(command.campaign_id, command.low, command.high)
        return ChunkResult(state=ChunkState.DONE, counts=counts, due_at=due)

    async def _campaign(self, tx: Transaction, command: ChunkInput) -> Campaign:
        campaign = await tx.campaigns.get(command.campaign_id)
        if campaign is None:
            raise NotFound("campaign_not_found", f"There is no campaign {command.campaign_id}.")
        return campaign


def _calls(way: ChunkWay, made: Iterable[tuple[ChunkLine, OutboundMessage]]) -> list[Call]:
    remaining = iter(made)
    calls = []
    while part := tuple(islice(remaining, way.batch_size)):
        lines = tuple(line for line, _ in part)
        ordinals = tuple(line.ordinal for line in lines)
        batch = OpenBatch(new_id(), way.provider.name, ordinals)
        calls.append(Call(batch, lines, tuple(message for _, message in part)))
    return calls


def _stop(campaign: Campaign) -> ChunkState | None:
    if campaign.status in SENDS:
        return None
    return ChunkState.STOPPED if campaign.status.is_over else ChunkState.HELD


def _come_again(called: Sequence[Called]) -> None:
    """Raises `RetryLater` for the first that wants it."""
    waits = [(one.again, one.code) for one in called if one.again is not None]
    if waits:
        after, code = min(waits)
        raise RetryLater(code, max(after, timedelta(milliseconds=10)))


def _counted(results: Sequence[LineResult]) -> ChunkCounts:
    statuses = [result.status for result in results]
    return ChunkCounts(
        sent=statuses.count(RecipientStatus.SENT),
        skipped=statuses.count(RecipientStatus.SKIPPED),
        failed=statuses.count(RecipientStatus.FAILED),
    )
