"""Templates and notification types."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import Field, JsonValue

from api.schemas.common import Locale
from domain.base import TemplateKey, TypeName, Wire
from domain.commands import ChannelList
from domain.enums import Category, Channel, ConsentType, DeliveryMode, Priority, Strategy
from domain.records.catalogue import NotificationType, TemplateSummary
from services.catalogue.templates import TemplateDraft, TemplateView

Status = Literal["draft", "published"]
Parts = dict[Channel, dict[str, JsonValue]]
Version = Annotated[int, Field(ge=1, le=2**31 - 1)]


class TemplateIn(Wire):
    key: TemplateKey
    type: TypeName | None = None
    locale: Locale = "en"
    channels: Parts = Field(min_length=1)
    variables: dict[str, JsonValue] = Field(
        default_factory=dict, description="The JSON Schema of `data`."
    )
    example: dict[str, JsonValue] = Field(
        default_factory=dict, description="A `data` the template can be tried with."
    )
    status: Status = "draft"

    def draft(self) -> TemplateDraft:
        return _draft(self.key, self)


class TemplateChangeIn(Wire):
    """Fields that are absent stay as the newest version in the locale has them."""

    locale: Locale | None = None
    type: TypeName | None = None
    channels: Parts | None = Field(default=None, min_length=1)
    variables: dict[str, JsonValue] | None = None
    example: dict[str, JsonValue] | None = None
    status: Status | None = None

    def draft(self, key: str) -> TemplateDraft:
        return _draft(key, self)


class TemplateOut(Wire):
    key: str
    type: str | None
    locale: str
    locales: list[str]
    channels: dict[str, dict[str, JsonValue]]
    variables: dict[str, JsonValue]
    example: dict[str, JsonValue]
    required_variables: list[str]
    status: Status
    version: int
    created_at: datetime

    @staticmethod
    def of(view: TemplateView) -> "TemplateOut":
        held = view.template
        return TemplateOut.model_validate(
            {
                "key": held.key,
                "type": held.type,
                "locale": held.locale,
                "locales": list(view.locales),
                "channels": held.channels,
                "variables": held.variables,
                "example": held.example,
                "requiredVariables": list(view.required),
                "status": held.status,
                "version": held.version,
                "createdAt": held.created_at,
            }
        )


class TemplateSummaryOut(Wire):
    key: str
    type: str | None
    locales: list[str]
    version: int
    status: Status
    updated_at: datetime

    @staticmethod
    def of(held: TemplateSummary) -> "TemplateSummaryOut":
        return TemplateSummaryOut.model_validate(
            {
                "key": held.key,
                "type": held.type,
                "locales": list(held.locales),
                "version": held.version,
                "status": held.status,
                "updatedAt": held.updated_at,
            }
        )


class RenderIn(Wire):
    """Without `data` the template's own example is used; `user` is laid over a made-up one."""

    channel: Channel
    locale: Locale | None = None
    data: dict[str, JsonValue] | None = None
    user: dict[str, JsonValue] = Field(default_factory=dict)


class RenderedOut(Wire):
    """The parts the channel has; the others are left out."""

    channel: Channel
    subject: str | None = None
    html: str | None = None
    title: str | None = None
    text: str = ""


class TemplateProblemOut(Wire):
    path: str
    code: str
    detail: str
    line: int | None


class ValidationOut(Wire):
    valid: bool
    problems: list[TemplateProblemOut]


class TypeIn(Wire):
    category: Category
    default_channels: ChannelList
    default_priority: Priority = Priority.MEDIUM
    default_strategy: Strategy = Strategy.ALL
    time_to_live: Annotated[timedelta, Field(gt=timedelta(0), le=timedelta(days=365))] | None = None
    digest_rule: DeliveryMode | None = Field(
        default=None, description="For users who chose nothing for its category."
    )
    legally_transactional: bool = False
    required_consent: ConsentType | None = None
    track_opens: bool = True
    track_clicks: bool = True
    template_key: TemplateKey | None = None
    description: Annotated[str, Field(max_length=1000)] = ""

    def record(self, name: str) -> NotificationType:
        return NotificationType(type=name, **dict(self))


class TypeOut(Wire):
    type: str
    category: Category
    default_channels: list[Channel]
    default_priority: Priority
    default_strategy: Strategy
    time_to_live: timedelta | None
    digest_rule: DeliveryMode | None
    legally_transactional: bool
    required_consent: ConsentType | None
    track_opens: bool
    track_clicks: bool
    template_key: str | None
    description: str
    updated_at: datetime | None

    @staticmethod
    def of(kind: NotificationType) -> "TypeOut":
        return TypeOut(
            type=kind.type,
            category=kind.category,
            default_channels=list(kind.default_channels),
            default_priority=kind.default_priority,
            default_strategy=kind.default_strategy,
            time_to_live=kind.time_to_live,
            digest_rule=kind.digest_rule,
            legally_transactional=kind.legally_transactional,
            required_consent=kind.required_consent,
            track_opens=kind.track_opens,
            track_clicks=kind.track_clicks,
            template_key=kind.template_key,
            description=kind.description,
            updated_at=kind.updated_at,
        )


def _draft(key: str, given: TemplateIn | TemplateChangeIn) -> TemplateDraft:
    channels: dict[str, dict[str, Any]] | None = None
    if given.channels is not None:
        channels = {channel.value: dict(parts) for channel, parts in given.channels.items()}
    return TemplateDraft(
        key=key,
        locale=given.locale,
        type=given.type,
        channels=channels,
        variables=given.variables,
        example=given.example,
        status=given.status,
    )
