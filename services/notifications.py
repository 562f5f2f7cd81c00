"""Notifications as callers look them up, and what is done to many at once."""

from collections.abc import Sequence
from uuid import UUID

from domain.paging import Page, PageRequest
from domain.ports.storage import NotificationFilter, UnitOfWork
from domain.records import Delivery, NotificationView
from services.cancel import CancelService, not_found
from services.inbox import InboxService


class NotificationService:
    def __init__(self, uow: UnitOfWork, cancel: CancelService, inbox: InboxService) -> None:
        self._uow = uow
        self._cancel = cancel
        self._inbox = inbox

    async def get(self, notification_id: UUID) -> NotificationView:
        """Raises `NotFound("notification_not_found")`."""
        async with self._uow() as tx:
            view = await tx.notifications.get(notification_id)
        if view is None:
            raise not_found(notification_id)
        return view

    async def list(self, where: NotificationFilter, page: PageRequest) -> Page[NotificationView]:
        """Newest first."""
        async with self._uow() as tx:
            return await tx.notifications.list(where, page)

    async def deliveries(self, notification_id: UUID) -> tuple[Delivery, ...]:
        """Raises `NotFound("notification_not_found")`."""
        return (await self.get(notification_id)).deliveries

    async def mark_read(self, ids: Sequence[UUID], user_id: str | None = None) -> int:
        """Marks those that are in their users' inboxes and unread; of one user, when given.
        Returns how many."""
        by_user: dict[str, list[UUID]] = {}
        if user_id is not None:
            by_user[user_id] = list(ids)
        else:
            for view in await self._there(ids):
                by_user.setdefault(view.notification.user_id, []).append(view.notification.id)
        done = [await self._inbox.mark_read(user, items) for user, items in by_user.items()]
        return sum(len(read) for read in done)

    async def delete(self, ids: Sequence[UUID]) -> int:
        """Cancels what is still waiting and takes all of them out of inboxes and lists. Returns
        how many there were."""
        views = await self._there(ids)
        for view in views:
            if view.notification.status.is_open:
                await self._cancel.cancel(view.notification.id)
        async with self._uow() as tx:
            return await tx.notifications.delete([view.notification.id for view in views])

    async def _there(self, ids: Sequence[UUID]) -> Sequence[NotificationView]:
        async with self._uow() as tx:
            found = [await tx.notifications.get(item) for item in sorted(set(ids))]
        return [view for view in found if view is not None]
