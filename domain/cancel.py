"""What a call to cancel can still do, from the ledger alone: the answer is never "maybe".

A delivery that a provider has, may have (`unknown`) or is being given (`sending`) counts as gone.
"""

from collections.abc import Sequence
from typing import Final

from domain.enums import DeliveryStatus, NotificationStatus
from domain.messages import CancelOutcome

_ENDED: Final = frozenset(
    {
        NotificationStatus.FAILED,
        NotificationStatus.CANCELLED,
        NotificationStatus.SKIPPED,
        NotificationStatus.EXPIRED,
        NotificationStatus.DIGESTED,
    }
)
_IN_DOUBT: Final = frozenset({DeliveryStatus.SENDING, DeliveryStatus.UNKNOWN})


def decide_cancel(
    status: NotificationStatus,
    deliveries: Sequence[DeliveryStatus],
    cancelled_now: int,
    channels_left: int,
) -> CancelOutcome:
    """`status` and `deliveries` as they are under the notification's lock.

    `cancelled_now` counts the deliveries this call stops, `channels_left` the channels that it
    keeps from ever being tried.
    """
    if status in _ENDED:
        return CancelOutcome.ALREADY_FINAL
    gone = not status.is_open or any(one.has_left or one in _IN_DOUBT for one in deliveries)
    stopped = cancelled_now + channels_left > 0
    if not gone:
        return CancelOutcome.CANCELLED
    return CancelOutcome.PARTIALLY_SENT if stopped else CancelOutcome.ALREADY_SENT
