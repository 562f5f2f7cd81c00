"""The provider calls of a chunk, one for each intent, and what their answers mean."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from domain.campaigns.records import RecipientStatus
from domain.enums import Channel
from domain.errors import Conflict
from domain.ports.campaigns import ChunkLine, LineResult, OpenBatch
from domain.ports.precedence import Precedence
from domain.ports.providers import (
    Accepted,
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
from domain.retry import RETRY_AFTER_CEILING, SCHEDULES, RetrySchedule, next_delay
from services.campaigns.route import CampaignRoute
from services.delivery.doubts import ask
from services.delivery.outcomes import (
    DOUBT_DELAY,
    MAILBOX_BUSY,
    OUTCOME_UNKNOWN,
    QUOTA_EXCEEDED,
    RATE_LIMITED,
    is_healthy,
    keeps_doubt,
)

CALLS_AT_ONCE: Final = 10
"""Of one wave."""
BATCHES_IN_FLIGHT: Final = 6
"""Of this process. A provider that takes one after another is not given a long queue of hundreds of
messages each, at whose end somebody's one-time code would wait."""
KEY_LIFETIME: Final = timedelta(hours=23)
"""Resend knows a key for a day. A repeat after that would be a second message to everybody."""
_LIMITS: Final = frozenset({RATE_LIMITED, QUOTA_EXCEEDED})
"""They say nothing about the message: it waits, however often it meets one."""
_BUSY_MAILBOX: Final = RetrySchedule(
    SCHEDULES[Channel.EMAIL].max_attempts, timedelta(minutes=5), ceiling=timedelta(hours=1)
)
"""Who is greylisted is heard some minutes later; a full mailbox is not asked for ever."""
_TAKEN_BEFORE: Final = "invalid_idempotent_request"
"""Resend's word for a key it has seen with other words: it took the batch, and these are newer."""


@dataclass(frozen=True, slots=True)
class Call:
    """One intent with its messages, in the order of `lines`."""

    batch: OpenBatch
    lines: tuple[ChunkLine, ...]
    messages: tuple[OutboundMessage, ...]


@dataclass(frozen=True, slots=True)
class Called:
    """`results` None: nobody knows yet; the intent stays open. `again`: when to come back."""

    batch: OpenBatch
    results: tuple[LineResult, ...] | None
    again: timedelta | None = None
    code: str = ""

    @property
    def is_to_be_tried_anew(self) -> bool:
        """Some of it, in another call with another key."""
        return any(result.status is RecipientStatus.PENDING for result in self.results or ())


class CampaignCalls:
    def __init__(
        self, uow: UnitOfWork, route: CampaignRoute, precedence: Precedence, clock: Clock
    ) -> None:
        self._uow = uow
        self._route = route
        self._precedence = precedence
        self._clock = clock
        self._turns = asyncio.Semaphore(BATCHES_IN_FLIGHT)

    async def make(self, provider: Provider, calls: Sequence[Call]) -> tuple[Called, ...]:
        """All at once: at most `CALLS_AT_ONCE` of them."""
        return tuple(await asyncio.gather(*(self._call(provider, call) for call in calls)))

    async def settle(self, provider: Provider | None, call: Call) -> Called:
        """Of an old intent, whose messages may have left already. `provider` None: it was taken
        out of the settings, and nobody will ever know."""
        if provider is None or not call.messages:
            return Called(call.batch, unknown_results(call))
        match provider.recovery:
            case Recovery.SAME_KEY if is_too_old(call.batch, self._clock()):
                return Called(call.batch, unknown_results(call))
            case Recovery.SAME_KEY:
                await self._doubt(call.batch)
                return await self._call(provider, call, in_doubt=True)
            case Recovery.ASK:
                return await self._ask(provider, call)
            case Recovery.REPLACE | Recovery.NONE:
                return Called(call.batch, unknown_results(call))

    async def _doubt(self, batch: OpenBatch) -> None:
        """The attempt that wrote the intent may live after all: that its call was refused is no
        reason any more to try these under another key."""
        async with self._uow() as tx:
            if not await tx.campaigns.doubt(batch.id):
                raise Conflict("chunk_taken", "Another attempt has recorded this batch.")

    async def _call(self, provider: Provider, call: Call, *, in_doubt: bool = False) -> Called:
        if isinstance(provider, BatchProvider):
            async with self._turns:
                await self._precedence.give_way()
                outcomes = await provider.send_many(call.messages, batch_key(call.batch.id))
        else:
            outcomes = tuple([await provider.send(message) for message in call.messages])
        await self._route.note(provider.name, healthy=all(is_healthy(o) for o in outcomes))
        return self._read(provider, call, outcomes, in_doubt=in_doubt)

    def _read(
        self,
        provider: Provider,
        call: Call,
        outcomes: Sequence[SendOutcome],
        *,
        in_doubt: bool = False,
    ) -> Called:
        now = self._clock()
        doubts = [o for o in outcomes if keeps_doubt(o, in_doubt=in_doubt) and not _is_taken(o)]
        if doubts and provider.recovery is not Recovery.NONE:
            return Called(call.batch, None, _doubt_rest(call.batch, doubts[0], now), doubts[0].code)
        if in_doubt and all(isinstance(o, Rejected) for o in outcomes):
            # The batch as it was taken would be answered as it was: this says nothing about it.
            return Called(call.batch, unknown_results(call))
        another = self._route.has_another
        results = [
            line_result(line, outcome, provider.name, now, another=another)
            for line, outcome in zip(call.lines, outcomes, strict=True)
        ]
        waits = [
            _retry_rest(line, outcome, result, call.batch.id)
            for line, outcome, result in zip(call.lines, outcomes, results, strict=True)
            if isinstance(outcome, Retry) and _is_soon(result)
        ]
        first = next((o.code for o in outcomes if isinstance(o, Retry)), "")
        return Called(call.batch, tuple(results), min(waits, default=None), first)

    async def _ask(self, provider: Provider, call: Call) -> Called:
        """One message: a vendor without keys has an intent for each."""
        found = await ask(self._uow, provider, call.messages[0])
        if found is None:
            rest = _doubt_rest(call.batch, None, self._clock())
            return Called(call.batch, None, rest, "provider_silent")
        if not found:
            return await self._call(provider, call)
        taken = Accepted(found[-1].provider_message_id, found[-1].status)
        return self._read(provider, call, [taken])


