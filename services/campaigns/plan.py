"""Planning a chunk: the rules of a notification, asked for each of a campaign's recipients."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from domain.campaigns.records import Campaign, RecipientStatus
from domain.enums import Channel, GateOutcome, Strategy
from domain.facts import NotificationFacts, PlanFacts, Usage
from domain.plan import make_plan
from domain.plan_types import Plan
from domain.ports.campaigns import NOBODY, ChunkLine, LineResult
from domain.ports.storage import Transaction
from domain.records.catalogue import NotificationType

USAGE_WINDOW = timedelta(days=7)
Throttles = Mapping[Channel, tuple[int, timedelta]]


@dataclass(frozen=True, slots=True)
class PlannedChunk:
    ready: tuple[ChunkLine, ...]
    settled: tuple[LineResult, ...]
    """Skipped for good, or put off to an instant."""


async def plan_chunk(
    tx: Transaction,
    campaign: Campaign,
    kind: NotificationType,
    lines: Sequence[ChunkLine],
    throttles: Throttles,
    now: datetime,
) -> PlannedChunk:
    """Each line may go now, waits, or is skipped, as its own plan says."""
    limited = [line.user.id for line in lines if _is_limited(line, campaign, throttles)]
    usage: Mapping[str, tuple[Usage, ...]] = {}
    if limited:
        usage = await tx.campaigns.usage(limited, now - USAGE_WINDOW, campaign.id)
    notifications = {c: _facts_of(campaign, kind, c) for c in campaign.channels}
    alike: dict[tuple[object, ...], LineResult | None] = {}
    ready: list[ChunkLine] = []
    settled: list[LineResult] = []
    for line in lines:
        key = _likeness(line, usage)
        if key is None or key not in alike:
            used = usage.get(line.user.id, ())
            alike[key or ()] = _planned(line, notifications[line.channel], used, throttles, now)
        result = alike[key or ()]
        if result is None:
            ready.append(line)
        else:
            settled.append(replace(result, ordinal=line.ordinal))
    return PlannedChunk(tuple(ready), tuple(settled))


def _likeness(line: ChunkLine, usage: Mapping[str, tuple[Usage, ...]]) -> tuple[object, ...] | None:
    """What alone decides for an email to somebody who never chose anything, the same for most of
    an audience; None for who is to be planned alone."""
    if line.preferences.user_id != NOBODY or line.user.id in usage:
        return None
    if line.channel is not Channel.EMAIL:
        return None  # an SMS may go or not by the hour where its reader lives
    reach = tuple((r.targets, r.suppressed, r.suppression_reason) for r in line.reach.values())
    return (*sorted(line.consents.items()), line.subscription, reach)


def _planned(
    line: ChunkLine,
    notification: NotificationFacts,
    usage: tuple[Usage, ...],
    throttles: Throttles,
    now: datetime,
) -> LineResult | None:
    """None: ready."""
    channel = make_plan(_plan_facts(line, notification, usage, throttles), now).channels[0]
    if channel.outcome is GateOutcome.ALLOW:
        return None
    if channel.until is not None:
        return LineResult(
            line.ordinal, RecipientStatus.PENDING, channel.reason, due_at=channel.until
        )
    return LineResult(line.ordinal, RecipientStatus.SKIPPED, channel.reason)


def _plan_facts(
    line: ChunkLine,
    notification: NotificationFacts,
    usage: tuple[Usage, ...],
    throttles: Throttles,
) -> PlanFacts:
    return PlanFacts(
        notification=notification,
        preferences=line.preferences,
        timezone=line.preferences.timezone or line.user.timezone or "UTC",
        consents=line.consents,
        subscription=line.subscription,
        reach=line.reach,
        usage=usage,
        throttles=throttles,
    )


async def plan_now(
    tx: Transaction,
    campaign: Campaign,
    kind: NotificationType,
    line: ChunkLine,
    throttles: Throttles,
    now: datetime,
) -> Plan:
    """One line's whole plan, with its gates, for somebody who asks: nothing comes of it."""
    usage = await tx.campaigns.usage([line.user.id], now - USAGE_WINDOW, campaign.id)
    facts = _facts_of(campaign, kind, line.channel)
    return make_plan(_plan_facts(line, facts, usage.get(line.user.id, ()), throttles), now)


def _facts_of(campaign: Campaign, kind: NotificationType, channel: Channel) -> NotificationFacts:
    """A campaign has no end of its own: what quiet hours put off by a night is still sent."""
    return NotificationFacts(
        id=campaign.id,
        user_id="",
        type=campaign.type,
        category=campaign.category,
        priority=campaign.priority,
        strategy=Strategy.ALL,
        channels=(channel,),
        accepted_at=campaign.started_at or campaign.created_at,
        legally_transactional=kind.legally_transactional,
        required_consent=kind.required_consent,
    )


def _is_limited(line: ChunkLine, campaign: Campaign, throttles: Throttles) -> bool:
    if line.channel in throttles:
        return True
    frequency = line.preferences.frequency
    own = frequency.categories.get(campaign.category)
    return any(
        limit is not None
        for caps in (frequency, *((own,) if own else ()))
        for limit in (caps.max_per_hour, caps.max_per_day, caps.max_per_week)
    )
