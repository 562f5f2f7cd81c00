"""What Amazon SNS's notifications say about SMS, in the words all vendors share.

Three services publish to a topic: SNS's own delivery status log (as it stands in CloudWatch Logs,
forwarded by the account), the events of AWS End User Messaging (`TEXT_…`, plain or as EventBridge
wraps them), and its two-way SMS with what people text back.
"""

import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from domain.callbacks import Callback, Receipt, Reply
from domain.enums import DeliveryStatus
from domain.errors import Invalid
from providers.http import without


class _Failure(NamedTuple):
    code: str
    permanent: bool = False


_OPTED_OUT: Final = _Failure("opted_out", permanent=True)
_FAILURES: Final[Mapping[str, _Failure]] = {
    "blocked as spam by phone carrier": _Failure("blocked_as_spam"),
    "destination is on a blocked list": _Failure("blocked_number", permanent=True),
    "invalid phone number": _Failure("invalid_number", permanent=True),
    "message body is invalid": _Failure("invalid_message"),
    "phone carrier has blocked this message": _Failure("blocked_by_carrier"),
    "phone carrier is currently unreachable/unavailable": _Failure("carrier_unreachable"),
    "phone has blocked sms": _Failure("blocked_by_phone", permanent=True),
    "phone is on a blocked list": _Failure("blocked_number", permanent=True),
    "phone is currently unreachable/unavailable": _Failure("unreachable"),
    "phone number is opted out": _OPTED_OUT,
    "rate exceeded": _Failure("rate_exceeded"),
    "this delivery would exceed max price": _Failure("max_price_exceeded"),
    "unknown error attempting to reach phone": _Failure("unknown_error"),
}
"""The documented values of `providerResponse`, in small letters."""

_ON_ITS_WAY: Final = frozenset({"TEXT_QUEUED", "TEXT_PENDING", "TEXT_SENT", "TEXT_UNKNOWN"})
"""`TEXT_UNKNOWN` is what AWS says when the carrier has said nothing for three days."""
_EVENTS: Final[Mapping[str, _Failure]] = {
    "TEXT_BLOCKED": _Failure("blocked_by_phone", permanent=True),
    "TEXT_CARRIER_BLOCKED": _Failure("blocked_by_carrier"),
    "TEXT_CARRIER_UNREACHABLE": _Failure("carrier_unreachable"),
    "TEXT_INVALID": _Failure("invalid_number", permanent=True),
    "TEXT_INVALID_MESSAGE": _Failure("invalid_message"),
    "TEXT_PROTECT_BLOCKED": _Failure("blocked_by_protection"),
    "TEXT_SPAM": _Failure("blocked_as_spam"),
    "TEXT_TTL_EXPIRED": _Failure("expired"),
    "TEXT_UNREACHABLE": _Failure("unreachable"),
}
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_E164: Final = re.compile(r"\+[1-9]\d{1,14}")
_KEYWORDS: Final = frozenset({"STOP", "START", "HELP"})


def parse_message(message: str, at: datetime) -> tuple[Callback, ...]:
    """`at` is when it was published. Empty for what is not about SMS. Raises `Invalid`."""
    try:
        said = json.loads(message)
    except ValueError:
        return ()
    if isinstance(said, dict) and "detail-type" in said:
        said = said.get("detail")
    read = _reader(said)
    if read is None:
        return ()
    try:
        return read(said, at)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise Invalid("invalid_webhook", "The notification cannot be understood.") from error


_Read = Callable[[Mapping[str, Any], datetime], tuple[Callback, ...]]


def _reader(said: Any) -> _Read | None:
    if not isinstance(said, dict):
        return None
    if "inboundMessageId" in said:
        return _reply
    if "eventType" in said:
        return _event
    return _status_log if "notification" in said and "delivery" in said else None


def _status_log(said: Mapping[str, Any], at: datetime) -> tuple[Callback, ...]:
    message_id = _text(said["notification"]["messageId"])
    delivery = said["delivery"]
    number = _number(delivery.get("destination"))
    if said["status"] == "SUCCESS":
        return (Receipt(message_id, DeliveryStatus.DELIVERED, at, recipient=number),)
    if said["status"] != "FAILURE":
        raise ValueError("a status SNS does not have")
    words = str(delivery.get("providerResponse") or "")
    failure = _FAILURES.get(words.lower(), _Failure("failed"))
    # AWS writes `+15550100 is opted out` as well as the words it documents.
    if words.endswith("is opted out"):
        failure = _OPTED_OUT
    return (_failed(message_id, at, failure, words, number),)


def _event(said: Mapping[str, Any], _at: datetime) -> tuple[Callback, ...]:
    kind = said["eventType"]
    failure = _EVENTS.get(kind)
    delivered = kind == "TEXT_DELIVERED"
    if kind == "TEXT_SUCCESSFUL":
        # The carrier has it; final where carriers do not report from the phone.
        delivered = bool(said.get("isFinal"))
    elif failure is None and not delivered and kind not in _ON_ITS_WAY:
        return ()
    message_id = _text(said["messageId"])
    at = _EPOCH + timedelta(milliseconds=float(said["eventTimestamp"]))
    number = _number(said.get("destinationPhoneNumber"))
    if failure is not None:
        words = str(said.get("messageStatusDescription") or kind)
        return (_failed(message_id, at, failure, words, number),)
    status = DeliveryStatus.DELIVERED if delivered else DeliveryStatus.SENT
    return (Receipt(message_id, status, at, recipient=number),)


def _reply(said: Mapping[str, Any], at: datetime) -> tuple[Callback, ...]:
    keyword = str(said.get("messageKeyword") or "").upper()
    return (
        Reply(
            message_id=_text(said["inboundMessageId"]),
            sender=_text(said["originationNumber"]),
            recipient=_text(said["destinationNumber"]),
            text=str(said["messageBody"]),
            at=at,
            keyword=keyword if keyword in _KEYWORDS else None,
        ),
    )


def _failed(
    message_id: str, at: datetime, failure: _Failure, words: str, number: str | None
) -> Receipt:
    return Receipt(
        message_id,
        DeliveryStatus.FAILED,
        at,
        failure.code,
        without(words, number or ""),
        permanent=failure.permanent,
        recipient=number,
    )


def _number(value: Any) -> str | None:
    """A whole number; logs may have some of its digits crossed out."""
    return value if isinstance(value, str) and _E164.fullmatch(value) else None


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("an empty name")
    return value
