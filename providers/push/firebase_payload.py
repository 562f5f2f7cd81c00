"""A notification as an FCM v1 message: the shared words, and what each platform makes of them.

Every copy of one delivery carries the same collapse id, so that on the device the second takes the
place of the first.
"""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from firebase_admin import messaging

from domain.content import PushOptions
from domain.enums import Platform, Priority
from domain.ports.providers import OutboundMessage

LONGEST_LIFE: Final = timedelta(days=28)
_RESERVED: Final = re.compile(r"from|message_type|(?:google|gcm).*")
_INSTALLATION_ID: Final = re.compile(r"[cdef][A-Za-z0-9_-]{21}")
_URGENT: Final = frozenset({Priority.HIGH, Priority.CRITICAL})


def collapse_id(message: OutboundMessage) -> str:
    """32 characters, the most a web push topic may have; the same for every attempt."""
    return message.delivery_id.hex


def build_message(message: OutboundMessage, now: datetime) -> messaging.Message:
    """The message for the platform, or for all three when it is not known. The SDK refuses what
    is malformed when it encodes it."""
    push = message.push or PushOptions()
    wanted = [message.platform] if message.platform else list(Platform)
    words = message.message
    image = str(push.image_url) if push.image_url else None
    built = messaging.Message(
        data=_data(message, push),
        notification=messaging.Notification(words.title, words.text or None, image),
        android=_android(message, push) if Platform.ANDROID in wanted else None,
        apns=_apns(message, push, now) if Platform.IOS in wanted else None,
        webpush=_webpush(message, push) if Platform.WEB in wanted else None,
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
    whole = {**data, **shown}
    return len(json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode())


def _data(message: OutboundMessage, push: PushOptions) -> dict[str, str]:
    """All strings, as FCM wants; other values as JSON, reserved names behind an underscore."""
    data = {
        f"_{name}" if _RESERVED.fullmatch(name) else name: value
        if isinstance(value, str)
        else json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        for name, value in message.message.data.items()
    }
    data |= {
        "notificationId": str(message.notification_id),
        "deliveryId": str(message.delivery_id),
        "type": message.type,
    }
    if push.click_action:
        data["clickAction"] = push.click_action
    if push.actions:
        actions = [a.model_dump(mode="json", exclude_none=True) for a in push.actions]
        data["actions"] = json.dumps(actions, ensure_ascii=False, separators=(",", ":"))
    return data


def _android(message: OutboundMessage, push: PushOptions) -> messaging.AndroidConfig:
    return messaging.AndroidConfig(
        collapse_key=collapse_id(message),
        priority="high" if message.priority in _URGENT else "normal",
        ttl=_life(message),
        notification=messaging.AndroidNotification(
            tag=collapse_id(message),
            sound=push.sound,
            click_action=push.click_action,
            notification_count=push.badge,
        ),
    )


def _apns(message: OutboundMessage, push: PushOptions, now: datetime) -> messaging.APNSConfig:
    headers = {
        "apns-collapse-id": collapse_id(message),
        "apns-push-type": "alert",
        "apns-priority": "5" if message.priority is Priority.LOW else "10",
    }
    life = _life(message)
    if life is not None:
        headers["apns-expiration"] = str(int((now.astimezone(UTC) + life).timestamp()))
    aps = messaging.Aps(
        badge=push.badge,
        sound=push.sound,
        category=push.click_action,
        # The app's extension fetches the image and draws the buttons.
        mutable_content=True if push.image_url or push.actions else None,
    )
    image = messaging.APNSFCMOptions(image=str(push.image_url)) if push.image_url else None
    return messaging.APNSConfig(headers, messaging.APNSPayload(aps), image)


def _webpush(message: OutboundMessage, push: PushOptions) -> messaging.WebpushConfig:
    urgency = "high" if message.priority in _URGENT else "normal"
    headers = {
        "Topic": collapse_id(message),
        "Urgency": "low" if message.priority is Priority.LOW else urgency,
    }
    life = _life(message)
    if life is not None:
        headers["TTL"] = str(int(life.total_seconds()))
    actions = [messaging.WebpushNotificationAction(a.id, a.title) for a in push.actions]
    # Browsers follow secure links only; anything else is the page's own to read from the data.
    link = push.click_action
    secure = link is not None and link.startswith("https://")
    return messaging.WebpushConfig(
        headers=headers,
        notification=messaging.WebpushNotification(tag=collapse_id(message), actions=actions),
        fcm_options=messaging.WebpushFCMOptions(link) if secure else None,
    )


def _life(message: OutboundMessage) -> timedelta | None:
    """Whole seconds, within what FCM keeps a message for."""
    if message.time_to_live is None:
        return None
    life = min(max(message.time_to_live, timedelta(0)), LONGEST_LIFE)
    return timedelta(seconds=int(life.total_seconds()))
