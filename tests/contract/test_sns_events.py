"""What Amazon SNS's notifications say of an SMS, by the shapes AWS documents."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from domain.callbacks import Receipt, Reply
from domain.enums import DeliveryStatus
from domain.errors import Invalid
from providers.sms.sns_events import parse_message
from tests.contract.vendors.sns import SNS_TOPIC, build

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
NUMBER = "+14255550156"


def log(status: str, response: str, **delivery: Any) -> dict[str, Any]:
    """As SNS writes it to CloudWatch Logs."""
    return {
        "notification": {"messageId": "m-1", "timestamp": "2026-11-20 11:59:00.100"},
        "delivery": {
            "mnc": 0,
            "numberOfMessageParts": 1,
            "destination": NUMBER,
            "priceInUSD": 0.00645,
            "smsType": "Transactional",
            "mcc": 0,
            "providerResponse": response,
            "dwellTimeMs": 599,
            **delivery,
        },
        "status": status,
    }


def event(kind: str, **changes: Any) -> dict[str, Any]:
    """As AWS End User Messaging publishes it."""
    return {
        "eventType": kind,
        "eventVersion": "1.0",
        "eventTimestamp": 1795176000500,
        "isFinal": True,
        "originationPhoneNumber": "+12065550152",
        "destinationPhoneNumber": NUMBER,
        "messageId": "m-1",
        "messageStatusDescription": "As it is",
        **changes,
    }


def receipt_of(said: Any) -> Receipt:
    (receipt,) = parse_message(json.dumps(said), NOON)
    assert isinstance(receipt, Receipt)
    assert receipt.provider_message_id == "m-1"
    return receipt


@pytest.mark.parametrize(
    ("response", "code", "permanent"),
    [
        ("Blocked as spam by phone carrier", "blocked_as_spam", False),
        ("Destination is on a blocked list", "blocked_number", True),
        ("Invalid phone number", "invalid_number", True),
        ("Message body is invalid", "invalid_message", False),
        ("Phone carrier has blocked this message", "blocked_by_carrier", False),
        ("Phone carrier is currently unreachable/unavailable", "carrier_unreachable", False),
        ("Phone has blocked SMS", "blocked_by_phone", True),
        ("Phone is on a blocked list", "blocked_number", True),
        ("Phone is currently unreachable/unavailable", "unreachable", False),
        ("Phone number is opted out", "opted_out", True),
        (f"{NUMBER} is opted out", "opted_out", True),
        ("This delivery would exceed max price", "max_price_exceeded", False),
        ("Unknown error attempting to reach phone", "unknown_error", False),
        ("Something new", "failed", False),
        ("", "failed", False),
    ],
)
def test_failures_in_the_delivery_log(response: str, code: str, permanent: bool) -> None:
    receipt = receipt_of(log("FAILURE", response))
    assert (receipt.status, receipt.at) == (DeliveryStatus.FAILED, NOON)
    assert (receipt.code, receipt.permanent) == (code, permanent)
    assert NUMBER not in (receipt.message or "")
    assert receipt.recipient == NUMBER


def test_a_success_in_the_delivery_log() -> None:
    receipt = receipt_of(log("SUCCESS", "Message has been accepted by phone carrier"))
    assert receipt == Receipt("m-1", DeliveryStatus.DELIVERED, NOON, recipient=NUMBER)


def test_a_number_with_digits_crossed_out_is_no_recipient() -> None:
    assert receipt_of(log("SUCCESS", "", destination="+1XXX5550100")).recipient is None


@pytest.mark.parametrize(
    ("kind", "status", "code", "permanent"),
    [
        ("TEXT_QUEUED", DeliveryStatus.SENT, None, True),
        ("TEXT_PENDING", DeliveryStatus.SENT, None, True),
        ("TEXT_SENT", DeliveryStatus.SENT, None, True),
        ("TEXT_UNKNOWN", DeliveryStatus.SENT, None, True),
        ("TEXT_SUCCESSFUL", DeliveryStatus.DELIVERED, None, True),
        ("TEXT_DELIVERED", DeliveryStatus.DELIVERED, None, True),
        ("TEXT_BLOCKED", DeliveryStatus.FAILED, "blocked_by_phone", True),
        ("TEXT_CARRIER_BLOCKED", DeliveryStatus.FAILED, "blocked_by_carrier", False),
        ("TEXT_CARRIER_UNREACHABLE", DeliveryStatus.FAILED, "carrier_unreachable", False),
        ("TEXT_INVALID", DeliveryStatus.FAILED, "invalid_number", True),
        ("TEXT_INVALID_MESSAGE", DeliveryStatus.FAILED, "invalid_message", False),
        ("TEXT_PROTECT_BLOCKED", DeliveryStatus.FAILED, "blocked_by_protection", False),
        ("TEXT_SPAM", DeliveryStatus.FAILED, "blocked_as_spam", False),
        ("TEXT_TTL_EXPIRED", DeliveryStatus.FAILED, "expired", False),
        ("TEXT_UNREACHABLE", DeliveryStatus.FAILED, "unreachable", False),
    ],
)
@pytest.mark.parametrize("wrapped", [False, True])
def test_events(
    kind: str, status: DeliveryStatus, code: str | None, permanent: bool, wrapped: bool
) -> None:
    said = event(kind)
    if wrapped:
        said = {"detail-type": "Text Message Delivery Status Updated", "detail": said}
    receipt = receipt_of(said)
    assert (receipt.status, receipt.code, receipt.permanent) == (status, code, permanent)
    assert receipt.at == datetime(2026, 11, 20, 12, 0, 0, 500_000, tzinfo=UTC)
    assert receipt.recipient == NUMBER
    assert receipt.message == ("As it is" if code else None)


def test_a_carrier_that_may_yet_say_more_is_no_phone() -> None:
    assert receipt_of(event("TEXT_SUCCESSFUL", isFinal=False)).status is DeliveryStatus.SENT


@pytest.mark.parametrize(
    ("keyword", "read"),
    [("STOP", "STOP"), ("help", "HELP"), ("KEYWORD_1", None), ("JOIN", None), (None, None)],
)
def test_what_people_text_back(keyword: str | None, read: str | None) -> None:
    said = {
        "originationNumber": NUMBER,
        "destinationNumber": "+12125550101",
        "messageKeyword": keyword,
        "messageBody": "Arrêt ",
        "inboundMessageId": "in-1",
        "previousPublishedMessageId": "m-1",
    }
    assert parse_message(json.dumps(said), NOON) == (
        Reply("in-1", NUMBER, "+12125550101", "Arrêt ", NOON, read),
    )


@pytest.mark.parametrize(
    "said",
    [
        "Hello",
        [],
        17,
        None,
        {},
        {"AlarmName": "x"},
        event("VOICE_COMPLETED"),
        event("TEXT_NEW_ONE"),
        {"detail-type": "Another", "detail": {"x": 1}},
        {"detail-type": "Another"},
    ],
)
def test_other_notifications_are_not_heralds(said: Any) -> None:
    assert parse_message(said if said == "Hello" else json.dumps(said), NOON) == ()


@pytest.mark.parametrize(
    ("body", "known"),
    [
        (b"", False),
        (b"[]", False),
        (b"{}", False),
        (b"\xff", False),
        (b'{"Type": "Notification"}', False),
        (b'{"Type": "Notification", "Message": "x", "Timestamp": "noon"}', False),
        (b'{"Type": "SubscriptionConfirmation"}', False),
        (b'{"Type": "SubscriptionConfirmation", "SubscribeURL": "http://[x"}', False),
        (b'{"Type": "UnsubscribeConfirmation", "SubscribeURL": "x"}', True),
        (b'{"Type": "Notification", "Message": "x", "Timestamp": "2026-11-20T12:00:00Z"}', True),
    ],
)
def test_bodies(body: bytes, known: bool) -> None:
    provider = build(None, topic_arns=(SNS_TOPIC,))
    if known:
        assert provider.parse_webhook(body) == ()
        return
    with pytest.raises(Invalid):
        provider.parse_webhook(body)
