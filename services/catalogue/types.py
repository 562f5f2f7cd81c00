"""The catalogue of notification types, as operators edit it."""

from dataclasses import replace

from domain.errors import NotFound
from domain.ports.runtime import Clock
from domain.ports.storage import UnitOfWork
from domain.records.catalogue import NotificationType
from domain.records.operations import AuditEntry
from services.catalogue.reading import Catalogue


class TypeService:
    def __init__(self, uow: UnitOfWork, catalogue: Catalogue, clock: Clock) -> None:
        self._uow = uow
        self._catalogue = catalogue
        self._clock = clock

    async def list(self) -> tuple[NotificationType, ...]:
        async with self._uow() as tx:
            return await tx.catalogue.types()

    async def get(self, name: str) -> NotificationType:
        """Raises `NotFound("type_not_found")`."""
        async with self._uow() as tx:
            kind = await tx.catalogue.type(name)
        if kind is None:
            raise NotFound("type_not_found", f"There is no notification type {name!r}.")
        return kind

    async def put(self, kind: NotificationType, actor: str) -> tuple[NotificationType, bool]:
        """Creates or replaces. The type, and whether it is new."""
        now = self._clock()
        stored = replace(kind, updated_at=now)
        async with self._uow() as tx:
            known = await tx.catalogue.type(kind.type)
            await tx.catalogue.put_type(stored)
            await tx.operations.audit(
                AuditEntry(now, actor, "notification_type.put", f"notification_type:{kind.type}")
            )
        self._catalogue.forget()
        return stored, known is None
