"""What operators do with providers and channels: look at them, pause them, let them go on.

A pause holds every message that would go by the part; nothing is lost and nothing is tried. Ended,
it wakes what it held, the most urgent first (`RelayService`). A provider can be paused so that its
messages are diverted to the next one instead.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from domain.enums import Channel
from domain.errors import Invalid, NotFound
from domain.ports.breakers import Breakers, BreakerView
from domain.ports.providers import Provider
from domain.ports.runtime import Clock
from domain.ports.storage import UnitOfWork
from domain.records.operations import AuditEntry, PausedPart


@dataclass(frozen=True, slots=True)
class ProviderView:
    name: str
    channel: Channel
    preference: int
    """1 for the channel's first choice."""
    breaker: BreakerView
    pause: PausedPart | None


@dataclass(frozen=True, slots=True)
class ChannelView:
    channel: Channel
    pause: PausedPart | None


class ProviderControl:
    def __init__(
        self, uow: UnitOfWork, providers: Sequence[Provider], breakers: Breakers, clock: Clock
    ) -> None:
        self._uow = uow
        self._providers = tuple(providers)
        self._breakers = breakers
        self._clock = clock

    async def list(self) -> tuple[ProviderView, ...]:
        """By channel, first choice first."""
        paused = await self._paused()
        views = []
        places: dict[Channel, int] = {}
        for provider in self._providers:
            places[provider.channel] = places.get(provider.channel, 0) + 1
            breaker = await self._breakers.view(provider.name)
            pause = paused.get(f"provider:{provider.name}")
            place = places[provider.channel]
            views.append(ProviderView(provider.name, provider.channel, place, breaker, pause))
        order = list(Channel)
        return tuple(sorted(views, key=lambda view: (order.index(view.channel), view.preference)))

    async def channels(self) -> tuple[ChannelView, ...]:
        paused = await self._paused()
        return tuple(ChannelView(c, paused.get(f"channel:{c}")) for c in Channel)

    async def pause_provider(self, name: str, actor: str, *, divert: bool = False) -> ProviderView:
        """Again changes `divert`. Raises `NotFound("unknown_provider")`, and
        `Invalid("nowhere_to_divert")` when the channel has no other provider."""
        view = await self._provider(name)
        others = [p for p in self._providers if p.channel is view.channel and p.name != name]
        if divert and not others:
            raise Invalid("nowhere_to_divert", f"No other provider serves {view.channel}.")
        await self._pause(PausedPart(f"provider:{name}", self._clock(), divert), actor)
        return await self._provider(name)

    async def resume_provider(self, name: str, actor: str) -> ProviderView:
        """Of one that was not paused: nothing. Raises `NotFound("unknown_provider")`."""
        await self._provider(name)
        await self._resume(f"provider:{name}", actor)
        return await self._provider(name)

    async def pause_channel(self, channel: Channel, actor: str) -> ChannelView:
        await self._pause(PausedPart(f"channel:{channel}", self._clock()), actor)
        return await self._channel(channel)

    async def resume_channel(self, channel: Channel, actor: str) -> ChannelView:
        await self._resume(f"channel:{channel}", actor)
        return await self._channel(channel)

    async def _paused(self) -> dict[str, PausedPart]:
        async with self._uow() as tx:
            return {part.name: part for part in await tx.operations.paused()}

    async def _provider(self, name: str) -> ProviderView:
        found = [view for view in await self.list() if view.name == name]
        if not found:
            raise NotFound("unknown_provider", f"There is no provider called {name!r}.")
        return found[0]

    async def _channel(self, channel: Channel) -> ChannelView:
        return ChannelView(channel, (await self._paused()).get(f"channel:{channel}"))

    async def _pause(self, part: PausedPart, actor: str) -> None:
        async with self._uow() as tx:
            await tx.operations.pause(part)
            entry = AuditEntry(part.at, actor, "pause", part.name, {"divert": part.divert})
            await tx.operations.audit(entry)

    async def _resume(self, name: str, actor: str) -> None:
        async with self._uow() as tx:
            if await tx.operations.resume(name):
                await tx.operations.audit(AuditEntry(self._clock(), actor, "resume", name))
