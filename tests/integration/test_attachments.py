"""Attachments by URL over real HTTP: what is taken, what is retried, what is refused for good."""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from domain.attachments import MAX_BYTES, AllowedHosts
from domain.content import AttachmentSource, EmailOptions
from domain.ports.attachments import AttachmentRefused, AttachmentUnavailable
from providers.attachments import HttpAttachmentFetcher
from services.notifications.attachments import AttachmentService
from tests.contract.wire import WireServer, answer, deaf_address, wire_server

PDF = "application/pdf"
LOCAL = AllowedHosts.parse(["127.0.0.1"])
SECOND = timedelta(seconds=1)


@pytest.fixture
async def wire() -> AsyncIterator[WireServer]:
    async with wire_server() as opened:
        yield opened


@pytest.fixture
async def fetcher() -> AsyncIterator[HttpAttachmentFetcher]:
    opened = HttpAttachmentFetcher(LOCAL, timedelta(seconds=5))
    yield opened
    await opened.aclose()


async def refused(fetcher: HttpAttachmentFetcher, url: str, limit: int = 100) -> str:
    with pytest.raises(AttachmentRefused) as caught:
        await fetcher.fetch(url, PDF, limit)
    return caught.value.code


async def unavailable(fetcher: HttpAttachmentFetcher, url: str) -> AttachmentUnavailable:
    with pytest.raises(AttachmentUnavailable) as caught:
        await fetcher.fetch(url, PDF, 100)
    return caught.value


async def test_a_file_is_fetched_as_it_is(wire: WireServer, fetcher: HttpAttachmentFetcher) -> None:
    wire.will_answer(200, b"%PDF\x00\xff", PDF)
    assert await fetcher.fetch(f"{wire.url}/a%20b.pdf?x=1#part", PDF, 6) == b"%PDF\x00\xff"
    [seen] = wire.seen
    assert (seen.method, seen.path) == ("GET", "/a%20b.pdf?x=1")
    assert seen.headers["host"] == wire.url.removeprefix("http://")
    assert seen.headers["accept-encoding"] == "identity"
    assert "cookie" not in seen.headers


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 451, 204, 206])
async def test_what_is_not_there_is_refused_for_good(
    wire: WireServer, fetcher: HttpAttachmentFetcher, status: int
) -> None:
    wire.will_answer(status, b"x", PDF)
    code = "attachment_not_found" if status in {404, 410} else "attachment_refused"
    assert await refused(fetcher, wire.url) == code


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503])
async def test_a_server_in_trouble_is_asked_again(
    wire: WireServer, fetcher: HttpAttachmentFetcher, status: int
) -> None:
    wire.will_answer(status, b"x", "text/html", Retry_After="7")
    problem = await unavailable(fetcher, wire.url)
    assert (problem.code, problem.after) == ("attachment_unavailable", 7 * SECOND)


async def test_the_network_may_come_back(wire: WireServer, fetcher: HttpAttachmentFetcher) -> None:
    with deaf_address() as url:
        assert (await unavailable(fetcher, url)).after is None
    wire.answers = [b"not HTTP\r\n\r\n"]
    await unavailable(fetcher, wire.url)
    wire.answers = [b"HTTP/1.1 200 OK\r\nContent-Type: application/pdf\r\n\r\n"]
    impatient = HttpAttachmentFetcher(LOCAL, timedelta(milliseconds=50))
    await unavailable(impatient, wire.url)
    await impatient.aclose()


async def test_too_large_is_noticed_before_and_while_it_arrives(
    wire: WireServer, fetcher: HttpAttachmentFetcher
) -> None:
    wire.will_answer(200, b"x" * 101, PDF)
    assert await refused(fetcher, wire.url) == "attachment_too_large"
    chunk = b"40\r\n" + b"x" * 64 + b"\r\n"
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/pdf\r\nTransfer-Encoding: chunked\r\n\r\n"
    # It never ends: who waited for the end would wait for the time-out.
    wire.answers = [head + chunk * 2]
    assert await refused(fetcher, wire.url) == "attachment_too_large"
    wire.answers = [head + chunk + b"0\r\n\r\n"]
    assert await fetcher.fetch(wire.url, PDF, 100) == b"x" * 64


async def test_another_type_is_not_what_was_meant(
    wire: WireServer, fetcher: HttpAttachmentFetcher
) -> None:
    wire.will_answer(200, b"<html>Please log in", "text/html; charset=utf-8")
    assert await refused(fetcher, wire.url) == "attachment_type_mismatch"
    wire.will_answer(200, b"x", "application/octet-stream")
    assert await fetcher.fetch(wire.url, PDF, 100) == b"x"
    wire.will_answer(200, b"x", PDF, Content_Encoding="gzip")
    assert await refused(fetcher, wire.url) == "attachment_refused"


async def test_redirects_stay_on_their_host(
    wire: WireServer, fetcher: HttpAttachmentFetcher
) -> None:
    wire.answers = [answer(302, location="/there"), answer(200, b"x", PDF)]
    assert await fetcher.fetch(f"{wire.url}/here", PDF, 100) == b"x"
    assert [seen.path for seen in wire.seen] == ["/here", "/there"]
    async with wire_server() as other:
        for elsewhere in (f"{other.url}/x", "http://169.254.169.254/", "file:///etc/passwd",
                          f"{wire.url.replace('http', 'https')}/x"):  # fmt: skip
            wire.will_answer(302, location=elsewhere)
            assert await refused(fetcher, wire.url) == "attachment_redirected"
        assert other.seen == []
    wire.will_answer(302, location="/again")
    assert await refused(fetcher, wire.url) == "attachment_redirected"
    assert len(wire.seen) == 4


