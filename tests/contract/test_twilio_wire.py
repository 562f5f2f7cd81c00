"""SMS through Twilio: what goes over the wire, Twilio's error codes, and asking for a message."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from domain.content import RenderedMessage
from domain.enums import DeliveryStatus
from domain.ports.providers import Accepted, Found, Rejected, Retry
from providers.sms.twilio import TwilioSmsProvider
from tests.contract.vendors.common import PATIENCE
from tests.contract.vendors.twilio import TWILIO, TWILIO_ACCOUNT, TWILIO_TOKEN
from tests.contract.wire import WireServer, answer
from tests.unit.sandbox.support import Receiver, SandboxProcess

SERVICE = "MG" + "0b" * 16
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def build(url: str, sender: str = "+15005550006", public_url: str | None = None) -> Any:
    return TwilioSmsProvider(
        account_sid=TWILIO_ACCOUNT,
        auth_token=TWILIO_TOKEN,
        api_url=url,
        sender=sender,
        public_url=public_url,
        timeout=PATIENCE,
    )


@pytest.fixture
async def provider(sandbox: SandboxProcess, receiver: Receiver) -> AsyncIterator[TwilioSmsProvider]:
    provider = build(sandbox.url + "/twilio", public_url=receiver.url + "/")
    yield provider
    await provider.aclose()


@pytest.fixture
async def scripted(wire: WireServer) -> AsyncIterator[TwilioSmsProvider]:
    provider = build(wire.url)
    yield provider
    await provider.aclose()


async def test_a_number_is_sent_in_its_bare_form(
    provider: TwilioSmsProvider, sandbox: SandboxProcess, receiver: Receiver
) -> None:
    bare = TWILIO.target()
    message = TWILIO.message(
        target=f"{bare[:3]} (0) {bare[3:7]}-{bare[7:]}", time_to_live=timedelta(minutes=5)
    )
    assert await provider.send(message) == Accepted(
        sandbox.messages(provider="twilio", to=bare)[0]["id"], segments=1
    )
    (taken,) = sandbox.messages(provider="twilio", to=bare)
    assert taken["payload"] == {
        "To": bare,
        "From": "+15005550006",
        "Body": "Hi Ada & co + 1",
        "StatusCallback": f"{receiver.url}/api/webhooks/twilio",
        "ValidityPeriod": "300",
    }
    assert await provider.find(message) == (Found(taken["id"]),)


async def test_senders(sandbox: SandboxProcess) -> None:
    provider = build(sandbox.url + "/twilio", sender=SERVICE)
    by_service, by_name = TWILIO.message(), TWILIO.message(sender="JobFinders")
    assert isinstance(await provider.send(by_service), Accepted)
    assert isinstance(await provider.send(by_name), Accepted)
    (first,) = sandbox.messages(provider="twilio", to=by_service.target)
    (second,) = sandbox.messages(provider="twilio", to=by_name.target)
    assert first["payload"]["MessagingServiceSid"] == SERVICE
    assert "From" not in first["payload"]
    assert second["payload"]["From"] == "JobFinders"
    await provider.aclose()


async def test_segments_are_counted_by_the_vendor(provider: TwilioSmsProvider) -> None:
    outcome = await provider.send(TWILIO.message(message=RenderedMessage(text="ж" * 100)))
    assert isinstance(outcome, Accepted)
    assert outcome.segments == 2


async def test_connections_are_kept(wire: WireServer, scripted: TwilioSmsProvider) -> None:
    wire.will_answer(201, b'{"sid": "SM1", "num_segments": "1"}')
    for _ in range(5):
        assert await scripted.send(TWILIO.message()) == Accepted("SM1", segments=1)
    assert (len(wire.seen), wire.connections) == (5, 1)


@pytest.mark.parametrize(
    ("target", "code"),
    [
        ("+15005550001", "invalid_number"),
        ("+15005550002", "unreachable_number"),
        ("+15005550003", "region_not_permitted"),
        ("+15005550004", "opted_out"),
        ("+15005550009", "not_a_mobile_number"),
    ],
)
async def test_refused_numbers(provider: TwilioSmsProvider, target: str, code: str) -> None:
    outcome = await provider.send(TWILIO.message(target=target))
    assert isinstance(outcome, Rejected)
    assert (outcome.code, outcome.target_gone) == (code, False)


async def test_an_unknown_refusal_names_its_code(
    wire: WireServer, scripted: TwilioSmsProvider
) -> None:
    wire.will_answer(400, b'{"code": 21999, "message": "No.", "status": 400}')
    outcome = await scripted.send(TWILIO.message())
    assert isinstance(outcome, Rejected)
    assert outcome.code == "twilio_21999"


@pytest.mark.parametrize("sender", ["+15005550001", "+15005550007"])
async def test_a_sender_that_cannot_send_is_no_fault_of_the_message(
    provider: TwilioSmsProvider, sender: str
) -> None:
    outcome = await provider.send(TWILIO.message(sender=sender))
    assert isinstance(outcome, Retry)
    assert (outcome.code, outcome.fail_over) == ("bad_configuration", True)


async def test_a_full_queue_is_tried_later(provider: TwilioSmsProvider) -> None:
    outcome = await provider.send(TWILIO.message(sender="+15005550008"))
    assert isinstance(outcome, Retry)
    assert outcome.code == "rate_limited"


async def test_problem_details_are_understood(
    wire: WireServer, scripted: TwilioSmsProvider
) -> None:
    """Newer Twilio services refuse in RFC 9457's shape, for which the SDK has another error."""
    problem = {"type": "https://x", "title": "Opted out", "status": 400, "code": 21610}
    wire.will_answer(400, json.dumps(problem).encode())
    outcome = await scripted.send(TWILIO.message())
    assert isinstance(outcome, Rejected)
    assert outcome.code == "opted_out"


