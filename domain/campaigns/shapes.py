"""What callers say of a campaign: its words, when it leaves, how fast, and what it tries out."""

import datetime as calendar
from typing import Annotated, Any, Self

from pydantic import EmailStr, Field, JsonValue, field_validator, model_validator

from domain.ab.definition import ABDesign
from domain.audience.shapes import Audience
from domain.base import Instant, TypeName, Wire
from domain.commands import Body, ChannelList, TemplateChoice, Title
from domain.content import SenderName
from domain.enums import Category
from domain.preferences import LocalTime, ZoneName

Name = Annotated[str, Field(min_length=1, max_length=255)]
Subject = Annotated[str, Field(min_length=1, max_length=255)]


class Schedule(Wire):
    """Exactly one of: an instant; a local time on a date, in each recipient's own zone; a cron
    line in one zone, for a campaign that is sent again and again."""

    at: Instant | None = None
    local_time: LocalTime | None = None
    date: calendar.date | None = None
    cron: Annotated[str, Field(max_length=120)] | None = None
    timezone: ZoneName | None = None
    """Of `cron`; for a local time, the zone of recipients who have none. UTC by default."""

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        given = [self.at is not None, self.local_time is not None, self.cron is not None]
        if sum(given) != 1:
            raise ValueError("give exactly one of at, localTime with date, and cron")
        if (self.local_time is None) is not (self.date is None):
            raise ValueError("localTime and date come together")
        if self.cron is not None and len(self.cron.split()) != 5:
            raise ValueError("cron has five fields: minute, hour, day, month, weekday")
        return self


class WarmUpStep(Wire):
    """On its `day`, from 1, at most `max` messages leave."""

    day: Annotated[int, Field(ge=1, le=366)]
    max: Annotated[int, Field(ge=1, le=100_000_000)]


class Rate(Wire):
    per_minute: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    warm_up: tuple[WarmUpStep, ...] = Field(default=(), max_length=366)

    @field_validator("warm_up")
    @classmethod
    def _days_in_order(cls, steps: tuple[WarmUpStep, ...]) -> tuple[WarmUpStep, ...]:
        days = [step.day for step in steps]
        if days != sorted(set(days)):
            raise ValueError("days are given once each, in order")
        return steps

    def cap_on(self, day: int) -> int | None:
        """The most messages of the campaign's `day`, from 1; after the last step there is none."""
        if not self.warm_up or day > self.warm_up[-1].day:
            return None
        return next(step.max for step in self.warm_up if step.day >= day)


class CampaignWords(Wire):
    """What a campaign says, the same for everybody but for what a template reads of the user."""

    template: TemplateChoice | None = None
    subject: Subject | None = None
    title: Title | None = None
    content: Body | None = None
    data: dict[str, JsonValue] = Field(default_factory=dict)
    sender: Annotated[SenderName | None, Field(alias="from")] = None
    reply_to: EmailStr | None = None

    @model_validator(mode="after")
    def _title_with_content(self) -> Self:
        if (self.title is None) != (self.content is None):
            raise ValueError("title and content come together")
        return self


class NewCampaign(CampaignWords):
    name: Name
    type: TypeName = "newsletter"
    category: Category | None = None
    """Only as the type has it; given to be sure."""
    channels: ChannelList | None = None
    audience: Audience
    schedule: Schedule | None = None
    rate: Rate | None = None
    test: ABDesign | None = None


class AmendCampaign(Wire):
    """Changes; what is absent stays. A draft may change in all; one that is paused or waits for
    its time, in its words and its rate."""

    name: Name | None = None
    type: TypeName | None = None
    channels: ChannelList | None = None
    audience: Audience | None = None
    schedule: Schedule | None = None
    rate: Rate | None = None
    test: ABDesign | None = None
    template: TemplateChoice | None = None
    subject: Subject | None = None
    title: Title | None = None
    content: Body | None = None
    data: dict[str, JsonValue] | None = None
    sender: Annotated[SenderName | None, Field(alias="from")] = None
    reply_to: EmailStr | None = None

    def changes(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.model_fields_set}
