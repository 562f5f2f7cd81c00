"""Digests: what waits under a key becomes one notification, at the end of its window or on request.

Claiming the items, making the digest and ending the items' own deliveries is one transaction
under the digest's lock, so an item is in one digest or still waiting, never both. A digest made at
the end of a window has an id that follows from user, key and window: whoever makes it again, after
a crash that kept the answer back, finds it there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.content import Content
from domain.digests.messages import FlushDigestInput, FlushDigestResult, HandOverInput
from domain.digests.shapes import (
    DIGEST_TEMPLATE,
    DIGEST_TYPE,
    MOST_ITEMS,
    DigestItem,
    digest_category,
    digest_channels,
    digest_data,
    in_order,
)
from domain.enums import EventType, NotificationStatus
from domain.errors import user_not_found
from domain.ids import derived_id, keyed_hash, new_id
from domain.ports.digests import ClaimedItem, DigestGateway, WaitingDigest
from domain.ports.runtime import Clock, Starter
from domain.ports.storage import Transaction, UnitOfWork
from domain.records.catalogue import NotificationType
from domain.records.events import Event
from domain.records.notifications import Notification
from services.catalogue.reading import Catalogue
from services.delivery.record import standing_of
from services.digests.items import ItemWords


@dataclass(frozen=True, slots=True)
class Flushed:
    """What a flush on request did."""

    digest_id: UUID | None
    """None: nothing waited."""
    items: int
    waiting: int
    """Still there, because one digest holds no more."""


@dataclass(frozen=True, slots=True)
class _Order:
    """A digest to be made."""

    user_id: str
    digest_key: str
    id: UUID
    at: datetime
    due: datetime | None
    """Items whose window ends by then; None: every item."""


class DigestService:
    def __init__(
        self,
        uow: UnitOfWork,
        catalogue: Catalogue,
        words: ItemWords,
        gateway: DigestGateway,
        starter: Starter,
        clock: Clock,
        hash_key: bytes,
    ) -> None:
        self._uow = uow
        self._catalogue = catalogue
        self._words = words
        self._gateway = gateway
        self._starter = starter
        self._clock = clock
        self._hash_key = hash_key

    async def hand_over(self, command: HandOverInput) -> None:
        """Tells the digest's workflow of an item. Raises `Unavailable`."""
        async with self._uow() as tx:
            digest = await tx.digests.waiting(command.notification_id)
        if digest is not None:
            await self.tell(digest)

    async def tell(self, digest: WaitingDigest) -> None:
        """Starts or wakes the workflow, and notes that it was told. Raises `Unavailable`."""
        await self._gateway.wake_digest(digest)
        async with self._uow() as tx:
            await tx.digests.mark_told(digest)

    async def flush_due(self, command: FlushDigestInput) -> FlushDigestResult:
        """At the end of a window, or when the workflow was asked for everything. Making it again
        finds the digest that was made."""
        user_id, key = command.user_id, command.digest_key
        order = _Order(
            user_id=user_id,
            digest_key=key,
            id=derived_id(command.window, user_id, key, command.window.isoformat(), command.flush),
            at=command.at,
            due=None if command.everything else command.at,
        )
        made, items = await self._make(order)
        async with self._uow() as tx:
            next_ends_at = await tx.digests.next_end(user_id, key)
        return FlushDigestResult(
            digest_id=order.id if made else None, items=items, next_ends_at=next_ends_at
        )

    async def flush(self, user_id: str, digest_key: str) -> Flushed:
        """Everything that waits, now. Raises `NotFound("user_not_found")`."""
        order = _Order(user_id, digest_key, new_id(), self._clock(), None)
        async with self._uow() as tx:
            if await tx.users.get(user_id) is None:
                raise user_not_found(user_id)
        made, items = await self._make(order)
        async with self._uow() as tx:
            waiting = await tx.digests.count(user_id, digest_key)
        return Flushed(order.id if made else None, items, waiting)

    async def _make(self, order: _Order) -> tuple[bool, int]:
        """Whether the digest is there now, and how many items it has."""
        kind = await self._catalogue.type(DIGEST_TYPE)
        async with self._uow() as tx:
            await tx.digests.lock(order.user_id, order.digest_key)
            before = await tx.notifications.get(order.id)
            if before is not None:
                digest, items = before.notification, len(_lines(before.content))
            else:
                claimed = await tx.digests.claim(
                    order.user_id, order.digest_key, order.id, due=order.due, limit=MOST_ITEMS
                )
                if not claimed:
                    return False, 0
                digest, items = await self._insert(tx, order, kind, claimed), len(claimed)
        self._starter.start(digest.id, digest.redrives, about=digest)
        return True, items

    async def _insert(
        self, tx: Transaction, order: _Order, kind: NotificationType, claimed: Sequence[ClaimedItem]
    ) -> Notification:
        items = await self._items(tx, order.user_id, claimed)
        channels, strategy = digest_channels(items)
        digest = Notification(
            id=order.id,
            user_id=order.user_id,
            type=kind.type,
            category=digest_category(items),
            priority=kind.default_priority,
            channels=channels,
            strategy=strategy,
            status=NotificationStatus.ACCEPTED,
            created_at=order.at,
            updated_at=order.at,
            content_hash=keyed_hash(self._hash_key, "digest", str(order.id)),
            expires_at=order.at + kind.time_to_live if kind.time_to_live else None,
            digest_key=order.digest_key,
            template_key=kind.template_key or DIGEST_TEMPLATE,
        )
        await tx.notifications.insert([(digest, Content(data=digest_data(items)))])
        await tx.events.append([_requested(digest, len(items)), *_digested(digest, items)])
        await self._settle_others(tx, claimed)
        return digest

    async def _settle_others(self, tx: Transaction, claimed: Sequence[ClaimedItem]) -> None:
        """Items of which something went, or goes, by itself stand as that does."""
        for view in (item.view for item in claimed):
            if view.notification.status is not NotificationStatus.DIGESTED:
                status, reason, until = standing_of(view.notification, view.deliveries, None)
                await tx.notifications.set_status(
                    view.notification.id, status, reason=reason, until=until
                )

    async def _items(
        self, tx: Transaction, user_id: str, claimed: Sequence[ClaimedItem]
    ) -> Sequence[DigestItem]:
        user = await tx.users.get(user_id)
        if user is None:
            raise user_not_found(user_id)
        preferences = await tx.users.preferences(user_id)
        return in_order([await self._words.of(item, user, preferences) for item in claimed])


def _lines(content: Content) -> Sequence[object]:
    lines = content.data.get("items")
    return lines if isinstance(lines, list) else ()


def _requested(digest: Notification, items: int) -> Event:
    return Event(
        type=EventType.NOTIFICATION_REQUESTED,
        user_id=digest.user_id,
        at=digest.created_at,
        notification_id=digest.id,
        detail={
            "type": digest.type,
            "priority": digest.priority,
            "channels": list(digest.channels),
            "scheduledAt": None,
            "items": items,
        },
    )


def _digested(digest: Notification, items: Sequence[DigestItem]) -> list[Event]:
    return [
        Event(
            type=EventType.NOTIFICATION_DIGESTED,
            user_id=digest.user_id,
            at=digest.created_at,
            notification_id=item.notification_id,
            detail={"digestId": str(digest.id)},
        )
        for item in items
    ]