@pytest.mark.parametrize(
    ("api_url", "public_url", "callback"),
    [
        ("https://api.twilio.com", "http://127.0.0.1:8000", False),
        ("https://api.twilio.com", "http://localhost:8000", False),
        ("https://api.twilio.com", "https://herald.example", True),
        ("http://127.0.0.1:9/twilio", "http://127.0.0.1:8000", True),
        ("http://127.0.0.1:9/twilio", None, False),
    ],
)
def test_a_callback_is_asked_for_where_it_can_arrive(
    api_url: str, public_url: str | None, callback: bool
) -> None:
    sms = build(api_url, public_url=public_url)._sms(TWILIO.message())
    assert sms.get("status_callback") == (f"{public_url}/api/webhooks/twilio" if callback else None)


def record(sid: str, created: datetime, *, sent: datetime | None, body: str = "Hi") -> Any:
    return {
        "sid": sid,
        "body": body,
        "status": "sent" if sent else "queued",
        "date_created": format_datetime(created),
        "date_sent": format_datetime(sent) if sent else None,
    }


def page(records: list[Any], more: str | None = None) -> bytes:
    whole = {"messages": records, "next_page_uri": more, "page": 0, "page_size": 100, "uri": "/"}
    return answer(200, json.dumps(whole).encode())


async def test_asking_looks_from_the_day_of_the_first_try(
    wire: WireServer, scripted: TwilioSmsProvider
) -> None:
    """What is still queued has no time of sending; what was sent the day before ends the search."""
    hour = timedelta(hours=1)
    more = f"/2010-04-01/Accounts/{TWILIO_ACCOUNT}/Messages.json?To=%2B4915112345678&Page=1"
    wire.answers = [
        page(
            [
                record("SM5", NOON + 25 * hour, sent=None),
                record("SM4", NOON + 24 * hour, sent=NOON + 24 * hour),
                record("SM3", NOON + hour, sent=NOON + hour, body="Other"),
            ],
            more,
        ),
        page(
            [
                record("SM2", NOON - 11 * hour, sent=NOON - 11 * hour),
                record("SM1", NOON - 13 * hour, sent=NOON - 11 * hour),
                record("SM0", NOON - 13 * hour, sent=NOON - 13 * hour),
            ],
            more,
        ),
    ]
    message = TWILIO.message(
        target="+4915112345678", message=RenderedMessage(text="Hi "), first_tried_at=NOON
    )
    assert await scripted.find(message) == (Found("SM2"), Found("SM4"), Found("SM5"))
    first, second = wire.seen
    assert parse_qs(urlsplit(first.path).query)["To"] == ["+4915112345678"]
    assert parse_qs(urlsplit(second.path).query) == {"To": ["+4915112345678"], "Page": ["1"]}


async def test_a_list_without_end_is_no_answer(
    wire: WireServer, scripted: TwilioSmsProvider
) -> None:
    wire.answers = [
        page([record(f"SM{n}", NOON, sent=None) for n in range(100)], "/2010-04-01/x.json?Page=1")
    ]
    assert await scripted.find(TWILIO.message(first_tried_at=NOON)) is None
    assert len(wire.seen) == 21


async def test_a_found_message_that_failed_says_so(
    wire: WireServer, scripted: TwilioSmsProvider
) -> None:
    wire.answers = [page([{**record("SM1", NOON, sent=NOON), "status": "undelivered"}])]
    message = TWILIO.message(message=RenderedMessage(text="Hi"), first_tried_at=NOON)
    assert await scripted.find(message) == (Found("SM1", DeliveryStatus.FAILED),)


async def test_tracking_says_why(provider: TwilioSmsProvider, sandbox: SandboxProcess) -> None:
    outcome = await provider.send(TWILIO.message())
    assert isinstance(outcome, Accepted)
    sandbox.callback("twilio", outcome.provider_message_id, "undelivered")
    receipt = await provider.track(outcome.provider_message_id)
    assert receipt is not None
    assert (receipt.status, receipt.code) == (DeliveryStatus.FAILED, "30003")
    assert receipt.message == "Unreachable destination handset"
