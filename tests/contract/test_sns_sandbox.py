"""SMS through SNS and its stand-in: what a message says of itself, and what comes back."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from domain.callbacks import Confirmation, Receipt, Reply
from domain.content import RenderedMessage
from domain.enums import Category, DeliveryStatus
from domain.errors import Invalid, Unavailable
from domain.ports.providers import Accepted, ConfirmsSubscriptions, OutboundMessage
from providers.sms.sns import SnsSmsProvider
from tests.contract.cases_asking import heard
from tests.contract.vendors.common import Signed
from tests.contract.vendors.sns import SNS, SNS_TOPIC, build
from tests.contract.wire import WireServer, deaf_address
from tests.unit.sandbox.support import Receiver, SandboxProcess


@pytest.fixture
async def provider(sandbox: SandboxProcess) -> AsyncIterator[SnsSmsProvider]:
    provider = build(sandbox.url + "/sns")
    yield provider
    await provider.aclose()


async def attributes(
    provider: SnsSmsProvider, sandbox: SandboxProcess, message: OutboundMessage
) -> dict[str, str]:
    assert isinstance(await provider.send(message), Accepted)
    (taken,) = sandbox.messages(provider="sns", to=message.target)
    sent = taken["payload"]["MessageAttributes"]
    assert all(entry["DataType"] == "String" for entry in sent.values())
    return {name: entry["StringValue"] for name, entry in sent.items()}


async def test_a_number_is_sent_in_its_bare_form(
    provider: SnsSmsProvider, sandbox: SandboxProcess
) -> None:
    bare = SNS.target()
    text = "Grüße & co + 1 ж" * 10
    message = SNS.message(
        target=f"{bare[:3]} (0) {bare[3:7]}-{bare[7:]}", message=RenderedMessage(text=text)
    )
    outcome = await provider.send(message)
    (taken,) = sandbox.messages(provider="sns", to=bare)
    assert outcome == Accepted(taken["id"], segments=3)
    assert (taken["text"], taken["payload"]["PhoneNumber"]) == (text, bare)


@pytest.mark.parametrize(
    ("category", "kind"),
    [
        (Category.SECURITY, "Transactional"),
        (Category.TRANSACTIONAL, "Transactional"),
        (Category.APPLICATIONS, "Transactional"),
        (Category.JOBS, "Promotional"),
        (Category.MESSAGES, "Promotional"),
        (Category.MARKETING, "Promotional"),
    ],
)
async def test_the_category_decides_the_type(
    provider: SnsSmsProvider, sandbox: SandboxProcess, category: Category, kind: str
) -> None:
    sent = await attributes(provider, sandbox, SNS.message(category=category))
    assert sent == {"AWS.SNS.SMS.SMSType": kind}


@pytest.mark.parametrize(
    ("configured", "asked", "sent"),
    [
        (None, None, {}),
        ("Herald", None, {"AWS.SNS.SMS.SenderID": "Herald"}),
        ("Herald", "JobFinders", {"AWS.SNS.SMS.SenderID": "JobFinders"}),
        ("Herald", "+15005550006", {"AWS.MM.SMS.OriginationNumber": "+15005550006"}),
        ("12345", None, {"AWS.MM.SMS.OriginationNumber": "12345"}),
        ("Herald", "MG" + "0b" * 16, {"AWS.SNS.SMS.SenderID": "Herald"}),
        ("Herald", "Job Finders", {"AWS.SNS.SMS.SenderID": "Herald"}),
        (None, "MG" + "0b" * 16, {}),
    ],
)
async def test_senders(
    sandbox: SandboxProcess, configured: str | None, asked: str | None, sent: dict[str, str]
) -> None:
    provider = build(sandbox.url + "/sns", sender=configured)
    made = await attributes(provider, sandbox, SNS.message(sender=asked))
    assert made == {"AWS.SNS.SMS.SMSType": "Promotional", **sent}
    await provider.aclose()


@pytest.mark.parametrize(
    ("url", "changes", "setting"),
    [
        ("sandbox", {"secret_access_key": "wrong"}, "AWS_SECRET_ACCESS_KEY"),
        ("sandbox", {"access_key_id": "AKIAWRONG"}, "AWS_ACCESS_KEY_ID"),
        ("nowhere", {}, "AWS_ENDPOINT_URL_SNS"),
        ("not an address", {}, "AWS_ENDPOINT_URL_SNS"),
        (None, {"region": "not a region"}, "AWS_REGION"),
    ],
)
async def test_settings_are_blamed_by_name(
    sandbox: SandboxProcess, url: str | None, changes: dict[str, Any], setting: str
) -> None:
    known = {"sandbox": sandbox.url + "/sns", "nowhere": sandbox.url + "/nowhere"}
    provider = build(known.get(url, url) if url else None, **changes)
    (problem,) = await provider.validate_configuration()
    assert problem.setting == setting
    assert problem.detail
    await provider.aclose()


def last_call(receiver: Receiver) -> Signed:
    call = receiver.requests[-1]
    return Signed(call.headers, call.body.encode(), receiver.url + call.path)


async def sent(provider: SnsSmsProvider, message: OutboundMessage) -> str:
    outcome = await provider.send(message)
    assert isinstance(outcome, Accepted)
    return outcome.provider_message_id


async def test_a_subscription_is_confirmed(
    provider: SnsSmsProvider, sandbox: SandboxProcess, receiver: Receiver
) -> None:
    assert isinstance(provider, ConfirmsSubscriptions)
    message_id = await sent(provider, SNS.message())
    assert sandbox.callback("sns", message_id, "subscribe").status_code == 200
    (confirmation,) = await heard(provider, last_call(receiver))
    assert isinstance(confirmation, Confirmation)
    client = await provider._open()
    before = (await client.list_subscriptions())["Subscriptions"][-1]
    assert before["SubscriptionArn"] == "PendingConfirmation"
    await provider.confirm(confirmation)
    after = (await client.list_subscriptions())["Subscriptions"][-1]
    assert after["SubscriptionArn"].startswith(SNS_TOPIC + ":")
    assert after["Endpoint"] == receiver.url + "/api/webhooks/sns"
    await provider.confirm(confirmation)
    with pytest.raises(Invalid):
        await provider.confirm(Confirmation(confirmation.url[:-4]))


async def test_only_snss_own_address_is_visited_to_confirm(
    wire: WireServer, provider: SnsSmsProvider
) -> None:
    wire.will_answer(200)
    with pytest.raises(Invalid):
        await provider.confirm(Confirmation(wire.url + "/?Action=ConfirmSubscription"))
    assert wire.seen == []


async def test_a_confirmation_nobody_answers_is_tried_again() -> None:
    with deaf_address() as url:
        provider = build(url)
        with pytest.raises(Unavailable):
            await provider.confirm(Confirmation(url + "/?Action=ConfirmSubscription"))
        await provider.aclose()


async def test_a_stop_in_reply_silences_the_number(
    provider: SnsSmsProvider, sandbox: SandboxProcess, receiver: Receiver
) -> None:
    """SNS takes messages for such a number all the same, and tells by its receipts."""
    message = SNS.message(sender="+15005550007")
    sandbox.callback("sns", await sent(provider, message), "reply", text="Stop")
    (reply,) = await heard(provider, last_call(receiver))
    assert isinstance(reply, Reply)
    assert (reply.sender, reply.recipient) == (message.target, "+15005550007")
    assert (reply.text, reply.keyword) == ("Stop", "STOP")
    second = await sent(provider, message)
    assert sandbox.callback("sns", second, "delivered").status_code == 422
    sandbox.callback("sns", second, "failed")
    (receipt,) = await heard(provider, last_call(receiver))
    assert isinstance(receipt, Receipt)
    assert (receipt.provider_message_id, receipt.code) == (second, "opted_out")
    assert (receipt.recipient, receipt.permanent) == (message.target, True)
    assert receipt.message == "… is opted out"


@pytest.mark.parametrize(
    ("event", "text", "status", "code", "permanent"),
    [
        ("delivered", "TEXT_DELIVERED", DeliveryStatus.DELIVERED, None, True),
        ("failed", None, DeliveryStatus.FAILED, "invalid_number", True),
        ("failed", "Phone has blocked SMS", DeliveryStatus.FAILED, "blocked_by_phone", True),
        ("undelivered", None, DeliveryStatus.FAILED, "carrier_unreachable", False),
        ("undelivered", "TEXT_BLOCKED", DeliveryStatus.FAILED, "blocked_by_phone", True),
    ],
)
async def test_receipts_through_the_sandbox(
    provider: SnsSmsProvider,
    sandbox: SandboxProcess,
    receiver: Receiver,
    event: str,
    text: str | None,
    status: DeliveryStatus,
    code: str | None,
    permanent: bool,
) -> None:
    message = SNS.message()
    message_id = await sent(provider, message)
    facts = {"text": text} if text else {}
    assert sandbox.callback("sns", message_id, event, **facts).status_code == 200
    (receipt,) = await heard(provider, last_call(receiver))
    assert isinstance(receipt, Receipt)
    assert (receipt.provider_message_id, receipt.status) == (message_id, status)
    assert (receipt.code, receipt.permanent) == (code, permanent)
    assert receipt.recipient == message.target
