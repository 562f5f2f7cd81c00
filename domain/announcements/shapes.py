"""Announcements: what many are told at once, and the rules of when it is shown.

An announcement is shown from `startsAt` until `endsAt` or its withdrawal, by comparison of
instants: nothing has to run for it to appear or to vanish. What the workflow adds is that open
connections hear of it at that instant. Nobody has a row for it until they read or dismiss it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import UUID, uuid5

from pydantic import Field, JsonValue, field_validator

from domain.audience.shapes import Audience
from domain.base import Instant, Wire
from domain.commands import Body, ChannelList, Title, no_repeats
from domain.enums import Channel, Priority
from domain.ids import MAINTENANCE_QUEUE

ANNOUNCEMENTS_QUEUE: Final = MAINTENANCE_QUEUE
"""Announcements are few: their workflows share a queue with the upkeep."""
ANNOUNCEMENT_TYPE: Final = "announcement"
"""The notification type whose settings and opt-outs hold for announcements."""
EVERYONE: Final = Audience(everyone=True)


class AnnouncementStatus(StrEnum):
    SCHEDULED = "scheduled"
    ACTIVE = "active"
    ENDED = "ended"
    WITHDRAWN = "withdrawn"

    @property
    def is_final(self) -> bool:
        return self in {AnnouncementStatus.ENDED, AnnouncementStatus.WITHDRAWN}


class NewAnnouncement(Wire):
    """An announcement asked for. It is always shown in the inbox; `channels` names what it is
    sent by besides. Starts at once unless `startsAt` says when."""

    title: Title
    content: Body
    data: dict[str, JsonValue] = Field(default_factory=dict)
    audience: Audience = EVERYONE
    channels: ChannelList = (Channel.WEBSOCKET,)
    starts_at: Instant | None = None
    ends_at: Instant | None = None
    priority: Priority = Priority.MEDIUM

    _distinct = field_validator("channels")(no_repeats)


class AmendAnnouncement(Wire):
    """Changes to an announcement; what is absent stays, and a null `endsAt` takes the end away.
    Once it is shown, `audience`, `channels` and `startsAt` stay as they are."""

    title: Title | None = None
    content: Body | None = None
    data: dict[str, JsonValue] | None = None
    audience: Audience | None = None
    channels: ChannelList | None = None
    starts_at: Instant | None = None
    ends_at: Instant | None = None
    priority: Priority | None = None

    _distinct = field_validator("channels")(no_repeats)

    def changes(self) -> dict[str, Any]:
        """Only what was given, by the names of `Announcement`'s fields."""
        given = {
            name: getattr(self, name)
            for name in self.model_fields_set
            if getattr(self, name) is not None or name == "ends_at"
        }
        if "channels" in given:
            given["channels"] = shown_channels(given["channels"])
        return given


@dataclass(frozen=True, slots=True)
class Announcement:
    id: UUID
    title: str
    content: str
    data: Mapping[str, Any]
    audience: Audience
    channels: tuple[Channel, ...]
    """The inbox first, then those it is sent by besides."""
    priority: Priority
    starts_at: datetime
    ends_at: datetime | None
    status: AnnouncementStatus
    """As last written; `status_at` says what holds at an instant."""
    created_at: datetime
    updated_at: datetime
    revision: int = 0
    """Counts edits."""
    version: int | None = None
    """The place of the last change that readers could see, among those of all announcements."""
    published_version: int | None = None
    """The place of its publication. None: not published yet."""
    untold_since: datetime | None = None
    """Since when the workflow has been owed word of a change."""
    sent_at: datetime | None = None
    """When the campaign was started that sends it on other channels."""

    @property
    def other_channels(self) -> tuple[Channel, ...]:
        return tuple(c for c in self.channels if c is not Channel.WEBSOCKET)

    @property
    def campaign_id(self) -> UUID | None:
        """Of the campaign that sends it on other channels; None before it was started."""
        return campaign_id_for(self.id) if self.sent_at is not None else None

    @property
    def audience_moves(self) -> bool:
        """Users come to belong and cease to, without the announcement changing."""
        return self.audience.segment is not None or self.audience.list_id is not None


@dataclass(frozen=True, slots=True)
class Standing:
    """An announcement that is shown to a user, without its words."""

    id: UUID
    starts_at: datetime
    version: int | None
    read_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class InboxAnnouncement:
    """An announcement in a user's inbox."""

    announcement: Announcement
    read_at: datetime | None = None


class Change(StrEnum):
    """What readers could see of a change."""

    PUBLISHED = "published"
    UPDATED = "updated"
    ENDED = "ended"
    WITHDRAWN = "withdrawn"

    @property
    def is_end(self) -> bool:
        return self in {Change.ENDED, Change.WITHDRAWN}


def shown_channels(channels: tuple[Channel, ...]) -> tuple[Channel, ...]:
    """The inbox is always among them."""
    return (Channel.WEBSOCKET, *(c for c in channels if c is not Channel.WEBSOCKET))


def status_at(item: Announcement, now: datetime) -> AnnouncementStatus:
    """What holds at `now`, whether or not anybody has written it down."""
    if item.status.is_final:
        return item.status
    if item.ends_at is not None and item.ends_at <= now:
        return AnnouncementStatus.ENDED
    if item.status is AnnouncementStatus.ACTIVE or item.starts_at <= now:
        return AnnouncementStatus.ACTIVE
    return AnnouncementStatus.SCHEDULED


def due_change(item: Announcement, now: datetime) -> Change | None:
    """What is to be written down at `now`."""
    standing = status_at(item, now)
    if standing is item.status:
        return None
    return Change.PUBLISHED if standing is AnnouncementStatus.ACTIVE else Change.ENDED


def changed(item: Announcement, change: Change, version: int) -> Announcement:
    """The announcement after a change that readers could see, which has this place."""
    if change is Change.PUBLISHED:
        return replace(
            item, status=AnnouncementStatus.ACTIVE, version=version, published_version=version
        )
    if change is Change.UPDATED:
        return replace(item, version=version)
    return replace(item, status=AnnouncementStatus(change.value), version=version)


def change_since(item: Announcement, version: int) -> Change | None:
    """What a reader who knows all changes up to `version` has to hear of this one."""
    if item.version is None or item.published_version is None or item.version <= version:
        return None
    unseen = item.published_version > version
    if item.status.is_final:
        return None if unseen else Change(item.status.value)
    return Change.PUBLISHED if unseen else Change.UPDATED


def next_look(item: Announcement) -> datetime | None:
    """The instant at which something becomes due; None when only an edit can change anything."""
    if item.status is AnnouncementStatus.SCHEDULED:
        return item.starts_at
    return item.ends_at if item.status is AnnouncementStatus.ACTIVE else None


def announcement_workflow_id(announcement_id: UUID) -> str:
    return f"announcement/{announcement_id}"


def campaign_id_for(announcement_id: UUID) -> UUID:
    """Always the same one, so that a sending begun again finds it."""
    return uuid5(announcement_id, "campaign")
