"""SMTP beyond the cases: the bytes of an email, TLS, connections used again, and odd servers.

The servers are aiosmtpd's, which takes mail as the standards say and was not written for this.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any, cast

import pytest
import trustme
from aiosmtpd import smtp as aiosmtpd
from aiosmtpd.smtp import AuthResult, Envelope, Session

from domain.content import Attachment, RenderedMessage
from domain.ports.providers import Accepted, Rejected, Retry, SendOutcome
from providers.email.mime import build_email
from providers.email.smtp import SmtpEmailProvider
from providers.email.smtp_pool import SmtpAddress
from tests.contract.vendors.common import PATIENCE
from tests.contract.vendors.smtp import SENDER, SMTP

AT = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)


@dataclass
class Mailbox:
    """What one server took, by how many connections, and what it answers instead of OK."""

    envelopes: list[Envelope] = field(default_factory=list)
    secured: list[bool] = field(default_factory=list)
    peers: set[Any] = field(default_factory=set)
    answers: dict[str, str] = field(default_factory=dict)
    users: list[str] = field(default_factory=list)
    port: int = 0
    connections: list[aiosmtpd.SMTP] = field(default_factory=list)

    async def handle_MAIL(  # noqa: N802 - the library's hooks
        self,
        _server: aiosmtpd.SMTP,
        session: Session,
        envelope: Envelope,
        address: str,
        _: list[str],
    ) -> str:
        self.peers.add(session.peer)
        envelope.mail_from = address
        return self.answers.get("MAIL", "250 2.1.0 OK")

    async def handle_RCPT(  # noqa: N802
        self,
        _server: aiosmtpd.SMTP,
        _session: Session,
        envelope: Envelope,
        address: str,
        _: list[str],
    ) -> str:
        envelope.rcpt_tos.append(address)
        return self.answers.get("RCPT", "250 2.1.5 OK")

    async def handle_DATA(  # noqa: N802
        self, _server: aiosmtpd.SMTP, session: Session, envelope: Envelope
    ) -> str:
        self.envelopes.append(envelope)
        self.secured.append(session.ssl is not None)
        return self.answers.get("DATA", "250 2.0.0 OK: queued as ABC123")

    def authenticate(self, *arguments: Any) -> AuthResult:
        self.users.append(arguments[-1].login.decode())
        return AuthResult(success=True)


@asynccontextmanager
async def mail_server(tls: ssl.SSLContext | None = None, **options: Any) -> AsyncIterator[Mailbox]:
    mailbox = Mailbox()
    loop = asyncio.get_running_loop()

    def connected() -> aiosmtpd.SMTP:
        server = aiosmtpd.SMTP(
            mailbox, hostname="mail.test", tls_context=tls, require_starttls=tls is not None,
            authenticator=mailbox.authenticate, auth_require_tls=tls is not None, loop=loop,
            **options,
        )  # fmt: skip
        mailbox.connections.append(server)
        return server

    server = await loop.create_server(connected, "127.0.0.1", 0)
    mailbox.port = server.sockets[0].getsockname()[1]
    try:
        yield mailbox
    finally:
        server.close()


@asynccontextmanager
async def client(mailbox: Mailbox, query: str = "starttls=never") -> AsyncIterator[Any]:
    provider = SmtpEmailProvider(
        url=f"smtp://ada:pw@localhost:{mailbox.port}?{query}",
        default_sender=SENDER,
        timeout=PATIENCE,
    )
    try:
        yield provider
    finally:
        await provider.aclose()


def parsed(raw: bytes) -> EmailMessage:
    return message_from_bytes(raw, policy=default)


def test_an_email_has_both_parts_its_files_and_every_header_once() -> None:
    message = SMTP.message(
        target="Ada Lovelace <ada@example.com>",
        reply_to="hr@example.com",
        headers={
            "List-Unsubscribe": "<https://example.com/u/1>",
            "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
            "Message-ID": "<forged@example.com>",
        },
        message=RenderedMessage(
            subject="Grüße, Ada ✨", html="<p>Hällo</p>", text="Hällo\n.\nEnde"
        ),
        attachments=(Attachment.of("Läbenslauf.pdf", "application/pdf", b"%PDF\x00\xff"),),
        thread="0a1b",
    )
    mail = parsed(build_email(message, SENDER, at=AT))
    assert mail["From"] == SENDER
    assert mail["To"].addresses[0].addr_spec == "ada@example.com"
    assert (mail["Subject"], mail["Reply-To"]) == ("Grüße, Ada ✨", "hr@example.com")
    assert mail["Date"].datetime == AT
    assert mail["Message-ID"] == f"<{message.delivery_id}@example.com>"
    assert mail["In-Reply-To"] == mail["References"] == "<thread-0a1b@example.com>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert len(mail.keys()) == len({name.lower() for name in mail})
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert html is not None
    assert text.get_content().splitlines() == ["Hällo", ".", "Ende"]
    assert html.get_content().strip() == "<p>Hällo</p>"
    [file] = mail.iter_attachments()
    assert (file.get_filename(), file.get_content_type()) == ("Läbenslauf.pdf", "application/pdf")
    assert file.get_payload(decode=True) == b"%PDF\x00\xff"


@pytest.mark.parametrize(
    "changes",
    [
        {"target": "ada@example.com\r\nBcc: eve@example.com"},
        {"target": "nobody"},
        {"reply_to": "a@b.example\nX: y"},
        {"headers": {"X-A": "b\r\nBcc: eve@example.com"}},
    ],
)
async def test_nothing_is_injected(changes: dict[str, Any]) -> None:
    async with mail_server() as mailbox, client(mailbox) as provider:
        outcome = await provider.send(SMTP.message(**changes))
    assert isinstance(outcome, Rejected)
    assert outcome.code == "invalid_address"
    assert mailbox.envelopes == []


def test_a_subject_is_one_line() -> None:
    message = SMTP.message(message=RenderedMessage(subject="One\r\nBcc: eve@x.example", text="x"))
    mail = parsed(build_email(message, SENDER))
    assert mail["Subject"] == "One Bcc: eve@x.example"
    assert mail["Bcc"] is None


async def test_what_arrives_is_what_was_built() -> None:
    lines = "\r\n".join((".", "..", "x" * 3000, "ünï"))
    message = SMTP.message(message=RenderedMessage(subject="S", text=lines, html="<p>.</p>"))
    async with mail_server() as mailbox, client(mailbox) as provider:
        outcome = await provider.send(message)
    assert isinstance(outcome, Accepted)
    assert outcome.provider_message_id == "ABC123"
    [envelope] = mailbox.envelopes
    assert (envelope.mail_from, envelope.rcpt_tos) == ("jobs@example.com", [message.target])
    body = parsed(cast(bytes, envelope.content)).get_body(("plain",))
    assert body is not None
    assert body.get_content().splitlines() == lines.splitlines()


async def test_one_connection_carries_many_and_a_closed_one_is_replaced() -> None:
    async with mail_server() as mailbox, client(mailbox) as provider:
        for _ in range(5):
            assert isinstance(await provider.send(SMTP.message()), Accepted)
        assert len(mailbox.peers) == 1
        for connection in mailbox.connections:
            cast(asyncio.Transport, connection.transport).abort()
        assert isinstance(await provider.send(SMTP.message()), Accepted)
        assert len(mailbox.peers) == 2
        sends = (provider.send(SMTP.message()) for _ in range(40))
        assert all(isinstance(outcome, Accepted) for outcome in await asyncio.gather(*sends))
    assert len(mailbox.envelopes) == 46


@pytest.mark.parametrize(
    ("at", "answer", "expected"),
    [
        ("RCPT", "550 5.1.1 no such user", Rejected("mailbox_unknown", "")),
        ("RCPT", "550 5.7.1 relaying denied", Rejected("refused_by_policy", "")),
        ("RCPT", "452 4.2.2 mailbox full", Retry("mailbox_busy", "")),
        ("RCPT", "450 4.2.0 greylisted", Retry("mailbox_busy", "")),
        ("RCPT", "450 4.7.1 greylisted", Retry("rate_limited", "")),
        ("RCPT", "421 4.7.0 too many", Retry("rate_limited", "")),
        ("MAIL", "550 5.7.1 not your address", Retry("bad_configuration", "", fail_over=True)),
        ("MAIL", "530 5.7.0 log in first", Retry("bad_credentials", "", fail_over=True)),
        ("MAIL", "552 5.3.4 too big", Rejected("message_too_large", "")),
        ("DATA", "554 5.7.1 spam", Rejected("refused_by_policy", "")),
        ("DATA", "554 no", Rejected("smtp_554", "")),
        ("DATA", "552 5.2.3 too big", Rejected("message_too_large", "")),
        ("DATA", "451 4.3.0 try later", Retry("provider_unavailable", "")),
    ],
)
async def test_refusals(at: str, answer: str, expected: SendOutcome) -> None:
    async with mail_server() as mailbox, client(mailbox) as provider:
        mailbox.answers[at] = answer
        outcome = await provider.send(SMTP.message())
        assert replace(outcome, message="") == expected
        mailbox.answers.clear()
        assert isinstance(await provider.send(SMTP.message()), Accepted), "the next one goes"


async def refuses(provider: SmtpEmailProvider) -> None:
    outcome = await provider.send(SMTP.message())
    assert isinstance(outcome, Retry)
    assert outcome.fail_over


async def test_starttls_is_used_where_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority, query = trustme.CA(), "starttls=required"
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("localhost").configure_cert(context)
    async with mail_server(context) as mailbox:
        async with client(mailbox, query) as stranger:
            await refuses(stranger)  # a certificate nobody vouches for
        authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        async with client(mailbox, query) as friend:
            assert isinstance(await friend.send(SMTP.message()), Accepted)
    assert mailbox.secured == [True]
    async with mail_server() as plain, client(plain, query) as careful:
        await refuses(careful)
    assert plain.envelopes == []


async def test_logs_in_where_the_server_asks_for_it() -> None:
    async with mail_server() as mailbox, client(mailbox) as provider:
        assert await provider.validate_configuration() == ()
        assert isinstance(await provider.send(SMTP.message()), Accepted)
    assert set(mailbox.users) == {"ada"}


async def test_a_time_out_before_the_message_left_is_no_doubt() -> None:
    async def silent(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    provider = SmtpEmailProvider(
        url=f"smtp://127.0.0.1:{port}", default_sender=SENDER, timeout=timedelta(milliseconds=200)
    )
    outcome = await provider.send(SMTP.message())
    assert isinstance(outcome, Retry)
    assert outcome.fail_over
    await provider.aclose()
    server.close()


@pytest.mark.parametrize("url", ["http://x", "smtp://", "smtp://h?starttls=maybe", "mail.example"])
def test_addresses_that_are_none(url: str) -> None:
    with pytest.raises(ValueError, match="SMTP_URL"):
        SmtpAddress.parse(url)


def test_addresses() -> None:
    assert SmtpAddress.parse("smtps://a%40b:p%2Fw@mail.example") == SmtpAddress(
        "mail.example", 465, tls=True, starttls="never", user="a@b", password="p/w"
    )
    assert SmtpAddress.parse("smtp://mail.example").port == 587
