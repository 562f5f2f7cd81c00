"""Preferences on the wire: complete, in a settled order, with what a person would be shown."""

from datetime import time
from typing import Any

from pydantic import Field, RootModel

from domain.base import Wire
from domain.enums import Category, Channel, DeliveryMode, Weekday
from domain.preferences import (
    Caps,
    CategoryPreference,
    Frequency,
    LocalTime,
    Preferences,
    QuietHours,
)
from services.people.preferences import EffectivePreferences, PreferencesView


class ChannelOut(Wire):
    enabled: bool
    chosen: bool = Field(description="False: the user never chose, and this is the default.")


class ChannelIn(Wire):
    enabled: bool | None = Field(description="Null: back to never chosen.")
    chosen: bool = Field(default=True, description="As it was read; false with the same `enabled`"
                                                   " changes nothing.")  # fmt: skip


class QuietHoursOut(Wire):
    enabled: bool
    start: LocalTime = time(22, 0)
    end: LocalTime = time(7, 0)
    timezone: str | None
    days: list[Weekday]
    channels: list[Channel]


class CategoryOut(Wire):
    enabled: bool
    channels: list[Channel] | None
    delivery: DeliveryMode


class PreferencesOut(Wire):
    user_id: str
    language: str | None
    timezone: str | None = Field(description="Null: the one of the user's profile.")
    channels: dict[Channel, ChannelOut]
    quiet_hours: QuietHoursOut
    frequency: Frequency
    categories: dict[Category, CategoryOut]
    optimize_timing: bool
    automatic_optimization: bool


class PreferencesIn(RootModel[dict[str, Any]]):
    """Any part of the preferences; what is absent stays, null gives a default back."""

    root: dict[str, Any]


class EffectiveChannelOut(Wire):
    enabled: bool
    reason: str


class EffectiveOut(Wire):
    type: str
    category: Category
    timezone: str
    delivery: DeliveryMode
    channels: dict[Channel, EffectiveChannelOut]
    quiet_hours: QuietHoursOut
    overall: Caps = Field(description="Limits on all notifications together.")
    limits: Caps | None = Field(description="The category's own limits, per channel.")


def preferences_out(view: PreferencesView) -> PreferencesOut:
    held = view.preferences
    return PreferencesOut(
        user_id=held.user_id,
        language=held.language,
        timezone=held.timezone,
        channels={channel: channel_out(view, channel) for channel in Channel},
        quiet_hours=_quiet_hours(held.quiet_hours),
        frequency=held.frequency,
        categories={
            category: _category(held.categories[category])
            for category in Category
            if category in held.categories
        },
        optimize_timing=held.optimize_timing,
        automatic_optimization=held.automatic_optimization,
    )


def channel_out(view: PreferencesView, channel: Channel) -> ChannelOut:
    chosen = view.preferences.channels[channel].enabled is not None
    return ChannelOut(enabled=view.enabled(channel), chosen=chosen)


def effective_out(found: EffectivePreferences) -> EffectiveOut:
    held: Preferences = found.preferences
    frequency = held.frequency
    return EffectiveOut(
        type=found.type.type,
        category=found.type.category,
        timezone=found.timezone,
        delivery=found.delivery,
        channels={
            channel: EffectiveChannelOut(enabled=answer.enabled, reason=answer.reason)
            for channel, answer in found.channels.items()
        },
        quiet_hours=_quiet_hours(held.quiet_hours),
        overall=Caps(
            max_per_hour=frequency.max_per_hour,
            max_per_day=frequency.max_per_day,
            max_per_week=frequency.max_per_week,
        ),
        limits=frequency.categories.get(found.type.category),
    )


def _quiet_hours(held: QuietHours) -> QuietHoursOut:
    return QuietHoursOut(
        enabled=held.enabled,
        start=held.start,
        end=held.end,
        timezone=held.timezone,
        days=[day for day in Weekday if day in held.days],
        channels=[channel for channel in Channel if channel in held.channels],
    )


def _category(held: CategoryPreference) -> CategoryOut:
    channels = held.channels
    return CategoryOut(
        enabled=held.enabled,
        channels=None if channels is None else [c for c in Channel if c in channels],
        delivery=held.delivery or DeliveryMode.IMMEDIATE,
    )
