"""Email through any mail server, by SMTP.

A mail server neither recognises a message it has taken nor can be asked about one, so what is lost
after the last dot stays in doubt. Everything before it is known not to have left.
"""

import re
from collections.abc import Mapping
from datetime import timedelta
from email.utils import parseaddr
from typing import Final

import aiosmtplib

from domain.callbacks import Callback, Receipt
from domain.enums import Channel
from domain.errors import Invalid, Unauthorized
from domain.ports.providers import (
    Accepted,
    ConfigurationProblem,
    Found,
    OutboundMessage,
    Recovery,
    Rejected,
    Retry,
    SendOutcome,
    Uncertain,
)
from providers.email.mime import build_email, message_id
from providers.email.smtp_pool import SmtpAddress, SmtpPool
from providers.http import without

_QUEUED: Final = re.compile(r"queued as (?P<postfix>\S+)|\bid=(?P<exim>\S+)", re.IGNORECASE)
_ENHANCED: Final = re.compile(r"^\s*(\d\.\d{1,3}\.\d{1,3})\b")
_LOGIN: Final = frozenset({530, 534, 535, 538})
_UNKNOWN_MAILBOX: Final = frozenset({"5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"})
_TOO_LARGE: Final = frozenset({"5.2.3", "5.3.4"})
_NO_CONNECTION: Final = (
    aiosmtplib.SMTPConnectError,
    aiosmtplib.SMTPTimeoutError,
    aiosmtplib.SMTPServerDisconnected,
    OSError,
)


class SmtpEmailProvider:
    """One mail server. `url`: see `SmtpAddress.parse`, which raises `ValueError`."""

    name: Final = "smtp"
    channel: Final = Channel.EMAIL
    recovery: Final = Recovery.NONE

    def __init__(self, *, url: str, default_sender: str, timeout: timedelta) -> None:
        self._pool = SmtpPool(SmtpAddress.parse(url), timeout)
        self._sender = default_sender

    async def send(self, message: OutboundMessage) -> SendOutcome:
        sender = message.sender or self._sender
        try:
            mail = build_email(message, sender)
        except ValueError as error:
            return Rejected("invalid_address", str(error))
        try:
            async with self._pool.connection() as client:
                return await self._hand_over(client, message, sender, mail)
        except aiosmtplib.SMTPAuthenticationError as error:
            return Retry("bad_credentials", _words(error, message), fail_over=True)
        except aiosmtplib.SMTPResponseException as error:
            return _refusal(error, message)
        except _NO_CONNECTION as error:
            return Retry("connection_refused", _words(error, message), fail_over=True)
        except aiosmtplib.SMTPException as error:
            return Retry("bad_configuration", _words(error, message), fail_over=True)

    async def _hand_over(
        self, client: aiosmtplib.SMTP, message: OutboundMessage, sender: str, mail: bytes
    ) -> SendOutcome:
        """On an open connection. Raises only what says that nothing has left."""
        options = ["BODY=8BITMIME"] if client.supports_extension("8bitmime") else []
        if client.supports_extension("size"):
            options.append(f"SIZE={len(mail)}")
        encoding = "ascii"
        if not (sender + message.target).isascii():
            if not client.supports_extension("smtputf8"):
                return Rejected("invalid_address", "The server takes no such address.")
            options.append("SMTPUTF8")
            encoding = "utf-8"
        try:
            await client.mail(parseaddr(sender)[1], options=options, encoding=encoding)
            await client.rcpt(parseaddr(message.target)[1], encoding=encoding)
        except aiosmtplib.SMTPResponseException as error:
            return await _given_up(client, error, message)
        try:
            answer = await client.data(mail)
        except aiosmtplib.SMTPDataError as error:
            return await _given_up(client, error, message)
        except aiosmtplib.SMTPResponseException as error:
            client.close()
            return Uncertain("malformed_answer", _words(error, message))
        except (aiosmtplib.SMTPTimeoutError, TimeoutError) as error:
            client.close()
            return Uncertain("timeout", _words(error, message))
        except (aiosmtplib.SMTPException, OSError) as error:
            client.close()
            return Uncertain("connection_lost", _words(error, message))
        return Accepted(_queue_id(answer.message) or message_id(message, sender))

    async def find(self, message: OutboundMessage) -> tuple[Found, ...] | None:
        """Never asked: there is nobody to ask."""
        return None

    async def track(self, provider_message_id: str) -> Receipt | None:
        """A mail server has no word on what it took."""
        return None

    async def verify_webhook(self, headers: Mapping[str, str], body: bytes, url: str) -> None:
        """Mail servers call nobody back, so whatever comes is not from one."""
        raise Unauthorized("no_webhooks", "SMTP has no webhooks.")

    def parse_webhook(self, body: bytes) -> tuple[Callback, ...]:
        raise Invalid("invalid_webhook", "SMTP has no webhooks.")

    async def validate_configuration(self) -> tuple[ConfigurationProblem, ...]:
        """Connects, logs in, and says hello."""
        problems = []
        if "@" not in parseaddr(self._sender)[1]:
            problems.append(ConfigurationProblem("HERALD_EMAIL_FROM", "Not an email address."))
        try:
            async with self._pool.connection() as client:
                await client.noop()
        except (aiosmtplib.SMTPException, OSError) as error:
            problems.append(ConfigurationProblem("SMTP_URL", f"{type(error).__name__}: {error}"))
        return tuple(problems)

    async def aclose(self) -> None:
        await self._pool.aclose()


