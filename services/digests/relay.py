"""The relay of digests: a workflow whose start was lost is started again.

Telling a digest's workflow twice changes nothing, so any number of relays may do it.
"""

from datetime import timedelta
from typing import Final

from domain.ports.runtime import Clock
from domain.ports.storage import UnitOfWork
from services.digests.service import DigestService

GRACE: Final = timedelta(seconds=10)
"""How long the workflow that planned an item has to hand it over itself."""
OVERDUE: Final = timedelta(seconds=60)
"""How long a window may be over, and its workflow told, before it is told again."""
BATCH: Final = 100


class DigestRelay:
    def __init__(self, uow: UnitOfWork, digests: DigestService, clock: Clock) -> None:
        self._uow = uow
        self._digests = digests
        self._clock = clock

    async def run_once(self) -> int:
        """How many digests were told of what waits in them. Raises `Unavailable`."""
        now = self._clock()
        async with self._uow() as tx:
            forgotten = await tx.digests.forgotten(
                stored_before=now - GRACE, told_before=now - OVERDUE, limit=BATCH
            )
        for digest in forgotten:
            await self._digests.tell(digest)
        return len(forgotten)
