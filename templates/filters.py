"""What the filters do to a value. A null value becomes empty text; a wrong kind is an error.

Each is linear in its input and none can multiply it, whatever a template chains.
"""

import re
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from templates.calendar import STYLES, format_instant, separators
from templates.errors import FilterFailed

_WORD = re.compile(r"[^\W_][\w'’]*")
_INVISIBLE = re.compile(r"[\x00-\x20\x7f-\xa0\u200b-\u200f\ufeff]")
_RUNS = frozenset({"javascript", "data", "vbscript", "file"})
_MOST_DIGITS = 400


def text_of(value: object) -> str:
    """Numbers and texts as written, null as nothing; lists and objects are refused."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool | int | float | Decimal | date):
        return str(value)
    raise FilterFailed(f"a text was expected, not {kind_of(value)}")


def kind_of(value: object) -> str:
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list | tuple):
        return "a list"
    return "a text" if isinstance(value, str) else f"a {type(value).__name__}"


def upper(value: object) -> str:
    return text_of(value).upper()


def lower(value: object) -> str:
    return text_of(value).lower()


def title(value: object) -> str:
    def capital(found: re.Match[str]) -> str:
        word = found.group()
        return word[0].upper() + word[1:].lower()

    return _WORD.sub(capital, text_of(value))


def trim(value: object) -> str:
    return text_of(value).strip()


def urlencode(value: object) -> str:
    return quote(text_of(value), safe="")


def link(value: object) -> str:
    """An address that opens something; one that would run something becomes `#`."""
    address = text_of(value).strip()
    scheme = _INVISIBLE.sub("", address[:200]).split(":", 1)[0].lower()
    return "#" if scheme in _RUNS else address


def length(value: object) -> int:
    if value is None:
        return 0
    if isinstance(value, str | list | tuple | dict):
        return len(value)
    raise FilterFailed(f"`length` needs a text or a list, not {kind_of(value)}")


def first(value: object) -> Any:
    return _end(value, 0, "first")


def last(value: object) -> Any:
    return _end(value, -1, "last")


def _end(value: object, index: int, name: str) -> Any:
    if value is None:
        return None
    if isinstance(value, str | list | tuple):
        return value[index] if value else None
    raise FilterFailed(f"`{name}` needs a text or a list, not {kind_of(value)}")


def lines(value: object) -> list[str]:
    """The lines of a text that are not blank, without the space around them."""
    return [line.strip() for line in text_of(value).splitlines() if line.strip()]


def join(value: object, separator: str = "") -> str:
    if isinstance(value, list | tuple):
        return separator.join([text_of(item) for item in value])
    return text_of(value)


def truncate(value: object, length: int = 255, killwords: bool = False, end: str = "…") -> str:
    """At most `length` characters, `end` included, cut between words unless `killwords`."""
    text = text_of(value)
    if len(text) <= length:
        return text
    cut = text[: max(0, length - len(end))]
    if not killwords and not text[len(cut)].isspace() and " " in cut:
        cut = cut.rsplit(" ", 1)[0]
    return (cut.rstrip() + end)[:length]


def default(value: object, instead: object, falsy: bool) -> Any:
    return instead if value is None or (falsy and not value) else value


def _decimal(value: object, name: str) -> Decimal:
    try:
        if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
            raise ValueError(name)
        number = Decimal(str(value).strip())
        if not number.is_finite() or abs(number.adjusted()) > _MOST_DIGITS:
            raise ValueError(name)
    except (InvalidOperation, ValueError):
        raise FilterFailed(f"`{name}` needs a number, not {str(value)[:40]!r}") from None
    return number


def _rounded(number: Decimal, digits: int) -> Decimal:
    try:
        return number.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP)
    except InvalidOperation:
        return number


def round_(value: object, precision: int = 0) -> Any:
    """Half away from zero, as people round; a whole number when `precision` is 0."""
    if value is None:
        return None
    number = _rounded(_decimal(value, "round"), precision)
    return int(number) if precision == 0 else float(number)


def number(value: object, decimals: int | None = None, *, locale: str) -> str:
    """Grouped in thousands as the locale writes them; at most two decimals unless told."""
    if value is None:
        return ""
    amount = _decimal(value, "number")
    if decimals is None:
        amount = _rounded(amount, 2).normalize()
        plain = f"{amount:,f}"
    else:
        plain = f"{_rounded(amount, decimals):,.{decimals}f}"
    group, point = separators(locale)
    return plain.replace(",", "\x00").replace(".", point).replace("\x00", group)


def instant(value: object, style: str, zone: object, *, locale: str) -> str:
    """An RFC 3339 instant in a zone. A day without a time stays that day in every zone."""
    if value is None or value == "":
        return ""
    if style not in STYLES:
        raise FilterFailed(f"`datetime` knows {', '.join(STYLES)}, not {style[:40]!r}")
    moment = _parsed(value)
    if isinstance(moment, datetime):
        moment = moment.astimezone(_zone(zone) or moment.tzinfo or UTC)
    return format_instant(moment, style, locale)


def _parsed(value: object) -> date:
    if isinstance(value, datetime):
        return value if value.tzinfo else value.replace(tzinfo=UTC)
    if isinstance(value, date):
        return value
    try:
        if not isinstance(value, str):
            raise ValueError("not a text")
        if len(value) == len("2026-12-01"):
            return date.fromisoformat(value)
        moment = datetime.fromisoformat(value)
    except ValueError:
        shown = str(value)[:40]
        raise FilterFailed(f"`datetime` needs an RFC 3339 time, not {shown!r}") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _zone(name: object) -> ZoneInfo | None:
    try:
        return ZoneInfo(name) if isinstance(name, str) and name else None
    except (KeyError, ValueError, OSError):
        return None
