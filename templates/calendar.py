"""How dates and numbers are written in the languages Herald speaks; others get ISO dates."""

from datetime import date, datetime
from typing import Final

STYLES: Final = ("short", "medium", "long", "date", "time")

_MONTHS: Final = {
    "en": "January February March April May June July August September October November December",
    "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "tr": "Ocak Şubat Mart Nisan Mayıs Haziran Temmuz Ağustos Eylül Ekim Kasım Aralık",
}
_DAYS: Final = {
    "en": "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
    "de": "Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag",
    "fr": "lundi mardi mercredi jeudi vendredi samedi dimanche",
    "tr": "Pazartesi Salı Çarşamba Perşembe Cuma Cumartesi Pazar",
}
_DATES: Final = {"de": "{day}. {month} {year}"}
_LONG_DATES: Final = {"fr": "{weekday} {date}", "tr": "{date} {weekday}"}
_SEPARATORS: Final = {
    "de": (".", ","),
    "tr": (".", ","),
    "es": (".", ","),
    "it": (".", ","),
    "nl": (".", ","),
    "pt": (".", ","),
    "fr": ("\u202f", ","),
}


def language_of(locale: str) -> str:
    return locale.replace("_", "-").split("-", 1)[0].lower()


def separators(locale: str) -> tuple[str, str]:
    """Between thousands, and before decimals."""
    return _SEPARATORS.get(language_of(locale), (",", "."))


def format_instant(moment: date, style: str, locale: str) -> str:
    """`short` 2026-12-01 09:00; `date`, `time`; `medium` both; `long` with weekday and zone."""
    clock = f"{moment:%H:%M}" if isinstance(moment, datetime) else ""
    if style == "time":
        return clock
    if style == "short":
        return f"{moment:%Y-%m-%d} {clock}".rstrip()
    words = _in_words(moment, language_of(locale), weekday=style == "long")
    if style == "date" or not clock:
        return words
    zone = f"{moment:%Z}" if style == "long" else ""
    return f"{words}, {clock} {zone}".rstrip()


def _in_words(moment: date, language: str, *, weekday: bool) -> str:
    if language not in _MONTHS:
        return moment.isoformat()[:10]
    month = _MONTHS[language].split()[moment.month - 1]
    words = _DATES.get(language, "{day} {month} {year}").format(
        day=moment.day, month=month, year=moment.year
    )
    if not weekday:
        return words
    name = _DAYS[language].split()[moment.weekday()]
    return _LONG_DATES.get(language, "{weekday}, {date}").format(weekday=name, date=words)
