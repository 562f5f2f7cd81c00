"""Users: who notifications go to. Deleting one erases the person everywhere."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from domain.errors import user_not_found
from domain.paging import Page, PageRequest
from domain.ports.phone import PhoneFormatter
from domain.ports.runtime import Clock
from domain.ports.storage import UnitOfWork
from domain.records.operations import AuditEntry
from domain.records.people import User
from services.notifications.cancel import CancelService
from services.notifications.replanning import Replanning


@dataclass(frozen=True, slots=True)
class UserProfile:
    """What a caller says of a user; what is absent is not known."""

    email: str | None = None
    email_verified: bool = False
    phone: str | None = None
    """As people write it; national form needs `country`."""
    name: str | None = None
    locale: str | None = None
    timezone: str | None = None
    country: str | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)


class UserService:
    def __init__(
        self,
        uow: UnitOfWork,
        format_phone: PhoneFormatter,
        replanning: Replanning,
        cancel: CancelService,
        clock: Clock,
    ) -> None:
        self._uow = uow
        self._format_phone = format_phone
        self._replanning = replanning
        self._cancel = cancel
        self._clock = clock

    async def put(self, user_id: str, profile: UserProfile) -> tuple[User, bool]:
        """Creates or replaces. The user, and whether it is new. Raises `Invalid`."""
        now = self._clock()
        phone = self._format_phone(profile.phone, profile.country) if profile.phone else None
        user = User(
            id=user_id,
            created_at=now,
            updated_at=now,
            email=profile.email,
            email_verified=profile.email_verified,
            phone=phone,
            name=profile.name,
            locale=profile.locale,
            timezone=profile.timezone,
            country=profile.country,
            attributes=profile.attributes,
        )
        async with self._uow() as tx:
            known = await tx.users.get(user_id)
            stored = await tx.users.put(user)
            signals = (
                await self._replanning.note(tx, user_id, "profile")
                if known is not None and _plans_differ(known, stored)
                else ()
            )
        self._replanning.tell(signals)
        return stored, known is None

    async def get(self, user_id: str) -> User:
        """Raises `NotFound("user_not_found")`."""
        async with self._uow() as tx:
            user = await tx.users.get(user_id)
        if user is None:
            raise user_not_found(user_id)
        return user

    async def list(self, page: PageRequest) -> Page[User]:
        async with self._uow() as tx:
            return await tx.users.list(page)

    async def delete(self, user_id: str, actor: str) -> None:
        """Cancels what is waiting, then erases. Raises `NotFound("user_not_found")`."""
        async with self._uow() as tx:
            if await tx.users.get(user_id) is None:
                raise user_not_found(user_id)
            waiting = await tx.users.open_notifications(user_id)
        for notification_id, _ in waiting:
            await self._cancel.cancel(notification_id)
        async with self._uow() as tx:
            if not await tx.users.delete(user_id):
                raise user_not_found(user_id)
            await tx.operations.audit(
                AuditEntry(self._clock(), actor, "user.erased", f"user:{user_id}")
            )


def _plans_differ(before: User, after: User) -> bool:
    return any(
        getattr(before, name) != getattr(after, name)
        for name in ("timezone", "country", "email", "phone")
    )
