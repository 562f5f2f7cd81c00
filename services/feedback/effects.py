"""What a callback's content does, all of it in the caller's one transaction.

Notifications are locked before any of their ledger lines, several of them in the order of their
ids, and a suppression is written last: the order every other writer keeps.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from domain.callbacks import Callback, Confirmation, Engagement, Receipt, Reply
from domain.errors import Invalid
from domain.ports.providers import (
    Accepted,
    ConfirmsSubscriptions,
    OutboundMessage,
    Provider,
)
from domain.ports.storage import Transaction
from domain.records.events import PendingSignal
from domain.records.notifications import Delivery, Notification
from services.campaigns.engagement import CampaignEngagement
from services.feedback.engagement import EngagementService
from services.feedback.receipts import ReceiptService
from services.sms.replies import SmsReplyService

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Effects:
    """`known` and `unknown`: how many of a callback's messages are Herald's, and how many are not
    or not yet."""

    known: int
    unknown: int
    engagement: tuple[PendingSignal, ...] = ()
    replies: tuple[PendingSignal, ...] = ()
    answers: tuple[OutboundMessage, ...] = ()
    """To who asked for help."""


class CallbackEffects:
    def __init__(
        self,
        receipts: ReceiptService,
        engagement: EngagementService,
        replies: SmsReplyService,
        campaigns: CampaignEngagement,
    ) -> None:
        self._campaigns = campaigns
        self._receipts = receipts
        self._engagement = engagement
        self._replies = replies

    async def confirm(self, provider: Provider, said: Sequence[Callback]) -> None:
        """Answers the vendor's question, outside of any transaction. Saying yes twice is saying
        it once. Raises `Invalid` when the vendor does not take it."""
        for one in said:
            if isinstance(one, Confirmation):
                if not isinstance(provider, ConfirmsSubscriptions):
                    raise Invalid("invalid_webhook", f"{provider.name} confirms nothing.")
                await provider.confirm(one)

    async def apply(
        self,
        tx: Transaction,
        provider: str,
        said: Sequence[Callback],
        *,
        received_at: datetime,
        repeated: bool,
    ) -> Effects:
        """`repeated`: it was applied before; nothing new is to come of it but what was lost.
        No instant it tells is taken to be later than `received_at`."""
        about = [one for one in said if isinstance(one, Receipt | Engagement)]
        heard = await self._heard(tx, provider, about, received_at, repeated=repeated)
        if repeated:
            return heard
        replies: list[PendingSignal] = []
        answers: list[OutboundMessage] = []
        for reply in (one for one in said if isinstance(one, Reply)):
            told_back = replace(reply, at=min(reply.at, received_at))
            replied = await self._replies.apply(tx, provider, told_back)
            replies += replied.signals
            answers += [replied.answer] if replied.answer else []
        return replace(heard, replies=tuple(replies), answers=tuple(answers))

    async def _heard(
        self,
        tx: Transaction,
        provider: str,
        about: Sequence[Receipt | Engagement],
        received_at: datetime,
        *,
        repeated: bool,
    ) -> Effects:
        """What became of messages, and what people did with them."""
        lines = await self._locked(tx, provider, [one.provider_message_id for one in about])
        known, unknown = 0, 0
        engagement: list[PendingSignal] = []
        for one in about:
            at = min(one.at, received_at)
            found = lines.get(one.provider_message_id)
            if found is None:
                of_campaign = await self._campaigns.heard(tx, provider, one, at, repeated=repeated)
                known, unknown = known + of_campaign, unknown + (not of_campaign)
                continue
            known += 1
            notification, deliveries = found
            if isinstance(one, Receipt):
                told = replace(one, at=at)
                await self._receipts.apply(tx, notification, provider, told, repeated=repeated)
            else:
                _, signals = await self._engagement.note(
                    tx, notification, deliveries, one.kind, at, one.url
                )
                engagement += signals
        return Effects(known, unknown, tuple(engagement))

    def tell(self, done: Effects) -> None:
        """After the commit."""
        self._engagement.tell(done.engagement)
        self._replies.tell(done.replies)

    async def answer(self, provider: Provider, done: Effects) -> None:
        """After the commit, once: an answer that is lost is asked for again."""
        for message in done.answers:
            outcome = await provider.send(message)
            if not isinstance(outcome, Accepted):
                log.warning(
                    "sms_help.not_answered",
                    extra={"provider": provider.name, "outcome": type(outcome).__name__},
                )

    async def _locked(
        self, tx: Transaction, provider: str, message_ids: Sequence[str]
    ) -> dict[str, tuple[Notification, list[Delivery]]]:
        """By message id: its notification, locked, and the deliveries that are this message."""
        found: dict[str, tuple[Notification, list[Delivery]]] = {}
        ids: Sequence[UUID] = await tx.callbacks.notifications_of(provider, message_ids)
        for notification_id in ids:
            notification = await tx.notifications.lock(notification_id)
            if notification is None:
                continue
            for line in await tx.deliveries.of(notification_id):
                message_id = line.provider_message_id
                if line.provider == provider and message_id and message_id in message_ids:
                    found.setdefault(message_id, (notification, []))[1].append(line)
        return found
