"""The provider calls of a chunk, one for each intent, and what their answers mean."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from domain.campaigns.records import RecipientStatus
from domain.enums import Channel
from domain.ports.campaigns import ChunkLine, LineResult, OpenBatch
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
from domain.retry import SCHEDULES, next_delay
from services.campaign_route import CampaignRoute
from services.delivery_outcomes import DOUBT_DELAY, is_healthy

CALLS_AT_ONCE: Final = 10
OUTCOME_UNKNOWN: Final = "outcome_unknown"
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


class CampaignCalls:
    def __init__(self, route: CampaignRoute, clock: Clock) -> None:
        self._route = route
        self._clock = clock

    async def make(self, provider: Provider, calls: Sequence[Call]) -> tuple[Called, ...]:
        """All at once: at most `CALLS_AT_ONCE` of them."""
        return tuple(await asyncio.gather(*(self._call(provider, call) for call in calls)))

    async def settle(self, provider: Provider | None, call: Call) -> tuple[Called, ...]:
        """Of an old intent, whose messages may have left already. `provider` None: it was taken
        out of the settings, and nobody will ever know."""
        if provider is None:
            return (Called(call.batch, _unknown(call)),)
        if provider.recovery is Recovery.SAME_KEY:
            return (await self._call(provider, call),)
        return (await self._settle_doubt(provider, call),)

    async def _call(self, provider: Provider, call: Call) -> Called:
        if not call.messages:
            return Called(call.batch, ())
        if isinstance(provider, BatchProvider):
            outcomes = await provider.send_many(call.messages, batch_key(call.batch.id))
        else:
            outcomes = tuple([await provider.send(message) for message in call.messages])
        await self._route.note(provider.name, healthy=all(is_healthy(o) for o in outcomes))
        return self._read(provider, call, outcomes)

    def _read(self, provider: Provider, call: Call, outcomes: Sequence[SendOutcome]) -> Called:
        now = self._clock()
        uncertain = [o for o in outcomes if isinstance(o, Uncertain) and o.code != _TAKEN_BEFORE]
        if uncertain and provider.recovery is not Recovery.NONE:
            return Called(call.batch, None, DOUBT_DELAY, uncertain[0].code)
        pairs = list(zip(call.lines, outcomes, strict=True))
        results = tuple(
            unknown_result(line, provider.name)
            if outcome in uncertain
            else line_result(line, outcome, provider.name, now)
            for line, outcome in pairs
        )
        waits = [
            next_delay(SCHEDULES[Channel.EMAIL], line.failures + 1, o.after, str(call.batch.id))
            for (line, o), result in zip(pairs, results, strict=True)
            if isinstance(o, Retry) and result.status is RecipientStatus.PENDING
        ]
        first = next((o.code for o in outcomes if isinstance(o, Retry)), "")
        return Called(call.batch, results, min(waits, default=None), first)

    async def _settle_doubt(self, provider: Provider, call: Call) -> Called:
        """A vendor without keys is asked where it can be; else nobody will ever know."""
        if provider.recovery is not Recovery.ASK or not call.messages:
            return Called(call.batch, _unknown(call))
        found = await provider.find(call.messages[0])
        if found is None:
            return Called(call.batch, None, DOUBT_DELAY, "provider_silent")
        if not found:
            return await self._call(provider, call)
        taken = Accepted(found[-1].provider_message_id, found[-1].status)
        return self._read(provider, call, [taken])


def batch_key(batch_id: UUID) -> str:
    """The idempotency key of a batch: its intent's id."""
    return f"campaign-batch/{batch_id}"


def line_result(line: ChunkLine, outcome: SendOutcome, provider: str, now: datetime) -> LineResult:
    match outcome:
        case Accepted():
            return LineResult(
                line.ordinal,
                RecipientStatus.SENT,
                provider=provider,
                provider_message_id=outcome.provider_message_id,
                sent_at=now,
            )
        case Uncertain():
            return LineResult(line.ordinal, RecipientStatus.SENT, provider=provider, sent_at=now)
        case Rejected():
            return LineResult(line.ordinal, RecipientStatus.FAILED, outcome.code, provider=provider)
        case Retry() if line.failures + 1 >= SCHEDULES[Channel.EMAIL].max_attempts:
            return LineResult(line.ordinal, RecipientStatus.FAILED, outcome.code, provider=provider)
        case Retry():
            return LineResult(line.ordinal, RecipientStatus.PENDING, outcome.code, failed_once=True)


def without_target(lines: Mapping[int, ChunkLine], batch: OpenBatch) -> tuple[LineResult, ...]:
    """Recipients of an intent whose address went away since: there is no message to repeat."""
    return tuple(
        LineResult(ordinal, RecipientStatus.FAILED, "target_removed", provider=batch.provider)
        for ordinal in batch.ordinals
        if ordinal in lines and lines[ordinal].user.email is None
    )


def unknown_result(line: ChunkLine, provider: str) -> LineResult:
    """It may have left or not; it is not sent again."""
    return LineResult(line.ordinal, RecipientStatus.FAILED, OUTCOME_UNKNOWN, provider=provider)


def _unknown(call: Call) -> tuple[LineResult, ...]:
    return tuple(unknown_result(line, call.batch.provider) for line in call.lines)
