"""The part of planning that concerns digests: an item is stored, moved or withdrawn in the plan's
own transaction, so that a notification waits in exactly one place."""

from dataclasses import dataclass

from domain.digests.shapes import Gathered, digest_key_of, gathered_of
from domain.plan_types import Plan
from domain.ports.planning import PlanningSnapshot
from domain.ports.storage import Transaction
from domain.records.notifications import Notification


@dataclass(frozen=True, slots=True)
class Gathering:
    """What a plan changes about a notification's place in a digest."""

    notification: Notification
    gathered: Gathered | None
    waited: bool
    """It was in a digest before this plan."""

    @staticmethod
    def of(plan: Plan, snapshot: PlanningSnapshot) -> "Gathering":
        return Gathering(
            snapshot.notification, gathered_of(plan), snapshot.gathered_until is not None
        )

    async def lock(self, tx: Transaction) -> None:
        """Before the notification's own row is touched: a flush takes the two in this order."""
        if self.gathered is not None or self.waited:
            await tx.digests.lock(self.notification.user_id, self._key)

    async def keep(self, tx: Transaction) -> bool:
        """Writes it. True when the digest's workflow is yet to be told."""
        if self.gathered is None:
            if self.waited:
                await tx.digests.withdraw(self.notification.id)
            return False
        return await tx.digests.put(
            self.notification, self._key, self.gathered.channels, self.gathered.ends_at
        )

    @property
    def _key(self) -> str:
        return digest_key_of(self.notification.digest_key, self.notification.category)
