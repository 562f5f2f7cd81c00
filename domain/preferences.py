"""What a user wants: channels, quiet hours, limits, categories; the wire shape is stored."""

from datetime import time
from typing import Annotated, Self
from zoneinfo import available_timezones

from pydantic import AfterValidator, Field, PlainSerializer, model_validator

from domain.base import UserId, Wire
from domain.enums import Category, Channel, DeliveryMode, Weekday, WhenExceeded

_ZONES = available_timezones()


def _known_zone(name: str) -> str:
    if name not in _ZONES:
        raise ValueError("not a time zone of the IANA database, such as Europe/Berlin")
    return name


ZoneName = Annotated[str, AfterValidator(_known_zone)]
LocalTime = Annotated[time, PlainSerializer(lambda value: value.strftime("%H:%M"), return_type=str)]
Count = Annotated[int, Field(ge=0, le=100_000)]


class ChannelPreference(Wire):
    """`enabled` None means never chosen: email, push and in-app are then on; SMS waits for
    its consent, or for a type that is legally transactional."""

    enabled: bool | None = None


class QuietHours(Wire):
    """A daily span without interruption; `days` name the day on which a span starts.

    `start` later than `end` runs overnight; equal means the whole day.
    """

    enabled: bool = False
    start: LocalTime = time(22, 0)
    end: LocalTime = time(7, 0)
    timezone: ZoneName | None = None
    days: frozenset[Weekday] = frozenset(Weekday)
    channels: frozenset[Channel] = frozenset({Channel.EMAIL, Channel.SMS, Channel.PUSH})


class Caps(Wire):
    """At most so many messages in any rolling hour, day (24 h) and week (168 h)."""

    max_per_hour: Count | None = None
    max_per_day: Count | None = None
    max_per_week: Count | None = None


class Frequency(Caps):
    """Overall caps count notifications; a category's caps count per channel."""

    categories: dict[Category, Caps] = Field(default_factory=dict)
    when_exceeded: WhenExceeded = WhenExceeded.DEFER


class CategoryPreference(Wire):
    enabled: bool = True
    channels: frozenset[Channel] | None = None
    """Channels this category may use; None leaves the choice to the notification."""
    delivery: DeliveryMode | None = None
    """None: never chosen, so the type's own rule holds."""


def _default_channels() -> dict[Channel, ChannelPreference]:
    return {channel: ChannelPreference() for channel in Channel}


class Preferences(Wire):
    """A user's choices, complete: what was never set holds its default."""

    user_id: UserId
    language: str | None = Field(default=None, max_length=35)
    timezone: ZoneName | None = None
    channels: dict[Channel, ChannelPreference] = Field(default_factory=_default_channels)
    quiet_hours: QuietHours = Field(default_factory=QuietHours)
    frequency: Frequency = Field(default_factory=Frequency)
    categories: dict[Category, CategoryPreference] = Field(default_factory=dict)
    optimize_timing: bool = False
    automatic_optimization: bool = False

    @model_validator(mode="after")
    def _every_channel_present(self) -> Self:
        for channel in Channel:
            self.channels.setdefault(channel, ChannelPreference())
        return self
