"""What OneSignal's event stream says, in the words all vendors share.

Event streams have no signature: they send the headers and the JSON body their owner writes down.
Herald expects the header `Authorization: Bearer {ONESIGNAL_WEBHOOK_SECRET}` and this body, as an
event stream to `{HERALD_PUBLIC_URL}/api/webhooks/onesignal` with method POST:

    {
      "event": {
        "kind": "{{ event.kind }}",
        "id": "{{ event.id }}",
        "timestamp": "{{ event.timestamp }}",
        "data": {"message_id": "{{ message.id }}", "message_name": "{{ message.name }}"}
      }
    }

`timestamp` is in Unix seconds, as a number or in quotes. `data` may hold `url`, where a click led;
`notification_id`, OneSignal's older word, is read where there is no `message_id`.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final

from domain.callbacks import Callback, Engagement, EngagementKind, Receipt
from domain.enums import DeliveryStatus
from domain.errors import Invalid
from providers.push.onesignal_payload import TO_ALL_DEVICES

_STATUSES: Final[Mapping[str, DeliveryStatus]] = {
    "message.push.sent": DeliveryStatus.SENT,
    "message.push.received": DeliveryStatus.DELIVERED,
    "message.push.clicked": DeliveryStatus.DELIVERED,
    "message.push.failed": DeliveryStatus.FAILED,
}
"""Who taps a message has received it, which not every platform reports by itself."""
_LATEST: Final = 253_402_300_799
"""The last second of the year 9999."""


def parse_event(body: bytes) -> tuple[Callback, ...]:
    """Empty for what is not about a push message. Raises `Invalid`."""
    try:
        event = json.loads(body)["event"]
        kind = str(event["kind"])
        status = _STATUSES.get(kind)
        if status is None:
            return ()
        data = event["data"]
        message_id = data.get("message_id") or data["notification_id"]
        if not isinstance(message_id, str) or not message_id:
            raise ValueError("no message id")
        return _said(status, kind, message_id, data, _instant(event["timestamp"]))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise Invalid("invalid_webhook", "The event cannot be understood.") from error


def _said(
    status: DeliveryStatus, kind: str, message_id: str, data: Mapping[str, Any], at: datetime
) -> tuple[Callback, ...]:
    if status is DeliveryStatus.FAILED:
        if str(data.get("message_name") or "").endswith(TO_ALL_DEVICES):
            # One of the user's devices; the others may have it.
            return ()
        words = "OneSignal could not hand it to the device's push service."
        return (Receipt(message_id, status, at, "failed", words),)
    receipt = Receipt(message_id, status, at)
    if kind != "message.push.clicked":
        return (receipt,)
    url = str(data["url"]) if data.get("url") else None
    return (receipt, Engagement(message_id, EngagementKind.CLICKED, at, url))


def _instant(value: Any) -> datetime:
    seconds = float(value)
    if not 0 <= seconds <= _LATEST:
        raise ValueError("not a time in seconds")
    return datetime.fromtimestamp(seconds, UTC)
