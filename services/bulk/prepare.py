"""From a batch's notifications to messages whose intents are written.

One transaction: facts, plans, words and intents. So the plan and the intent of a notification
appear together or not at all, and whoever else plans it finds it planned.
"""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from domain.content import RenderedMessage
from domain.enums import Channel, DeliveryStatus, Priority
from domain.ids import new_id
from domain.ports.bulk import BatchIntent, BulkTransaction, BulkUnitOfWork
from domain.ports.deliveries import DeliveryJob
from domain.ports.planning import PlanDraft
from domain.ports.providers import BatchProvider, Recovery
from domain.ports.runtime import Clock, RenderProblem
from domain.records.notifications import Delivery
from services.bulk.plan import BulkPlanner, Planned
from services.delivery.attempt import Try
from services.delivery.craft import Crafted, MessageCraft
from services.delivery.deliver import into_inbox
from services.delivery.events import Failure
from services.delivery.message import MessageComposer
from services.delivery.record import DeliveryRecorder
from services.delivery.routing import Later, Routing, Way

_BREATH = 10
"""Messages rendered before others have the event loop."""


@dataclass(frozen=True, slots=True)
class Item:
    """One notification whose intent is written, ready for its provider."""

    job: DeliveryJob
    crafted: Crafted
    one: Try

    @property
    def line(self) -> Delivery:
        return self.one.intent.delivery

    @property
    def key(self) -> UUID:
        """Of the provider call it goes in."""
        return self.line.batch_key or self.line.id


@dataclass(slots=True)
class Prepared:
    items: list[Item] = field(default_factory=list)
    own: tuple[UUID, ...] = ()
    """Released: these get workflows of their own."""
    left: tuple[UUID, ...] = ()
    """Still the batch's, to be looked at again at once."""
    rests: list[timedelta] = field(default_factory=list)
    """How long others of the batch's have to wait for their provider."""


@dataclass(frozen=True, slots=True)
class _Ready:
    draft: PlanDraft
    job: DeliveryJob
    line: Delivery
    way: Way
    words: RenderedMessage | Failure
    key: UUID


