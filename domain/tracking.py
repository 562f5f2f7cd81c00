"""Open and click tracking: which mail is tracked, the signed tokens, and what is no person.

A token says all there is to know (notification, channel, kind, and for a click the URL), so that
no table is needed and nobody can make Herald redirect to an address it did not sign itself.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from domain.callbacks import EngagementKind
from domain.enums import Channel
from domain.records.catalogue import NotificationType
from domain.signing import opened, signed

MAX_TOKEN: Final = 4_100
"""Characters; one for the longest URL that is tracked has fewer."""

_PURPOSE: Final = b"tracking"
_HEAD_BYTES: Final = 1 + 16
_KINDS: Final = {1: EngagementKind.OPENED, 2: EngagementKind.CLICKED}
_CHANNELS: Final = {1: Channel.EMAIL, 2: Channel.SMS, 3: Channel.PUSH, 4: Channel.WEBSOCKET}
_KIND_CODES: Final = {kind: code for code, kind in _KINDS.items()}
_CHANNEL_CODES: Final = {channel: code for code, channel in _CHANNELS.items()}

_ROBOTS: Final = re.compile(
    r"(?<!cu)bot\b|crawler|spider|preview|scanner|link ?check|urldefense|safelinks|barracuda"
    r"|mimecast|proofpoint|facebookexternalhit|whatsapp|curl/|wget/|python-|go-http-client|okhttp"
    r"|java/",
    re.IGNORECASE,
)
_PREFETCH_HEADERS: Final = ("sec-purpose", "purpose", "x-purpose", "x-moz")
_PREFETCH_WORDS: Final = ("prefetch", "prerender", "preview")


@dataclass(frozen=True, slots=True)
class Tracked:
    """What a tracking token says happened."""

    kind: EngagementKind
    notification_id: UUID
    channel: Channel
    url: str | None = None
    """Where a click leads, `http` or `https`; None for an open."""
    ordinal: int | None = None
    """Of a campaign's recipient; the id is then the campaign's."""


def tracking_of(kind: NotificationType, consent_tracking: bool | None) -> tuple[bool, bool]:
    """(opens, clicks): whether mail of this type to this user is tracked. The type's switches
    decide, unless the user refused the `tracking` consent; None means never asked."""
    if consent_tracking is False:
        return False, False
    return kind.track_opens, kind.track_clicks


def sign_tracked(key: bytes, tracked: Tracked) -> str:
    """A URL-safe token of 44 characters and four thirds of the URL; the same every time."""
    code = _KIND_CODES[tracked.kind] << 4 | _CHANNEL_CODES[tracked.channel]
    body = bytes([code]) + tracked.notification_id.bytes + (tracked.url or "").encode()
    return signed(key, _PURPOSE, body)


def read_tracked(key: bytes, token: str) -> Tracked | None:
    """What `sign_tracked` was given, or None for anything it did not make with this key."""
    body = opened(key, _PURPOSE, token)
    if body is None or len(body) < _HEAD_BYTES:
        return None
    kind, channel = _KINDS.get(body[0] >> 4), _CHANNELS.get(body[0] & 15)
    url = body[_HEAD_BYTES:].decode() or None
    if kind is None or channel is None or (kind is EngagementKind.CLICKED) is not is_web(url):
        return None
    return Tracked(kind, UUID(bytes=body[1:_HEAD_BYTES]), channel, url)


def is_web(url: str | None) -> bool:
    return url is not None and url.lower().startswith(("http://", "https://"))


def is_automatic(method: str, headers: Mapping[str, str]) -> bool:
    """True for a call no person caused: HEAD, a browser's prefetch, or a program that says by its
    `User-Agent` that it looks at links (security scanners, chat previews, scripts).

    What cannot be told from a person counts: mail proxies that load images when they like
    (Apple's Mail Privacy Protection names a plain browser), and scanners that pose as one.
    Google's and Yahoo's image proxies load when a person opens, so they count.
    """
    if method == "HEAD":
        return True
    for name in _PREFETCH_HEADERS:
        if any(word in headers.get(name, "").lower() for word in _PREFETCH_WORDS):
            return True
    return _ROBOTS.search(headers.get("user-agent", "")) is not None
