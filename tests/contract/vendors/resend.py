"""Resend's entry."""

import base64
import hmac
from datetime import timedelta
from hashlib import sha256
from uuid import uuid4

from domain.ports.providers import Recovery, Rejected
from providers.email.resend import ResendEmailProvider
from tests.contract.vendors.common import (
    ASKED_NOTHING,
    CALLS_BACK,
    COMMON,
    PATIENCE,
    Ending,
    Signed,
    Vendor,
)

RESEND_KEY = "re_contract"
RESEND_SECRET = "whsec_" + base64.b64encode(b"the contract's webhook secret").decode()


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


RESEND = Vendor(
    name="resend",
    prefix="/resend",
    recovery=Recovery.SAME_KEY,
    build=resend,
    build_unknown=lambda url, public_url, token_url: _resend(url, "re_unknown", PATIENCE),
    target=lambda: f"ada.{uuid4().hex}@example.com",
    refused_target="ada at example",
    sign=sign_svix,
    nonsense=(b"[]", b"{}", b'{"type": "email.delivered"}', b"not json"),
    settings=("RESEND_API_KEY", "RESEND_API_URL"),
    expected={
        **COMMON,
        **ASKED_NOTHING,
        **CALLS_BACK,
        "permanent_refusal": Ending(Rejected, "validation_error"),
        "recovery": "same message",
        "repeat": "same message",
        "track": "delivered",
        "track_unknown": None,
        "track_unreachable": None,
        "configuration_bad": "RESEND_API_KEY",
    },
)
