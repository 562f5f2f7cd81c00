"""A notification's status, from those of its deliveries."""

from collections.abc import Sequence

from domain.enums import DeliveryStatus, NotificationStatus


def notification_status_of(deliveries: Sequence[DeliveryStatus]) -> NotificationStatus:
    """The best that happened decides; the order of deliveries does not matter.

    Delivered anywhere is `delivered`; with a provider anywhere (bounced or complained of later, all
    the same) is `sent`; anything still to be tried is `processing`. Then: skipped throughout, or
    nothing there, is `skipped`; cancelled, the rest skipped, is `cancelled`; anything else failed.
    """
    found = set(deliveries)
    if DeliveryStatus.DELIVERED in found:
        return NotificationStatus.DELIVERED
    if any(one.has_left for one in found):
        return NotificationStatus.SENT
    if any(one.is_open or one is DeliveryStatus.SENDING for one in found):
        return NotificationStatus.PROCESSING
    if found <= {DeliveryStatus.SKIPPED}:
        return NotificationStatus.SKIPPED
    if found <= {DeliveryStatus.SKIPPED, DeliveryStatus.CANCELLED}:
        return NotificationStatus.CANCELLED
    return NotificationStatus.FAILED