async def _given_up(
    client: aiosmtplib.SMTP, error: aiosmtplib.SMTPResponseException, message: OutboundMessage
) -> SendOutcome:
    """A definite no. The connection is good for the next message unless the server said goodbye."""
    if error.code == aiosmtplib.SMTPStatus.domain_unavailable:
        client.close()
    return _refusal(error, message)


def _refusal(error: aiosmtplib.SMTPResponseException, message: OutboundMessage) -> SendOutcome:
    code, text = error.code, _words(error, message)
    enhanced = _enhanced(error.message)
    if code < 400:
        return Retry("connection_refused", text, fail_over=True)
    if code in _LOGIN:
        return Retry("bad_credentials", text, fail_over=True)
    if code < 500:
        if enhanced.startswith("4.2."):
            return Retry("mailbox_busy", text)
        busy = enhanced.startswith("4.7.")
        return Retry("rate_limited" if busy else "provider_unavailable", text)
    if isinstance(error, aiosmtplib.SMTPSenderRefused) and enhanced not in _TOO_LARGE:
        return Retry("bad_configuration", text, fail_over=True)
    if enhanced in _TOO_LARGE or code == aiosmtplib.SMTPStatus.storage_exceeded:
        return Rejected("message_too_large", text)
    if enhanced in _UNKNOWN_MAILBOX or isinstance(error, aiosmtplib.SMTPRecipientRefused):
        policy = enhanced.startswith("5.7.")
        return Rejected("refused_by_policy" if policy else "mailbox_unknown", text)
    return Rejected("refused_by_policy" if enhanced.startswith("5.7.") else f"smtp_{code}", text)


def _enhanced(text: str) -> str:
    """`5.1.1` of `5.1.1 <a@b> unknown`; empty when the server does not say."""
    found = _ENHANCED.match(text)
    return found.group(1) if found else ""


def _queue_id(text: str) -> str | None:
    found = _QUEUED.search(text)
    return (found.group("postfix") or found.group("exim")) if found else None


def _words(error: Exception, message: OutboundMessage) -> str:
    text = str(error) or type(error).__name__
    if isinstance(error, aiosmtplib.SMTPResponseException):
        text = f"{error.code} {error.message}"
    return without(text, message.target, parseaddr(message.target)[1])
