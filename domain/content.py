"""What a notification says, and what a channel's message looks like once rendered."""

import base64
import binascii
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    AfterValidator,
    EmailStr,
    EncodedBytes,
    EncoderProtocol,
    Field,
    HttpUrl,
    JsonValue,
    StringConstraints,
    model_validator,
    validate_email,
)
from pydantic_core import PydanticCustomError
from typing_extensions import override

from domain.attachments import safe_filename
from domain.base import Wire


class _Base64(EncoderProtocol):
    """Standard base64, in lines or not; anything else is a mistake rather than a shorter file."""

    @classmethod
    @override
    def decode(cls, data: bytes) -> bytes:
        try:
            return base64.b64decode(b"".join(data.split()), validate=True)
        except binascii.Error as error:
            raise PydanticCustomError("base64_decode", "must be base64") from error

    @classmethod
    @override
    def encode(cls, value: bytes) -> bytes:
        return base64.b64encode(value)

    @classmethod
    @override
    def get_json_format(cls) -> Literal["base64"]:
        return "base64"


FileContent = Annotated[bytes, EncodedBytes(encoder=_Base64)]
Filename = Annotated[
    str,
    Field(min_length=1, max_length=255, pattern=r'^[^/\\:*?"<>|\x00-\x1f\x7f-\x9f]+$'),
    AfterValidator(safe_filename),
]
ContentType = Annotated[
    str,
    Field(max_length=127, pattern=r"^[A-Za-z0-9][\w.+-]*/[A-Za-z0-9][\w.+-]*$"),
    AfterValidator(str.lower),
]


def _mailbox(text: str) -> str:
    """Raises `PydanticCustomError` for what is no address, with a name or without."""
    name, address = validate_email(text)
    return f"{name} <{address}>" if "<" in text else address


def _sender(text: str) -> str:
    if "@" in text:
        return _mailbox(text)
    if len(text) > MAX_SENDER_ID:
        raise ValueError(f"a sender id has up to {MAX_SENDER_ID} characters")
    return text


MAX_SENDER_ID: Final = 34
_SenderText = Annotated[
    str, StringConstraints(min_length=1, max_length=320, pattern=r"^[^\x00-\x1f\x7f]+$")
]
Mailbox = Annotated[_SenderText, AfterValidator(_mailbox)]
"""`jobs@example.com` or `Jobs <jobs@example.com>`."""
SenderName = Annotated[_SenderText, AfterValidator(_sender)]
"""A mailbox, or the sender id of an SMS."""
WebAddress = Annotated[str, Field(max_length=2000, pattern=r"^https?://[^\s]+$")]


class Attachment(Wire):
    """A file as a provider gets it."""

    filename: Filename
    content_type: ContentType
    content: FileContent

    @classmethod
    def of(cls, filename: str, content_type: str, content: bytes) -> "Attachment":
        """From the bytes themselves; name and type were checked already."""
        return cls.model_construct(filename=filename, content_type=content_type, content=content)


class AttachmentSource(Wire):
    """A file as a caller names it: its content as base64, or where it is fetched from when the
    message is sent. Exactly one of the two."""

    filename: Filename
    content_type: ContentType
    content: FileContent | None = None
    url: WebAddress | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        if (self.content is None) is (self.url is None):
            raise ValueError("give exactly one of content and url")
        return self


class EmailOptions(Wire):
    subject: Annotated[str, Field(min_length=1, max_length=255)] | None = None
    sender: Mailbox | None = Field(default=None, alias="from")
    """Who it is from, where that is not the address of the settings."""
    reply_to: EmailStr | None = None
    attachments: tuple[AttachmentSource, ...] = Field(default=(), max_length=20)


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


class Content(Wire):
    """The private part of a notification: encrypted at rest with its user's key."""

    title: str | None = None
    content: str | None = None
    data: dict[str, JsonValue] = Field(default_factory=dict)
    email: EmailOptions | None = None
    sms: SmsOptions | None = None
    push: PushOptions | None = None


@dataclass(frozen=True, slots=True)
class RenderedMessage:
    """One channel's words, ready for a provider. Unused fields stay empty.

    `subject`, `html` and `text` for email; `text` for SMS; `title` and `text` for push and inbox.
    """

    subject: str | None = None
    html: str | None = None
    title: str | None = None
    text: str = ""
    data: dict[str, Any] = field(default_factory=dict)
