"""Delivering one notification on one channel, with a ledger line around every provider call.

An intent is written and committed before the call, the result after it. A crash between the two
leaves a line that says `sending`; the next attempt sees it and recovers in the way the provider
allows: same key, ask, replace, or leave as unknown. Nothing is ever sent for a cancelled
notification, because the intent is refused.
"""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

from domain.content import RenderedMessage
from domain.delivering import RetryLater
from domain.enums import Channel, DeliveryStatus
from domain.ids import new_id
from domain.messages import DeliverInput, DeliverResult
from domain.ports.deliveries import AttemptResult, DeliveryJob, Intent, Target
from domain.ports.providers import (
    OutboundMessage,
    Provider,
    Recovery,
    Rejected,
    SendOutcome,
    Uncertain,
)
from domain.ports.runtime import Clock, RenderProblem
from domain.ports.storage import Transaction, UnitOfWork
from domain.records import Delivery
from services.cancel import not_found
from services.delivery_message import MessageComposer
from services.delivery_outcomes import (
    found_result,
    may_resend_blindly,
    result_of,
    unknown_result,
)
from services.delivery_record import DeliveryRecorder, Failure
from services.providers import ProviderChoice

PAUSE_CHECK = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class _Prepared:
    job: DeliveryJob
    provider: Provider
    message: RenderedMessage
    intents: tuple[tuple[Intent, Target | None], ...]
    """A target is None when its device or address went away after the line was made."""


