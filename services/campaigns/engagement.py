"""What is heard of a campaign's emails after they left: receipts, opens, clicks.

Each only adds to what is known of a recipient, so that any number of them in any order end the
same. What people do is kept as it is of notifications, each thing once, and the first of each kind
stands in the accounts. What a user who refused the `tracking` consent opens or clicks is not kept.
"""

from datetime import datetime
from uuid import UUID

from domain.callbacks import Engagement, EngagementKind, Receipt
from domain.campaigns.heard import ENGAGED, OUTCOMES
from domain.campaigns.ids import LineRef, recipient_id
from domain.enums import Channel, ConsentType
from domain.ports.callbacks import EngagementRecord
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
        self,
        campaign_id: UUID,
        ordinal: int,
        kind: EngagementKind,
        at: datetime,
        url: str | None = None,
    ) -> None:
        """From a tracking link of the message itself."""
        async with self._uow() as tx:
            line = LineRef(campaign_id, ordinal)
            await self._note(tx, await tx.campaigns.recipient_at(line), kind, at, url)

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
            await self._note(tx, found, said.kind, at, said.url)
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
        self,
        tx: Transaction,
        found: RecipientRef | None,
        kind: EngagementKind,
        at: datetime,
        url: str | None,
    ) -> None:
        if found is None or kind not in ENGAGED:
            return
        consents = await tx.users.consents(found.user_id)
        if any(c.type is ConsentType.TRACKING and not c.granted for c in consents):
            return
        record = _record(found, kind, at, url)
        if await tx.engagement.add(record):
            await tx.campaigns.engaged([found.line], ENGAGED[kind], record.at)


async def note_unsubscribed(tx: Transaction, line: LineRef, at: datetime, *, changed: bool) -> None:
    """By a message's own link. `changed`: the user was subscribed until now."""
    found = await tx.campaigns.recipient_at(line)
    if found is None:
        return
    kind = EngagementKind.UNSUBSCRIBED
    await tx.campaigns.engaged([line], ENGAGED[kind], at)
    if changed:
        await tx.engagement.add(_record(found, kind, at, None))


def _record(
    found: RecipientRef, kind: EngagementKind, at: datetime, url: str | None
) -> EngagementRecord:
    """Clocks differ: what is told to be older than the campaign happened when that was made."""
    return EngagementRecord(
        recipient_id(*found.line),
        None,
        found.user_id,
        Channel.EMAIL,
        kind,
        max(at, found.since),
        url,
        said_at=at,
        campaign_id=found.line.campaign_id,
    )
