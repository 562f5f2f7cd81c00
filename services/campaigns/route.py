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
from services.delivery.outcomes import FAILURES_BEFORE_FAILOVER
from services.delivery.routing import ProviderDirectory

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
        self, lines: Sequence[ChunkLine], paused: Mapping[str, bool]
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
            if provider.name not in resting:
                return ChunkWay(provider)
        return ChunkLater("circuit_open", min(resting.values()))

    async def note(self, provider: str, *, healthy: bool) -> None:
        await self._breakers.note(provider, healthy=healthy)

    async def turn(
        self, campaign: Campaign, lines: Sequence[ChunkLine], way: ChunkWay | None
    ) -> ChunkLater | None:
        """When these lines may go, None: now; by the campaign's own cap, then, for its emails, by
        the account's. The same lines find again the place they were given, and no others do: part
        of them may have left."""
        place = _place(campaign.id, lines)
        wait = timedelta(0)
        per_minute = campaign.rate.per_minute if campaign.rate else None
        if per_minute is not None:
            line, rate = f"campaign:{campaign.id}", per_minute / MINUTE
            # Kept until the account lets them go too.
            wait = await self._limits.pace(line, rate, place, count=len(lines), keep=True)
        if way is not None and not wait:
            emails = len([line for line in lines if line.channel is Channel.EMAIL])
            wait = await self._limits.reserve(way.provider.name, place, urgent=False, count=emails)
        return ChunkLater("rate_limited", wait) if wait else None


def _gives_up(line: ChunkLine) -> bool:
    """The first provider refused it often enough."""
    return line.failures >= FAILURES_BEFORE_FAILOVER


def share_of_a_minute(campaign: Campaign, lines: tuple[ChunkLine, ...]) -> tuple[ChunkLine, ...]:
    """Of these lines, as many as the campaign's cap lets go in one minute: first what is no email,
    as an email may have to wait for more than the cap."""
    cap = campaign.rate.per_minute if campaign.rate else None
    if cap is None:
        return lines
    others = tuple(line for line in lines if line.channel is not Channel.EMAIL)
    return (others or lines)[:cap]


@dataclass(frozen=True, slots=True)
class WarmUpDay:
    """The present day of a campaign's warm-up; days are counted from its start."""

    day: int
    """From 1."""
    most: int
    began: datetime
    ends: datetime


def warm_up_day(campaign: Campaign, now: datetime) -> WarmUpDay | None:
    """None: as many may leave as there are."""
    if campaign.rate is None or campaign.started_at is None:
        return None
    day = (now - campaign.started_at).days + 1
    most = campaign.rate.cap_on(day)
    if most is None:
        return None
    began = campaign.started_at + timedelta(days=day - 1)
    return WarmUpDay(day, most, began, began + timedelta(days=1))


def _place(campaign_id: UUID, lines: Sequence[ChunkLine]) -> UUID:
    return uuid5(campaign_id, ",".join(str(line.ordinal) for line in lines))