class DeliverService:
    def __init__(
        self,
        uow: UnitOfWork,
        providers: ProviderChoice,
        composer: MessageComposer,
        recorder: DeliveryRecorder,
        clock: Clock,
    ) -> None:
        self._uow = uow
        self._providers = providers
        self._composer = composer
        self._recorder = recorder
        self._clock = clock

    async def deliver(self, command: DeliverInput) -> DeliverResult:
        """Brings every target of the channel to an ending. Raises `RetryLater` while one of
        them may still succeed; what succeeded by then is recorded and not sent again."""
        prepared = await self._prepare(command)
        if isinstance(prepared, DeliverResult):
            return prepared
        if not prepared.intents:
            return await self._recorder.standing(command.notification_id, command.channel)
        results = await asyncio.gather(
            *(self._attempt(prepared, intent, target) for intent, target in prepared.intents)
        )
        return await self._recorder.record(prepared.job, command.channel, results)

    async def _prepare(self, command: DeliverInput) -> _Prepared | DeliverResult:
        """One transaction: read the job, render it, write the intents."""
        now = max(command.now, self._clock())
        async with self._uow() as tx:
            job = await tx.deliveries.load_job(command.notification_id, command.channel)
            if job is None:
                raise not_found(command.notification_id)
            provider = self._providers.for_channel(command.channel)
            if {f"channel:{command.channel}", f"provider:{provider.name}"} & job.paused:
                raise RetryLater("paused", PAUSE_CHECK, "An operator paused this channel.")
            stop = await self._obstacle(tx, job, command.channel, now)
            if stop is not None:
                return stop
            try:
                message = await self._composer.render(job, command.channel)
            except RenderProblem as problem:
                failure = Failure(problem.code, problem.detail)
                return await self._recorder.fail_channel(tx, job, command.channel, failure)
            job = await self._with_lines(tx, job, command.channel)
            lines = [line.id for line in job.deliveries if _may_try(line)]
            if not lines:
                # Not even an empty intent: it would say that something was tried.
                return _Prepared(job, provider, message, ())
            intents = await tx.deliveries.write_intent(
                command.notification_id, lines, provider.name, now
            )
            if command.channel is Channel.WEBSOCKET and intents:
                message = await self._into_inbox(tx, job, message)
        targets = {target.key: target for target in job.targets}
        pairs = tuple((intent, targets.get(intent.delivery.target)) for intent in intents)
        return _Prepared(job, provider, message, pairs)

    async def _into_inbox(
        self, tx: Transaction, job: DeliveryJob, message: RenderedMessage
    ) -> RenderedMessage:
        """The inbox is ours: storing it, with the intent, is the delivery; pushing it to open
        connections afterwards only makes it seen sooner."""
        seq = await tx.inbox.add(
            job.user.id,
            job.notification.id,
            self._clock(),
            title=message.title,
            body=message.text,
        )
        return self._composer.inbox_frame(job, message, seq)

    async def _obstacle(
        self, tx: Transaction, job: DeliveryJob, channel: Channel, now: datetime
    ) -> DeliverResult | None:
        """What the plan could not know yet: it expired, the address went away, or the user
        switched the channel off between two attempts."""
        in_doubt = any(line.status is DeliveryStatus.SENDING for line in job.deliveries)
        expires_at = job.notification.expires_at
        if expires_at is not None and expires_at <= now and not in_doubt:
            return await self._recorder.skip_channel(tx, job, channel, "expired")
        if job.preferences.channels[channel].enabled is False and not in_doubt:
            return await self._recorder.skip_channel(tx, job, channel, "channel_disabled")
        usable = [target for target in job.targets if target.suppressed_reason is None]
        if usable or in_doubt:
            return None
        if job.targets:
            return await self._recorder.skip_channel(tx, job, channel, "suppressed")
        reason = "no_device" if channel is Channel.PUSH else "no_address"
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

    async def _attempt(
        self, prepared: _Prepared, intent: Intent, target: Target | None
    ) -> tuple[AttemptResult, bool]:
        """One provider call with everything around it. The flag says the target is gone."""
        line, provider = intent.delivery, prepared.provider
        if target is None or target.suppressed_reason is not None:
            return _without_target(intent, target, provider.name, self._clock()), False
        outbound = self._composer.outbound(
            prepared.job, line, target, prepared.message, self._clock()
        )
        if intent.in_doubt:
            settled = await self._settle_doubt(provider, outbound, line)
            if settled is not None:
                return settled, False
        outcome = await provider.send(outbound)
        result = result_of(outcome, line, line.channel, provider.name, self._clock())
        return result, getattr(outcome, "target_gone", False)

    async def _settle_doubt(
        self, provider: Provider, outbound: OutboundMessage, line: Delivery
    ) -> AttemptResult | None:
        """How a call without a recorded result ended. None: it is safe to call again."""
        now = self._clock()
        match provider.recovery:
            case Recovery.SAME_KEY | Recovery.REPLACE:
                return None
            case Recovery.NONE:
                if may_resend_blindly(outbound.category, outbound.type):
                    return None
                return unknown_result(line, provider.name, now)
            case Recovery.ASK:
                found = await provider.find(outbound)
        if found is None:
            cannot_ask: SendOutcome = Uncertain("cannot_ask", "The provider could not be asked.")
            return result_of(cannot_ask, line, line.channel, provider.name, now)
        ids = [candidate.provider_message_id for candidate in found]
        async with self._uow() as tx:
            known = await tx.deliveries.known_message_ids(provider.name, ids)
        ours = [candidate for candidate in found if candidate.provider_message_id not in known]
        return found_result(ours[-1], line, provider.name, now) if ours else None


def _without_target(
    intent: Intent, target: Target | None, provider: str, at: datetime
) -> AttemptResult:
    if intent.in_doubt:
        return unknown_result(intent.delivery, provider, at)
    gone = Rejected(
        *(
            ("target_removed", "The address or device is no longer registered.")
            if target is None
            else ("suppressed", f"Suppressed: {target.suppressed_reason}.")
        )
    )
    return result_of(gone, intent.delivery, intent.delivery.channel, provider, at)


def _may_try(line: Delivery) -> bool:
    """A deferred line is not: its plan said later, since this attempt was asked for."""
    return line.status in {DeliveryStatus.PENDING, DeliveryStatus.SENDING}
