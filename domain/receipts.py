"""Provider receipts only ever move a delivery forward.

Receipts are ranked, and the highest one seen wins: so any number of them, in any order, repeated or
not, end in the same status. What reached the user outranks a failure told by another try; a bounce
outranks a delivery, for mail servers take mail before they return it; a complaint outranks all.
"""

from collections.abc import Mapping
from typing import Final

from domain.enums import DeliveryStatus

_RANKS: Final[Mapping[DeliveryStatus, int]] = {
    DeliveryStatus.SENDING: 0,
    DeliveryStatus.UNKNOWN: 1,
    DeliveryStatus.SENT: 2,
    DeliveryStatus.FAILED: 3,
    DeliveryStatus.DELIVERED: 4,
    DeliveryStatus.BOUNCED: 5,
    DeliveryStatus.COMPLAINED: 6,
}
RECEIPTS: Final = frozenset(
    {
        DeliveryStatus.SENT,
        DeliveryStatus.FAILED,
        DeliveryStatus.DELIVERED,
        DeliveryStatus.BOUNCED,
        DeliveryStatus.COMPLAINED,
    }
)
"""The statuses a provider can report."""


def advances(current: DeliveryStatus, new: DeliveryStatus) -> bool:
    """True when a receipt `new` is to replace `current`.

    A delivery no provider was given (pending, deferred, skipped, cancelled) takes no receipt.
    """
    return new in RECEIPTS and current in _RANKS and _RANKS[new] > _RANKS[current]
