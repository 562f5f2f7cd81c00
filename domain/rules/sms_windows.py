"""When promotional SMS may be sent, by destination country; the facts are in
`domain/data/sms_windows.json`, each with its source and date.

A country with several zones has its window taken in the user's own zone when that is one of them;
otherwise a message goes only while the window is open in every one of them, since the number does
not tell where its owner lives.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import cache
from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from domain.countries import CountryCode
from domain.data import Fact, load
from domain.enums import Weekday
from domain.preferences import ZoneName
from domain.rules.local_time import DAY, first_instant, last_instant, weekday_of, zone_of

EVERY_DAY: Final = frozenset(Weekday)
_LEAP_YEAR: Final = 2000


def _day_of_some_year(text: str) -> str:
    date.fromisoformat(f"{_LEAP_YEAR}-{text}")
    return text


class _Entry(Fact):
    rule: str
    source: Annotated[str, Field(pattern="^https://")]
    as_of: date
    note: str | None = None


class WindowEntry(_Entry):
    """One country's window as it stands in the data."""

    opens: time
    closes: time
    days: frozenset[Weekday] = EVERY_DAY
    zones: Annotated[tuple[ZoneName, ...], Field(min_length=1)]
    further_zones: tuple[ZoneName, ...] = ()
    """Where people live too, by clocks that are never ahead of or behind all of `zones`."""
    holidays: str | None = None
    """The calendar whose days count as closed."""


class HolidayEntry(_Entry):
    """A calendar by rule."""

    fixed: tuple[Annotated[str, AfterValidator(_day_of_some_year)], ...] = ()
    """`MM-DD`."""
    easter: tuple[Annotated[int, Field(ge=-100, le=100)], ...] = ()
    """Days after Easter Sunday."""

    def of(self, year: int) -> frozenset[date]:
        easter = easter_sunday(year)
        return frozenset(easter + days * DAY for days in self.easter) | frozenset(
            date.fromisoformat(f"{year:04}-{day}")
            for day in self.fixed
            if day != "02-29" or _is_leap(year)
        )


class WindowFile(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    about: str
    countries: Mapping[CountryCode, WindowEntry]
    holidays: Mapping[str, HolidayEntry]


@dataclass(frozen=True, slots=True)
class SmsWindow:
    """`opens` included, `closes` excluded, on `days` that are no public holiday."""

    opens: time
    closes: time
    zones: tuple[str, ...]
    source: str
    days: frozenset[Weekday] = EVERY_DAY
    calendar: str | None = None
    further_zones: tuple[str, ...] = ()

    def zones_for(self, user_zone: str) -> tuple[str, ...]:
        at_home = user_zone in self.zones or user_zone in self.further_zones
        return (user_zone,) if at_home else self.zones

    def next_open(self, at: datetime, zones: tuple[str, ...]) -> datetime:
        """`at` itself while the window is open in all zones, otherwise the next instant so."""
        latest = at.astimezone(UTC)
        settled = False
        while not settled:
            before = latest
            for zone in zones:
                latest = self._next_open_in(latest, zone)
            settled = latest == before
        return latest

    def holidays(self, year: int) -> frozenset[date]:
        return holidays_of(self.calendar, year) if self.calendar else frozenset()

    def _next_open_in(self, at: datetime, zone_name: str) -> datetime:
        zone = zone_of(zone_name)
        day = at.astimezone(zone).date()
        while not self._sends_on(day) or at >= first_instant(day, self.closes, zone):
            day += DAY
        return max(at, last_instant(day, self.opens, zone))

    def _sends_on(self, day: date) -> bool:
        return weekday_of(day) in self.days and day not in self.holidays(day.year)


def sms_window(country: str | None) -> SmsWindow | None:
    """Of a destination country, or None where there are no set hours."""
    return SMS_WINDOWS.get(country.upper()) if country else None


def next_sending_time(country: str | None, at: datetime, user_zone: str) -> datetime:
    """When a promotional SMS may go there: `at` itself if it may now."""
    window = sms_window(country)
    return window.next_open(at, window.zones_for(user_zone)) if window else at


@cache
def holidays_of(calendar: str, year: int) -> frozenset[date]:
    """The public holidays of a calendar named in the data. Raises `KeyError` for another."""
    return window_data().holidays[calendar].of(year)


def french_holidays(year: int) -> frozenset[date]:
    """The public holidays of metropolitan France."""
    return holidays_of("FR", year)


def easter_sunday(year: int) -> date:
    """By the anonymous Gregorian computus."""
    golden = year % 19
    century, rest = divmod(year, 100)
    leap_centuries, century_rest = divmod(century, 4)
    moon = (century - (century + 8) // 25 + 1) // 3
    epact = (19 * golden + century - leap_centuries - moon + 15) % 30
    weekday = (32 + 2 * century_rest + 2 * (rest // 4) - epact - rest % 4) % 7
    late = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)


def _is_leap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


@cache
def window_data() -> WindowFile:
    """The file, checked. Raises `ValueError` naming what is wrong with it."""
    return WindowFile.model_validate(load("sms_windows"))


def _window(entry: WindowEntry) -> SmsWindow:
    return SmsWindow(
        entry.opens,
        entry.closes,
        entry.zones,
        entry.rule,
        entry.days,
        entry.holidays,
        entry.further_zones,
    )


SMS_WINDOWS: Final = {country: _window(e) for country, e in window_data().countries.items()}
