"""What is heard of a campaign's messages after they left: receipts, opens, clicks.

Each only adds to what is known of a recipient, so that any number of them in any order end the
same. What a user who refused the `tracking` consent opens or clicks is not kept.
"""

from datetime import datetime
from typing import Final
from uuid import UUID

from domain.callbacks import Engagement, EngagementKind, Receipt
from domain.enums import Channel, ConsentType, DeliveryStatus
from domain.ports.runtime import Clock
from domain.ports.storage import Transaction, UnitOfWork
from domain.receipts import suppression_reason
from services.people.suppressions import suppress_target

_OUTCOMES: Final = {
    DeliveryStatus.DELIVERED: "delivered",
    DeliveryStatus.FAILED: "failed",
    DeliveryStatus.BOUNCED: "bounced",
    DeliveryStatus.COMPLAINED: "complained",
}
_KINDS: Final = {EngagementKind.OPENED: ("opened",), EngagementKind.CLICKED: ("opened", "clicked")}
"""Who clicks has opened."""


class CampaignEngagement:
    def __init__(self, uow: UnitOfWork, clock: Clock) -> None:
        self._uow = uow
        self._clock = clock

    async def record(
        self, campaign_id: UUID, ordinal: int, kind: EngagementKind, at: datetime
    ) -> None:
        """From a tracking link of the message itself."""
        async with self._uow() as tx:
            await self._note(tx, campaign_id, ordinal, kind, at)

    async def heard(
        self,
        tx: Transaction,
        provider: str,
        said: Receipt | Engagement,
        at: datetime,
        *,
        repeated: bool,
    ) -> bool:
        """False when the message is no campaign's. `repeated`: applied before, so that a
        suppression lifted since stays lifted."""
        found = await tx.campaigns.recipient_of(said.provider_message_id)
        if found is None:
            return False
        if isinstance(said, Engagement):
            await self._note(tx, found.campaign_id, found.ordinal, said.kind, at)
            return True
        outcome = _OUTCOMES.get(said.status)
        if outcome is not None:
            await tx.campaigns.receive(found.campaign_id, found.ordinal, outcome)
        reason = suppression_reason(said, Channel.EMAIL)
        if reason is not None and not repeated:
            await suppress_target(
                tx,
                found.user_id,
                Channel.EMAIL,
                reason,
                f"provider:{provider}",
                self._clock(),
                said.recipient,
            )
        return True

    async def _note(
        self, tx: Transaction, campaign_id: UUID, ordinal: int, kind: EngagementKind, at: datetime
    ) -> None:
        names = _KINDS.get(kind, ())
        user_id = await tx.campaigns.user_of(campaign_id, ordinal) if names else None
        if user_id is None:
            return
        consents = await tx.users.consents(user_id)
        if any(c.type is ConsentType.TRACKING and not c.granted for c in consents):
            return
        for name in names:
            await tx.campaigns.engaged(campaign_id, ordinal, name, at)
