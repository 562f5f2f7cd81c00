"""What callers say of a campaign: its words, when it leaves, how fast, and what it tries out."""

import datetime as dt
from typing import Annotated, Any, Self

from pydantic import ConfigDict, EmailStr, Field, JsonValue, field_validator, model_validator

from domain.ab.definition import ABDesign
from domain.audience.shapes import Audience
from domain.base import Instant, TypeName, Wire
from domain.campaigns.calendars import SOME, CalendarEntry, DaysOff, ScheduleDate, WallTime
from domain.commands import Body, ChannelList, TemplateChoice, Title
from domain.content import SenderName
from domain.enums import Category
from domain.preferences import ZoneName

Name = Annotated[str, Field(min_length=1, max_length=255)]
Subject = Annotated[str, Field(min_length=1, max_length=255)]


class Schedule(Wire):
    """When a campaign is sent. Once: at an instant (`at`), or at a `localTime` on a `date` in each
    recipient's own zone. Again and again: by a `cron` line or a `calendar` in one zone, or at a
    `localTime` on the days of a `calendar`, in each recipient's own zone.

    A time of day that a clock change leaves out is taken as the first instant after it, and one
    that happens twice is taken once."""

    model_config = ConfigDict(
        use_attribute_docstrings=True,
        json_schema_extra={
            "examples": [
                {"at": "2030-12-01T09:00:00+01:00"},
                {"localTime": "09:00", "date": "2030-12-01", "timezone": "Europe/Berlin"},
                {"cron": "0 9 * * MON", "timezone": "Europe/Berlin"},
                {
                    "calendar": [
                        {"daysOfWeek": ["mon", "thu"], "times": ["09:00"]},
                        {"daysOfMonth": [1, -1], "times": ["08:00", "16:30"]},
                    ],
                    "timezone": "Europe/Berlin",
                    "from": "2030-01-01",
                    "until": "2030-12-31",
                    "except": ["2030-05-01", {"months": [12], "daysOfMonth": [24, 25, 26]}],
                },
                {"localTime": "09:00", "calendar": [{"daysOfWeek": ["mon"]}]},
            ]
        },
    )

    at: Instant | None = None
    local_time: WallTime | None = None
    """`HH:MM` in each recipient's own zone. With a `calendar`, a day begins when it is that time
    in the first zone of the earth, at UTC+14, and ends with the last, 26 hours later."""
    date: dt.date | None = None
    cron: Annotated[str, Field(max_length=120)] | None = None
    """Minute, hour, day of the month, month, day of the week. Where both days are given, those
    that are either; `L` is the last day of a month."""
    calendar: Annotated[tuple[CalendarEntry, ...], Field(max_length=20), *SOME] | None = None
    """It occurs whenever one of these does."""
    timezone: ZoneName | None = None
    """Of `cron` and the times of a `calendar`; for a `localTime`, the zone of recipients who have
    none. UTC by default."""
    since: Annotated[ScheduleDate | None, Field(alias="from")] = None
    """The first date on which one that recurs may occur."""
    until: ScheduleDate | None = None
    """The last one; when it is over, the campaign is completed."""
    without: Annotated[tuple[DaysOff, ...], Field(max_length=100, alias="except")] = ()
    """Dates, and days that come again, on which one that recurs does not occur."""

    @model_validator(mode="after")
    def _one_of_them(self) -> Self:
        kinds = (self.at, self.date, self.cron, self.calendar)
        if sum(kind is not None for kind in kinds) != 1:
            raise ValueError("give exactly one of at, date, cron and calendar")
        if self.date is not None and self.local_time is None:
            raise ValueError("date and localTime come together")
        if self.local_time is not None and (self.at is not None or self.cron is not None):
            raise ValueError("localTime comes with a date or a calendar")
        if self.cron is not None and len(self.cron.split()) != 5:
            raise ValueError("cron has five fields: minute, hour, day, month, weekday")
        return self

    @model_validator(mode="after")
    def _times_in_one_place(self) -> Self:
        for entry in self.calendar or ():
            if entry.times and self.local_time is not None:
                raise ValueError("days have times of their own, or all of them localTime")
            if not entry.times and self.local_time is None:
                raise ValueError("each entry of a calendar has times, or the schedule localTime")
        return self

    @model_validator(mode="after")
    def _bounds_of_what_recurs(self) -> Self:
        bounded = self.since is not None or self.until is not None or self.without
        if bounded and self.cron is None and self.calendar is None:
            raise ValueError("from, until and except come with cron or calendar")
        if self.since is not None and self.until is not None and self.until < self.since:
            raise ValueError("until is before from")
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
