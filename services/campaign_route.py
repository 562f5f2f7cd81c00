"""Which provider a chunk goes by, and how many of it may go now.

As for single deliveries: the order of preference, without those that are paused, resting or given
up; and no faster than the account, the campaign's cap and its warm-up allow.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID, uuid5

from domain.campaigns.records import Campaign
from domain.enums import Channel
from domain.ports.breakers import Breakers, ProviderLimits
from domain.ports.campaigns import ChunkLine
from domain.ports.providers import BatchProvider, Provider
from services.delivery_outcomes import FAILURES_BEFORE_FAILOVER
from services.routing import ProviderDirectory

MINUTE = 60


@dataclass(frozen=True, slots=True)
class ChunkWay:
    provider: Provider

    @property
    def batch_size(self) -> int:
        """One message an intent where the vendor takes them one by one."""
        return self.provider.batch_size if isinstance(self.provider, BatchProvider) else 1


@dataclass(frozen=True, slots=True)
class ChunkHeld:
    """An operator paused the channel or the provider."""


@dataclass(frozen=True, slots=True)
class ChunkLater:
    code: str
    after: timedelta


class CampaignRoute:
    def __init__(
        self, providers: ProviderDirectory, breakers: Breakers, limits: ProviderLimits
    ) -> None:
        self._providers = providers
        self._breakers = breakers
        self._limits = limits

    def named(self, name: str) -> Provider | None:
        found = self._providers.ordered(Channel.EMAIL)
        return next((provider for provider in found if provider.name == name), None)

    @property
    def has_another(self) -> bool:
        """More than one provider sends campaigns."""
        return len(self._providers.ordered(Channel.EMAIL)) > 1

    def together(self, lines: tuple[ChunkLine, ...]) -> tuple[ChunkLine, ...]:
        """Those that go one way now: who was refused often enough goes another, after the rest."""
        fresh = tuple(line for line in lines if not _gives_up(line))
        return fresh if fresh and self.has_another else lines

    async def direct(
        self,
        campaign: Campaign,
        low: int,
        lines: Sequence[ChunkLine],
        paused: Mapping[str, bool],
    ) -> ChunkWay | ChunkHeld | ChunkLater:
        """The way for these lines, which go together."""
        if f"channel:{Channel.EMAIL}" in paused:
            return ChunkHeld()
        found = self._providers.ordered(Channel.EMAIL)
        if paused.get(f"provider:{found[0].name}") is False:
            return ChunkHeld()
        usable = [one for one in found if f"provider:{one.name}" not in paused]
        if not usable:
            return ChunkHeld()
        if all(_gives_up(line) for line in lines):
            usable = [one for one in usable if one is not found[0]] or usable
        resting: dict[str, timedelta] = {}
        for provider in usable:
            resting |= await self._breakers.rest([provider.name])
            if provider.name in resting:
                continue
            wait = await self._wait(campaign, provider.name, low, len(lines))
            return ChunkLater("rate_limited", wait) if wait else ChunkWay(provider)
        return ChunkLater("circuit_open", min(resting.values()))

    async def note(self, provider: str, *, healthy: bool) -> None:
        await self._breakers.note(provider, healthy=healthy)

    async def _wait(self, campaign: Campaign, provider: str, low: int, count: int) -> timedelta:
        """By the campaign's own cap, then by the account's; a place kept in a line is found
        again by the chunk that was told to wait."""
        place = _place(campaign.id, low)
        per_minute = campaign.rate.per_minute if campaign.rate else None
        if per_minute is not None:
            line = f"campaign:{campaign.id}"
            wait = await self._limits.pace(line, per_minute / MINUTE, place, count=count)
            if wait:
                return wait
        return await self._limits.reserve(provider, place, urgent=False, count=count)


def _gives_up(line: ChunkLine) -> bool:
    """The first provider refused it often enough."""
    return line.failures >= FAILURES_BEFORE_FAILOVER


def share_of_a_minute(campaign: Campaign, lines: tuple[ChunkLine, ...]) -> tuple[ChunkLine, ...]:
    """Of these lines, as many as the campaign's cap lets go in one minute."""
    cap = campaign.rate.per_minute if campaign.rate else None
    return lines if cap is None else lines[:cap]


def warm_up_left(campaign: Campaign, sent_today: int, now: datetime) -> int | None:
    """How many more may leave today; None: as many as there are."""
    if campaign.rate is None or campaign.started_at is None:
        return None
    cap = campaign.rate.cap_on((now - campaign.started_at).days + 1)
    return None if cap is None else max(cap - sent_today, 0)


def warm_up_day(campaign: Campaign, now: datetime) -> tuple[datetime, datetime]:
    """When the campaign's present day began and ends; days are counted from its start."""
    start = campaign.started_at or now
    day = timedelta(days=(now - start).days)
    return start + day, start + day + timedelta(days=1)


def _place(campaign_id: UUID, low: int) -> UUID:
    return uuid5(campaign_id, f"chunk {low}")
