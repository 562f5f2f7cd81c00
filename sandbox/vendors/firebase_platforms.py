"""What FCM hands on to each platform's own push service, checked by that service's own words.

FCM's schema leaves these free (string maps and Structs): Web Push headers (RFC 8030) and the
options of the browser's notification, APNs headers and the `aps` dictionary. Known names are
checked for type and value; names that a platform does not know are the app's own and left alone.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from sandbox.vendors.base import Refusal

Check = Callable[[Any], bool]
Invalid = Callable[[str, str], Refusal]

_DIGITS = re.compile(r"\d{1,10}")
_WEB_TOPIC = re.compile(r"[A-Za-z0-9_-]{1,32}")
_PUSH_TYPES = frozenset(
    {
        "alert", "background", "location", "voip", "complication", "fileprovider", "mdm",
        "liveactivity", "pushtotalk", "widgets", "controls",
    }
)  # fmt: skip


def _text(value: Any) -> bool:
    return isinstance(value, str)


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


def _switch(value: Any) -> bool:
    return _whole(value) and value in (0, 1)


def _text_or_object(value: Any) -> bool:
    return isinstance(value, str | dict)


def _web_actions(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(action, dict)
        and {"action", "title"} <= action.keys() <= {"action", "title", "icon"}
        and all(isinstance(part, str) and part for part in action.values())
        for action in value
    )


_WEB_HEADERS: Mapping[str, Check] = {
    "ttl": lambda value: _DIGITS.fullmatch(value) is not None,
    "urgency": lambda value: value in ("very-low", "low", "normal", "high"),
    "topic": lambda value: _WEB_TOPIC.fullmatch(value) is not None,
}
_WEB_OPTIONS: Mapping[str, Check] = {
    **dict.fromkeys(["title", "body", "icon", "image", "badge", "lang", "tag"], _text),
    **dict.fromkeys(["renotify", "requireInteraction", "silent"], _flag),
    "actions": _web_actions,
    "dir": lambda value: value in ("auto", "ltr", "rtl"),
    "timestamp": _whole,
    "vibrate": lambda value: isinstance(value, list) and all(_whole(step) for step in value),
}
_APNS_HEADERS: Mapping[str, Check] = {
    "apns-priority": lambda value: value in ("1", "5", "10"),
    "apns-expiration": lambda value: _DIGITS.fullmatch(value) is not None,
    "apns-collapse-id": lambda value: 0 < len(value.encode()) <= 64,
    "apns-push-type": lambda value: value in _PUSH_TYPES,
}
_APS: Mapping[str, Check] = {
    **dict.fromkeys(["category", "thread-id", "target-content-id"], _text),
    **dict.fromkeys(["alert", "sound"], _text_or_object),
    **dict.fromkeys(["content-available", "mutable-content"], _switch),
    "badge": lambda value: _whole(value) and value >= 0,
    "interruption-level": lambda value: (
        value in ("passive", "active", "time-sensitive", "critical")
    ),
    "relevance-score": lambda value: isinstance(value, int | float) and 0 <= value <= 1,
}


def check_platforms(message: Mapping[str, Any], invalid: Invalid) -> None:
    """Raises what `invalid(field, words)` makes. `message` fits FCM's schema already."""
    web = message.get("webpush") or {}
    _known(web.get("headers"), _WEB_HEADERS, "message.webpush.headers", invalid)
    _known(web.get("notification"), _WEB_OPTIONS, "message.webpush.notification", invalid)
    options = web.get("fcm_options") or web.get("fcmOptions") or {}
    link = options.get("link")
    if link and not link.startswith("https://"):
        raise invalid("message.webpush.fcm_options.link", "Invalid link: HTTPS is required.")
    apns = message.get("apns") or {}
    _known(apns.get("headers"), _APNS_HEADERS, "message.apns.headers", invalid)
    aps = (apns.get("payload") or {}).get("aps")
    if aps is not None and not isinstance(aps, dict):
        raise invalid("message.apns.payload.aps", "Invalid value: aps must be an object.")
    _known(aps, _APS, "message.apns.payload.aps", invalid)


def _known(
    values: Mapping[str, Any] | None, checks: Mapping[str, Check], path: str, invalid: Invalid
) -> None:
    for name, value in (values or {}).items():
        check = checks.get(name) or checks.get(name.lower())
        if check is not None and not check(value):
            raise invalid(f"{path}.{name}", f"Invalid value for '{path}.{name}'.")
