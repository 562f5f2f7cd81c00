"""Sending one chunk of a campaign, each recipient once, whatever dies on the way.

Facts are read and planned, words are made, and then wave after wave of provider calls: a
transaction writes the intents, the calls follow, and one more transaction their results. An attempt
that finds open intents of an earlier one settles those first, by their provider's way: with the
same key, by asking, or as unknown.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from domain.campaigns.ids import recipient_id
from domain.campaigns.messages import ChunkCounts, ChunkInput, ChunkResult, ChunkState
from domain.campaigns.records import Campaign, RecipientStatus
from domain.delivering import RetryLater
from domain.enums import Channel
from domain.errors import Conflict, Invalid, NotFound
from domain.ports.campaigns import ChunkLine, LineResult, OpenBatch
from domain.ports.runtime import Clock, RenderProblem, Starter
from domain.ports.storage import Transaction, UnitOfWork
from services.accept import AcceptService
from services.campaign_calls import Call, Called, CampaignCalls, unknown_result, without_target
from services.campaign_intents import SENDS, CampaignIntents, Notified, Wave, calls_of, waves_of
from services.campaign_plan import PlannedChunk, Throttles, plan_chunk
from services.campaign_route import (
    CampaignRoute,
    ChunkHeld,
    ChunkLater,
    ChunkWay,
    share_of_a_minute,
)
from services.campaign_words import CampaignComposer, Edition
from services.catalogue import Catalogue


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
        clock: Clock,
    ) -> None:
        self._accept = accept
        self._starter = starter
        self._uow = uow
        self._catalogue = catalogue
        self._composer = composer
        self._route = route
        self._calls = CampaignCalls(route, clock)
        self._intents = CampaignIntents(uow, clock)
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
        results = list(work.planned.settled)
        edition = await self._edition(work.campaign)
        if isinstance(edition, RenderProblem):
            results += [_unsaid(line, edition) for line in work.planned.ready]
            waves = waves_of((), results, ())
        else:
            calls = self._compose(edition, work, self._now(command), results)
            notified = await self._notified(edition, work, results)
            waves = waves_of(calls, results, notified)
        called, put_off = await self._send(command, work, waves)
        ended = [result for one in called for result in one.results or ()]
        counts = _counted([*settled, *results, *put_off, *ended])
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
        edition = await self._edition(campaign)
        lines = {line.ordinal: line for line in found}
        called: list[Called] = []
        lost: list[LineResult] = []
        for batch in batches:
            call, without = _repeated(edition, lines, batch, self._now(command))
            lost += without
            called += await self._calls.settle(self._route.named(batch.provider), call)
        await self._record(command, called, lost)
        _come_again(called)
        return (*lost, *(result for one in called for result in one.results or ()))

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
                await tx.campaigns.settle(campaign.id, planned.settled, at=self._clock())
                due = await tx.campaigns.next_due(campaign.id, command.low, command.high)
                counts = _counted(planned.settled)
                return ChunkResult(state=ChunkState.DONE, due_at=due, counts=counts)
        planned = replace(planned, ready=share_of_a_minute(campaign, planned.ready))
        emails = [line for line in planned.ready if line.channel is Channel.EMAIL]
        if not emails:
            return _Work(campaign, planned, None)
        way = await self._route.direct(campaign, command.low, emails, paused)
        if isinstance(way, ChunkHeld):
            return ChunkState.HELD
        if isinstance(way, ChunkLater):
            raise RetryLater(way.code, way.after)
        return _Work(campaign, planned, way)

    async def _edition(self, campaign: Campaign) -> Edition | RenderProblem:
        """The words, or why there are none any more: somebody deleted the template."""
        try:
            return await self._composer.edition(campaign)
        except RenderProblem as problem:
            return problem

    async def _notified(
        self, edition: Edition, work: _Work, results: list[LineResult]
    ) -> list[Notified]:
        """On the other channels each message is a notification of its own, with all that those
        have: devices, segments, the inbox. What is refused fails, among the `results`."""
        found = []
        for line in work.planned.ready:
            if line.channel is Channel.EMAIL:
                continue
            notification_id = recipient_id(work.campaign.id, line.ordinal)
            try:
                made = await self._accept.prepare(edition.notification(line), notification_id)
                found.append((line, *made))
            except Invalid as refusal:
                results.append(LineResult(line.ordinal, RecipientStatus.FAILED, refusal.code))
        return found

    def _compose(
        self, edition: Edition, work: _Work, now: datetime, results: list[LineResult]
    ) -> list[Call]:
        """The messages, in as many calls as the provider needs; what cannot be rendered fails,
        among the `results`."""
        made = []
        for line in work.planned.ready:
            if line.channel is not Channel.EMAIL:
                continue
            try:
                made.append((line, edition.email(line, now)))
            except RenderProblem as problem:
                results.append(_unsaid(line, problem))
        return calls_of(work.way, made) if work.way else []

    async def _send(
        self, command: ChunkInput, work: _Work, waves: Sequence[Wave]
    ) -> tuple[list[Called], list[LineResult]]:
        """The calls made, and lines that were put off. A wave of which nothing was taken ends it:
        the provider is not well, and the next attempt may go another way."""
        called: list[Called] = []
        put_off: list[LineResult] = []
        for wave in waves:
            calls, later = await self._intents.write(command, work.campaign, wave)
            put_off += later
            for _, notification, _ in wave.notified:
                self._starter.start(notification.id, about=notification)
            if work.way is None or not calls:
                continue
            answers = await self._calls.make(work.way.provider, calls)
            called += answers
            await self._record(command, answers, ())
            if any(c.results is None for c in answers) or all(c.again for c in answers):
                break
        return called, put_off

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

    def _now(self, command: ChunkInput) -> datetime:
        """An attempt may come long after its command, and a workflow's clock be ahead."""
        return max(command.now, self._clock())

    async def _campaign(self, tx: Transaction, command: ChunkInput) -> Campaign:
        campaign = await tx.campaigns.get(command.campaign_id)
        if campaign is None:
            raise NotFound("campaign_not_found", f"There is no campaign {command.campaign_id}.")
        return campaign


def _unsaid(line: ChunkLine, problem: RenderProblem) -> LineResult:
    reason = problem.code if problem.variable is None else f"missing:{problem.variable}"
    return LineResult(line.ordinal, RecipientStatus.FAILED, reason)


def _repeated(
    edition: Edition | RenderProblem,
    lines: Mapping[int, ChunkLine],
    batch: OpenBatch,
    now: datetime,
) -> tuple[Call, tuple[LineResult, ...]]:
    """The call of an old intent once more, and those it cannot be repeated for: whose address went
    away since, and whose message can no longer be rendered, so that nobody will know of it."""
    lost = list(without_target(lines, batch))
    made = []
    for line in (lines[ordinal] for ordinal in batch.ordinals if ordinal in lines):
        if line.user.email is None:
            continue
        try:
            if isinstance(edition, RenderProblem):
                raise edition
            made.append((line, edition.email(line, now)))
        except RenderProblem:
            lost.append(unknown_result(line, batch.provider))
    kept = tuple(line for line, _ in made)
    return Call(batch, kept, tuple(message for _, message in made)), tuple(lost)


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
