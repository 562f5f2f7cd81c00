"""What a notification says, and what a channel's message looks like once rendered."""

from typing import Annotated, Any

from pydantic import Base64Bytes, EmailStr, Field, HttpUrl, JsonValue

from domain.base import Wire


class Attachment(Wire):
    filename: Annotated[str, Field(min_length=1, max_length=255, pattern=r"^[^/\\\x00-\x1f]+$")]
    content_type: Annotated[str, Field(pattern=r"^[\w.+-]+/[\w.+-]+$")]
    content: Base64Bytes


class EmailOptions(Wire):
    subject: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    reply_to: EmailStr | None = None
    attachments: tuple[Attachment, ...] = Field(default=(), max_length=20)


class SmsOptions(Wire):
    sender_id: Annotated[str, Field(min_length=1, max_length=34)] | None = None


class PushAction(Wire):
    id: Annotated[str, Field(min_length=1, max_length=64)]
    title: Annotated[str, Field(min_length=1, max_length=64)]
    url: HttpUrl | None = None


class PushOptions(Wire):
    badge: Annotated[int, Field(ge=0, le=99_999)] | None = None
    sound: Annotated[str, Field(min_length=1, max_length=100)] | None = None
    image_url: HttpUrl | None = None
    click_action: Annotated[str, Field(max_length=500)] | None = None
    actions: tuple[PushAction, ...] = Field(default=(), max_length=5)


class TemplateRef(Wire):
    key: str
    locale: str | None = None
    version: int | None = None


class Content(Wire):
    """The private part of a notification: encrypted at rest with its user's key."""

    title: str | None = None
    content: str | None = None
    data: dict[str, JsonValue] = Field(default_factory=dict)
    email: EmailOptions | None = None
    sms: SmsOptions | None = None
    push: PushOptions | None = None


class RenderedMessage(Wire):
    """One channel's words, ready for a provider. Unused fields stay empty.

    `subject`, `html` and `text` for email; `text` for SMS; `title` and `text` for push and inbox.
    """

    subject: str | None = None
    html: str | None = None
    title: str | None = None
    text: str = ""
    data: dict[str, Any] = Field(default_factory=dict)
