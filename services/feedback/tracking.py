"""Tracking around a message: its HTML on the way out, its opens and clicks on the way back.

Not counted: `HEAD`, prefetches and callers that name themselves as machines; see
`domain.tracking.is_automatic` for what can and what cannot be told from a person.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import Final, Protocol
from uuid import UUID

from domain.callbacks import EngagementKind
from domain.content import RenderedMessage
from domain.enums import Channel
from domain.records.catalogue import NotificationType
from domain.tracked_html import tracked_html
from domain.tracking import tracking_of

PATIENCE: Final = timedelta(seconds=10)
"""How long a recording may take before it is given up."""

log = logging.getLogger(__name__)


class TrackingLinks(Protocol):
    """Signed tracking links; the same input gives the same link."""

    def opened(self, notification_id: UUID, channel: Channel) -> str: ...

    def clicked(self, notification_id: UUID, channel: Channel, url: str) -> str: ...

    def is_own(self, url: str) -> bool: ...


def tracked_message(
    message: RenderedMessage,
    links: TrackingLinks,
    kind: NotificationType,
    consent: bool | None,
    notification_id: UUID,
) -> RenderedMessage:
    """An email whose HTML tells of opens and clicks, as far as its type and the user's `tracking`
    consent allow. The text part has no links but those its author wrote. Deterministic."""
    opens, clicks = tracking_of(kind, consent)
    if message.html is None or not (opens or clicks):
        return message

    def link(url: str) -> str | None:
        return None if links.is_own(url) else links.clicked(notification_id, Channel.EMAIL, url)

    html = tracked_html(
        message.html,
        link=link if clicks else None,
        pixel=links.opened(notification_id, Channel.EMAIL) if opens else None,
    )
    return replace(message, html=html)


async def record_quietly(
    record: Callable[[], Awaitable[object]], about: UUID, kind: EngagementKind
) -> None:
    """For after the answer: whoever opens a message or follows a link never waits for the
    recording, nor hears of its failure; the log does. `about`: the notification or campaign."""
    try:
        async with asyncio.timeout(PATIENCE.total_seconds()):
            await record()
    except Exception as error:
        log.error(
            "engagement.not_recorded",
            extra={"about": str(about), "kind": kind.value, "error": type(error).__name__},
        )
