"""Provider receipts only ever move a delivery forward.

Receipts are ranked, and the highest one seen wins: so any number of them, in any order, repeated or
not, end in the same status. What reached the user outranks a failure told by another try; a bounce
outranks a delivery, for mail servers take mail before they return it; a complaint outranks all.
"""

from collections.abc import Mapping
from typing import Final

from domain.callbacks import Receipt
from domain.enums import Channel, DeliveryStatus

_RANKS: Final[Mapping[DeliveryStatus, int]] = {
    DeliveryStatus.SENDING: 0,
    DeliveryStatus.UNKNOWN: 1,
    DeliveryStatus.SENT: 2,
    DeliveryStatus.FAILED: 3,
    DeliveryStatus.DELIVERED: 4,
    DeliveryStatus.BOUNCED: 5,
    DeliveryStatus.COMPLAINED: 6,
}
VENDOR_SUPPRESSED: Final = "suppressed"
"""Resend's code for an address on its own list of bounces and complaints."""
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
OPTED_OUT: Final = "opted_out"
"""The reason of a suppression its address's owner asked for, and may lift."""
SMS_REPLY: Final = "sms_reply"
"""Where a consent given or taken by SMS came from."""
OPT_OUT_CODES: Final = frozenset({"opted_out", "21610"})
"""Error codes by which a vendor says that the number's owner wants no more messages."""


def advances(current: DeliveryStatus, new: DeliveryStatus) -> bool:
    """True when a receipt `new` is to replace `current`.

    A delivery no provider was given (pending, deferred, skipped, cancelled) takes no receipt.
    """
    return new in RECEIPTS and current in _RANKS and _RANKS[new] > _RANKS[current]


def suppression_reason(receipt: Receipt, channel: Channel) -> str | None:
    """Why nothing is to be sent to the address any more after this receipt, if so: `bounced`
    (not for a full mailbox or a phone that is off), `complained` or `opted_out`. A number that
    does not exist is told of as a failure, an email address that does not as a bounce; one that
    the vendor does not write to any more has bounced or complained there before."""
    if receipt.status is DeliveryStatus.COMPLAINED:
        return "complained"
    if channel is Channel.EMAIL and receipt.code == VENDOR_SUPPRESSED:
        return "bounced"
    if channel is Channel.SMS and receipt.code in OPT_OUT_CODES:
        return OPTED_OUT
    came_back = receipt.status is DeliveryStatus.BOUNCED or (
        channel is Channel.SMS and receipt.status is DeliveryStatus.FAILED
    )
    return "bounced" if came_back and receipt.permanent else None
