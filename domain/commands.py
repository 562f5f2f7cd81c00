"""What callers ask for: the bodies of requests that change notifications."""

from datetime import timedelta
from typing import Annotated, Any, Self
from uuid import UUID

from pydantic import Field, JsonValue, field_validator, model_validator

from domain.base import Instant, TemplateKey, TypeName, UserId, Wire
from domain.content import EmailOptions, PushOptions, SmsOptions
from domain.enums import Channel, Priority, Strategy

Title = Annotated[str, Field(min_length=1, max_length=255)]
Body = Annotated[str, Field(min_length=1, max_length=100_000)]
Key = Annotated[str, Field(min_length=1, max_length=255)]
ChannelList = Annotated[tuple[Channel, ...], Field(min_length=1, max_length=4)]


def no_repeats(channels: tuple[Channel, ...] | None) -> tuple[Channel, ...] | None:
    if channels is not None and len(set(channels)) != len(channels):
        raise ValueError("a channel is named twice")
    return channels


class TemplateChoice(Wire):
    key: TemplateKey
    locale: Annotated[str, Field(max_length=35)] | None = None


class ABTestChoice(Wire):
    """The test whose variant this user is to get."""

    id: UUID


class NewNotification(Wire):
    """One notification asked for. Channels, priority and strategy default to the type's."""

    user_id: UserId
    type: TypeName
    title: Title | None = None
    content: Body | None = None
    data: dict[str, JsonValue] = Field(default_factory=dict)
    template: TemplateChoice | None = None
    priority: Priority | None = None
    channels: ChannelList | None = None
    strategy: Strategy | None = None
    escalate_after: Annotated[timedelta, Field(gt=timedelta(0), le=timedelta(days=30))] | None = (
        None
    )
    scheduled_at: Instant | None = None
    expires_at: Instant | None = None
    dedup_key: Key | None = None
    digest_key: Key | None = None
    email: EmailOptions | None = None
    sms: SmsOptions | None = None
    push: PushOptions | None = None
    ab_test: ABTestChoice | None = None

    _distinct = field_validator("channels")(no_repeats)

    @model_validator(mode="after")
    def _title_with_content(self) -> Self:
        if (self.title is None) != (self.content is None):
            raise ValueError("title and content come together")
        if self.scheduled_at and self.expires_at and self.expires_at <= self.scheduled_at:
            raise ValueError("expiresAt must be after scheduledAt")
        return self


class AmendNotification(Wire):
    """Changes to a notification of which nothing was sent; what is absent stays."""

    title: Title | None = None
    content: Body | None = None
    data: dict[str, JsonValue] | None = None
    priority: Priority | None = None
    channels: ChannelList | None = None
    scheduled_at: Instant | None = None
    expires_at: Instant | None = None

    _distinct = field_validator("channels")(no_repeats)

    def changes(self) -> dict[str, Any]:
        """Only what was given; a null `scheduledAt` or `expiresAt` takes the instant away."""
        nullable = {"scheduled_at", "expires_at"}
        return {
            name: getattr(self, name)
            for name in self.model_fields_set
            if getattr(self, name) is not None or name in nullable
        }
