"""What people text back: STOP, START and HELP, in the languages of the markets served.

STOP silences the sender's number for everybody, and takes the `sms` consent from every user who has
it; START undoes what a STOP did, and neither a bounce nor an operator's word. The newest reply
wins whatever order replies are told in, and one told twice acts once. HELP is answered (`SmsHelp`)
where the vendor does not; the confirmation of STOP and START is the vendor's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from domain.callbacks import Reply
from domain.enums import Channel, ConsentType, EventType
from domain.errors import Invalid
from domain.ids import new_id
from domain.ports.phone import PhoneFormatter
from domain.ports.providers import OutboundMessage
from domain.ports.runtime import Clock
from domain.ports.storage import Transaction
from domain.receipts import OPTED_OUT, SMS_REPLY
from domain.records.events import Event, PendingSignal
from domain.records.people import Consent, Suppression
from domain.rules.sms_keywords import Asked, Keyword, keyword_of
from services.notifications.replanning import Replanning
from services.sms.help import SmsHelp


@dataclass(frozen=True, slots=True)
class Replied:
    """What is left to do after the commit."""

    signals: Sequence[PendingSignal]
    answer: OutboundMessage | None


class SmsReplyService:
    def __init__(
        self,
        replanning: Replanning,
        help_: SmsHelp,
        format_phone: PhoneFormatter,
        clock: Clock,
    ) -> None:
        self._replanning = replanning
        self._help = help_
        self._format_phone = format_phone
        self._clock = clock

    async def apply(self, tx: Transaction, provider: str, reply: Reply) -> Replied:
        """In the caller's transaction; after the commit the signals go to `tell`, and the answer
        to the provider."""
        number = self._number(reply.sender)
        users = await tx.callbacks.users_with_phone(number)
        for user_id in users:
            await tx.users.lock(user_id)
        asked = keyword_of(reply.text, reply.keyword)
        word = asked.keyword if asked else None
        if word is Keyword.AFFIRM and not await _opted_out(tx, number, self._clock()):
            word = None
        signals: Sequence[PendingSignal] = ()
        if word is Keyword.STOP:
            signals = await self._stop(tx, provider, reply, number, users)
        elif word in {Keyword.START, Keyword.AFFIRM}:
            signals = await self._start(tx, reply, number, users)
        await tx.events.append([_event(user_id, provider, reply, asked) for user_id in users])
        return Replied(signals, await self._help.answer(tx, provider, reply, number, asked))

    def tell(self, signals: Sequence[PendingSignal]) -> None:
        self._replanning.tell(signals)

    async def _stop(
        self, tx: Transaction, provider: str, reply: Reply, number: str, users: Sequence[str]
    ) -> Sequence[PendingSignal]:
        signals: list[PendingSignal] = []
        for user_id in users:
            last = await tx.callbacks.last_answer(user_id, ConsentType.SMS, SMS_REPLY)
            if last is not None and _is_newer(last, reply):
                return ()
        for user_id in users:
            signals += await self._answer(tx, user_id, reply, granted=False)
        await tx.operations.suppress(
            Suppression(
                id=new_id(),
                channel=Channel.SMS,
                reason=OPTED_OUT,
                source=f"reply:{provider}",
                created_at=reply.at,
                user_id=users[0] if len(users) == 1 else None,
                address=number,
            )
        )
        return signals

    async def _start(
        self, tx: Transaction, reply: Reply, number: str, users: Sequence[str]
    ) -> Sequence[PendingSignal]:
        signals: list[PendingSignal] = []
        for user_id in users:
            present = next(
                (one for one in await tx.users.consents(user_id) if one.type is ConsentType.SMS),
                None,
            )
            if present is None or present.at < reply.at:
                signals += await self._answer(tx, user_id, reply, granted=True)
        lifted = await tx.operations.lift_opt_out(Channel.SMS, number, reply.at)
        if lifted and not signals:
            for user_id in users:
                signals += await self._replanning.note(tx, user_id, "consent")
        return signals

    async def _answer(
        self, tx: Transaction, user_id: str, reply: Reply, *, granted: bool
    ) -> Sequence[PendingSignal]:
        await tx.users.put_consent(
            Consent(user_id, ConsentType.SMS, granted, SMS_REPLY, _storable(reply.text), reply.at)
        )
        return await self._replanning.note(tx, user_id, "consent")

    def _number(self, sender: str) -> str:
        """As users' numbers are written. One no list of numbering plans knows stays as it is."""
        try:
            return self._format_phone(sender)
        except Invalid:
            return sender.strip()


def _storable(text: str) -> str:
    """What a database takes; nobody's STOP may be lost for a character."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


def _is_newer(last: Consent, stop: Reply) -> bool:
    """Whether the answer by SMS that stands was given after this STOP, or is this STOP."""
    return last.at > stop.at or (last.at == stop.at and not last.granted)


async def _opted_out(tx: Transaction, number: str, at: datetime) -> bool:
    held = await tx.operations.suppression(Channel.SMS, number, at)
    return held is not None and held.reason == OPTED_OUT


def _event(user_id: str, provider: str, reply: Reply, asked: Asked | None) -> Event:
    detail = {
        "provider": provider,
        "messageId": reply.message_id,
        "asked": asked.keyword.value if asked else None,
        "languages": list(asked.languages) if asked else [],
    }
    return Event(EventType.USER_REPLIED, user_id, reply.at, channel=Channel.SMS, detail=detail)
