"""The words of a calendar: days of the week, of the month and of the year, and times of day."""

from datetime import date, time
from typing import Annotated, Any, Final, Self

from pydantic import (
    AfterValidator,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    WithJsonSchema,
    model_validator,
)

from domain.base import Wire
from domain.enums import Weekday
from domain.preferences import LocalTime

LAST_DAY: Final = -1
"""Of a month, however long it is."""
_LONGEST: Final = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
_FIRST_YEAR, _LAST_YEAR = 2000, 2099


def _whole_minute(at: time) -> time:
    if at.tzinfo is not None or at.second or at.microsecond:
        raise ValueError("a time of day is HH:MM")
    return at


def _day_of_month(day: int) -> int:
    if day == 0 or not LAST_DAY <= day <= 31:
        raise ValueError("a day is 1 to 31, or -1 for the last of the month")
    return day


def _within_reach(day: date) -> date:
    if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        raise ValueError(f"must lie between the years {_FIRST_YEAR} and {_LAST_YEAR}")
    return day


def _once_each(items: tuple[Any, ...]) -> tuple[Any, ...]:
    if len(set(items)) < len(items):
        raise ValueError("each is named once")
    return items


def _some(items: tuple[Any, ...]) -> tuple[Any, ...]:
    if not items:
        raise ValueError("name at least one, or leave it out")
    return items


WallTime = Annotated[
    LocalTime,
    AfterValidator(_whole_minute),
    WithJsonSchema({"type": "string", "pattern": "^([01][0-9]|2[0-3]):[0-5][0-9]$"}),
]
ScheduleDate = Annotated[date, AfterValidator(_within_reach)]
_DayOfMonth = Annotated[int, AfterValidator(_day_of_month)]
_Month = Annotated[int, Field(ge=1, le=12)]
_ONCE: Final = AfterValidator(_once_each)
SOME: Final = (AfterValidator(_some), Field(json_schema_extra={"minItems": 1}))
"""Checked once the items are: an empty list is then said of an empty list alone."""


class CalendarDays(Wire):
    """The days that are all of what is named; what is absent holds for every day."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    days_of_week: Annotated[tuple[Weekday, ...], *SOME, _ONCE] | None = None
    """With `daysOfMonth`, days that are both: `["mon"]` and `[1, 2, 3, 4, 5, 6, 7]` is the first
    Monday of a month."""
    days_of_month: Annotated[tuple[_DayOfMonth, ...], *SOME, _ONCE] | None = None
    """1 to 31, or -1 for the last. The 31st of a shorter month does not occur."""
    months: Annotated[tuple[_Month, ...], *SOME, _ONCE] | None = None
    """1 is January."""

    @model_validator(mode="after")
    def _days_that_exist(self) -> Self:
        longest = max(_LONGEST[month - 1] for month in self.months or range(1, 13))
        for day in self.days_of_month or ():
            if day > longest:
                raise ValueError(f"no such month has a day {day}")
        return self

    @property
    def names_days(self) -> bool:
        return any((self.days_of_week, self.days_of_month, self.months))


class CalendarEntry(CalendarDays):
    """Days, and the times of each."""

    times: Annotated[tuple[WallTime, ...], Field(max_length=24), _ONCE] = ()
    """`HH:MM`, in the schedule's `timezone`; none where the schedule has a `localTime`."""


def _names_days(days: CalendarDays) -> CalendarDays:
    if not days.names_days:
        raise ValueError("name days of the week, days of the month or months")
    return days


def _kind_of_days(given: Any) -> str:
    return "days" if isinstance(given, dict | CalendarDays) else "date"


DaysOff = Annotated[
    Annotated[ScheduleDate, Tag("date")]
    | Annotated[CalendarDays, AfterValidator(_names_days), Tag("days")],
    Discriminator(_kind_of_days),
]
"""A date, or days that come again."""
