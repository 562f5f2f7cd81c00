"""What an A/B test is: its variants, who takes part, and by what it is decided.

`ABDesign` is the part a campaign's `test` and a test of its own have in common.
"""

from datetime import timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import Field, JsonValue, StringConstraints, field_validator, model_validator

from domain.base import Instant, TypeName, UserId, Wire
from domain.commands import Body, TemplateChoice, Title
from domain.content import SenderName


class ABMetric(StrEnum):
    """What counts as success, once for each user."""

    OPEN = "open"
    CLICK = "click"
    READ = "read"
    CONVERSION = "conversion"


class WinnerMode(StrEnum):
    AUTOMATIC = "automatic"
    """Decided by the metric when `decideAfter` is over."""
    MANUAL = "manual"


class ABTestStatus(StrEnum):
    DRAFT = "draft"
    RUNNING = "running"
    DECIDED = "decided"
    STOPPED = "stopped"


VariantName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100)]


class Variant(Wire):
    """What one group gets instead; what is absent stays as the notification has it."""

    name: VariantName
    weight: Annotated[float, Field(ge=0.001, le=1000, allow_inf_nan=False)] = 1.0
    """Its share of those who take part is this over the sum of all weights."""
    subject: Title | None = None
    title: Title | None = None
    content: Body | None = None
    sender: SenderName | None = None
    """A mailbox changes who an email is from, anything else who an SMS is from."""
    template: TemplateChoice | None = None
    send_at: Instant | None = None
    delay: Annotated[timedelta, Field(gt=timedelta(0), le=timedelta(days=30))] | None = None
    """How much later than it would otherwise be sent."""
    data: dict[str, JsonValue] = Field(default_factory=dict)
    """Laid over the notification's own, field by field."""

    @model_validator(mode="after")
    def _one_time(self) -> Self:
        if self.send_at is not None and self.delay is not None:
            raise ValueError("give sendAt or delay, not both")
        return self

    def changes(self) -> dict[str, Any]:
        """What makes it another message, without its name and weight."""
        return self.model_dump(exclude={"name", "weight"}, exclude_none=True)


class ABDesign(Wire):
    """The first variant is the baseline: what the others are compared with, and what the rest
    gets when nothing speaks for another one."""

    variants: Annotated[tuple[Variant, ...], Field(min_length=2, max_length=10)]
    fraction: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] = 1.0
    """The part of all users who take part; the others wait for the winner."""
    metric: ABMetric = ABMetric.CLICK
    decide_after: Annotated[timedelta, Field(gt=timedelta(0), le=timedelta(days=90))] | None = None
    """From the test's start; a campaign's, from when the last of those who take part got theirs,
    so that who was put off (quiet hours, limits) puts the decision off."""
    winner: WinnerMode = WinnerMode.AUTOMATIC

    @field_validator("variants")
    @classmethod
    def _told_apart(cls, variants: tuple[Variant, ...]) -> tuple[Variant, ...]:
        if len({variant.name for variant in variants}) != len(variants):
            raise ValueError("a variant's name is used twice")
        return variants

    @model_validator(mode="after")
    def _can_be_decided(self) -> Self:
        if self.winner is WinnerMode.MANUAL:
            return self
        if self.decide_after is None:
            raise ValueError("an automatic winner needs decideAfter")
        if any(v.delay is not None and v.delay >= self.decide_after for v in self.variants):
            raise ValueError("a variant would be sent after the test is decided")
        return self

    @property
    def weights(self) -> tuple[float, ...]:
        return tuple(variant.weight for variant in self.variants)

    def index_of(self, name: str) -> int | None:
        names = [variant.name for variant in self.variants]
        return names.index(name) if name in names else None


class NewABTest(ABDesign):
    """A test of its own, for any notification, or for those of one type."""

    name: Title
    type: TypeName | None = None
    status: Literal[ABTestStatus.DRAFT, ABTestStatus.RUNNING] = ABTestStatus.RUNNING
    """A draft assigns nobody until it is started."""


class NewOutcome(Wire):
    """Something a user did; the first of each metric counts."""

    user_id: UserId
    metric: ABMetric
    at: Instant | None = None
    value: Annotated[float, Field(ge=-1e12, le=1e12, allow_inf_nan=False)] | None = None
    """What it was worth, in the caller's unit."""
