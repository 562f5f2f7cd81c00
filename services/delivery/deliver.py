"""Delivering one notification on one channel, with a ledger line around every provider call.

An intent is written and committed before the call, the result after it. A crash between the two
leaves a line that says `sending`; the next attempt sees it and recovers in the way the provider
allows: same key, ask, replace, or leave as unknown. Nothing is ever sent for a cancelled
notification, because the intent is refused.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.content import RenderedMessage
from domain.delivering import RetryLater
from domain.enums import Channel, DeliveryStatus
from domain.errors import notification_not_found
from domain.ids import new_id
from domain.messages import DeliverInput, DeliverOutcome, DeliverResult
from domain.ports.deliveries import DeliveryJob
from domain.ports.runtime import Clock, RenderProblem
from domain.ports.storage import Transaction, UnitOfWork
from domain.records.notifications import Delivery
from domain.rules.reasons import Reason
from services.delivery.attempt import Attempts, Try
from services.delivery.craft import Crafted, MessageCraft
from services.delivery.events import Failure
from services.delivery.message import MessageComposer
from services.delivery.record import DeliveryRecorder
from services.delivery.routing import PAUSE_CHECK, Direction, Held, Later, Routing, Way, one_voice


@dataclass(frozen=True, slots=True)
class _Prepared:
    job: DeliveryJob
    crafted: Crafted
    tries: tuple[Try, ...]
    later: Later | None = None
    """Lines that must wait for their provider."""


class DeliverService:
    def __init__(
        self,
        uow: UnitOfWork,
        routing: Routing,
        composer: MessageComposer,
        craft: MessageCraft,
        attempts: Attempts,
        recorder: DeliveryRecorder,
        clock: Clock,
    ) -> None:
        self._uow = uow
        self._routing = routing
        self._composer = composer
        self._craft = craft
        self._attempts = attempts
        self._recorder = recorder
        self._clock = clock

    async def deliver(self, command: DeliverInput) -> DeliverResult:
        """Brings every target of the channel to an ending. Raises `RetryLater` while one of
        them may still succeed; what succeeded by then is recorded and not sent again."""
        prepared = await self._prepare(command)
        if isinstance(prepared, DeliverResult):
            return prepared
        if prepared.tries:
            make, job, crafted = self._attempts.make, prepared.job, prepared.crafted
            results = await asyncio.gather(*(make(job, crafted, one) for one in prepared.tries))
            ending = await self._recorder.record(
                prepared.job, command.channel, results, waiting=prepared.later is not None
            )
        else:
            ending = await self._recorder.standing(command.notification_id, command.channel)
        if prepared.later is not None:
            raise RetryLater(prepared.later.code, prepared.later.after)
        return ending

    async def _prepare(self, command: DeliverInput) -> _Prepared | DeliverResult:
        """One transaction: read the job, render it, find each line its way, write the intents."""
        channel, now = command.channel, max(command.now, self._clock())
        async with self._uow() as tx:
            job = await tx.deliveries.load_job(command.notification_id, channel)
            if job is None:
                raise notification_not_found(command.notification_id)
            if "campaign" in job.paused:
                return await self._hold(tx, job, channel, Reason.CAMPAIGN_PAUSED, None)
            if f"channel:{channel}" in job.paused:
                return await self._hold(tx, job, channel, Reason.CHANNEL_PAUSED, None)
            stop = await self._obstacle(tx, job, channel, now)
            if stop is not None:
                return stop
            try:
                message = await self._composer.render(job, channel)
            except RenderProblem as problem:
                failure = Failure(problem.code, problem.detail)
                return await self._recorder.fail_channel(tx, job, channel, failure)
            job = await self._with_lines(tx, job, channel)
            ways = await self._ways(job)
            held = next((way for way in ways.values() if isinstance(way, Held)), None)
            if held is not None:
                return await self._hold(tx, job, channel, Reason.PROVIDER_PAUSED, held.provider)
            crafted = await self._craft.finish(tx, job, channel, message)
            return await self._with_intents(tx, job, crafted, ways, now)

    async def _ways(self, job: DeliveryJob) -> Mapping[UUID, Direction]:
        """Where each line that may be tried goes now."""
        targets = {target.key: target for target in job.targets}
        ways = {
            line.id: await self._routing.direct(job, line, targets.get(line.target))
            for line in job.deliveries
            if _may_try(line)
        }
        return one_voice(ways)

    async def _with_intents(
        self,
        tx: Transaction,
        job: DeliveryJob,
        crafted: Crafted,
        ways: Mapping[UUID, Direction],
        now: datetime,
    ) -> _Prepared:
        channel = job.deliveries[0].channel
        later = [way for way in ways.values() if isinstance(way, Later)]
        rest = min(later, key=lambda one: one.after, default=None)
        named = {
            line.id: _provider_name(ways[line.id], line)
            for line in job.deliveries
            if line.id in ways and not isinstance(ways[line.id], Later)
        }
        if not named:
            # Not even an empty intent: it would say that something was tried.
            return _Prepared(job, crafted, (), rest)
        intents = await tx.deliveries.write_intent(job.notification.id, named, now)
        if channel is Channel.WEBSOCKET and intents:
            crafted = Crafted(await into_inbox(tx, job, crafted.message, self._clock()))
        targets = {target.key: target for target in job.targets}
        tries = []
        for intent in intents:
            way = ways[intent.delivery.id]
            target = targets.get(intent.delivery.target)
            tries.append(Try(intent, target, way if isinstance(way, Way) else None))
        return _Prepared(job, crafted, tuple(tries), rest)

    async def _hold(
        self, tx: Transaction, job: DeliveryJob, channel: Channel, reason: str, provider: str | None
    ) -> DeliverResult:
        """An operator paused it: everything stays as it is until that is over."""
        if any(not line.status.is_open for line in job.deliveries):
            raise RetryLater("paused", PAUSE_CHECK, "An operator paused it.")
        lines = [line.id for line in job.deliveries]
        await tx.deliveries.hold(job.notification.id, lines, reason, provider)
        return DeliverResult(channel=channel, outcome=DeliverOutcome.HELD, reason=reason)

    async def _obstacle(
        self, tx: Transaction, job: DeliveryJob, channel: Channel, now: datetime
    ) -> DeliverResult | None:
        """What the plan could not know yet: it expired, the address went away, or the user
        switched the channel off between two attempts."""
        in_doubt = any(line.status is DeliveryStatus.SENDING for line in job.deliveries)
        expires_at = job.notification.expires_at
        if expires_at is not None and expires_at <= now and not in_doubt:
            return await self._recorder.skip_channel(tx, job, channel, Reason.EXPIRED)
        if job.preferences.channels[channel].enabled is False and not in_doubt:
            return await self._recorder.skip_channel(tx, job, channel, Reason.CHANNEL_DISABLED)
        usable = [target for target in job.targets if target.suppressed_reason is None]
        if usable or in_doubt:
            return None
        if job.targets:
            return await self._recorder.skip_channel(tx, job, channel, Reason.SUPPRESSED)
        reason = Reason.NO_DEVICE if channel is Channel.PUSH else Reason.NO_ADDRESS
        return await self._recorder.skip_channel(tx, job, channel, reason)

    async def _with_lines(self, tx: Transaction, job: DeliveryJob, channel: Channel) -> DeliveryJob:
        """Lines for devices registered since the plan."""
        known = {line.target for line in job.deliveries}
        now = self._clock()
        missing = [
            Delivery(
                id=new_id(),
                notification_id=job.notification.id,
                channel=channel,
                target=target.key,
                status=DeliveryStatus.PENDING,
                created_at=now,
                updated_at=now,
            )
            for target in job.targets
            if target.key not in known
        ]
        if not missing:
            return job
        await tx.deliveries.add(missing)
        reread = await tx.deliveries.load_job(job.notification.id, channel)
        return reread or job


async def into_inbox(
    tx: Transaction, job: DeliveryJob, message: RenderedMessage, at: datetime
) -> RenderedMessage:
    """The inbox is ours: storing it, with the intent, is the delivery; pushing it to open
    connections afterwards only makes it seen sooner."""
    seq = await tx.inbox.add(
        job.user.id, job.notification.id, at, title=message.title, body=message.text
    )
    return MessageComposer.inbox_frame(job, message, seq)


def _provider_name(direction: Direction, line: Delivery) -> str:
    """The provider an intent names; the one tried last when none is left."""
    return direction.provider.name if isinstance(direction, Way) else line.provider or "none"


def _may_try(line: Delivery) -> bool:
    """A deferred line is not: its plan said later, since this attempt was asked for."""
    return line.status in {DeliveryStatus.PENDING, DeliveryStatus.SENDING}
