"""The answer to a HELP that the vendor does not answer itself.

Vendors answer the English words, and those an account has taught them, which they say. The answer
leaves after the reply was applied, at most once: who gets none asks again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from uuid import NAMESPACE_OID, uuid5

from domain.callbacks import Reply
from domain.content import RenderedMessage
from domain.enums import Category, Channel, Priority
from domain.ports.providers import OutboundMessage
from domain.ports.runtime import Clock
from domain.ports.storage import Transaction
from domain.rules.sms_keywords import Asked, Keyword
from domain.sms.help import help_text
from domain.sms.limits import NumberLimit

VENDORS_LANGUAGE: Final = "en"
_TYPE: Final = "sms_help"


@dataclass(frozen=True, slots=True)
class SmsHelp:
    """`sender` is who writes, `contact` where a person helps."""

    sender: str
    contact: str
    limits: Sequence[NumberLimit]
    clock: Clock

    async def answer(
        self, tx: Transaction, provider: str, reply: Reply, number: str, asked: Asked | None
    ) -> OutboundMessage | None:
        """What to send back from the number that was written to. None where the vendor answers,
        nothing may be sent to the number, or an operator paused the way."""
        if asked is None or not _is_left_to_us(reply, number, asked):
            return None
        now = self.clock()
        paused = {part.name for part in await tx.operations.paused()}
        if paused & {f"channel:{Channel.SMS}", f"provider:{provider}"}:
            return None
        if await tx.operations.suppression(Channel.SMS, number, now) is not None:
            return None
        answer_id = uuid5(NAMESPACE_OID, f"{provider}/{reply.message_id}")
        usage = tx.sms_usage
        if await usage.reserve(usage.hash_of(number), answer_id, now, self.limits) is not None:
            return None
        return OutboundMessage(
            delivery_id=answer_id,
            notification_id=answer_id,
            user_id="",
            channel=Channel.SMS,
            type=_TYPE,
            category=Category.TRANSACTIONAL,
            priority=Priority.HIGH,
            target=number,
            message=RenderedMessage(text=help_text(asked.languages[0], self.sender, self.contact)),
            sender=reply.recipient,
        )


def _is_left_to_us(reply: Reply, number: str, asked: Asked) -> bool:
    return (
        asked.keyword is Keyword.HELP
        and reply.keyword is None
        and VENDORS_LANGUAGE not in asked.languages
        and number.startswith("+")
    )
