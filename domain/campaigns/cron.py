"""Cron lines as schedules take them: five fields, numbers or names, lists, ranges and steps."""

import re
from typing import Final

_MONTHS: Final[tuple[str, ...]] = (
    "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
)  # fmt: skip
_DAYS: Final[tuple[str, ...]] = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FIELDS: Final[tuple[tuple[str, int, int, tuple[str, ...]], ...]] = (
    ("minute", 0, 59, ()),
    ("hour", 0, 23, ()),
    ("day", 1, 31, ()),
    ("month", 1, 12, _MONTHS),
    ("weekday", 0, 7, _DAYS),
)
_PART: Final = re.compile(r"(?:\*|(\w+)(?:-(\w+))?)(?:/(\d{1,4}))?")


def problem_of(line: str) -> str | None:
    """What is wrong with it; None when a schedule takes it."""
    fields = line.split()
    if len(fields) != len(_FIELDS):
        return "cron has five fields: minute, hour, day, month, weekday"
    for text, (name, least, most, names) in zip(fields, _FIELDS, strict=True):
        for part in text.split(","):
            found = _PART.fullmatch(part)
            if found is None or (found[3] is not None and int(found[3]) < 1):
                return f"cron: {part!r} is no {name}"
            numbers = [_number(word, least, names) for word in found.groups()[:2] if word]
            if any(number is None or not least <= number <= most for number in numbers):
                return f"cron: {part!r} is no {name}"
            if numbers != sorted(numbers, key=lambda number: number or 0):
                return f"cron: {part!r} ends before it begins"
    return None


def _number(word: str, least: int, names: tuple[str, ...]) -> int | None:
    if word.isascii() and word.isdigit():
        return int(word)
    return names.index(word.lower()) + least if word.lower() in names else None
