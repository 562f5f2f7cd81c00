"""What OneSignal accepts in a push message, and the words it refuses the rest with.

Every field of its reference for push is known here with its type; a field that is not is refused,
where OneSignal would ignore it, as it is a mistake of the caller's in any case.
"""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import orjson

from sandbox.vendors.base import Refusal

MAX_TARGETS = 2_000
MAX_DATA_BYTES = 2048
MAX_PAYLOAD_BYTES = 4096
MAX_TTL_SECONDS = 2_419_200
MAX_COLLAPSE_ID = 64
MAX_NAME = 128
TARGETS = ("include_subscription_ids", "include_aliases", "included_segments", "filters")

Check = Callable[[Any], bool]


def invalid(message: str) -> Refusal:
    return Refusal(400, "invalid", message)


def is_uuid(value: Any) -> bool:
    """In the form of RFC 9562, of whatever version."""
    try:
        return isinstance(value, str) and str(UUID(value)) == value.lower()
    except ValueError:
        return False


def _string(value: Any) -> bool:
    return isinstance(value, str)


def _flag(value: Any) -> bool:
    return isinstance(value, bool)


def _integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _object(value: Any) -> bool:
    return isinstance(value, dict)


def _languages(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(words, str) for words in value.values())


def _strings(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _aliases(value: Any) -> bool:
    return isinstance(value, dict) and all(_strings(ids) for ids in value.values())


def _one_of(*values: Any) -> Check:
    return lambda value: value in values


def _buttons(*fields: str) -> Check:
    def check(value: Any) -> bool:
        return isinstance(value, list) and all(
            isinstance(button, dict)
            and {"id", "text"} <= button.keys() <= {"id", "text", *fields}
            and all(isinstance(part, str) and part for part in button.values())
            for button in value
        )

    return check


_FIELDS: dict[str, Check] = {
    "include_subscription_ids": _strings,
    "include_aliases": _aliases,
    "filters": lambda value: isinstance(value, list),
    "target_channel": _one_of("push", "email", "sms"),
    "contents": _languages,
    "headings": _languages,
    "subtitle": _languages,
    "data": _object,
    "custom_data": _object,
    "ios_attachments": _languages,
    "buttons": _buttons("icon"),
    "web_buttons": _buttons("icon", "url"),
    "ios_badgeType": _one_of("None", "SetTo", "Increase"),
    "ios_badgeCount": _integer,
    "ios_interruption_level": _one_of("active", "passive", "time_sensitive", "critical"),
    "ios_relevance_score": _number,
    "ttl": lambda value: _integer(value) and 0 <= value <= MAX_TTL_SECONDS,
    "priority": _integer,
    "collapse_id": lambda value: isinstance(value, str) and 0 < len(value) <= MAX_COLLAPSE_ID,
    "name": lambda value: isinstance(value, str) and len(value) <= MAX_NAME,
    "idempotency_key": is_uuid,
    "external_id": is_uuid,
    "apns_alert": _object,
    "android_background_layout": _object,
    "throttle_rate_per_minute": _integer,
    **dict.fromkeys(["included_segments", "excluded_segments"], _strings),
    **dict.fromkeys(["content_available", "mutable_content", "enable_frequency_cap"], _flag),
    **dict.fromkeys(["isIos", "isAndroid", "isHuawei", "isAnyWeb", "isChromeWeb"], _flag),
    **dict.fromkeys(["isFirefox", "isSafari", "isWP_WNS", "isAdm"], _flag),
    **dict.fromkeys(["app_id", "template_id", "url", "web_url", "app_url"], _string),
    **dict.fromkeys(["big_picture", "huawei_big_picture", "adm_big_picture"], _string),
    **dict.fromkeys(["chrome_web_image", "chrome_web_icon", "chrome_web_badge"], _string),
    **dict.fromkeys(["firefox_icon", "small_icon", "large_icon", "huawei_small_icon"], _string),
    **dict.fromkeys(["huawei_large_icon", "adm_small_icon", "adm_large_icon"], _string),
    **dict.fromkeys(["android_channel_id", "existing_android_channel_id"], _string),
    **dict.fromkeys(["huawei_channel_id", "huawei_existing_channel_id"], _string),
    **dict.fromkeys(["huawei_category", "huawei_msg_type", "huawei_bi_tag"], _string),
    **dict.fromkeys(["ios_sound", "android_sound", "huawei_sound", "adm_sound"], _string),
    **dict.fromkeys(["android_accent_color", "huawei_accent_color"], _string),
    **dict.fromkeys(["android_group", "thread_id", "ios_category", "web_push_topic"], _string),
    **dict.fromkeys(["target_content_identifier", "apns_push_type_override"], _string),
    **dict.fromkeys(["send_after", "delayed_option", "delivery_time_of_day"], _string),
}
_NOT_SHOWN = {
    "app_id", "idempotency_key", "external_id", "name", "target_channel", "ttl", "priority",
    "web_push_topic", *TARGETS,
}  # fmt: skip
_PLATFORM_FIELDS = (
    {"ios_attachments", "ios_badgeType", "ios_badgeCount", "ios_sound"},
    {"big_picture", "android_sound"},
    {"chrome_web_image", "web_buttons", "web_url"},
)


def check_push(body: Any) -> dict[str, Any]:
    """The message itself if OneSignal would take it. Raises Refusal as OneSignal refuses."""
    for name, value in body.items():
        check = _FIELDS.get(name)
        if check is None:
            raise invalid(f"Unknown parameter: {name}")
        if value is not None and not check(value):
            raise invalid(f"{name} is invalid.")
    _check_target(body)
    _check_words(body)
    if body.get("url") and (body.get("web_url") or body.get("app_url")):
        raise invalid("url can not be set with web_url or app_url.")
    _check_size(body)
    return dict(body)


def _check_target(body: dict[str, Any]) -> None:
    given = [name for name in TARGETS if body.get(name)]
    if not given:
        text = "You must include which players, segments, or tags you wish to send this to."
        raise invalid(text)
    if len(given) > 1:
        raise invalid(f"{given[0]} can not be combined with {given[1]}.")
    ids = body.get("include_subscription_ids") or []
    aliases = body.get("include_aliases") or {}
    if not all(is_uuid(value) for value in ids):
        words = orjson.dumps(ids).decode()
        text = "Incorrect subscription_id format in include_subscription_ids (not a valid UUID)"
        raise invalid(f"{text}: {words}")
    if aliases and not body.get("target_channel"):
        raise invalid("target_channel is required with include_aliases.")
    if body.get("target_channel", "push") != "push":
        raise invalid("This app has no subscriptions of that channel.")
    if len(ids) + sum(len(values) for values in aliases.values()) > MAX_TARGETS:
        raise invalid(f"At most {MAX_TARGETS} targets are allowed.")
    if given[0] in ("included_segments", "filters"):
        raise invalid("This app has no segments or tags.")


def _check_words(body: dict[str, Any]) -> None:
    if body.get("template_id"):
        raise invalid("Template not found.")
    words = body.get("contents")
    if not words:
        if body.get("content_available"):
            return
        raise invalid("Notification content must not be null for any languages.")
    for name in ("contents", "headings", "subtitle"):
        given = body.get(name)
        if given and not given.get("en"):
            raise invalid(f"{name}: English language content is required.")


def _check_size(body: dict[str, Any]) -> None:
    data = len(orjson.dumps(body.get("data") or {}))
    if data > MAX_DATA_BYTES:
        raise invalid(f"data is {data} bytes, at most {MAX_DATA_BYTES} are allowed.")
    shown = {name: value for name, value in body.items() if name not in _NOT_SHOWN}
    for own in _PLATFORM_FIELDS:
        others = set().union(*(fields for fields in _PLATFORM_FIELDS if fields is not own))
        size = len(orjson.dumps({k: v for k, v in shown.items() if k not in others}))
        if size > MAX_PAYLOAD_BYTES:
            text = f"The payload is {size} bytes, at most {MAX_PAYLOAD_BYTES} are allowed."
            raise invalid(text)
