"""Providers and channels on the wire."""

from datetime import datetime, timedelta

from domain.base import Wire
from domain.enums import Channel
from domain.ports.breakers import BreakerState
from services.operations.provider_control import ChannelView, ProviderView


class PauseIn(Wire):
    divert: bool = False
    """Send by the channel's next provider instead of waiting."""


class BreakerOut(Wire):
    state: BreakerState
    failures: int
    opens_for: timedelta | None


class ProviderOut(Wire):
    name: str
    channel: Channel
    preference: int
    paused: bool
    paused_at: datetime | None
    divert: bool
    breaker: BreakerOut

    @staticmethod
    def of(view: ProviderView) -> "ProviderOut":
        return ProviderOut(
            name=view.name,
            channel=view.channel,
            preference=view.preference,
            paused=view.pause is not None,
            paused_at=view.pause.at if view.pause else None,
            divert=view.pause.divert if view.pause else False,
            breaker=BreakerOut(
                state=view.breaker.state,
                failures=view.breaker.failures,
                opens_for=view.breaker.opens_for or None,
            ),
        )


class ChannelStateOut(Wire):
    channel: Channel
    paused: bool
    paused_at: datetime | None

    @staticmethod
    def of(view: ChannelView) -> "ChannelStateOut":
        return ChannelStateOut(
            channel=view.channel,
            paused=view.pause is not None,
            paused_at=view.pause.at if view.pause else None,
        )
