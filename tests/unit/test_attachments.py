"""What may be attached: names, types, sizes and hosts, and a name that no header is broken by."""

from base64 import b64encode
from email import message_from_bytes, policy
from email.message import EmailMessage
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.attachments import (
    ALLOWED_TYPES,
    MAX_BYTES,
    REFUSED_EXTENSIONS,
    AllowedHosts,
    size_problem,
    type_agrees,
    type_problem,
)
from domain.content import Attachment, AttachmentSource, EmailOptions
from domain.errors import Invalid
from services.notifications.attachments import AttachmentService

HOSTS = AllowedHosts.parse(["files.example.com", "*.cdn.example", "127.0.0.1", "10.1.0.0/16"])


class Nowhere:
    """Nothing may be fetched here."""

    async def fetch(self, url: str, content_type: str, limit: int) -> bytes:
        raise AssertionError(url)

    async def aclose(self) -> None: ...


def source(**fields: object) -> AttachmentSource:
    given_ = {"filename": "cv.pdf", "contentType": "application/pdf"} | fields
    return AttachmentSource.model_validate(given_)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"content": "aGk=", "url": "https://files.example.com/cv.pdf"},
        {"content": None, "url": None},
        {"content": "%"},
        {"content": "aGk"},
        {"content": "data:text/plain;base64,aGk="},
        {"url": "ftp://files.example.com/cv.pdf"},
        {"url": "https://files.example.com/a b"},
        {"url": "https://x.y/" + "a" * 2000},
    ],
)
def test_a_file_is_given_in_exactly_one_way(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        source(**fields)


def test_both_ways_come_back_from_storage_as_they_went() -> None:
    for fields in ({"content": "aG\nk=\r\n"}, {"url": "https://files.example.com/cv.pdf"}):
        made = source(**fields)
        assert AttachmentSource.model_validate_json(made.model_dump_json()) == made


@pytest.mark.parametrize(
    "name",
    ["", "a/b.pdf", "a\\b.pdf", "a\r\nBcc: x@y.z", "a\x00", "a\x7f", "a\x85b", 'a".pdf', "a\u2028b",
     "cv\u202efdp.exe", "a\u200b.pdf", "cv.exe.", "cv.exe ", " cv.pdf", "..", "a:b.pdf", "a" * 256,
     "\ud800.pdf"],
)  # fmt: skip
def test_a_name_that_hides_something_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        source(filename=name, content="aGk=")


@given(st.text(max_size=60))
def test_a_name_that_is_taken_is_safe_in_a_header(name: str) -> None:
    try:
        made = source(filename=name, content="aGk=")
    except ValidationError:
        return
    message = EmailMessage()
    message["Subject"] = "S"
    message.set_content("text")
    message.add_attachment(b"hi", "application", "pdf", filename=made.filename)
    read = message_from_bytes(message.as_bytes(policy=policy.SMTP), policy=policy.default)
    assert set(read.keys()) == {"Subject", "MIME-Version", "Content-Type"}
    [part] = read.iter_attachments()
    assert part.get_content() == b"hi"
    assert part.get_filename() == made.filename


@pytest.mark.parametrize(
    ("filename", "content_type", "allowed"),
    [
        ("cv.pdf", "application/pdf", True),
        ("cv.PDF", "Application/PDF", True),
        (
            "Lebenslauf Ä.docx",
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
            True,
        ),
        ("invite.ics", "text/calendar", True),
        ("photo.jpg", "image/jpeg", True),
        ("no extension", "text/plain", True),
        ("v1.2 notes.txt", "text/plain", True),
        ("cv.exe", "application/pdf", False),
        ("cv.pdf.JS", "text/plain", False),
        ("cv.docm", "application/msword", False),
        (".bat", "text/plain", False),
        ("cv.pdf", "application/x-msdownload", False),
        ("page.pdf", "text/html", False),
        ("logo.png", "image/svg+xml", False),
        ("files.zip", "application/zip", False),
        ("cv.pdf", "application/octet-stream", False),
    ],
)
def test_types_are_told_by_name_and_by_declaration(
    filename: str, content_type: str, allowed: bool
) -> None:
    assert (type_problem(filename, content_type) is None) is allowed
    service = AttachmentService(Nowhere(), HOSTS)
    email = EmailOptions(
        attachments=(source(filename=filename, contentType=content_type, content="aGk="),)
    )
    if allowed:
        service.check(email)
        return
    with pytest.raises(Invalid) as caught:
        service.check(email)
    assert caught.value.code == "attachment_type_not_allowed"
    [problem] = caught.value.errors
    assert (problem.field, problem.code) == ("email.attachments.0", "attachment_type_not_allowed")


def test_no_type_that_is_let_through_names_a_program() -> None:
    assert not {name.rpartition("/")[2] for name in ALLOWED_TYPES} & REFUSED_EXTENSIONS


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("https://files.example.com/a.pdf", True),
        ("https://FILES.example.com./a.pdf?x=1#y", True),
        ("https://a.b.cdn.example/a.pdf", True),
        ("https://files.example.com:443/a.pdf", True),
        ("http://127.0.0.1:8080/a.pdf", True),
        ("https://10.1.2.3/a.pdf", True),
        ("http://files.example.com/a.pdf", False),
        ("http://10.1.2.3/a.pdf", False),
        ("https://files.example.com:8443/a.pdf", False),
        ("https://cdn.example/a.pdf", False),
        ("https://evilcdn.example/a.pdf", False),
        ("https://files.example.com.evil.example/a.pdf", False),
        ("https://files.example.com@evil.example/a.pdf", False),
        ("https://user:pw@files.example.com/a.pdf", False),
        ("https://evil.example\\@files.example.com/", False),
        ("https://10.2.0.1/a.pdf", False),
        ("https://169.254.169.254/latest/meta-data", False),
        ("https://localhost/a.pdf", False),
        ("http://[::1]/a.pdf", False),
        ("https://2130706433/a.pdf", False),
        ("https://[files.example.com/a.pdf", False),
        ("https://files.example.com:x/", False),
        ("https:///a.pdf", False),
    ],
)
def test_only_hosts_an_operator_named_are_fetched_from(url: str, allowed: bool) -> None:
    assert (HOSTS.url_problem(url) is None) is allowed
    assert AllowedHosts().url_problem(url) is not None
    service = AttachmentService(Nowhere(), HOSTS)
    email = EmailOptions(attachments=(source(content="aGk="), source(url=url)))
    if allowed:
        service.check(email)
        return
    with pytest.raises(Invalid) as caught:
        service.check(email)
    assert caught.value.code == "attachment_host_not_allowed"
    assert [problem.field for problem in caught.value.errors] == ["email.attachments.1.url"]


