"""What operators see and change: dead letters, suppressions, pauses, the audit log."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol
from uuid import UUID

from domain.enums import Channel
from domain.paging import Page, PageRequest
from domain.records.operations import AuditEntry, DeadLetter, PausedPart
from domain.records.people import Suppression


@dataclass(frozen=True, slots=True)
class DeadLetterFilter:
    type: str | None = None
    channel: Channel | None = None
    provider: str | None = None
    code: str | None = None
    status: str | None = "open"
    created_after: datetime | None = None
    created_before: datetime | None = None


class OperationsRepository(Protocol):
    async def dead_letters(
        self, where: DeadLetterFilter, page: PageRequest
    ) -> Page[DeadLetter]: ...

    async def dead_letter(self, dead_letter_id: UUID) -> DeadLetter | None: ...

    async def resolve_dead_letter(self, dead_letter_id: UUID, status: str, at: datetime) -> bool:
        """True when it was open until now."""

    async def resolve_letters_of(self, delivery_ids: Sequence[UUID], at: datetime) -> None:
        """Closes the open letters of deliveries that turned out to have left."""

    async def suppress(self, suppression: Suppression) -> Suppression:
        """By (channel, address): a second one returns the first, unless it lasts longer, or as
        long and weighs more: anything more than an opt-out, which its owner may lift, and a
        complaint more than a bounce. Then it takes the first one's place."""

    async def suppression(self, channel: Channel, address: str, at: datetime) -> Suppression | None:
        """The one that holds for an address at that instant."""

    async def lift_opt_out(self, channel: Channel, address: str, before: datetime) -> bool:
        """Lifts what the address's owner asked for before that instant, and nothing else. True
        when there was such a suppression."""

    async def suppressions(self, page: PageRequest) -> Page[Suppression]: ...

    async def lift_suppression(self, suppression_id: UUID) -> Suppression | None:
        """The one lifted, if there was one."""

    async def paused(self) -> tuple[PausedPart, ...]: ...

    async def pause(self, part: PausedPart) -> None:
        """Again changes what becomes of its messages."""

    async def resume(self, name: str) -> bool:
        """True when it was paused until now."""

    async def audit(self, entry: AuditEntry) -> None: ...

    async def audit_log(self, page: PageRequest) -> Page[AuditEntry]: ...
