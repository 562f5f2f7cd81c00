"""Twilio's entry."""

import base64
import hmac
from datetime import timedelta
from hashlib import sha1
from uuid import uuid4

from domain.content import RenderedMessage
from domain.enums import Channel
from domain.ports.providers import Recovery, Rejected
from providers.sms.twilio import TwilioSmsProvider
from tests.contract.vendors.common import CALLS_BACK, COMMON, PATIENCE, Ending, Signed, Vendor

TWILIO_ACCOUNT = "AC" + "0a" * 16
TWILIO_TOKEN = "0123456789abcdef0123456789abcdef"
TWILIO_SENDER = "+15005550006"


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


def sign_twilio(body: bytes, url: str, timestamp: int) -> Signed:
    pairs = sorted(part.partition("=")[::2] for part in body.decode().split("&") if part)
    signed = url + "".join(name + value for name, value in pairs)
    stamp = base64.b64encode(hmac.new(TWILIO_TOKEN.encode(), signed.encode(), sha1).digest())
    return Signed({"X-Twilio-Signature": stamp.decode()}, body, url)


TWILIO = Vendor(
    name="twilio",
    prefix="/twilio",
    recovery=Recovery.ASK,
    build=twilio,
    build_unknown=lambda url, public_url, token_url: _twilio(url, public_url, "f" * 32, PATIENCE),
    target=lambda: f"+491512{uuid4().int % 10**7:07}",
    refused_target="+15005550001",
    sign=sign_twilio,
    signed_body=lambda body, message_id: (
        f"MessageSid={message_id}&MessageStatus=delivered".encode()
    ),
    signs_address=True,
    nonsense=(b"Some=Thing", b"MessageStatus=delivered", b"MessageSid=SM1"),
    settings=("TWILIO_AUTH_TOKEN", "TWILIO_API_URL"),
    changes={"channel": Channel.SMS, "message": RenderedMessage(text="Hi Ada & co + 1")},
    expected={
        **COMMON,
        **CALLS_BACK,
        "permanent_refusal": Ending(Rejected, "invalid_number"),
        "recovery": "found",
        "repeat": "another message",
        "find": "both",
        "find_nothing": (),
        "find_unreachable": None,
        "track": "delivered",
        "track_unknown": None,
        "track_unreachable": None,
        # Its callbacks carry no time; receipts only move a delivery forward, so age does no harm.
        "webhook_stale": "delivered",
        "configuration_bad": "TWILIO_AUTH_TOKEN",
    },
)
