"""The last hand on a rendered message: what the law, the vendor and the reader want of it.

An email gets its tracking, an SMS its opt-out words; what each became is kept beside the ledger.
Deterministic, so that a second attempt says what the first one said.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from hashlib import blake2b
from typing import Any, Final, Protocol
from uuid import UUID

from domain.content import Content, PushOptions, RenderedMessage
from domain.enums import Category, Channel
from domain.money import Money
from domain.ports.deliveries import DeliveryJob
from domain.ports.messages import EmailRecord, PushRecord, SmsRecord
from domain.ports.storage import Transaction
from domain.sms.opt_out import is_answerable
from services.feedback.tracking import TrackingLinks, tracked_message
from services.sms.compliance import PreparedSms, SmsCraft

_THREADS: Final = ("interviewId", "applicationId", "conversationId")
"""Fields of a notification's data that name the thing it is about, the narrowest first."""
_PUSH_DEFAULTS: Final = PushOptions()


@dataclass(frozen=True, slots=True)
class Crafted:
    """A message ready for its provider."""

    message: RenderedMessage
    sms: PreparedSms | None = None
    badge: int | None = None
    """What the app's icon is to show, when the caller did not say."""


class CraftLinks(TrackingLinks, Protocol):
    def unsubscribe(
        self, user_id: str, type_name: str, notification_id: UUID | None = None
    ) -> str: ...


@dataclass(frozen=True, slots=True)
class MessageCraft:
    """`sms_senders` are the providers' own, for an SMS that names none."""

    links: CraftLinks
    sms: SmsCraft
    email_from: str
    sms_senders: tuple[str, ...] = ()

    async def finish(
        self, tx: Transaction, job: DeliveryJob, channel: Channel, rendered: RenderedMessage
    ) -> Crafted:
        """The message as it leaves, and a record of it."""
        match channel:
            case Channel.EMAIL:
                return await self._email(tx, job, rendered)
            case Channel.SMS:
                return await self._sms(tx, job, rendered)
            case Channel.PUSH:
                return await self._push(tx, job, rendered)
            case Channel.WEBSOCKET:
                return Crafted(rendered)

    def cost(self, job: DeliveryJob, crafted: Crafted, provider: str) -> Money | None:
        """What the provider charges for an SMS; None for anything else."""
        number = job.user.phone
        if crafted.sms is None or number is None:
            return None
        return self.sms.cost(number, provider, crafted.sms.size.segments)

    async def _email(self, tx: Transaction, job: DeliveryJob, rendered: RenderedMessage) -> Crafted:
        crafted, record = self.email(job, rendered)
        await tx.messages.keep_email(job.notification.user_id, job.notification.id, record)
        return crafted

    def email(self, job: DeliveryJob, rendered: RenderedMessage) -> tuple[Crafted, EmailRecord]:
        """The email as it leaves, and the record of it that is to be kept."""
        notification, options = job.notification, job.content.email
        message = tracked_message(
            rendered, self.links, job.type, job.tracking_consent, notification.id
        )
        record = EmailRecord(
            subject=message.subject or "",
            html=message.html,
            text=message.text,
            sender=(options.sender if options else None) or self.email_from,
            reply_to=str(options.reply_to) if options and options.reply_to else None,
            tracked=message.html != rendered.html,
        )
        return Crafted(message), record

    async def _sms(self, tx: Transaction, job: DeliveryJob, rendered: RenderedMessage) -> Crafted:
        number = job.user.phone
        if number is None:
            return Crafted(rendered)
        language = job.notification.template_locale or job.preferences.language or job.user.locale
        prepared = self.sms.prepare(
            number, rendered.text, job.type, language, link=self._opt_out_link(job)
        )
        record = SmsRecord(
            number=number,
            text=prepared.text,
            country=prepared.country,
            characters=prepared.size.characters,
            opt_out_instructions=prepared.opt_out_instructions,
        )
        await tx.messages.keep_sms(job.user.id, job.notification.id, record)
        return Crafted(replace(rendered, text=prepared.text), sms=prepared)

    def _opt_out_link(self, job: DeliveryJob) -> str | None:
        """Where to opt out of an SMS from a name, which no STOP reaches. None: a STOP does."""
        own = job.content.sms.sender_id if job.content.sms else None
        if all(is_answerable(sender) for sender in ((own,) if own else self.sms_senders)):
            return None
        notification = job.notification
        return self.links.unsubscribe(notification.user_id, notification.type, notification.id)

    async def _push(self, tx: Transaction, job: DeliveryJob, rendered: RenderedMessage) -> Crafted:
        push = job.content.push or _PUSH_DEFAULTS
        badge = push.badge
        if badge is None:
            # The inbox gets it at the same time, perhaps a moment later.
            badge = await tx.inbox.unread_with(job.user.id, job.notification.id)
        record = PushRecord(
            badge=badge,
            sound=push.sound,
            actions=[a.model_dump(mode="json", exclude_none=True) for a in push.actions],
            image_url=str(push.image_url) if push.image_url else None,
            click_action=push.click_action,
        )
        await tx.messages.keep_push(job.notification.id, record)
        return Crafted(rendered, badge=badge)


def thread_of(user_id: str, category: Category, content: Content) -> str | None:
    """What an email belongs to, so that a reader finds all that concerns one application or
    interview together; None for what stands alone. Says nothing about anybody."""
    if category not in {Category.APPLICATIONS, Category.MESSAGES}:
        return None
    data: Mapping[str, Any] = content.data
    named = next((f"{field}:{data[field]}" for field in _THREADS if data.get(field)), None)
    if named is None:
        return None
    return blake2b(f"{user_id}\x1f{named}".encode(), digest_size=12).hexdigest()


def minor_units(money: Money | None) -> tuple[Decimal | None, str | None]:
    """As the ledger keeps an amount."""
    return (money.minor, money.currency) if money else (None, None)
