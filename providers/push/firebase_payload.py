"""A notification as an FCM v1 message: the shared words, and what each platform makes of them.

Every copy of one delivery carries the same collapse id, so that on the device the second takes the
place of the first. The buttons are drawn by the browser on the web, by the app from the data on
Android, and on iOS by the category that the app registered for the notification's type.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from firebase_admin import messaging

from domain.enums import Platform, Priority
from domain.ports.providers import OutboundMessage
from providers.push.content import PushContent, compact, life_of, tap_data

_RESERVED: Final = re.compile(r"from|message_type|(?:google|gcm).*")
_INSTALLATION_ID: Final = re.compile(r"[cdef][A-Za-z0-9_-]{21}")
_URGENT: Final = frozenset({Priority.HIGH, Priority.CRITICAL})


def collapse_id(message: OutboundMessage) -> str:
    """32 characters, the most a web push topic may have; the same for every attempt."""
    return message.delivery_id.hex


def build_message(
    message: OutboundMessage, content: PushContent, now: datetime
) -> messaging.Message:
    """The message for the platform, or for all three when it is not known. The SDK refuses what
    is malformed when it encodes it."""
    wanted = [message.platform] if message.platform else list(Platform)
    built = messaging.Message(
        data=_data(message, content),
        notification=messaging.Notification(content.title, content.text or None, content.image_url),
        android=_android(message, content) if Platform.ANDROID in wanted else None,
        apns=_apns(message, content, now) if Platform.IOS in wanted else None,
        webpush=_webpush(message, content) if Platform.WEB in wanted else None,
    )
    # Devices register with installation ids or, older ones, with registration tokens; FCM takes
    # each in its own field. The SDK warns of the older field only when it is given to `Message()`.
    if _INSTALLATION_ID.fullmatch(message.target):
        built.fid = message.target
    else:
        built.token = message.target
    return built


def payload_bytes(encoded: Mapping[str, Any]) -> int:
    """The size that FCM's limit of 4096 is about, of the platform where it is largest."""
    shown, data = encoded.get("notification", {}), encoded.get("data", {})
    sizes = [_size(shown, data)]
    for platform in ("android", "webpush"):
        own = encoded.get(platform) or {}
        sizes.append(
            _size({**shown, **own.get("notification", {})}, {**data, **own.get("data", {})})
        )
    if apns := (encoded.get("apns") or {}).get("payload"):
        sizes.append(_size({"alert": shown, **apns}, data))
    return max(sizes)


def _size(shown: Mapping[str, Any], data: Mapping[str, Any]) -> int:
    # Apart, as a name may be in both.
    return len(compact(data).encode()) + len(compact(shown).encode())


def _data(message: OutboundMessage, content: PushContent) -> dict[str, str]:
    """All strings, as FCM wants; other values as JSON, reserved names behind an underscore."""
    data = {
        f"_{name}" if _RESERVED.fullmatch(name) else name: value
        if isinstance(value, str)
        else compact(value)
        for name, value in content.data.items()
    }
    return data | tap_data(message, content)


def _android(message: OutboundMessage, content: PushContent) -> messaging.AndroidConfig:
    return messaging.AndroidConfig(
        collapse_key=collapse_id(message),
        priority="high" if message.priority in _URGENT else "normal",
        ttl=life_of(message),
        notification=messaging.AndroidNotification(
            tag=collapse_id(message),
            sound=content.sound,
            # Android looks for an activity of this name, and a tap does nothing when none has it;
            # links are the app's own to open from the data.
            click_action=content.action_name,
            notification_count=content.badge,
        ),
    )


def _apns(message: OutboundMessage, content: PushContent, now: datetime) -> messaging.APNSConfig:
    headers = {
        "apns-collapse-id": collapse_id(message),
        "apns-push-type": "alert",
        "apns-priority": "5" if message.priority is Priority.LOW else "10",
    }
    life = life_of(message)
    if life is not None:
        headers["apns-expiration"] = str(int((now.astimezone(UTC) + life).timestamp()))
    aps = messaging.Aps(
        badge=content.badge,
        # Only iOS is silent unless told otherwise.
        sound=content.sound or "default",
        category=content.action_name or (message.type if content.actions else None),
        # The app's extension fetches the image and draws the buttons.
        mutable_content=True if content.image_url or content.actions else None,
    )
    image = messaging.APNSFCMOptions(image=content.image_url) if content.image_url else None
    return messaging.APNSConfig(headers, messaging.APNSPayload(aps), image)


def _webpush(message: OutboundMessage, content: PushContent) -> messaging.WebpushConfig:
    urgency = "high" if message.priority in _URGENT else "normal"
    headers = {
        "Topic": collapse_id(message),
        "Urgency": "low" if message.priority is Priority.LOW else urgency,
    }
    life = life_of(message)
    if life is not None:
        headers["TTL"] = str(int(life.total_seconds()))
    actions = [messaging.WebpushNotificationAction(a.id, a.title) for a in content.actions]
    # Browsers follow secure links only; anything else is the page's own to read from the data.
    secure = content.link is not None and content.link.startswith("https://")
    return messaging.WebpushConfig(
        headers=headers,
        notification=messaging.WebpushNotification(
            tag=collapse_id(message), image=content.image_url, actions=actions
        ),
        fcm_options=messaging.WebpushFCMOptions(content.link) if secure else None,
    )
