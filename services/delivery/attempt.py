"""One call of a provider for one ledger line whose intent is written, and what came of it.

A line in doubt is settled first, in the way its provider allows: the same key again, asking,
replacing, or leaving it as unknown.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from domain.ports.attachments import AttachmentRefused, AttachmentUnavailable
from domain.ports.deliveries import AttemptResult, DeliveryJob, Intent, Target
from domain.ports.providers import (
    BatchProvider,
    OutboundMessage,
    Provider,
    Recovery,
    Rejected,
    Retry,
    SendOutcome,
    Uncertain,
)
from domain.ports.runtime import Clock
from domain.ports.storage import UnitOfWork
from domain.records.notifications import Delivery
from services.delivery.craft import Crafted, MessageCraft, minor_units
from services.delivery.doubts import ask
from services.delivery.message import MessageComposer
from services.delivery.outcomes import (
    found_result,
    is_healthy,
    may_resend_blindly,
    result_of,
    unknown_result,
)
from services.delivery.routing import Routing, Way
from services.notifications.attachments import AttachmentService


@dataclass(frozen=True, slots=True)
class Try:
    """One line that has an intent now. A target is None when its device or address went away
    after the line was made; a way is None when no provider is left."""

    intent: Intent
    target: Target | None
    way: Way | None


class Attempts:
    def __init__(
        self,
        uow: UnitOfWork,
        routing: Routing,
        composer: MessageComposer,
        craft: MessageCraft,
        attachments: AttachmentService,
        clock: Clock,
    ) -> None:
        self._uow = uow
        self._routing = routing
        self._composer = composer
        self._craft = craft
        self._attachments = attachments
        self._clock = clock

    async def make(
        self, job: DeliveryJob, crafted: Crafted, one: Try
    ) -> tuple[AttemptResult, bool]:
        """One provider call with everything around it. The flag says the target is gone."""
        line, target = one.intent.delivery, one.target
        name = line.provider or ""
        if target is None or target.suppressed_reason is not None:
            return _without_target(one.intent, target, name, self._clock()), False
        if one.way is None:
            return _without_way(one.intent, name, self._clock()), False
        provider = one.way.provider
        outbound = self._composer.outbound(
            job, line, target, crafted, self._clock(), by_user=one.way.by_user
        )
        if one.intent.in_doubt:
            settled = await self._settle_doubt(provider, outbound, line)
            if settled is not None:
                return self._priced(settled, job, crafted), False
        outcome = await self._send(provider, outbound, job)
        result = result_of(
            outcome,
            line,
            line.channel,
            name,
            self._clock(),
            another=one.way.more,
            in_doubt=one.intent.in_doubt and _keeps_doubt(provider, outbound),
        )
        result = replace(result, passed_over=one.way.passed_over)
        return self._priced(result, job, crafted), getattr(outcome, "target_gone", False)

    async def make_together(
        self, key: UUID, items: Sequence[tuple[DeliveryJob, Crafted, Try]]
    ) -> list[AttemptResult]:
        """One call of a batch provider for all of them, in this order, known by `key`. A call in
        doubt is made again as it was: the provider recognises it."""
        now = self._clock()
        results: dict[UUID, AttemptResult] = {}
        calls: list[tuple[DeliveryJob, Crafted, Try, Way, OutboundMessage]] = []
        for job, crafted, one in items:
            line = one.intent.delivery
            if one.target is None or one.way is None:
                results[line.id] = unknown_result(line, line.provider or "", now)
                continue
            outbound = self._composer.outbound(job, line, one.target, crafted, now)
            calls.append((job, crafted, one, one.way, outbound))
        if calls:
            provider = calls[0][3].provider
            if not isinstance(provider, BatchProvider):
                raise TypeError(f"{provider.name} takes no batches")
            outcomes = await provider.send_many([call[4] for call in calls], str(key))
            await self._routing.note(provider, healthy=any(map(is_healthy, outcomes)))
            for outcome, call in zip(outcomes, calls, strict=True):
                results[call[2].intent.delivery.id] = self._of_batch(outcome, *call)
        return [results[one.intent.delivery.id] for _, _, one in items]

    def _of_batch(
        self,
        outcome: SendOutcome,
        job: DeliveryJob,
        crafted: Crafted,
        one: Try,
        way: Way,
        outbound: OutboundMessage,
    ) -> AttemptResult:
        line = one.intent.delivery
        result = result_of(
            outcome,
            line,
            line.channel,
            way.provider.name,
            self._clock(),
            another=way.more,
            in_doubt=one.intent.in_doubt and _keeps_doubt(way.provider, outbound),
        )
        return self._priced(replace(result, passed_over=way.passed_over), job, crafted)

    def _priced(self, result: AttemptResult, job: DeliveryJob, crafted: Crafted) -> AttemptResult:
        """With the segments, and with what it cost when the provider has it."""
        segments = result.segments or (crafted.sms.size.segments if crafted.sms else None)
        if not result.status.has_left:
            return replace(result, segments=segments)
        minor, currency = minor_units(self._craft.cost(job, crafted, result.provider or ""))
        return replace(result, segments=segments, cost_minor=minor, cost_currency=currency)

    async def _send(
        self, provider: Provider, outbound: OutboundMessage, job: DeliveryJob
    ) -> SendOutcome:
        """Attachments are fetched only now, so that nothing is held open for them. One that cannot
        be had says nothing about the provider."""
        try:
            files = await self._attachments.resolve(job.content.email)
        except AttachmentUnavailable as problem:
            return Retry(problem.code, problem.detail, after=problem.after)
        except AttachmentRefused as problem:
            return Rejected(problem.code, problem.detail)
        outcome = await provider.send(replace(outbound, attachments=files) if files else outbound)
        await self._routing.note(provider, healthy=is_healthy(outcome))
        return outcome

    async def _settle_doubt(
        self, provider: Provider, outbound: OutboundMessage, line: Delivery
    ) -> AttemptResult | None:
        """How a call without a recorded result ended. None: it is safe to call again."""
        now = self._clock()
        if line.batch_key not in {None, line.id}:
            # It went with others under a key that this call would not have.
            return unknown_result(line, provider.name, now)
        match provider.recovery:
            case Recovery.SAME_KEY | Recovery.REPLACE:
                return None
            case Recovery.NONE:
                if may_resend_blindly(outbound.category, outbound.type):
                    return None
                return unknown_result(line, provider.name, now)
            case Recovery.ASK:
                ours = await ask(self._uow, provider, outbound)
        if ours is None:
            cannot_ask: SendOutcome = Uncertain("cannot_ask", "The provider could not be asked.")
            return result_of(cannot_ask, line, line.channel, provider.name, now)
        return found_result(ours[-1], line, provider.name, now) if ours else None


def _keeps_doubt(provider: Provider, outbound: OutboundMessage) -> bool:
    """Whether another call in doubt says nothing about the first one. One that was asked about is
    known not to have been taken, and of a one-time code two are better than none."""
    again = provider.recovery in {Recovery.SAME_KEY, Recovery.REPLACE}
    return again and not may_resend_blindly(outbound.category, outbound.type)


def _without_way(intent: Intent, provider: str, at: datetime) -> AttemptResult:
    """Every provider was tried in vain, or the one in doubt is no longer configured."""
    line = intent.delivery
    if intent.in_doubt:
        return unknown_result(line, provider, at)
    code = line.error_code or "no_provider"
    text = line.error_message or "No provider is left to try."
    return result_of(Rejected(code, text), line, line.channel, provider, at)


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
