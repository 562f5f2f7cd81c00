"""Which provider a delivery goes by: the order of preference, without those given up, paused or
down.

A delivery in doubt goes back to the provider that may have taken it, whatever its condition: only
that one can tell. A provider an operator paused holds its messages, unless they are to be diverted.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Protocol
from uuid import UUID

from domain.enums import Channel, DeliveryStatus, Priority, PushVendor
from domain.ports.breakers import Breakers, ProviderLimits
from domain.ports.deliveries import DeliveryJob, Target
from domain.ports.providers import Provider
from domain.records.notifications import Delivery

PAUSE_CHECK = timedelta(seconds=30)
"""When a delivery comes again that is held in part, or by a pause no plan waits for."""
ANOTHER_DEVICE_FIRST = timedelta(milliseconds=100)

SmsOrder = Callable[[str, Sequence[str]], Sequence[str]]
"""(E.164 number, providers in order of preference) → the order for its country."""


class ProviderDirectory(Protocol):
    def ordered(self, channel: Channel) -> tuple[Provider, ...]:
        """First choice first. Raises `NotFound` when nothing serves the channel."""


@dataclass(frozen=True, slots=True)
class Way:
    """The provider to call now."""

    provider: Provider
    by_user: bool = False
    """It is given the user, not the device."""
    more: bool = False
    """Another one could take over from it."""
    passed_over: tuple[str, ...] = ()
    """Providers that would have come first and are down."""
    fresh: bool = True
    """False when the delivery is in doubt, so that nothing may be sent before that is settled."""


@dataclass(frozen=True, slots=True)
class Held:
    """An operator paused the provider."""

    provider: str


@dataclass(frozen=True, slots=True)
class Later:
    """Every provider left is down, or must not be called faster."""

    code: str
    after: timedelta


class Exhausted:
    """No provider is left to try."""


Direction = Way | Held | Later | Exhausted


def keep_order(_number: str, providers: Sequence[str]) -> Sequence[str]:
    """The order of preference for every country."""
    return providers


class Routing:
    def __init__(
        self,
        providers: ProviderDirectory,
        breakers: Breakers,
        limits: ProviderLimits,
        sms_order: SmsOrder = keep_order,
    ) -> None:
        self._providers = providers
        self._breakers = breakers
        self._limits = limits
        self._sms_order = sms_order

    async def direct(
        self, job: DeliveryJob, line: Delivery, target: Target | None, *, reserve: bool = True
    ) -> Direction:
        """Where the delivery goes now. Raises `NotFound` when nothing serves the channel.
        Without `reserve` its provider's rate limit is not asked."""
        ways = self._ways(job, line, target)
        if line.status is DeliveryStatus.SENDING:
            doubted = [way for way in ways if way.provider.name == line.provider]
            more = len(ways) > 1
            return replace(doubted[0], more=more, fresh=False) if doubted else Exhausted()
        ways = [way for way in ways if way.provider.name not in line.given_up]
        if not ways:
            return Exhausted()
        more = len(ways) > 1
        open_ways = [w for w in ways if f"provider:{w.provider.name}" not in job.paused]
        first = ways[0].provider.name
        if job.paused.get(f"provider:{first}") is False:
            return Held(first)
        if not open_ways:
            # To be diverted, with nowhere to go: a plan would take it for ready.
            return Later("provider_paused", PAUSE_CHECK)
        return await self._healthy(job, line, open_ways, more=more, reserve=reserve)

    async def reserve(self, way: Way, place: UUID, *, urgent: bool, count: int = 1) -> Later | None:
        """Room at the provider for so many messages, known by any id that is the same when it is
        asked for again; None when they may go now."""
        name = way.provider.name
        wait = await self._limits.reserve(name, place, urgent=urgent, count=count)
        return Later("provider_rate_limited", wait) if wait > timedelta(0) else None

    async def note(self, provider: Provider, *, healthy: bool) -> None:
        """Tells the breaker how a call ended."""
        await self._breakers.note(provider.name, healthy=healthy)

    async def _healthy(
        self,
        job: DeliveryJob,
        line: Delivery,
        ways: Sequence[Way],
        *,
        more: bool,
        reserve: bool,
    ) -> Direction:
        if line.channel is Channel.WEBSOCKET:
            return ways[0]
        resting: Mapping[str, timedelta] = {}
        for way in ways:
            name = way.provider.name
            resting = {**resting, **await self._breakers.rest([name])}
            if name in resting:
                continue
            urgent = job.notification.priority is Priority.CRITICAL
            later = await self.reserve(way, line.id, urgent=urgent) if reserve else None
            if later is not None:
                return later
            return replace(way, more=more, passed_over=tuple(resting))
        return Later("circuit_open", min(resting.values()))

    def _ways(self, job: DeliveryJob, line: Delivery, target: Target | None) -> list[Way]:
        """All providers that could bring this to its target, first choice first."""
        providers = self._providers.ordered(line.channel)
        if line.channel is Channel.PUSH and target is not None:
            return _push_ways(providers, job, line, target)
        if line.channel is Channel.SMS and target is not None:
            names = self._sms_order(target.address, [p.name for p in providers])
            providers = tuple(sorted(providers, key=lambda p: names.index(p.name)))
        return [Way(provider) for provider in providers]


def _push_ways(
    providers: Sequence[Provider], job: DeliveryJob, line: Delivery, target: Target
) -> list[Way]:
    """The vendor of the token, then OneSignal by the user's id. One message by that reaches every
    device, so it is no way once another device has had its own, or may have; and the only way once
    another device's message went by it."""
    if target.vendor is None:
        return [Way(provider) for provider in providers]
    own = [Way(provider) for provider in providers if provider.name == target.vendor]
    if target.vendor is PushVendor.ONESIGNAL:
        return own
    by_user = [Way(p, by_user=True) for p in providers if p.name == PushVendor.ONESIGNAL]
    if line.status is DeliveryStatus.SENDING:
        return own + by_user
    if any(other.vendor is PushVendor.ONESIGNAL for other in job.targets):
        return own
    others = [other for other in job.deliveries if other.id != line.id]
    if any(o.provider == PushVendor.ONESIGNAL and _may_have(o) for o in others):
        return by_user
    left = any(_may_have(o) and o.status is not DeliveryStatus.SENDING for o in others)
    return own if left else own + by_user


def one_voice(ways: Mapping[UUID, Direction]) -> Mapping[UUID, Direction]:
    """Of a push notification's devices, those meant for the message to the user wait while another
    one is tried by its own token: nobody gets it both ways."""
    if not any(isinstance(way, Way) and not way.by_user for way in ways.values()):
        return ways
    return {
        line: Later("another_device_first", ANOTHER_DEVICE_FIRST)
        if isinstance(way, Way) and way.by_user
        else way
        for line, way in ways.items()
    }


def _may_have(line: Delivery) -> bool:
    """Whether its provider has it, or may."""
    return line.status.has_left or line.status in {DeliveryStatus.SENDING, DeliveryStatus.UNKNOWN}
