"""A mail server on a port of its own: a real SMTP listener that keeps what it takes.

Refusals and faults are told in SMTP's own codes. Faults given as HTTP statuses become the answer a
mail server would give in that situation: 429 "too many", 503 "not now", 500 "local error".
"""

import asyncio
import hmac
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any, cast
from uuid import uuid4

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from starlette.responses import Response
from starlette.routing import Route
from typing_extensions import override

from sandbox.faults import Strike
from sandbox.messages import Message
from sandbox.vendors.base import NoSuchWebhook, Refusal, Vendor, Webhook, json_response

MAX_MESSAGE_BYTES = 25 * 1024 * 1024
_UNKNOWN = frozenset({"unknown", "nobody", "no-such-user"})
_SAID = {
    401: "535 5.7.8 Authentication credentials invalid",
    403: "554 5.7.1 Relay access denied",
    408: "451 4.4.2 Timeout",
    429: "450 4.7.1 Too many messages, slow down",
    500: "451 4.3.0 Local error in processing",
    502: "451 4.4.1 Bad connection to the next server",
    503: "421 4.3.2 Service not available, closing transmission channel",
    504: "451 4.4.1 No answer from the next server",
}
_OWN_CODES = {
    421: _SAID[503],
    450: "450 4.2.1 Mailbox busy",
    451: _SAID[500],
    452: "452 4.3.1 Insufficient system storage",
    535: _SAID[401],
    550: "550 5.1.1 Recipient address rejected: User unknown",
    551: "551 5.7.1 User not local",
    552: "552 5.3.4 Message size exceeds fixed limit",
    553: "553 5.1.3 Mailbox name not allowed",
    554: "554 5.7.1 Message refused",
}


class Smtp(Vendor):
    """Stand-in for a mail server, on `config.smtp_port` (0: a free one)."""

    name = "smtp"
    prefix = "/smtp"

    @override
    def routes(self) -> list[Route]:
        async def address(_request: object) -> Response:
            return json_response({"url": self.url})

        return [Route("/smtp/address", address, methods=["GET"])]

    @property
    def url(self) -> str:
        """`smtp://127.0.0.1:PORT`, once it listens."""
        port = self._server.sockets[0].getsockname()[1]
        return f"smtp://127.0.0.1:{port}"

    @override
    def refuse(self, refusal: Refusal) -> Response:
        return json_response({"detail": refusal.message}, refusal.status)

    @override
    def fault(self, status: int) -> Refusal:
        return Refusal(status, status, said(status))

    @override
    def unknown_path(self, path: str) -> Refusal:
        return Refusal(404, 404, f"There is nothing at {path}; mail is taken by SMTP.")

    @override
    def webhook(self, message: Message, event: str, text: str | None, url: str) -> Webhook:
        raise NoSuchWebhook("A mail server calls nobody back.")

    @override
    async def start(self) -> None:
        password = self.config.smtp_password

        def connected() -> SMTP:
            return SMTP(
                _Mailbox(self),
                data_size_limit=MAX_MESSAGE_BYTES,
                enable_SMTPUTF8=True,
                hostname="sandbox.invalid",
                ident="Herald sandbox",
                auth_required=password is not None,
                auth_require_tls=False,
                authenticator=self._authenticate,
                loop=asyncio.get_running_loop(),
            )

        self._server = await asyncio.get_running_loop().create_server(
            connected, "127.0.0.1", self.config.smtp_port
        )

    @override
    async def stop(self) -> None:
        self._server.close()

    def _authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, data: object
    ) -> AuthResult:
        user, password = self.config.smtp_user or "", self.config.smtp_password
        known = password is None or (
            isinstance(data, LoginPassword)
            and hmac.compare_digest(data.login, user.encode())
            and hmac.compare_digest(data.password, password.encode())
        )
        return AuthResult(success=known, handled=known)

    def keep(self, envelope: Envelope) -> str:
        """Takes the message and answers with its queue id."""
        content = cast(bytes, envelope.content)
        mail = message_from_bytes(content, policy=default)
        text, html = mail.get_body(("plain",)), mail.get_body(("html",))
        queue_id = uuid4().hex[:16].upper()
        self.store.take(
            [
                Message(
                    provider=self.name,
                    id=queue_id,
                    to=tuple(envelope.rcpt_tos),
                    received_at=self.store.now(),
                    payload=_payload(envelope, mail, len(content)),
                    subject=mail["Subject"],
                    text=text.get_content().rstrip("\r\n") if text else None,
                    html=html.get_content() if html else None,
                )
            ]
        )
        return queue_id


class _Mailbox:
    """The hooks of one connection."""

    def __init__(self, vendor: Smtp) -> None:
        self._vendor = vendor
        self._strikes: list[Strike] = []

    async def handle_MAIL(  # noqa: N802 - the names of the library's hooks
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self._strikes = []
        if "@" not in address:
            return "553 5.1.7 Sender address is no address"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(  # noqa: N802
        self,
        _server: SMTP,
        _session: Session,
        envelope: Envelope,
        address: str,
        _options: list[str],
    ) -> str:
        strike = self._vendor.faults.strike("smtp", "send", [address])
        self._strikes.append(strike)
        if strike.fault is not None and strike.fault.status:
            await asyncio.sleep(strike.delay)
            return said(strike.fault.status)
        local, at, domain = address.rpartition("@")
        if not at or not local or "." not in domain:
            return "553 5.1.3 Bad recipient address syntax"
        if local.lower() in _UNKNOWN:
            return f"550 5.1.1 <{address}>: Recipient address rejected: User unknown"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(  # noqa: N802
        self, server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        delay = sum(strike.delay for strike in self._strikes)
        kinds = {strike.fault.kind for strike in self._strikes if strike.fault}
        if "reset" in kinds:
            await asyncio.sleep(delay)
            _transport(server).abort()
            return ""
        # Before the delay: the library ends this call when the client hangs up.
        queue_id = self._vendor.keep(envelope)
        await asyncio.sleep(delay)
        if "drop_response" in kinds:
            _transport(server).close()
            return ""
        return f"250 2.0.0 OK: queued as {queue_id}"


def _transport(server: SMTP) -> asyncio.Transport:
    return cast(asyncio.Transport, server.transport)


def said(status: int) -> str:
    """What a mail server answers where an HTTP API would give this status."""
    if status in _OWN_CODES:
        return _OWN_CODES[status]
    known = _SAID.get(status)
    if known is not None:
        return known
    return "554 5.0.0 Transaction failed" if status < 500 else _SAID[500]


def _payload(envelope: Envelope, mail: EmailMessage, size: int) -> dict[str, Any]:
    return {
        "from": envelope.mail_from,
        "to": list(envelope.rcpt_tos),
        "headers": {name: str(value) for name, value in mail.items()},
        "attachments": [
            {
                "filename": part.get_filename(),
                "contentType": part.get_content_type(),
                "size": len(part.get_payload(decode=True) or b""),
            }
            for part in mail.iter_attachments()
        ],
        "size": size,
    }
