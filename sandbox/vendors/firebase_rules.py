"""FCM v1's message schema, checked the way Google's JSON front end checks it.

Field names are taken in snake_case and camelCase; unknown ones are refused; scalar types are not
coerced; a payload is at most 4096 bytes, 2048 to a topic, on every platform it is for.

Covered is every field of Google's discovery document `fcm:v1` (SendMessageRequest, Message,
Notification, the three platforms' configurations and options, AndroidNotification, LightSettings,
Color) with its type, enum, duration or time, and of the reference since then `fid`,
`live_activity_token`, `bandwidth_constrained_ok` and `restricted_satellite_ok`.
"""

import re
from collections.abc import Callable
from typing import Any

import orjson

from sandbox.vendors.base import Refusal
from sandbox.vendors.firebase_platforms import check_platforms

TARGETS = ("token", "fid", "topic", "condition")
MAX_PAYLOAD_BYTES = 4096
MAX_TOPIC_PAYLOAD_BYTES = 2048
MAX_TTL_SECONDS = 2_419_200

_DURATION = re.compile(r"\d+(?:\.\d{1,9})?s")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)")
_TOPIC = re.compile(r"[a-zA-Z0-9\-_.~%]+")
_TOKEN = re.compile(r"[!-~]{1,4096}")
_RESERVED_DATA = re.compile(r"from|message_type|(?:google|gcm).*")
_RGB = re.compile(r"#[0-9a-fA-F]{6}")
_CAMEL = re.compile(r"(?<=[a-z0-9])([A-Z])")

Check = Callable[[Any, str], None]


def invalid(field: str, message: str) -> Refusal:
    return Refusal(400, "INVALID_ARGUMENT", message, field=field)


def _wrong(path: str, kind: str, value: Any) -> Refusal:
    shown = orjson.dumps(value).decode()
    return invalid(path, f"Invalid value at '{path}' ({kind}), {shown}")


def _scalar(kind: str, fits: Callable[[Any], bool]) -> Check:
    def check(value: Any, path: str) -> None:
        if not fits(value):
            raise _wrong(path, kind, value)

    return check


def _enum(name: str, *names: str) -> Check:
    return _scalar(name, lambda v: isinstance(v, str) and v.upper() in names)


def _list_of(item: Check) -> Check:
    def check(value: Any, path: str) -> None:
        if not isinstance(value, list):
            raise _wrong(path, "LIST", value)
        for index, element in enumerate(value):
            item(element, f"{path}[{index}]")

    return check


def _object(fields: dict[str, Check], *required: str) -> Check:
    def check(value: Any, path: str) -> None:
        if not isinstance(value, dict):
            raise _wrong(path, "OBJECT", value)
        given = {_snake(name) for name, content in value.items() if content is not None}
        for name in required:
            if name not in given:
                raise invalid(f"{path}.{name}", f"'{path}.{name}' is required.")
        for name, content in value.items():
            field = fields.get(_snake(name))
            if field is None:
                where = f" at '{path}'" if path else ""
                text = f'Unknown name "{name}"{where}: Cannot find field.'
                raise invalid(path or name, f"Invalid JSON payload received. {text}")
            if content is not None:
                field(content, f"{path}.{name}" if path else name)

    return check


def _snake(name: str) -> str:
    return _CAMEL.sub(lambda m: f"_{m[1].lower()}", name)


def _string_map(value: Any, path: str) -> None:
    if not isinstance(value, dict):
        raise _wrong(path, "MAP", value)
    for index, content in enumerate(value.values()):
        if not isinstance(content, str):
            raise _wrong(f"{path}[{index}].value", "TYPE_STRING", content)


def _ttl(value: Any, path: str) -> None:
    if not isinstance(value, str) or not _DURATION.fullmatch(value):
        raise _wrong(path, "type.googleapis.com/google.protobuf.Duration", value)
    if float(value[:-1]) > MAX_TTL_SECONDS:
        raise invalid(path, "Invalid TTL: it must be between 0 and 2419200 seconds.")