def batch_key(batch_id: UUID) -> str:
    """The idempotency key of a batch: its intent's id."""
    return f"campaign-batch/{batch_id}"


def line_result(
    line: ChunkLine, outcome: SendOutcome, provider: str, now: datetime, *, another: bool = False
) -> LineResult:
    """Of a call that was not in doubt, or is no more. `another`: a provider that could take over
    is there, which refusals are counted for."""
    match outcome:
        case Accepted():
            return LineResult(
                line.ordinal,
                RecipientStatus.SENT,
                provider=provider,
                provider_message_id=outcome.provider_message_id,
                sent_at=now,
            )
        case Uncertain() if _is_taken(outcome):
            return LineResult(line.ordinal, RecipientStatus.SENT, provider=provider, sent_at=now)
        case Uncertain():
            return unknown_result(line, provider)
        case Rejected():
            return LineResult(line.ordinal, RecipientStatus.FAILED, outcome.code, provider=provider)
        case Retry() if outcome.code in _LIMITS:
            counts = another and outcome.fail_over
            return LineResult(
                line.ordinal, RecipientStatus.PENDING, outcome.code, failed_once=counts
            )
        case Retry() if line.failures + 1 >= SCHEDULES[Channel.EMAIL].max_attempts:
            return LineResult(line.ordinal, RecipientStatus.FAILED, outcome.code, provider=provider)
        case Retry():
            due_at = None
            if outcome.code == MAILBOX_BUSY:
                seed = f"{provider}/{line.user.id}"
                due_at = now + next_delay(_BUSY_MAILBOX, line.failures + 1, None, seed)
            return LineResult(
                line.ordinal,
                RecipientStatus.PENDING,
                outcome.code,
                due_at=due_at,
                failed_once=True,
            )


def unknown_result(line: ChunkLine, provider: str) -> LineResult:
    """It may have left or not; it is not sent again."""
    return LineResult(line.ordinal, RecipientStatus.FAILED, OUTCOME_UNKNOWN, provider=provider)


def unknown_results(call: Call) -> tuple[LineResult, ...]:
    return tuple(unknown_result(line, call.batch.provider) for line in call.lines)


def is_too_old(batch: OpenBatch, now: datetime) -> bool:
    """Its key may be forgotten."""
    return batch.intent_at is not None and now - batch.intent_at >= KEY_LIFETIME


def _is_soon(result: LineResult) -> bool:
    """It is tried again with its chunk, not at an instant of its own."""
    return result.status is RecipientStatus.PENDING and result.due_at is None


def _is_taken(outcome: SendOutcome) -> bool:
    return isinstance(outcome, Uncertain) and outcome.code == _TAKEN_BEFORE


def _doubt_rest(batch: OpenBatch, outcome: Retry | Uncertain | None, now: datetime) -> timedelta:
    """As long as the doubt has lasted, or as the provider asked for, up to a minute."""
    asked = outcome.after if isinstance(outcome, Retry) else None
    lasted = now - (batch.intent_at or now)
    return min(max(lasted, asked or DOUBT_DELAY, DOUBT_DELAY), RETRY_AFTER_CEILING)


def _retry_rest(line: ChunkLine, outcome: Retry, result: LineResult, batch_id: UUID) -> timedelta:
    """What a limit asks for is waited for in full, unless another provider is to be tried."""
    if outcome.code in _LIMITS and outcome.after is not None and not result.failed_once:
        return outcome.after
    return next_delay(SCHEDULES[Channel.EMAIL], line.failures + 1, outcome.after, str(batch_id))
