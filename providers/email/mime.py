"""An email as bytes: a text and an HTML part, attachments, and headers nobody can inject into.

The same message always gives the same `Message-ID`, so that a mail server or reader that gets it
twice can tell; emails of one thread name the same root, so that readers show them together.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from typing import Final

from domain.ports.providers import OutboundMessage

_POLICY: Final = SMTP.clone(max_line_length=200)
_OURS: Final = frozenset(
    {"from", "to", "reply-to", "subject", "date", "message-id", "mime-version", "content-type"}
)


def message_id(message: OutboundMessage, sender: str) -> str:
    """`<{delivery id}@{the sender's domain}>`."""
    return f"<{message.delivery_id}@{domain_of(sender)}>"


def thread_headers(message: OutboundMessage, sender: str) -> Mapping[str, str]:
    """What makes mail readers show the emails of one application or interview together; empty for
    an email that stands alone."""
    if message.thread is None:
        return {}
    root = f"<thread-{message.thread}@{domain_of(sender)}>"
    return {"In-Reply-To": root, "References": root}


def domain_of(sender: str) -> str:
    """`JobFinders <jobs@example.com>` → `example.com`."""
    return parseaddr(sender)[1].rpartition("@")[2] or "localhost"


def build_email(message: OutboundMessage, sender: str, *, at: datetime | None = None) -> bytes:
    """The whole message, lines ended by CR LF. Raises `ValueError` for an address or header that
    cannot be written."""
    mail = EmailMessage(policy=_POLICY)
    mail["From"] = _address(sender)
    mail["To"] = _address(message.target)
    if message.reply_to:
        mail["Reply-To"] = _address(message.reply_to)
    mail["Subject"] = " ".join((message.message.subject or "").split())
    mail["Date"] = format_datetime(at or datetime.now(UTC))
    mail["Message-ID"] = message_id(message, sender)
    for name, value in {**message.headers, **thread_headers(message, sender)}.items():
        if name.lower() not in _OURS:
            mail[name] = _one_line(value)
    mail.set_content(message.message.text)
    if message.message.html:
        mail.add_alternative(message.message.html, subtype="html")
    for file in message.attachments:
        main, _, sub = file.content_type.partition("/")
        mail.add_attachment(file.content, maintype=main, subtype=sub, filename=file.filename)
    return mail.as_bytes()


def _address(text: str) -> Address:
    name, address = parseaddr(text)
    local, at, domain = address.rpartition("@")
    if not at or not local or not domain or any(c in text for c in "\r\n"):
        raise ValueError("An address is not one.")
    return Address(display_name=name, username=local, domain=domain)


def _one_line(value: str) -> str:
    if any(c in value for c in "\r\n\x00"):
        raise ValueError("A header holds more than one line.")
    return value
