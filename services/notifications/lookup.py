"""Notifications as callers look them up, and what is done to many at once."""

from collections.abc import Sequence
from uuid import UUID

from domain.errors import notification_not_found
from domain.paging import Page, PageRequest
from domain.ports.notifications import NotificationFilter
from domain.ports.storage import UnitOfWork
from domain.records.notifications import Delivery, NotificationView
from services.notifications.cancel_many import CancelManyService
from services.notifications.read_many import ReadManyService


class NotificationService:
    def __init__(
        self, uow: UnitOfWork, cancels: CancelManyService, inboxes: ReadManyService
    ) -> None:
        self._uow = uow
        self._cancels = cancels
        self._inboxes = inboxes

    async def get(self, notification_id: UUID) -> NotificationView:
        """Raises `NotFound("notification_not_found")`."""
        async with self._uow() as tx:
            view = await tx.notifications.get(notification_id)
        if view is None:
            raise notification_not_found(notification_id)
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
        return len(await self._inboxes.mark_read(ids, user_id))

    async def delete(self, ids: Sequence[UUID]) -> int:
        """Cancels what is still waiting and takes all of them out of inboxes and lists. Returns
        how many there were."""
        await self._cancels.cancel(ids)
        async with self._uow() as tx:
            return await tx.notifications.delete(ids)
