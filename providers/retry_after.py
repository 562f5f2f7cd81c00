"""Reading `Retry-After`: seconds or a date, whatever case its name has."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime


def retry_after(headers: Mapping[str, str] | None) -> timedelta | None:
    """None when there is none, or none that can be read."""
    for name, value in (headers or {}).items():
        if name.lower() == "retry-after":
            return _parse(value)
    return None


def _parse(value: str) -> timedelta | None:
    try:
        return timedelta(seconds=max(0.0, float(value)))
    except ValueError:
        pass
    try:
        return max(parsedate_to_datetime(value) - datetime.now(UTC), timedelta(0))
    except (TypeError, ValueError):
        return None
