"""When promotional SMS may be sent, by destination country.

A country with several zones has its window taken in the user's own zone when that is one of them;
otherwise a message goes only while the window is open in every one of them, since the number does
not tell where its owner lives.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import cache
from typing import Final

from domain.enums import Weekday
from domain.rules.local_time import DAY, first_instant, last_instant, weekday_of, zone_of

EVERY_DAY: Final = frozenset(Weekday)


def _no_holidays(_year: int) -> frozenset[date]:
    return frozenset()


@dataclass(frozen=True, slots=True)
class SmsWindow:
    """`opens` included, `closes` excluded, on `days` that are no public holiday."""

    opens: time
    closes: time
    zones: tuple[str, ...]
    source: str
    days: frozenset[Weekday] = EVERY_DAY
    holidays: Callable[[int], frozenset[date]] = _no_holidays

    def zones_for(self, user_zone: str) -> tuple[str, ...]:
        return (user_zone,) if user_zone in self.zones else self.zones

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

    def _next_open_in(self, at: datetime, zone_name: str) -> datetime:
        zone = zone_of(zone_name)
        day = at.astimezone(zone).date()
        while not self._sends_on(day) or at >= first_instant(day, self.closes, zone):
            day += DAY
        return max(at, last_instant(day, self.opens, zone))

    def _sends_on(self, day: date) -> bool:
        return weekday_of(day) in self.days and day not in self.holidays(day.year)


@cache
def french_holidays(year: int) -> frozenset[date]:
    """The public holidays of metropolitan France (Code du travail, L3133-1)."""
    easter = _easter_sunday(year)
    fixed = ((1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25))
    after_easter = (1, 39, 50)
    return frozenset(date(year, month, day) for month, day in fixed) | frozenset(
        easter + days * DAY for days in after_easter
    )


def _easter_sunday(year: int) -> date:
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


SMS_WINDOWS: Final[dict[str, SmsWindow]] = {
    "FR": SmsWindow(
        opens=time(8),
        closes=time(22),
        zones=("Europe/Paris",),
        days=EVERY_DAY - {Weekday.SUN},
        holidays=french_holidays,
        source="French operators' rules for marketing SMS: not from 22:00 to 08:00, on Sundays "
        "or on public holidays (Brevo, 'Country specific guidelines for SMS': France)",
    ),
    "US": SmsWindow(
        opens=time(8),
        closes=time(21),
        zones=(
            "America/New_York",
            "America/Chicago",
            "America/Denver",
            "America/Phoenix",
            "America/Los_Angeles",
            "America/Anchorage",
            "Pacific/Honolulu",
        ),
        source="47 CFR 64.1200(c)(1): not before 8 a.m. or after 9 p.m. at the called party's "
        "location (Twilio error 30610)",
    ),
    "AE": SmsWindow(
        opens=time(7),
        closes=time(21),
        zones=("Asia/Dubai",),
        source="Promotional messages not from 21:00 to 07:00 (Twilio guidelines: United Arab "
        "Emirates)",
    ),
}