_string = _scalar("TYPE_STRING", lambda v: isinstance(v, str))
_bool = _scalar("TYPE_BOOL", lambda v: isinstance(v, bool))
_int = _scalar(
    "TYPE_INT32",
    lambda v: isinstance(v, int) and not isinstance(v, bool) and -(2**31) <= v < 2**31,
)
_float = _scalar("TYPE_FLOAT", lambda v: isinstance(v, int | float) and not isinstance(v, bool))
_struct = _scalar("type.googleapis.com/google.protobuf.Struct", lambda v: isinstance(v, dict))
_duration = _scalar(
    "type.googleapis.com/google.protobuf.Duration",
    lambda v: isinstance(v, str) and _DURATION.fullmatch(v) is not None,
)
_time = _scalar(
    "type.googleapis.com/google.protobuf.Timestamp",
    lambda v: isinstance(v, str) and _TIME.fullmatch(v) is not None,
)
_options: dict[str, Check] = {"analytics_label": _string}
_color = _object({"red": _float, "green": _float, "blue": _float, "alpha": _float})
_android_notification = _object(
    {
        **dict.fromkeys(
            ["title", "body", "icon", "sound", "tag", "click_action", "body_loc_key"],
            _string,
        ),
        **dict.fromkeys(["title_loc_key", "channel_id", "ticker", "image"], _string),
        **dict.fromkeys(["body_loc_args", "title_loc_args"], _list_of(_string)),
        **dict.fromkeys(["sticky", "local_only", "default_sound"], _bool),
        **dict.fromkeys(["default_vibrate_timings", "default_light_settings"], _bool),
        "bypass_proxy_notification": _bool,
        "color": _scalar("#rrggbb", lambda v: isinstance(v, str) and bool(_RGB.fullmatch(v))),
        "event_time": _time,
        "notification_count": _int,
        "vibrate_timings": _list_of(_duration),
        "light_settings": _object(
            {"color": _color, "light_on_duration": _duration, "light_off_duration": _duration},
            "color",
            "light_on_duration",
            "light_off_duration",
        ),
        "notification_priority": _enum(
            "NotificationPriority",
            *(f"PRIORITY_{p}" for p in ("UNSPECIFIED", "MIN", "LOW", "DEFAULT", "HIGH", "MAX")),
        ),
        "visibility": _enum("Visibility", "VISIBILITY_UNSPECIFIED", "PRIVATE", "PUBLIC", "SECRET"),
        "proxy": _enum("Proxy", "PROXY_UNSPECIFIED", "ALLOW", "DENY", "IF_PRIORITY_LOWERED"),
    }
)
_android = _object(
    {
        "collapse_key": _string,
        "priority": _enum("AndroidMessagePriority", "NORMAL", "HIGH"),
        "ttl": _ttl,
        "restricted_package_name": _string,
        "data": _string_map,
        "notification": _android_notification,
        "fcm_options": _object(_options),
        "direct_boot_ok": _bool,
        "bandwidth_constrained_ok": _bool,
        "restricted_satellite_ok": _bool,
    }
)
_message = _object(
    {
        **dict.fromkeys(["name", *TARGETS], _string),
        "data": _string_map,
        "notification": _object({"title": _string, "body": _string, "image": _string}),
        "android": _android,
        "webpush": _object(
            {
                "headers": _string_map,
                "data": _string_map,
                "notification": _struct,
                "fcm_options": _object({**_options, "link": _string}),
            }
        ),
        "apns": _object(
            {
                "headers": _string_map,
                "payload": _struct,
                "fcm_options": _object({**_options, "image": _string}),
                "live_activity_token": _string,
            }
        ),
        "fcm_options": _object(_options),
    }
)
_request = _object({"validate_only": _bool, "message": _message})


def check_message(data: Any) -> tuple[dict[str, Any], bool]:
    """The message and whether it is only to be validated. Raises Refusal as FCM refuses."""
    _request(data, "")
    message = data.get("message")
    if not message:
        raise invalid("message", "Recipient of the message is not set.")
    targets = [name for name in TARGETS if message.get(name)]
    if not targets:
        raise invalid("message", "Recipient of the message is not set.")
    if len(targets) > 1:
        text = (
            f"Invalid value at 'message' (oneof), oneof field 'target' is already set. "
            f"Cannot set '{targets[1]}'"
        )
        raise invalid("message", text)
    _check_target(targets[0], message[targets[0]])
    _check_data_keys(message)
    check_platforms(message, invalid)
    _check_size(message, topic=targets[0] in ("topic", "condition"))
    return message, bool(data.get("validate_only", data.get("validateOnly")))


def _check_target(kind: str, target: str) -> None:
    if kind in ("token", "fid") and not _TOKEN.fullmatch(target):
        text = "The registration token is not a valid FCM registration token"
        raise invalid(f"message.{kind}", text)
    if kind == "topic" and not _TOPIC.fullmatch(target.removeprefix("/topics/")):
        raise invalid("message.topic", "Invalid topic name")


def _check_data_keys(message: dict[str, Any]) -> None:
    for place in (message, message.get("android") or {}, message.get("webpush") or {}):
        for name in place.get("data") or {}:
            if _RESERVED_DATA.fullmatch(name):
                raise invalid("message.data", f"Invalid data payload key: {name}")


def _check_size(message: dict[str, Any], *, topic: bool) -> None:
    limit = MAX_TOPIC_PAYLOAD_BYTES if topic else MAX_PAYLOAD_BYTES
    common = message.get("notification") or {}
    data = message.get("data") or {}
    payloads = [_size(common) + _size(data)]
    for platform in ("android", "webpush"):
        own = message.get(platform) or {}
        shown = {**common, **(own.get("notification") or {})}
        payloads.append(_size(shown) + _size({**data, **(own.get("data") or {})}))
    if apns := (message.get("apns") or {}).get("payload"):
        aps = {"alert": common, **(apns.get("aps") or {})}
        payloads.append(len(orjson.dumps({**data, **apns, "aps": aps})))
    if max(payloads) > limit:
        text = (
            f"Message too big: the payload is {max(payloads)} bytes, at most {limit} are allowed."
        )
        raise invalid("message", text)


def _size(values: dict[str, Any]) -> int:
    """Bytes of keys and values, as FCM counts them."""
    size = 0
    for name, value in values.items():
        content = value.encode() if isinstance(value, str) else orjson.dumps(value)
        size += len(name.encode()) + len(content)
    return size