async def test_nothing_is_asked_of_a_host_that_is_not_allowed(wire: WireServer) -> None:
    wire.will_answer(200, b"x", PDF)
    for hosts in (AllowedHosts(), AllowedHosts.parse(["files.example"])):
        fetcher = HttpAttachmentFetcher(hosts, SECOND)
        assert await refused(fetcher, wire.url) == "attachment_host_not_allowed"
        await fetcher.aclose()
    assert wire.connections == 0


def answering(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[str]:
    """Makes every name have these addresses. What was asked for."""
    asked = []

    async def getaddrinfo(host: str, port: Any, **_: Any) -> list[Any]:
        asked.append(host)
        kind = socket.SOCK_STREAM
        return [(socket.AF_INET, kind, 6, "", (address, 0)) for address in addresses]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    return asked


@pytest.mark.parametrize(
    "addresses", [("10.0.0.1",), ("93.184.216.34", "10.0.0.1"), ("127.0.0.1",), ("::1",)]
)
async def test_a_name_that_points_inside_is_refused(
    monkeypatch: pytest.MonkeyPatch, addresses: tuple[str, ...]
) -> None:
    fetcher = HttpAttachmentFetcher(AllowedHosts.parse(["files.example"]), SECOND)
    answering(monkeypatch, *addresses)
    assert await refused(fetcher, "https://files.example/a") == "attachment_host_not_allowed"
    await fetcher.aclose()


@pytest.fixture(scope="module")
def identity(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate and its key, for `localhost`."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "identity.pem"
    path.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        + certificate.public_bytes(Encoding.PEM)
    )
    return path


async def test_the_certificate_is_the_names_though_the_connection_is_the_addresss(
    identity: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wire = WireServer("", [answer(200, b"x", PDF)])
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(identity)
    server = await asyncio.start_server(wire.handle, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    trusting = ssl.create_default_context(cafile=str(identity))
    hosts = AllowedHosts.parse(["localhost", "127.0.0.1"])
    fetcher = HttpAttachmentFetcher(hosts, timedelta(seconds=5), trusting)
    async with server:
        # The first address takes no connections; the next one does.
        asked = answering(monkeypatch, "127.0.0.2", "127.0.0.1")
        assert await fetcher.fetch(f"https://localhost:{port}/a", PDF, 100) == b"x"
        assert asked == ["localhost"]
        assert wire.seen[0].headers["host"] == f"localhost:{port}"
        # The certificate is not for the address, and not from a usual authority.
        await unavailable(fetcher, f"https://127.0.0.1:{port}/a")
        strict = HttpAttachmentFetcher(hosts, timedelta(seconds=5))
        await unavailable(strict, f"https://localhost:{port}/a")
        await strict.aclose()
    await fetcher.aclose()


def email(*fields: dict[str, str]) -> EmailOptions:
    shape = {"filename": "cv.pdf", "contentType": PDF}
    return EmailOptions(
        attachments=tuple(AttachmentSource.model_validate(shape | one) for one in fields)
    )


async def test_a_service_gathers_files_in_their_order(
    wire: WireServer, fetcher: HttpAttachmentFetcher
) -> None:
    service = AttachmentService(fetcher, LOCAL)
    wire.will_answer(200, b"fetched", PDF)
    wanted = email({"content": "Z2l2ZW4="}, {"url": wire.url}, {"content": "bGFzdA=="})
    service.check(wanted)
    files = await service.resolve(wanted)
    assert [file.content for file in files] == [b"given", b"fetched", b"last"]
    assert {(file.filename, file.content_type) for file in files} == {("cv.pdf", PDF)}


async def test_all_files_together_have_a_limit(
    wire: WireServer, fetcher: HttpAttachmentFetcher
) -> None:
    service = AttachmentService(fetcher, LOCAL)
    wire.will_answer(200, bytes(MAX_BYTES), PDF)
    one = {"url": wire.url}
    assert len(await service.resolve(email(one, one))) == 2
    with pytest.raises(AttachmentRefused) as caught:
        await service.resolve(email(one, one, one))
    assert caught.value.code == "attachment_too_large"


async def test_a_shorter_list_of_hosts_holds_for_what_was_accepted_before(
    wire: WireServer, fetcher: HttpAttachmentFetcher
) -> None:
    wire.will_answer(200, b"x", PDF)
    with pytest.raises(AttachmentRefused) as caught:
        await AttachmentService(fetcher, AllowedHosts()).resolve(email({"url": wire.url}))
    assert caught.value.code == "attachment_host_not_allowed"
    assert wire.seen == []


async def test_files_that_take_too_long_are_tried_again(
    wire: WireServer, fetcher: HttpAttachmentFetcher
) -> None:
    wire.answers = [b"HTTP/1.1 200 OK\r\nContent-Type: application/pdf\r\n\r\n"]
    service = AttachmentService(fetcher, LOCAL, timedelta(milliseconds=100))
    with pytest.raises(AttachmentUnavailable) as caught:
        await service.resolve(email({"url": wire.url}))
    assert caught.value.code == "attachment_timeout"
