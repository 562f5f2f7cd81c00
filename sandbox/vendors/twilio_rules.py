"""What Twilio accepts in a message and in a list query, with its error codes for the rest."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Self
from urllib.parse import urlencode

from sandbox.messages import Message
from sandbox.vendors.base import Refusal

MAX_BODY_CHARS = 1600
_E164 = re.compile(r"\+[1-9]\d{6,14}")
_SHORT_CODE = re.compile(r"\d{5,6}")
_ALPHANUMERIC = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 +\-_&]{1,11}")
_SERVICE = re.compile(r"MG[0-9a-fA-F]{32}")
_URL = re.compile(r"https?://[^\s/]+\S*")
_STOP = frozenset({"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"})
_START = frozenset({"START", "YES", "UNSTOP"})
_HELP = frozenset({"HELP", "INFO"})

# Twilio's published test numbers fail the same way here.
_MAGIC_TO = {
    "+15005550001": (21211, "Invalid 'To' Phone Number: +15005550001"),
    "+15005550002": (21612, "The 'To' phone number is not currently reachable via SMS"),
    "+15005550003": (21408, "Permission to send an SMS has not been enabled for the region"),
    "+15005550004": (21610, "Attempt to send to unsubscribed recipient"),
    "+15005550009": (21614, "'To' number is not a valid mobile number"),
}
_MAGIC_FROM = {
    "+15005550001": (21212, "Invalid From Number (caller ID): +15005550001"),
    "+15005550007": (21606, "The 'From' phone number is not a valid, SMS-capable number"),
    "+15005550008": (
        21611,
        "This 'From' number has exceeded the maximum number of queued messages",
    ),
}


def check_sms(form: Mapping[str, str]) -> None:
    """Raises Refusal as Twilio refuses a create call."""
    to = form.get("To", "")
    if not to:
        raise Refusal(400, 21604, "A 'To' phone number is required.")
    if to in _MAGIC_TO:
        raise Refusal(400, *_MAGIC_TO[to])
    if not _E164.fullmatch(to):
        raise Refusal(400, 21211, f"Invalid 'To' Phone Number: {to}")
    _check_sender(form)
    body = form.get("Body", "")
    if not body and not form.get("MediaUrl") and not form.get("ContentSid"):
        raise Refusal(400, 21602, "Message body is required.")
    if len(body) > MAX_BODY_CHARS:
        text = "The concatenated message body exceeds the 1600 character limit"
        raise Refusal(400, 21617, text)
    callback = form.get("StatusCallback")
    if callback and not _URL.fullmatch(callback):
        raise Refusal(400, 21609, f"The 'StatusCallback' URL {callback} is not a valid URL.")


def _check_sender(form: Mapping[str, str]) -> None:
    sender, service = form.get("From"), form.get("MessagingServiceSid")
    if not sender and not service:
        raise Refusal(400, 21603, "A 'From' phone number is required.")
    if service and not _SERVICE.fullmatch(service):
        raise Refusal(404, 21701, "The Messaging Service does not exist")
    if not sender:
        return
    if sender in _MAGIC_FROM:
        raise Refusal(400, *_MAGIC_FROM[sender])
    if not any(form.fullmatch(sender) for form in (_E164, _SHORT_CODE, _ALPHANUMERIC)):
        raise Refusal(400, 21212, f"Invalid From Number (caller ID): {sender}")
    if sender == form["To"]:
        raise Refusal(400, 21266, "'To' and 'From' number cannot be the same")


def opt_out_word(text: str) -> str | None:
    """`STOP`, `START` or `HELP` when the whole reply is one of Twilio's words for it."""
    word = text.strip().upper()
    if word in _STOP:
        return "STOP"
    if word in _START:
        return "START"
    return "HELP" if word in _HELP else None


def not_found(path: str) -> Refusal:
    return Refusal(404, 20404, f"The requested resource {path} was not found")


@dataclass(frozen=True, slots=True)
class Filter:
    """A list query: recipient, sender, sent within [`since`, `until`), newest first, by page."""

    to: str | None
    sender: str | None
    since: datetime | None
    until: datetime | None
    page: int
    page_size: int
    query: tuple[tuple[str, str], ...]

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> Self:
        """Raises Refusal for a date, page or size that Twilio does not take."""
        since = until = None
        if day := query.get("DateSent"):
            since = _instant("DateSent", day)[0].replace(hour=0, minute=0, second=0, microsecond=0)
            until = since + timedelta(days=1)
        if after := query.get("DateSent>"):
            since = _instant("DateSent>", after)[0]
        if before := query.get("DateSent<"):
            until = _instant("DateSent<", before)[1]
        return cls(
            to=_phone(query.get("To")),
            sender=_phone(query.get("From")),
            since=since,
            until=until,
            page=_number(query, "Page", 0, 0, 10**6),
            page_size=_number(query, "PageSize", 50, 1, 1000),
            query=tuple((k, v) for k, v in query.items() if k not in ("Page", "PageToken")),
        )

    def fits(self, message: Message) -> bool:
        at = message.received_at
        if self.since and at < self.since:
            return False
        if self.until and at >= self.until:
            return False
        return self.sender in (None, message.payload.get("From"))

    def uri(self, path: str, page: int) -> str:
        extra = [("Page", str(page)), ("PageToken", f"PA{page:032x}")] if page else [("Page", "0")]
        names = [(name, value) for name, value in self.query if name != "PageSize"]
        return f"{path}?{urlencode([*names, ('PageSize', str(self.page_size)), *extra])}"


def _phone(value: str | None) -> str | None:
    """An unescaped `+` of a query arrives as a space."""
    return f"+{value[1:]}" if value and value.startswith(" ") else value


def _number(query: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    value = query.get(name, str(default))
    if not value.isascii() or not value.isdigit() or not low <= int(value) <= high:
        raise Refusal(400, 20001, f"{name} must be between {low} and {high}")
    return int(value)


def _instant(name: str, value: str) -> tuple[datetime, datetime]:
    """First instant that counts as on or after, first that no longer counts as on or before."""
    try:
        if len(value) == 10:
            start = datetime.combine(date.fromisoformat(value), time(), UTC)
            return start, start + timedelta(days=1)
        at = datetime.fromisoformat(value.replace(" ", "+"))
    except ValueError as error:
        raise Refusal(400, 20001, f"{name} is not a date: {value}") from error
    at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    return at, at + timedelta(seconds=1)
