"""The tracking tokens of a campaign's messages.

One names the recipient and is the same in all links of a message; one names where a link leads and
is the same in all messages. So a link costs no recipient a signature of its own, and no token makes
Herald redirect to an address it did not sign for that campaign.
"""

from typing import Final
from uuid import UUID

from domain.callbacks import EngagementKind
from domain.enums import Channel
from domain.signing import opened, signed
from domain.tracking import Tracked, is_web

_RECIPIENT: Final = b"recipient"
_TARGET: Final = b"target"
_ID_BYTES: Final = 16
_ORDINAL_BYTES: Final = 4
_BETWEEN: Final = "."


def recipient_token(key: bytes, campaign_id: UUID, ordinal: int) -> str:
    """48 characters, in the path of an open."""
    return signed(key, _RECIPIENT, campaign_id.bytes + ordinal.to_bytes(_ORDINAL_BYTES, "big"))


def click_token(key: bytes, recipient: str, campaign_id: UUID, url: str) -> str:
    """`recipient`: the token of one, or what stands for it until it is filled in."""
    return f"{recipient}{_BETWEEN}{signed(key, _TARGET, campaign_id.bytes + url.encode())}"


def read_campaign_tracked(key: bytes, token: str) -> Tracked | None:
    """None for anything that was not made here with this key, and for halves that do not belong
    together."""
    recipient, is_click, target = token.partition(_BETWEEN)
    named = opened(key, _RECIPIENT, recipient)
    if named is None:
        return None
    campaign_id = UUID(bytes=named[:_ID_BYTES])
    ordinal = int.from_bytes(named[_ID_BYTES:], "big")
    if not is_click:
        return Tracked(EngagementKind.OPENED, campaign_id, Channel.EMAIL, None, ordinal)
    led = opened(key, _TARGET, target)
    if led is None or led[:_ID_BYTES] != campaign_id.bytes:
        return None
    url = led[_ID_BYTES:].decode()
    if not is_web(url):
        return None
    return Tracked(EngagementKind.CLICKED, campaign_id, Channel.EMAIL, url, ordinal)