class BulkPreparer:
    def __init__(
        self,
        uow: BulkUnitOfWork,
        planner: BulkPlanner,
        routing: Routing,
        composer: MessageComposer,
        craft: MessageCraft,
        recorder: DeliveryRecorder,
        clock: Clock,
    ) -> None:
        self._uow = uow
        self._planner = planner
        self._routing = routing
        self._composer = composer
        self._craft = craft
        self._recorder = recorder
        self._clock = clock

    async def prepare(self, notification_ids: Collection[UUID], now: datetime) -> Prepared:
        """Plans those of these that are the batch's, and brings what may leave to its intent."""
        async with self._uow() as tx:
            snapshots = await tx.bulk_planning.load(sorted(notification_ids))
            if not snapshots:
                return Prepared()
            planned = await self._planner.plan(tx, snapshots, now)
            ready, own, rests = await self._sort(tx, planned)
            ended = [one.draft for one in planned if one.draft and one.channel is None]
            saved = await tx.bulk_planning.save([*ended, *(one.draft for one in ready)])
            leaving = [one for one in ready if one.draft.notification.id in saved]
            items = await self._intend(tx, leaving, now)
            released = await tx.bulk.release(own, now) if own else ()
        tried = {draft.notification.id for draft in [*ended, *(one.draft for one in ready)]}
        done = {one.notification_id for one in planned} - (tried - saved)
        left = [one.notification.id for one in snapshots if one.notification.id not in done]
        return Prepared(items, released, tuple(left), rests)

    async def _sort(
        self, tx: BulkTransaction, planned: Sequence[Planned]
    ) -> tuple[list[_Ready], Sequence[UUID], list[timedelta]]:
        """What may leave now, what is for workflows of their own, and how long the rest waits."""
        jobs = await tx.bulk_deliveries.load_jobs(
            {one.notification_id: one.channel for one in planned if one.channel}
        )
        own: list[UUID] = [one.notification_id for one in planned if one.draft is None]
        rests: list[timedelta] = []
        ready: list[_Ready] = []
        for place, one in enumerate(planned):
            if one.draft is None or one.channel is None:
                continue
            if place % _BREATH == 0:
                await asyncio.sleep(0)
            found = await self._ready(one.draft, one.channel, jobs.get(one.notification_id))
            if found is None:
                own.append(one.notification_id)
            elif isinstance(found, Later):
                rests.append(found.after)
            else:
                ready.append(found)
        return await self._in_calls(ready, rests), own, rests

    async def _ready(
        self, draft: PlanDraft, channel: Channel, job: DeliveryJob | None
    ) -> _Ready | Later | None:
        """None for what the plan could not foresee: a workflow of its own sees to it."""
        if job is None or {f"channel:{channel}", "campaign"} & job.paused.keys():
            return None
        if len(job.targets) != 1:
            return None
        if job.targets[0].suppressed_reason is not None or len(job.deliveries) > 1:
            return None
        line = job.deliveries[0] if job.deliveries else _line(draft, channel)
        if line.target != job.targets[0].key:
            return None
        way = await self._routing.direct(job, line, job.targets[0], reserve=False)
        if isinstance(way, Later):
            return way
        if not isinstance(way, Way):
            return None
        try:
            words: RenderedMessage | Failure = await self._composer.render(job, channel)
        except RenderProblem as problem:
            words = Failure(problem.code, problem.detail)
        return _Ready(draft, job, line, way, words, line.id)

    async def _in_calls(self, ready: Sequence[_Ready], rests: list[timedelta]) -> list[_Ready]:
        """Each with the key of the call it goes in, without those whose provider has no room for
        it now; `rests` gets how long these wait."""
        kept = [one for one in ready if isinstance(one.words, Failure)]
        for call in _calls([one for one in ready if not isinstance(one.words, Failure)]):
            notifications = [one.job.notification for one in call]
            urgent = any(item.priority is Priority.CRITICAL for item in notifications)
            later = await self._routing.reserve(
                call[0].way, notifications[0].id, urgent=urgent, count=len(call)
            )
            if later is not None:
                rests.append(later.after)
                continue
            key = new_id() if len(call) > 1 else call[0].line.id
            kept += [_Ready(o.draft, o.job, o.line, o.way, o.words, key) for o in call]
        return kept

    async def _intend(
        self, tx: BulkTransaction, leaving: Sequence[_Ready], now: datetime
    ) -> list[Item]:
        crafted: dict[UUID, tuple[_Ready, Crafted]] = {}
        emails = []
        for one in leaving:
            item, channel = one.job.notification, one.line.channel
            if isinstance(one.words, Failure):
                await self._recorder.fail_channel(tx, one.job, channel, one.words)
            elif channel is Channel.EMAIL:
                message, record = self._craft.email(one.job, one.words)
                emails.append((item.user_id, item.id, record))
                crafted[one.line.id] = (one, message)
            else:
                message = await self._craft.finish(tx, one.job, channel, one.words)
                crafted[one.line.id] = (one, message)
        if not crafted:
            return []
        await self._planner.reserve(tx, [(o.draft, o.line.channel) for o, _ in crafted.values()])
        if emails:
            await tx.bulk_deliveries.keep_emails(emails)
        intents = await tx.bulk_deliveries.write_intents(
            [BatchIntent(id_, o.way.provider.name, o.key) for id_, (o, _) in crafted.items()], now
        )
        items = []
        for intent in intents:
            one, message = crafted[intent.delivery.id]
            if intent.delivery.channel is Channel.WEBSOCKET:
                shown = await into_inbox(tx, one.job, message.message, self._clock())
                message = Crafted(shown)
            items.append(Item(one.job, message, Try(intent, one.job.targets[0], one.way)))
        return items


def _line(draft: PlanDraft, channel: Channel) -> Delivery:
    """The ledger line as saving the draft makes it."""
    [line] = [line for line in draft.deliveries if line.channel is channel]
    return Delivery(
        id=line.id,
        notification_id=draft.notification.id,
        channel=line.channel,
        target=line.target,
        status=DeliveryStatus.PENDING,
        created_at=draft.at,
        updated_at=draft.at,
    )


def _calls(ready: Sequence[_Ready]) -> list[list[_Ready]]:
    """What goes together in one call: as many as a provider of batches takes that knows a call by
    its key. The rest goes one by one."""
    calls: list[list[_Ready]] = []
    gathering: dict[str, list[_Ready]] = {}
    for one in ready:
        provider = one.way.provider
        gathered = gathering.get(provider.name, [])
        if 0 < len(gathered) < _most_in_a_call(one):
            gathered.append(one)
        else:
            calls.append([one])
            if _most_in_a_call(one) > 1:
                gathering[provider.name] = calls[-1]
    return calls


def _most_in_a_call(one: _Ready) -> int:
    provider, email = one.way.provider, one.job.content.email
    if email is not None and email.attachments:
        return 1
    known_by_key = provider.recovery is Recovery.SAME_KEY
    return provider.batch_size if isinstance(provider, BatchProvider) and known_by_key else 1


def by_call(items: Sequence[Item]) -> Mapping[UUID, list[Item]]:
    """By key, each call's in the order in which it was and will be made."""
    calls: dict[UUID, list[Item]] = {}
    for item in sorted(items, key=lambda item: item.line.id):
        calls.setdefault(item.key, []).append(item)
    return calls
