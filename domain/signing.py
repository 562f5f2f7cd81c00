"""Signed links: tokens that name things, cannot be forged, and are the same every time.

A token is base64url of the parts, each preceded by its length, after a 16-byte HMAC-SHA256.
"""

import base64
import binascii
import hashlib
import hmac
from typing import Final

_TAG_BYTES: Final = 16


def sign_link(key: bytes, *parts: str) -> str:
    """A URL-safe token for these parts; the first one should say what the link is for."""
    body = b"".join(_packed(part.encode()) for part in parts)
    return base64.urlsafe_b64encode(_tag(key, body) + body).decode().rstrip("=")


def verify_link(key: bytes, token: str) -> tuple[str, ...] | None:
    """The parts `sign_link` was given, or None for anything it did not make with this key."""
    try:
        blob = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (ValueError, binascii.Error):
        return None
    tag, body = blob[:_TAG_BYTES], blob[_TAG_BYTES:]
    if not hmac.compare_digest(tag, _tag(key, body)):
        return None
    return _unpacked(body)


def _tag(key: bytes, body: bytes) -> bytes:
    return hmac.new(key, b"herald link\x00" + body, hashlib.sha256).digest()[:_TAG_BYTES]


def _packed(part: bytes) -> bytes:
    return len(part).to_bytes(2, "big") + part


def _unpacked(body: bytes) -> tuple[str, ...]:
    parts = []
    while body:
        size = int.from_bytes(body[:2], "big")
        parts.append(body[2 : 2 + size].decode())
        body = body[2 + size :]
    return tuple(parts)
