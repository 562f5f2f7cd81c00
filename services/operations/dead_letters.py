"""Dead letters: final failures, looked at by a person, sent again or put away.

A redrive reopens exactly what failed: letter, notification and ledger lines in one transaction,
then a workflow of its own. What had left already is not sent again.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final
from uuid import UUID

from domain.enums import EventType
from domain.errors import Conflict, HeraldError, NotFound, notification_not_found
from domain.paging import Page, PageRequest
from domain.ports.operations import DeadLetterFilter
from domain.ports.runtime import Clock, Starter
from domain.ports.storage import Transaction, UnitOfWork
from domain.records.events import Event
from domain.records.notifications import Notification
from domain.records.operations import AuditEntry, DeadLetter

_SLICE: Final = 200


@dataclass(frozen=True, slots=True)
class RedriveCounts:
    redriven: int
    refused: int
    """Letters whose notification is under way, or gone."""


class DeadLetterService:
    def __init__(self, uow: UnitOfWork, starter: Starter, clock: Clock) -> None:
        self._uow = uow
        self._starter = starter
        self._clock = clock

    async def list(self, where: DeadLetterFilter, page: PageRequest) -> Page[DeadLetter]:
        async with self._uow() as tx:
            return await tx.operations.dead_letters(where, page)

    async def redrive(self, dead_letter_id: UUID, actor: str) -> DeadLetter:
        """Raises `NotFound("dead_letter_not_found")`, `Conflict("dead_letter_closed")`, and
        `Conflict("still_processing")` while other parts of its notification are under way."""
        async with self._uow() as tx:
            letter = await self._open_letter(tx, dead_letter_id)
        return (await self._redrive([letter], actor))[0]

    async def redrive_all(self, where: DeadLetterFilter, actor: str) -> RedriveCounts:
        """Every open letter of the filter. A notification with several is redriven once."""
        page = PageRequest(_SLICE)
        redriven = refused = 0
        while True:
            letters = await self.list(replace(where, status="open"), page)
            for group in _by_notification(letters.items):
                try:
                    redriven += len(await self._redrive(group, actor))
                except HeraldError:
                    refused += len(group)
            if letters.next_cursor is None:
                return RedriveCounts(redriven, refused)
            page = PageRequest(_SLICE, letters.next_cursor)

    async def discard(self, dead_letter_id: UUID, actor: str) -> None:
        """Puts it away unsent. Raises as `redrive` does."""
        now = self._clock()
        async with self._uow() as tx:
            letter = await self._open_letter(tx, dead_letter_id)
            await tx.operations.resolve_dead_letter(letter.id, "discarded", now)
            await tx.operations.audit(
                AuditEntry(now, actor, "dead_letter.discarded", f"dead_letter:{letter.id}")
            )

    async def _redrive(self, letters: Sequence[DeadLetter], actor: str) -> Sequence[DeadLetter]:
        """Letters of one notification."""
        now = self._clock()
        notification_id = letters[0].notification_id
        done = []
        async with self._uow() as tx:
            notification = await _ended(tx, notification_id)
            for letter in letters:
                if not await tx.operations.resolve_dead_letter(letter.id, "redriven", now):
                    continue
                await tx.deliveries.reopen(notification_id, letter.delivery_id)
                await tx.operations.audit(
                    AuditEntry(now, actor, "dead_letter.redriven", f"dead_letter:{letter.id}")
                )
                done.append(replace(letter, status="redriven", resolved_at=now))
            if not done:
                raise _closed()
            redrives = await tx.notifications.reset_for_redrive(notification_id)
            await tx.events.append(
                [
                    Event(
                        EventType.NOTIFICATION_REDRIVEN,
                        notification.user_id,
                        now,
                        notification_id,
                        letter.channel,
                        {"deadLetterId": str(letter.id), "redrive": redrives},
                    )
                    for letter in done
                ]
            )
        self._starter.start(notification_id, redrives)
        return done

    async def _open_letter(self, tx: Transaction, dead_letter_id: UUID) -> DeadLetter:
        letter = await tx.operations.dead_letter(dead_letter_id)
        if letter is None:
            raise NotFound("dead_letter_not_found", f"There is no dead letter {dead_letter_id}.")
        if letter.status != "open":
            raise _closed()
        return letter


async def _ended(tx: Transaction, notification_id: UUID) -> Notification:
    """The notification, locked. Raises when it is gone, or not at an end."""
    notification = await tx.notifications.lock(notification_id)
    if notification is None or await tx.notifications.get(notification_id) is None:
        raise notification_not_found(notification_id)
    if notification.status.is_open:
        raise Conflict("still_processing", "Other parts of this notification are still under way.")
    return notification


def _by_notification(letters: Sequence[DeadLetter]) -> list[list[DeadLetter]]:
    groups: dict[UUID, list[DeadLetter]] = {}
    for letter in letters:
        groups.setdefault(letter.notification_id, []).append(letter)
    return list(groups.values())


def _closed() -> Conflict:
    return Conflict("dead_letter_closed", "This dead letter is no longer open.")
