"""What a campaign's accounts make of what is heard after a message left."""

from collections.abc import Iterable, Mapping
from typing import Final

from domain.callbacks import EngagementKind
from domain.enums import DeliveryStatus

OUTCOMES: Final[Mapping[DeliveryStatus, str]] = {
    DeliveryStatus.DELIVERED: "delivered",
    DeliveryStatus.FAILED: "failed",
    DeliveryStatus.BOUNCED: "bounced",
    DeliveryStatus.COMPLAINED: "complained",
}
"""Of an email, by its receipt."""
ENGAGED: Final[Mapping[EngagementKind, tuple[str, ...]]] = {
    EngagementKind.OPENED: ("opened",),
    EngagementKind.READ: ("opened",),
    EngagementKind.CLICKED: ("opened", "clicked"),
    EngagementKind.UNSUBSCRIBED: ("unsubscribed",),
}
"""Who clicks has opened, and so has who reads in the inbox."""
_ENDED: Final = frozenset(
    {
        DeliveryStatus.BOUNCED,
        DeliveryStatus.FAILED,
        DeliveryStatus.SKIPPED,
        DeliveryStatus.CANCELLED,
    }
)


def outcome_of(deliveries: Iterable[DeliveryStatus]) -> str | None:
    """What became of a message that went to one place or, as a push does, to several: the best
    that happened. None while nothing was told, or one of them may still arrive; a failure is the
    notification's own to tell."""
    found = set(deliveries)
    for status in (DeliveryStatus.DELIVERED, DeliveryStatus.COMPLAINED):
        if status in found:
            return OUTCOMES[status]
    bounced = DeliveryStatus.BOUNCED in found and found <= _ENDED
    return OUTCOMES[DeliveryStatus.BOUNCED] if bounced else None