@pytest.mark.parametrize(
    ("address", "reached"),
    [
        ("93.184.216.34", True), ("2606:2800:220:1::1", True), ("127.0.0.1", True),
        ("10.1.255.255", True), ("::ffff:10.1.0.1", True), ("10.2.0.1", False),
        ("127.0.0.2", False), ("::1", False), ("::ffff:127.0.0.2", False), ("0.0.0.0", False),
        ("169.254.169.254", False), ("192.168.1.1", False), ("fe80::1", False), ("fd00::1", False),
        ("100.64.0.1", False), ("224.0.0.1", False), ("ff0e::1", False),
    ],
)  # fmt: skip
def test_no_name_can_point_into_a_private_network(address: str, reached: bool) -> None:
    assert HOSTS.reaches(ip_address(address)) is reached


@pytest.mark.parametrize("entry", ["", "https://x.y", "x.y/path", "*", "*.", "10.1.0.1/16", "a b"])
def test_a_mistake_in_the_list_is_told(entry: str) -> None:
    with pytest.raises(ValueError):
        AllowedHosts.parse([entry])


@pytest.mark.parametrize(
    ("sizes", "place"),
    [
        ([], None),
        ([MAX_BYTES, MAX_BYTES, MAX_BYTES // 2], None),
        ([1, MAX_BYTES + 1], 1),
        ([MAX_BYTES, MAX_BYTES, MAX_BYTES // 2, 1], 3),
    ],
)
def test_sizes_are_counted_decoded(sizes: list[int], place: int | None) -> None:
    found = size_problem(sizes)
    assert (found and found[0]) == place


def test_a_large_file_is_refused_at_once() -> None:
    content = b64encode(bytes(MAX_BYTES + 1)).decode()
    with pytest.raises(Invalid) as caught:
        AttachmentService(Nowhere(), HOSTS).check(
            EmailOptions(attachments=(source(content=content),))
        )
    assert caught.value.code == "attachment_too_large"


def test_everything_wrong_is_told_at_once() -> None:
    email = EmailOptions(
        attachments=(source(filename="a.exe", url="https://evil.example/a"), source(content="aA=="))
    )
    with pytest.raises(Invalid) as caught:
        AttachmentService(Nowhere(), HOSTS).check(email)
    assert [problem.code for problem in caught.value.errors] == [
        "attachment_type_not_allowed", "attachment_host_not_allowed",
    ]  # fmt: skip


def test_mail_without_attachments_is_not_looked_at() -> None:
    service = AttachmentService(Nowhere(), AllowedHosts())
    service.check(None)
    service.check(EmailOptions(subject="S"))


async def test_content_is_handed_on_as_it_is() -> None:
    service = AttachmentService(Nowhere(), AllowedHosts())
    assert await service.resolve(None) == ()
    found = await service.resolve(EmailOptions(attachments=(source(content="aGk="),)))
    assert found == (Attachment.of("cv.pdf", "application/pdf", b"hi"),)
    assert found[0] == Attachment(
        filename="cv.pdf", content_type="application/pdf", content=b64encode(b"hi")
    )


@pytest.mark.parametrize(
    ("declared", "answered", "agrees"),
    [
        ("application/pdf", "application/pdf", True),
        ("application/pdf", "Application/PDF; charset=x", True),
        ("application/pdf", "application/octet-stream", True),
        ("application/pdf", "", True),
        ("text/calendar", "text/plain; charset=utf-8", True),
        ("application/pdf", "text/plain", False),
        ("application/pdf", "text/html", False),
        ("text/plain", "text/html", False),
    ],
)
def test_what_a_server_gives_must_be_what_was_said(
    declared: str, answered: str, agrees: bool
) -> None:
    assert type_agrees(declared, answered) is agrees
