"""The relay of announcements: what their workflows were not told, and what is overdue.

Any number may run. A workflow told twice looks twice at a row that has not changed.
"""

from datetime import timedelta
from typing import Final

from domain.ports.announcements import AnnouncementGateway
from domain.ports.runtime import Clock
from domain.ports.storage import UnitOfWork

GRACE: Final = timedelta(seconds=5)
"""How long whoever made a change has to tell it, and a workflow to notice what is due."""
CLAIM: Final = timedelta(seconds=60)
BATCH: Final = 20


class AnnouncementRelay:
    def __init__(self, uow: UnitOfWork, gateway: AnnouncementGateway, clock: Clock) -> None:
        self._uow = uow
        self._gateway = gateway
        self._clock = clock

    async def run_once(self) -> int:
        """How many workflows were told. Raises `Unavailable`."""
        now = self._clock()
        async with self._uow() as tx:
            owed = await tx.announcements.claim_untold(
                older_than=now - GRACE, again_before=now - CLAIM, limit=BATCH
            )
        for announcement_id in owed:
            await self._gateway.tell_announcement(announcement_id)
        return len(owed)
