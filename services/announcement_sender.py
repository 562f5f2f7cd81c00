"""An announcement on the channels besides the inbox: one notification for each member.

The notification's id follows from announcement and user, so whoever has theirs is passed over,
however often a batch is begun.
"""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from domain.announcements import (
    ANNOUNCEMENT_TYPE,
    Announcement,
    AnnouncementStatus,
    notification_id_for,
    status_at,
)
from domain.commands import NewNotification
from domain.errors import HeraldError
from domain.ports.runtime import Clock
from domain.ports.storage import UnitOfWork
from services.accept import AcceptService
from services.cancel import CancelService

BATCH: Final = 500


class NotificationSender:
    """Implements `AnnouncementSender`."""

    def __init__(
        self,
        uow: UnitOfWork,
        accept: AcceptService,
        cancel: CancelService,
        clock: Clock,
        batch: int = BATCH,
    ) -> None:
        self._uow = uow
        self._accept = accept
        self._cancel = cancel
        self._clock = clock
        self._batch = batch

    async def send(self, announcement_id: UUID) -> int:
        while True:
            async with self._uow() as tx:
                item = await tx.announcements.get(announcement_id)
                if item is None or not self._goes_on(item):
                    return item.sent_count if item else 0
                users = await tx.membership.page(item.id, item.sent_cursor, self._batch)
                ids = {notification_id_for(item.id, user): user for user in users}
                missing = await tx.announcements.unknown_notifications(ids)
            refused = await self._send_to(item, {i: ids[i] for i in ids if i in missing})
            done = len(users) < self._batch
            async with self._uow() as tx:
                await tx.announcements.sent_through(
                    item.id,
                    item.sent_cursor,
                    users[-1] if users else item.sent_cursor,
                    len(users) - refused,
                    self._clock() if done else None,
                )

    async def recall(self, announcement_id: UUID) -> int:
        after: str | None = None
        recalled = 0
        while True:
            async with self._uow() as tx:
                item = await tx.announcements.get(announcement_id)
                if item is None or item.status is not AnnouncementStatus.WITHDRAWN:
                    return recalled
                users = await tx.membership.page(item.id, after, self._batch)
                ids = [notification_id_for(item.id, user) for user in users]
                waiting = await tx.announcements.open_notifications(ids)
            for notification_id in waiting:
                await self._cancel.cancel(notification_id)
            recalled += len(waiting)
            if len(users) < self._batch:
                return recalled
            after = users[-1]

    def _goes_on(self, item: Announcement) -> bool:
        shown = status_at(item, self._clock()) is AnnouncementStatus.ACTIVE
        return shown and bool(item.other_channels) and item.sent_at is None

    async def _send_to(self, item: Announcement, users: dict[UUID, str]) -> int:
        """How many were refused."""
        answers: Sequence[UUID | HeraldError] = await self._accept.accept_many(
            [_notification(item, user) for user in users.values()], ids=list(users)
        )
        return sum(isinstance(answer, HeraldError) for answer in answers)


def _notification(item: Announcement, user_id: str) -> NewNotification:
    return NewNotification(
        user_id=user_id,
        type=ANNOUNCEMENT_TYPE,
        title=item.title,
        content=item.content,
        data=dict(item.data),
        channels=item.other_channels,
        priority=item.priority,
        expires_at=item.ends_at,
        dedup_key=f"announcement:{item.id}",
    )
