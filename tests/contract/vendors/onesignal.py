"""OneSignal's entry."""

import json
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from domain.enums import Channel, Platform
from domain.ports.providers import Recovery, Rejected
from providers.push.onesignal import OneSignalPushProvider
from tests.contract.vendors.common import (
    ASKED_NOTHING,
    CALLS_BACK,
    COMMON,
    PATIENCE,
    Ending,
    Signed,
    Vendor,
)

ONESIGNAL_APP = "8250eaf6-1a58-489e-b136-7c74a864b434"
ONESIGNAL_KEY = "os_v2_app_contract"
ONESIGNAL_SECRET = "the contract's event stream token"


def onesignal(url: str, public_url: str, timeout: timedelta = PATIENCE) -> OneSignalPushProvider:
    return build(url, timeout=timeout)


def build(url: str, **changes: Any) -> OneSignalPushProvider:
    whole: dict[str, Any] = {
        "app_id": ONESIGNAL_APP,
        "api_key": ONESIGNAL_KEY,
        "api_url": url,
        "webhook_secret": ONESIGNAL_SECRET,
        "timeout": PATIENCE,
        **changes,
    }
    return OneSignalPushProvider(**whole)


def event(kind: str, message_id: str, timestamp: int, **data: str) -> bytes:
    """As Herald asks its event stream to send it."""
    told = {"message_id": message_id, "message_name": "job_match", **data}
    body = {"kind": kind, "id": str(uuid4()), "timestamp": str(timestamp), "data": told}
    return json.dumps({"event": body}).encode()


def sign_bearer(body: bytes, url: str, timestamp: int) -> Signed:
    headers = {"Authorization": f"Bearer {ONESIGNAL_SECRET}", "Content-Type": "application/json"}
    return Signed(headers, body, url)


ONESIGNAL = Vendor(
    name="onesignal",
    prefix="/onesignal",
    recovery=Recovery.SAME_KEY,
    build=onesignal,
    build_unknown=lambda url, public_url, token_url: build(url, api_key="unknown"),
    target=lambda: str(uuid4()),
    refused_target=str(UUID(int=7)),
    sign=sign_bearer,
    signs_body=False,
    nonsense=(
        b"[]",
        b"{}",
        b"not json",
        b"\xff\xfe",
        b'{"event": {"kind": "message.push.received"}}',
        b'{"event": {"kind": "message.push.received", "timestamp": 1, "data": {}}}',
        event("message.push.received", "", 1),
        event("message.push.received", "m", 10**15),
    ),
    settings=("ONESIGNAL_API_KEY", "ONESIGNAL_API_URL"),
    changes={"channel": Channel.PUSH, "platform": Platform.ANDROID},
    expected={
        **COMMON,
        **ASKED_NOTHING,
        **CALLS_BACK,
        "permanent_refusal": Ending(Rejected, "unsubscribed", target_gone=True),
        "recovery": "same message",
        "repeat": "same message",
        "track": "delivered",
        "track_unknown": None,
        "track_unreachable": None,
        # The token in the header carries no time; receipts only move a delivery forward.
        "webhook_stale": "delivered",
        "configuration_bad": "ONESIGNAL_API_KEY",
    },
)
