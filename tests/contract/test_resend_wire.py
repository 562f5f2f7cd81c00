"""Email through Resend: everything a message holds arrives, and answers special to Resend."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from domain.callbacks import Engagement, EngagementKind, Receipt
from domain.content import Attachment, RenderedMessage
from domain.enums import DeliveryStatus
from domain.errors import Unauthorized
from domain.ports.providers import Accepted, Rejected, Retry, Uncertain
from providers.email.resend import ResendEmailProvider
from tests.contract.cases_asking import heard
from tests.contract.vendors.common import PATIENCE, now_stamp
from tests.contract.vendors.resend import RESEND, RESEND_KEY, sign_svix
from tests.contract.wire import WireServer, wire_server
from tests.unit.sandbox.support import SandboxProcess


def build(url: str, key: str = RESEND_KEY, **changes: Any) -> ResendEmailProvider:
    whole: dict[str, Any] = {
        "api_key": key,
        "api_url": url,
        "default_sender": "Jobs <jobs@example.com>",
        "webhook_secret": None,
        "timeout": PATIENCE,
        **changes,
    }
    return ResendEmailProvider(**whole)


@pytest.fixture
async def provider(sandbox: SandboxProcess) -> AsyncIterator[ResendEmailProvider]:
    provider = build(sandbox.url + "/resend")
    yield provider
    await provider.aclose()


@pytest.fixture
async def scripted(wire: WireServer) -> AsyncIterator[ResendEmailProvider]:
    provider = build(wire.url)
    yield provider
    await provider.aclose()


async def test_everything_in_a_message_arrives(
    provider: ResendEmailProvider, sandbox: SandboxProcess
) -> None:
    attachment = Attachment(
        filename="cv.pdf", content_type="application/pdf", content=base64.b64encode(b"%PDF\x00")
    )
    message = RESEND.message(
        message=RenderedMessage(subject="New \n match", html="<p>ü</p>", text="ü"),
        reply_to="hr@example.com",
        headers={"List-Unsubscribe": "<https://example.com/u>"},
        attachments=(attachment,),
    )
    assert isinstance(await provider.send(message), Accepted)
    (taken,) = sandbox.messages(provider="resend", to=message.target)
    assert taken["idempotencyKey"] == str(message.delivery_id)
    assert taken["payload"] == {
        "from": "Jobs <jobs@example.com>",
        "to": [message.target],
        "subject": "New match",
        "html": "<p>ü</p>",
        "text": "ü",
        "reply_to": "hr@example.com",
        "headers": {"List-Unsubscribe": "<https://example.com/u>"},
        "attachments": [
            {
                "filename": "cv.pdf",
                "content": base64.b64encode(b"%PDF\x00").decode(),
                "content_type": "application/pdf",
            }
        ],
        "tags": [
            {"name": "type", "value": "job_match"},
            {"name": "category", "value": "jobs"},
            {"name": "notification_id", "value": str(message.notification_id)},
        ],
    }


async def test_accounts_live_side_by_side() -> None:
    """The SDK's module globals are nobody's: each call goes with its own key to its own server."""
    async with wire_server() as one, wire_server() as two:
        one.will_answer(200, b'{"id": "one"}')
        two.will_answer(200, b'{"id": "two"}')
        first, second = build(one.url, "re_one"), build(two.url, "re_two")
        sends = [provider.send(RESEND.message()) for provider in (first, second) * 10]
        outcomes = await asyncio.gather(*sends)
        assert outcomes == [Accepted("one"), Accepted("two")] * 10
        assert {seen.headers["authorization"] for seen in one.seen} == {"Bearer re_one"}
        assert {seen.headers["authorization"] for seen in two.seen} == {"Bearer re_two"}
        await first.aclose()
        await second.aclose()


async def test_connections_are_kept(wire: WireServer, scripted: ResendEmailProvider) -> None:
    wire.will_answer(200, b'{"id": "one"}')
    for _ in range(5):
        await scripted.send(RESEND.message())
    assert (len(wire.seen), wire.connections) == (5, 1)


def refusal(name: str, status: int) -> bytes:
    return json.dumps({"statusCode": status, "name": name, "message": "No."}).encode()


@pytest.mark.parametrize(
    ("name", "status", "kind"),
    [
        ("concurrent_idempotent_requests", 409, Uncertain),
        ("invalid_idempotent_request", 409, Uncertain),
        ("invalid_attachment", 422, Rejected),
        ("missing_required_field", 422, Rejected),
        ("invalid_from_address", 422, Rejected),
        ("security_error", 451, Rejected),
        ("validation_error", 403, Retry),
        ("restricted_api_key", 401, Retry),
    ],
)
async def test_named_refusals(
    wire: WireServer, scripted: ResendEmailProvider, name: str, status: int, kind: type
) -> None:
    wire.will_answer(status, refusal(name, status))
    outcome = await scripted.send(RESEND.message())
    assert type(outcome) is kind
    assert not isinstance(outcome, Accepted)
    assert outcome.code == ("bad_credentials" if kind is Retry else name)
    assert len(wire.seen) == 1


@pytest.mark.parametrize("name", ["daily_quota_exceeded", "monthly_quota_exceeded"])
async def test_a_spent_quota_is_the_accounts_matter(
    wire: WireServer, scripted: ResendEmailProvider, name: str
) -> None:
    wire.will_answer(429, refusal(name, 429))
    outcome = await scripted.send(RESEND.message())
    assert isinstance(outcome, Retry)
    assert (outcome.code, outcome.fail_over) == ("quota_exceeded", True)
    assert outcome.after is not None
    assert outcome.after >= timedelta(hours=1)


async def test_retry_after_may_be_a_date(wire: WireServer, scripted: ResendEmailProvider) -> None:
    at = datetime.now(UTC) + timedelta(minutes=2)
    wire.will_answer(
        429, refusal("rate_limit_exceeded", 429), Retry_After=format_datetime(at, usegmt=True)
    )
    outcome = await scripted.send(RESEND.message())
    assert isinstance(outcome, Retry)
    assert outcome.after is not None
    assert timedelta(seconds=110) < outcome.after <= timedelta(minutes=2)


async def test_an_error_page_is_judged_by_its_status(
    wire: WireServer, scripted: ResendEmailProvider
) -> None:
    wire.will_answer(503, b"<html>", "text/html", Retry_After="9")
    assert await scripted.send(RESEND.message()) == Retry(
        "provider_unavailable",
        "application_error: Expected JSON response but got: text/html",
        after=timedelta(seconds=9),
    )
    wire.will_answer(302, b"", "text/html", Location="https://elsewhere.example/")
    outcome = await scripted.send(RESEND.message())
    assert isinstance(outcome, Retry)
    assert (outcome.code, len(wire.seen)) == ("bad_configuration", 1)


async def test_the_same_key_with_other_words_is_in_doubt(
    provider: ResendEmailProvider, sandbox: SandboxProcess
) -> None:
    first = RESEND.message()
    second = RESEND.message(
        delivery_id=first.delivery_id,
        target=first.target,
        message=RenderedMessage(subject="Other", text="Other"),
    )
    assert isinstance(await provider.send(first), Accepted)
    outcome = await provider.send(second)
    assert isinstance(outcome, Uncertain)
    assert len(sandbox.messages(provider="resend", to=first.target)) == 1


def event(kind: str, **data: Any) -> bytes:
    return json.dumps(
        {"type": kind, "created_at": "2026-11-23T10:00:00.5Z", "data": {"email_id": "1", **data}}
    ).encode()


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (event("email.sent"), DeliveryStatus.SENT, None),
        (event("email.delivery_delayed"), DeliveryStatus.SENT, None),
        (
            event("email.bounced", bounce={"type": "Permanent", "message": "gone"}),
            DeliveryStatus.BOUNCED,
            "bounce_permanent",
        ),
        (
            event("email.bounced", bounce={"type": "Transient", "message": "full"}),
            DeliveryStatus.BOUNCED,
            "bounce_transient",
        ),
        (event("email.complained"), DeliveryStatus.COMPLAINED, None),
        (event("email.failed", failed={"reason": "quota"}), DeliveryStatus.FAILED, "failed"),
        (event("email.suppressed", suppressed={}), DeliveryStatus.FAILED, "suppressed"),
    ],
)
async def test_events(body: bytes, status: DeliveryStatus, code: str | None) -> None:
    provider = RESEND.build("http://127.0.0.1:9", "http://127.0.0.1:9")
    signed = sign_svix(body, "", now_stamp())
    (receipt,) = await heard(provider, signed)
    assert isinstance(receipt, Receipt)
    assert (receipt.provider_message_id, receipt.status, receipt.code) == ("1", status, code)
    assert receipt.permanent is (code != "bounce_transient"), "a full mailbox is empty tomorrow"
    assert receipt.at == datetime(2026, 11, 23, 10, 0, 0, 500_000, UTC)
    await provider.aclose()


async def test_the_vendors_words_are_kept_without_the_address() -> None:
    provider = RESEND.build("http://127.0.0.1:9", "http://127.0.0.1:9")
    bounce = {"type": "Permanent", "message": "550 <ann@example.com>: no such user"}
    (receipt,) = provider.parse_webhook(
        event("email.bounced", to=["ann@example.com"], bounce=bounce)
    )
    assert isinstance(receipt, Receipt)
    assert (receipt.message, receipt.recipient) == ("550 <…>: no such user", "ann@example.com")
    await provider.aclose()


@pytest.mark.parametrize(
    ("body", "kind", "url"),
    [
        (event("email.opened"), EngagementKind.OPENED, None),
        (
            event("email.clicked", click={"link": "https://x.example/1"}),
            EngagementKind.CLICKED,
            "https://x.example/1",
        ),
        (event("email.clicked"), EngagementKind.CLICKED, None),
    ],
)
async def test_what_people_did(body: bytes, kind: EngagementKind, url: str | None) -> None:
    provider = RESEND.build("http://127.0.0.1:9", "http://127.0.0.1:9")
    at = datetime(2026, 11, 23, 10, 0, 0, 500_000, UTC)
    assert provider.parse_webhook(body) == (Engagement("1", kind, at, url),)
    await provider.aclose()


@pytest.mark.parametrize("kind", ["contact.created", "domain.updated", "email.received"])
async def test_events_about_something_else_hold_no_receipt(kind: str) -> None:
    provider = RESEND.build("http://127.0.0.1:9", "http://127.0.0.1:9")
    signed = sign_svix(json.dumps({"type": kind, "data": {}}).encode(), "", now_stamp())
    assert await heard(provider, signed) == ()
    await provider.aclose()


async def test_without_a_secret_no_callback_is_good(provider: ResendEmailProvider) -> None:
    signed = sign_svix(event("email.sent"), "", now_stamp())
    with pytest.raises(Unauthorized):
        await heard(provider, signed)


async def test_a_key_that_may_only_send_is_good(
    wire: WireServer, scripted: ResendEmailProvider
) -> None:
    wire.will_answer(401, refusal("restricted_api_key", 401))
    assert await scripted.validate_configuration() == ()
    nameless = build(wire.url, default_sender="nobody")
    (problem,) = await nameless.validate_configuration()
    assert problem.setting == "HERALD_EMAIL_FROM"
    await nameless.aclose()
