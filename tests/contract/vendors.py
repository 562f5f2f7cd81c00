"""What each vendor's provider promises, case by case, and how to make one."""

import base64
import functools
import hmac
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha1, sha256
from typing import Any
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from domain.content import RenderedMessage
from domain.enums import Category, Channel, Platform, Priority
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
from providers.email.resend import ResendEmailProvider
from providers.push.firebase import FirebasePushProvider
from providers.sms.twilio import TwilioSmsProvider

RESEND_KEY = "re_contract"
RESEND_SECRET = "whsec_" + base64.b64encode(b"the contract's webhook secret").decode()
TWILIO_ACCOUNT = "AC" + "0a" * 16
TWILIO_TOKEN = "0123456789abcdef0123456789abcdef"
TWILIO_SENDER = "+15005550006"
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
    "timeout": Ending(Uncertain, "timeout"),
    "reset_before_taking": Ending(Uncertain, "connection_lost"),
    "dropped_response": Ending(Uncertain, "connection_lost"),
    "malformed_answer": Ending(Uncertain, "malformed_answer"),
    "wrong_address": Ending(Retry, "bad_configuration", fail_over=True),
    "bad_credentials": Ending(Retry, "bad_credentials", fail_over=True),
    "configuration": (),
    "closing": None,
}


def resend(url: str, public_url: str, timeout: timedelta = PATIENCE) -> ResendEmailProvider:
    return _resend(url, RESEND_KEY, timeout)


def _resend(url: str, key: str, timeout: timedelta) -> ResendEmailProvider:
    return ResendEmailProvider(
        api_key=key,
        api_url=url,
        default_sender="Jobs <jobs@example.com>",
        webhook_secret=RESEND_SECRET,
        timeout=timeout,
    )


def twilio(url: str, public_url: str, timeout: timedelta = PATIENCE) -> TwilioSmsProvider:
    return _twilio(url, public_url, TWILIO_TOKEN, timeout)


def _twilio(url: str, public_url: str, token: str, timeout: timedelta) -> TwilioSmsProvider:
    return TwilioSmsProvider(
        account_sid=TWILIO_ACCOUNT,
        auth_token=token,
        api_url=url,
        sender=TWILIO_SENDER,
        public_url=public_url,
        timeout=timeout,
    )


def firebase(url: str, public_url: str, timeout: timedelta = PATIENCE) -> FirebasePushProvider:
    return FirebasePushProvider(
        project_id="demo", private_key=None, client_email=None, api_url=url, timeout=timeout
    )


def firebase_with_key(url: str, public_url: str, token_url: str) -> FirebasePushProvider:
    return FirebasePushProvider(
        project_id="demo",
        private_key=private_key(),
        client_email="herald@demo.example",
        api_url=url,
        timeout=PATIENCE,
        token_url=token_url,
    )


@functools.cache
def private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return pem.replace("\n", "\\n")


def sign_svix(body: bytes, url: str, timestamp: int) -> Signed:
    key = base64.b64decode(RESEND_SECRET.removeprefix("whsec_"))
    signed = f"msg_1.{timestamp}.".encode() + body
    stamp = base64.b64encode(hmac.new(key, signed, sha256).digest()).decode()
    headers = {
        "Svix-Id": "msg_1",
        "Svix-Timestamp": str(timestamp),
        "Svix-Signature": f"v1,c3BhcmU= v1,{stamp}",
    }
    return Signed(headers, body, url)


def sign_twilio(body: bytes, url: str, timestamp: int) -> Signed:
    pairs = sorted(part.partition("=")[::2] for part in body.decode().split("&") if part)
    signed = url + "".join(name + value for name, value in pairs)
    stamp = base64.b64encode(hmac.new(TWILIO_TOKEN.encode(), signed.encode(), sha1).digest())
    return Signed({"X-Twilio-Signature": stamp.decode()}, body, url)


RESEND = Vendor(
    name="resend",
    prefix="/resend",
    recovery=Recovery.SAME_KEY,
    build=resend,
    build_unknown=lambda url, public_url, token_url: _resend(url, "re_unknown", PATIENCE),
    target=lambda: f"ada.{uuid4().hex}@example.com",
    refused_target="ada at example",
    sign=sign_svix,
    settings=("RESEND_API_KEY", "RESEND_API_URL"),
    expected={
        **COMMON,
        "permanent_refusal": Ending(Rejected, "validation_error"),
        "recovery": "same message",
        "repeat": "same message",
        "find": None,
        "find_nothing": None,
        "find_unreachable": None,
        "track": "delivered",
        "track_unknown": None,
        "track_unreachable": None,
        "webhook": "delivered",
        "webhook_forged": Unauthorized,
        "webhook_stale": Unauthorized,
        "webhook_repeated": "delivered",
        "webhook_unreadable": Invalid,
        "configuration_bad": "RESEND_API_KEY",
    },
)

TWILIO = Vendor(
    name="twilio",
    prefix="/twilio",
    recovery=Recovery.ASK,
    build=twilio,
    build_unknown=lambda url, public_url, token_url: _twilio(url, public_url, "f" * 32, PATIENCE),
    target=lambda: f"+491512{uuid4().int % 10**7:07}",
    refused_target="+15005550001",
    sign=sign_twilio,
    settings=("TWILIO_AUTH_TOKEN", "TWILIO_API_URL"),
    changes={"channel": Channel.SMS, "message": RenderedMessage(text="Hi Ada & co + 1")},
    expected={
        **COMMON,
        "permanent_refusal": Ending(Rejected, "invalid_number"),
        "recovery": "found",
        "repeat": "another message",
        "find": "both",
        "find_nothing": (),
        "find_unreachable": None,
        "track": "delivered",
        "track_unknown": None,
        "track_unreachable": None,
        "webhook": "delivered",
        "webhook_forged": Unauthorized,
        # Its callbacks carry no time; receipts only move a delivery forward, so age does no harm.
        "webhook_stale": "delivered",
        "webhook_repeated": "delivered",
        "webhook_unreadable": Invalid,
        "configuration_bad": "TWILIO_AUTH_TOKEN",
    },
)

FIREBASE = Vendor(
    name="firebase",
    prefix="/fcm",
    recovery=Recovery.REPLACE,
    build=firebase,
    build_unknown=firebase_with_key,
    target=lambda: f"device-{uuid4().hex}",
    refused_target="device-unregistered",
    settings=("FIREBASE_PRIVATE_KEY", "FCM_API_URL"),
    changes={"channel": Channel.PUSH, "platform": Platform.ANDROID},
    expected={
        **COMMON,
        "permanent_refusal": Ending(Rejected, "unregistered", target_gone=True),
        "recovery": "replaced",
        "repeat": "replaced",
        "find": None,
        "find_nothing": None,
        "find_unreachable": None,
        # FCM tells nothing about single messages, and calls nobody back.
        "track": None,
        "track_unknown": None,
        "track_unreachable": None,
        "webhook": Unauthorized,
        "webhook_forged": Unauthorized,
        "webhook_stale": Unauthorized,
        "webhook_repeated": Unauthorized,
        "webhook_unreadable": Unauthorized,
        "configuration_bad": "FIREBASE_PRIVATE_KEY",
    },
)

VENDORS = (RESEND, TWILIO, FIREBASE)


def now_stamp() -> int:
    return int(time.time())
