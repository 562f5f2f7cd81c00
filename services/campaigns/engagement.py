"""What is heard of a campaign's messages after they left: receipts, opens, clicks.

Each only adds to what is known of a recipient, so that any number of them in any order end the
same. What a user who refused the `tracking` consent opens or clicks is not kept.
"""

from datetime import datetime
from uuid import UUID

from domain.callbacks import Engagement, EngagementKind, Receipt
from domain.campaigns.heard import ENGAGED, OUTCOMES
from domain.campaigns.ids import LineRef
from domain.enums import Channel, ConsentType
from domain.ports.campaigns import RecipientRef
from domain.ports.runtime import Clock
from domain.ports.storage import Transaction, UnitOfWork
from domain.receipts import suppression_reason
from services.people.suppressions import suppress_target


class CampaignEngagement:
    def __init__(self, uow: UnitOfWork, clock: Clock) -> None:
        self._uow = uow
        self._clock = clock

    async def record(
        self, campaign_id: UUID, ordinal: int, kind: EngagementKind, at: datetime
    ) -> None:
        """From a tracking link of the message itself."""
        async with self._uow() as tx:
            line = LineRef(campaign_id, ordinal)
            await self._note(tx, await tx.campaigns.recipient_at(line), kind, at)

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
            await self._note(tx, found, said.kind, at)
            return True
        outcome = OUTCOMES.get(said.status)
        if outcome is not None:
            await tx.campaigns.receive(found.line, outcome, at)
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
        self, tx: Transaction, found: RecipientRef | None, kind: EngagementKind, at: datetime
    ) -> None:
        if found is None or kind not in ENGAGED:
            return
        consents = await tx.users.consents(found.user_id)
        if any(c.type is ConsentType.TRACKING and not c.granted for c in consents):
            return
        await tx.campaigns.engaged([found.line], ENGAGED[kind], at)
