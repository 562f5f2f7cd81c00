"""Resend's events in the words all vendors share."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from domain.callbacks import Callback, Engagement, EngagementKind, Receipt
from domain.enums import DeliveryStatus
from domain.errors import Invalid
from providers.http import without

STATUSES: Final[Mapping[str, DeliveryStatus]] = {
    "queued": DeliveryStatus.SENT,
    "scheduled": DeliveryStatus.SENT,
    "sent": DeliveryStatus.SENT,
    "delivery_delayed": DeliveryStatus.SENT,
    "delivered": DeliveryStatus.DELIVERED,
    "opened": DeliveryStatus.DELIVERED,
    "clicked": DeliveryStatus.DELIVERED,
    "bounced": DeliveryStatus.BOUNCED,
    "complained": DeliveryStatus.COMPLAINED,
    "suppressed": DeliveryStatus.FAILED,
    "failed": DeliveryStatus.FAILED,
    "canceled": DeliveryStatus.FAILED,
}
"""The last event of an email as its status: who opens or clicks an email has received it."""
_ENGAGEMENTS: Final = {"opened": EngagementKind.OPENED, "clicked": EngagementKind.CLICKED}
_PERMANENT_BOUNCE: Final = "permanent"
"""The other types, `transient` and `undetermined`, say nothing of the next message."""


def parse_event(body: bytes) -> tuple[Callback, ...]:
    """What an event says; empty for what is not about an email sent. Raises `Invalid`."""
    try:
        event = json.loads(body)
        kind = str(event["type"])
        word = kind.removeprefix("email.")
        if not kind.startswith("email.") or word not in STATUSES:
            return ()
        data = event["data"]
        at = _aware(datetime.fromisoformat(event["created_at"]))
        email_id = str(data["email_id"])
        if word in _ENGAGEMENTS:
            url = (data.get("click") or {}).get("link") if word == "clicked" else None
            return (Engagement(email_id, _ENGAGEMENTS[word], at, url),)
        return (_receipt(word, email_id, at, data),)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Invalid("invalid_webhook", "The event cannot be understood.") from error


def _receipt(word: str, email_id: str, at: datetime, data: Mapping[str, Any]) -> Receipt:
    given = data.get("to")
    to = [str(address) for address in given] if isinstance(given, list) else []
    recipient = to[0] if len(to) == 1 else None
    permanent = True
    code = text = None
    if word == "bounced":
        bounce = data.get("bounce") or {}
        kind = str(bounce.get("type", "undetermined")).lower()
        code, text, permanent = f"bounce_{kind}", bounce.get("message"), kind == _PERMANENT_BOUNCE
    elif word == "failed":
        code, text = "failed", (data.get("failed") or {}).get("reason")
    elif word == "suppressed":
        code, text = "suppressed", (data.get("suppressed") or {}).get("message")
    words = without(str(text), *to) if text else None
    return Receipt(email_id, STATUSES[word], at, code, words, permanent, recipient)


def _aware(at: datetime) -> datetime:
    return at if at.tzinfo else at.replace(tzinfo=UTC)
