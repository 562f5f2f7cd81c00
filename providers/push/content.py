"""What a push message says and carries, in no vendor's words: every vendor's builder starts here.

The caller's own data may be given up when room is short; what a tap needs to find its way (ids, the
click action, the buttons) is kept apart from it, so that it never is.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from domain.content import PushAction, PushOptions
from domain.ports.providers import OutboundMessage

LONGEST_LIFE: Final = timedelta(days=28)
"""What FCM and OneSignal keep a message for at most."""
_LINK: Final = re.compile(r"https?://\S+", re.IGNORECASE)
_DEEP_LINK: Final = re.compile(r"[a-z][a-z0-9+.-]*://\S*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class PushContent:
    """The words, the picture and the rest of one push message."""

    title: str | None
    text: str
    image_url: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    """The caller's own, any JSON."""
    actions: tuple[PushAction, ...] = ()
    click_action: str | None = None
    """A web link, an app's deep link, or a name that the app knows."""
    badge: int | None = None
    sound: str | None = None

    @property
    def link(self) -> str | None:
        """The click action when a browser can open it."""
        return self.click_action if self.click_action and _LINK.match(self.click_action) else None

    @property
    def deep_link(self) -> str | None:
        """The click action when only an app can open it."""
        opens = self.click_action is not None and _DEEP_LINK.match(self.click_action)
        return self.click_action if opens and self.link is None else None

    @property
    def action_name(self) -> str | None:
        """The click action when it is an app's own name for what to do."""
        return None if self.link or self.deep_link else self.click_action


def content_of(message: OutboundMessage) -> PushContent:
    push = message.push or PushOptions()
    words = message.message
    return PushContent(
        title=words.title or None,
        text=words.text,
        image_url=str(push.image_url) if push.image_url else None,
        data=dict(words.data),
        actions=push.actions,
        click_action=push.click_action or None,
        badge=push.badge,
        sound=push.sound,
    )


def tap_data(message: OutboundMessage, content: PushContent) -> dict[str, str]:
    """What the app or the page needs when the message or one of its buttons is tapped."""
    data = {
        "notificationId": str(message.notification_id),
        "deliveryId": str(message.delivery_id),
        "type": message.type,
    }
    if content.click_action:
        data["clickAction"] = content.click_action
    if content.actions:
        data["actions"] = compact(
            [action.model_dump(mode="json", exclude_none=True) for action in content.actions]
        )
    if content.badge is not None:
        data["badge"] = str(content.badge)
    return data


def life_of(message: OutboundMessage) -> timedelta | None:
    """How long the message is worth delivering: whole seconds, within what vendors take."""
    if message.time_to_live is None:
        return None
    life = min(max(message.time_to_live, timedelta(0)), LONGEST_LIFE)
    return timedelta(seconds=int(life.total_seconds()))


def compact(value: Any) -> str:
    """JSON without a byte to spare. Raises `ValueError` for what is not JSON."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
