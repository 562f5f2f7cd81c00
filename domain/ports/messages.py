"""What a channel's message was when it was handed to a provider, kept for people and reports."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class EmailRecord:
    subject: str
    html: str | None
    text: str
    sender: str
    reply_to: str | None
    tracked: bool


@dataclass(frozen=True, slots=True)
class SmsRecord:
    number: str
    """E.164."""
    text: str
    country: str | None
    characters: int
    opt_out_instructions: str | None


@dataclass(frozen=True, slots=True)
class PushRecord:
    badge: int | None
    sound: str | None
    actions: Sequence[Mapping[str, Any]]
    image_url: str | None
    click_action: str | None


class MessageRepository(Protocol):
    """One of each per notification; a later attempt overwrites an earlier one."""

    async def keep_email(self, user_id: str, notification_id: UUID, email: EmailRecord) -> None: ...

    async def keep_sms(self, user_id: str, notification_id: UUID, sms: SmsRecord) -> None: ...

    async def keep_push(self, notification_id: UUID, push: PushRecord) -> None: ...
