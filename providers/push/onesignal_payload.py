"""A notification as OneSignal's create-message request: one body that holds what each platform
reads.

To a device by its subscription id, or to every device of a user by the user's id, which apps give
OneSignal as the external id. OneSignal cuts what is over 4096 bytes with its own additions and asks
to stay under 3500; of that the data may be 2048.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from domain.enums import Platform, Priority
from domain.ports.providers import OutboundMessage
from providers.push.content import PushContent, compact, life_of, tap_data
from providers.push.size import drop_data, fit

MAX_PAYLOAD_BYTES: Final = 3500
MAX_DATA_BYTES: Final = 2048
TO_ALL_DEVICES: Final = " (all devices)"
"""Ends the name of a message to a user, so that an event tells whether it speaks of one device of
several."""
_LONGEST_NAME: Final = 128
_URGENT: Final = frozenset({Priority.HIGH, Priority.CRITICAL})
_LIQUID: Final = re.compile(r"\{(?=[{%])")
_WORD_JOINER: Final = "\u2060"
_ADDRESS: Final = frozenset(
    {
        "app_id", "target_channel", "include_subscription_ids", "include_aliases",
        "idempotency_key", "name", "ttl", "priority", "web_push_topic",
    }
)  # fmt: skip
"""What OneSignal reads itself and no device gets."""
_OWN: Final[Mapping[Platform, frozenset[str]]] = {
    Platform.IOS: frozenset({"ios_attachments", "ios_badgeType", "ios_badgeCount", "ios_sound"}),
    Platform.ANDROID: frozenset({"big_picture", "android_sound"}),
    Platform.WEB: frozenset({"chrome_web_image", "web_buttons", "web_url"}),
}
_APP_ONLY: Final = frozenset({"buttons", "app_url"})


def build_payload(message: OutboundMessage, content: PushContent, app_id: str) -> dict[str, Any]:
    """The request's body. Raises `ValueError` when there is nothing to show."""
    # OneSignal refuses a message without contents, though not one without headings.
    words, heading = (content.text, content.title) if content.text else (content.title, None)
    if not words:
        raise ValueError("The message has neither text nor title.")
    life = life_of(message)
    return {
        "app_id": app_id,
        "target_channel": "push",
        **_target(message),
        "idempotency_key": message.idempotency_key,
        "name": _name(message),
        # The words are in the user's language already; `en` is what every user gets that has no
        # other, and the one OneSignal insists on.
        "contents": {"en": _literal(words)},
        **({"headings": {"en": _literal(heading)}} if heading else {}),
        "data": {**content.data, **tap_data(message, content)},
        "collapse_id": _collapse_id(message),
        "web_push_topic": _collapse_id(message),
        **_priority(message),
        **({"ttl": int(life.total_seconds())} if life is not None else {}),
        **_click(message, content),
        **_picture(content),
        **_extras(content),
    }


def fitting_payload(message: OutboundMessage, content: PushContent, app_id: str) -> dict[str, Any]:
    """The body with as much of the content as fits. Raises `ValueError` when there is nothing to
    show, `OverflowError` when not even the least of it fits."""

    def size(candidate: PushContent) -> int:
        return payload_bytes(build_payload(message, candidate, app_id))

    def data_fits(candidate: PushContent) -> bool:
        data = build_payload(message, candidate, app_id)["data"]
        return len(compact(data).encode()) <= MAX_DATA_BYTES

    lean = drop_data(content, data_fits)
    fitted = fit(lean, size, MAX_PAYLOAD_BYTES) if data_fits(lean) else None
    if fitted is None:
        raise OverflowError("not even the least of the message fits")
    return build_payload(message, fitted, app_id)


def payload_bytes(payload: Mapping[str, Any]) -> int:
    """What reaches a device, on the platform where it is largest."""
    shown = {name: value for name, value in payload.items() if name not in _ADDRESS}
    sizes = []
    for platform in Platform:
        others = frozenset().union(*(own for other, own in _OWN.items() if other is not platform))
        if platform is Platform.WEB:
            others |= _APP_ONLY
        kept = {name: value for name, value in shown.items() if name not in others}
        sizes.append(len(compact(kept).encode()))
    return max(sizes)


def _target(message: OutboundMessage) -> dict[str, Any]:
    if message.by_user:
        return {"include_aliases": {"external_id": [message.user_id]}}
    return {"include_subscription_ids": [message.target]}


def _name(message: OutboundMessage) -> str:
    mark = TO_ALL_DEVICES if message.by_user else ""
    return message.type[: _LONGEST_NAME - len(mark)] + mark


def _collapse_id(message: OutboundMessage) -> str:
    """32 characters, the most a web push topic may have; the same for every attempt."""
    return message.idempotency_key.replace("-", "")


def _literal(text: str) -> str:
    """OneSignal reads words as Liquid templates; what was rendered here is not to be again."""
    return _LIQUID.sub("{" + _WORD_JOINER, text)


def _priority(message: OutboundMessage) -> dict[str, int]:
    """In between, OneSignal's own choice: at once on iOS, as the battery allows on Android."""
    if message.priority in _URGENT:
        return {"priority": 10}
    return {"priority": 5} if message.priority is Priority.LOW else {}


def _click(message: OutboundMessage, content: PushContent) -> dict[str, str]:
    """Where a tap leads; what is no address stays in the data."""
    platform = None if message.by_user else message.platform
    if content.link is None:
        return {"app_url": content.deep_link} if content.deep_link else {}
    if platform is None:
        return {"url": content.link}
    return {"web_url" if platform is Platform.WEB else "app_url": content.link}


def _picture(content: PushContent) -> dict[str, Any]:
    if content.image_url is None:
        return {}
    return {
        "ios_attachments": {"image": content.image_url},
        "big_picture": content.image_url,
        "chrome_web_image": content.image_url,
    }


def _extras(content: PushContent) -> dict[str, Any]:
    """Buttons, badge and sound."""
    extras: dict[str, Any] = {}
    if content.actions:
        extras["buttons"] = [{"id": a.id, "text": a.title} for a in content.actions]
        extras["web_buttons"] = [
            {"id": a.id, "text": a.title, **({"url": str(a.url)} if a.url else {})}
            for a in content.actions
        ]
    if content.badge is not None:
        extras |= {"ios_badgeType": "SetTo", "ios_badgeCount": content.badge}
    # Without a name the device plays its own default sound.
    if content.sound and content.sound != "default":
        extras["ios_sound"] = content.sound
        extras["android_sound"] = content.sound.rpartition(".")[0] or content.sound
    return extras
