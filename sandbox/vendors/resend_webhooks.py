"""Resend's webhooks: the event bodies and Svix's signature over them."""

import base64
import binascii
import hmac
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from typing import Any

from sandbox.messages import Message
from sandbox.vendors.base import NoSuchWebhook
from sandbox.vendors.resend_rules import as_list


def event_body(message: Message, event: str, text: str | None, now: datetime) -> dict[str, Any]:
    """The JSON of `email.{event}`; `text` is the bounce message, the clicked link or the reason."""
    email = message.payload
    data = {
        "created_at": stamp(message.received_at),
        "email_id": message.id,
        "message_id": f"<{message.id}@resend.sandbox>",
        "from": email["from"],
        "to": as_list(email["to"]),
        "subject": email.get("subject"),
        "tags": {tag["name"]: tag["value"] for tag in email.get("tags") or []},
        **_event_facts(event, text, now),
    }
    return {"type": f"email.{event}", "created_at": zulu(now), "data": data}


def sign_svix(secret: str, message_id: str, timestamp: int, content: bytes) -> Mapping[str, str]:
    """Svix's three signature headers. Raises NoSuchWebhook when the secret is not base64."""
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except binascii.Error as error:
        raise NoSuchWebhook("RESEND_WEBHOOK_SECRET is not whsec_ + base64") from error
    signed = f"{message_id}.{timestamp}.".encode() + content
    signature = base64.b64encode(hmac.new(key, signed, sha256).digest()).decode()
    return {
        "svix-id": message_id,
        "svix-timestamp": str(timestamp),
        "svix-signature": f"v1,{signature}",
    }


def _event_facts(event: str, text: str | None, now: datetime) -> dict[str, Any]:
    browser = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/150.0"
    if event == "bounced":
        return {
            "bounce": {
                "message": text or "The recipient's mailbox does not exist.",
                "type": "Permanent",
                "subType": "General",
                "diagnosticCode": ["smtp; 550 5.1.1 mailbox unavailable"],
            }
        }
    if event == "clicked":
        return {
            "click": {
                "ipAddress": "127.0.0.1",
                "link": text or "https://example.com/",
                "timestamp": zulu(now),
                "userAgent": browser,
            }
        }
    if event == "failed":
        return {"failed": {"reason": text or "reached_daily_quota"}}
    return {}


def stamp(at: datetime) -> str:
    """Resend's `created_at` of an email."""
    return at.isoformat(" ", "microseconds")


def zulu(at: datetime) -> str:
    """Resend's `created_at` of an event."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
