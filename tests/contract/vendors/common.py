"""What a vendor's entry holds: how to make its provider, and how each case is to end."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from domain.content import RenderedMessage
from domain.enums import Category, Channel, Priority
from domain.errors import Invalid, Unauthorized
from domain.ids import new_id
from domain.ports.providers import (
    Accepted,
    OutboundMessage,
    Provider,
    Recovery,
    Rejected,
    Retry,
    Uncertain,
)

PATIENCE = timedelta(seconds=5)


@dataclass(frozen=True)
class Ending:
    """How a send is to end. `after` is in seconds."""

    kind: type[Accepted | Rejected | Retry | Uncertain]
    code: str | None = None
    after: float | None = None
    fail_over: bool = False
    target_gone: bool = False


@dataclass(frozen=True)
class Signed:
    """A callback on its way to Herald."""

    headers: Mapping[str, str]
    body: bytes
    url: str


def bend_headers(signed: Signed) -> Iterator[Signed]:
    """Without its headers, and with each signature in them changed."""
    yield replace(signed, headers={})
    for name, value in signed.headers.items():
        if "signature" in name or name == "authorization":
            yield replace(signed, headers={**signed.headers, name: value[:-4] + "AAA="})


@asynccontextmanager
async def silent_wire(wire: Any) -> AsyncIterator[str]:
    wire.will_be_silent()
    yield wire.url


@dataclass(frozen=True)
class Vendor:
    name: str
    prefix: str
    recovery: Recovery
    build: Callable[..., Provider]
    """`build(url, public_url, timeout)`: with good credentials."""
    build_unknown: Callable[..., Provider]
    """`build_unknown(url, public_url, token_url)`: with credentials the vendor does not know."""
    target: Callable[[], str]
    refused_target: str
    expected: Mapping[str, Any]
    sign: Callable[[bytes, str, int], Signed] | None = None
    """`sign(body, url, timestamp)` by another implementation than the provider's."""
    signed_body: Callable[[bytes, str], bytes] = lambda body, message_id: body
    """`signed_body(body, message_id)`: the vendor's own callback as `sign` takes it."""
    bend: Callable[[Signed], Iterator[Signed]] = bend_headers
    """`bend(signed)`: the same callback with its signature gone or changed, in every way."""
    word: bytes = b"delivered"
    """What says in the callback that a message was delivered."""
    stale_after: int = 600
    """Seconds after which a callback is refused."""
    envelope: Callable[[bytes, str], bytes] = lambda body, url: body
    """`envelope(body, url)`: what the vendor at `url` wraps around what it has to say."""
    signs_body: bool = True
    """False for a vendor that only shows a secret with its callback."""
    signs_address: bool = False
    """The signature covers the address the callback was sent to."""
    nonsense: tuple[bytes, ...] = ()
    """Bodies that `sign` signs and nobody can read."""
    address: Callable[[Any], str] | None = None
    """`address(sandbox)`: where the vendor is, when that is not below its prefix."""
    silent: Callable[[Any], AbstractAsyncContextManager[str]] = silent_wire
    """`silent(wire)`: the address of one who takes the call and never answers."""
    earlier: Callable[[str, str], bytes] | None = None
    """`earlier(message_id, url)`: a callback from before the message was delivered, of a vendor
    whose stand-in at `url` sends none."""
    malformed: Callable[[Any, Any], Awaitable[None]] | None = None
    """The case `malformed_answer` of a vendor that speaks no HTTP."""
    settings: tuple[str, str] = ("", "")
    """The settings blamed for bad credentials and for an address where nobody answers."""
    changes: Mapping[str, Any] = field(default_factory=dict)

    def message(self, **changes: Any) -> OutboundMessage:
        whole: dict[str, Any] = {
            "delivery_id": new_id(),
            "notification_id": new_id(),
            "user_id": "ada",
            "channel": Channel.EMAIL,
            "type": "job_match",
            "category": Category.JOBS,
            "priority": Priority.MEDIUM,
            "target": self.target(),
            "message": RenderedMessage(
                subject="New match", title="New match", html="<p>Hi Ada</p>", text="Hi Ada"
            ),
            **self.changes,
            **changes,
        }
        return OutboundMessage(**whole)


COMMON: Mapping[str, Any] = {
    "success": Ending(Accepted),
    "rate_limit": Ending(Retry, "rate_limited"),
    "rate_limit_with_retry_after": Ending(Retry, "rate_limited", after=7),
    "server_error": Ending(Retry, "provider_unavailable"),
    "unavailable_with_retry_after": Ending(Retry, "provider_unavailable", after=3),
    "gateway_error": Ending(Uncertain, "http_502"),
    "connection_refused": Ending(Retry, "connection_refused", fail_over=True),
    "timeout_before_taking": Ending(Uncertain, "timeout"),
    "timeout_after_taking": Ending(Uncertain, "timeout"),
    "reset_before_taking": Ending(Uncertain, "connection_lost"),
    "dropped_response": Ending(Uncertain, "connection_lost"),
    "malformed_answer": Ending(Uncertain, "malformed_answer"),
    "wrong_address": Ending(Retry, "bad_configuration", fail_over=True),
    "bad_credentials": Ending(Retry, "bad_credentials", fail_over=True),
    "configuration": (),
    "closing": None,
}
ASKED_NOTHING: Mapping[str, Any] = {"find": None, "find_nothing": None, "find_unreachable": None}
"""Its own key settles a doubt, or nobody can."""
TELLS_NOTHING: Mapping[str, Any] = {
    "track": None, "track_unknown": None, "track_unreachable": None,
    "webhook": Unauthorized, "webhook_forged": Unauthorized, "webhook_stale": Unauthorized,
    "webhook_repeated": Unauthorized, "webhook_out_of_order": Unauthorized,
    "webhook_unreadable": Unauthorized,
}  # fmt: skip
"""A vendor that has no word on single messages, and calls nobody back."""
CALLS_BACK: Mapping[str, Any] = {
    "webhook": "delivered", "webhook_forged": Unauthorized, "webhook_stale": Unauthorized,
    "webhook_repeated": "delivered", "webhook_out_of_order": "delivered",
    "webhook_unreadable": Invalid,
}  # fmt: skip
"""With signed callbacks that carry their time."""


def now_stamp() -> int:
    return int(time.time())
