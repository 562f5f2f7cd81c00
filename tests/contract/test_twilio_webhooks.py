"""What Twilio calls back with: receipts, what people text back, and both of its signatures."""

import base64
import hmac
from datetime import UTC, datetime
from hashlib import sha256
from urllib.parse import parse_qsl, urlencode

import pytest

from domain.callbacks import Receipt, Reply
from domain.enums import DeliveryStatus
from domain.errors import Invalid, Unauthorized
from domain.ports.providers import Accepted, Rejected
from providers.sms.twilio import TwilioSmsProvider
from tests.contract.cases_asking import heard
from tests.contract.test_twilio_wire import build
from tests.contract.vendors.common import PATIENCE, Signed, now_stamp
from tests.contract.vendors.twilio import (
    TWILIO,
    TWILIO_ACCOUNT,
    TWILIO_SENDER,
    TWILIO_TOKEN,
    sign_twilio,
)
from tests.unit.sandbox.support import Receiver, SandboxProcess


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ({"MessageSid": "SM1", "MessageStatus": "sent"}, (DeliveryStatus.SENT, None)),
        (
            {"MessageSid": "SM1", "MessageStatus": "undelivered", "ErrorCode": "30003"},
            (DeliveryStatus.FAILED, "30003"),
        ),
        ({"SmsSid": "SM1", "SmsStatus": "delivered"}, (DeliveryStatus.DELIVERED, None)),
        ({"MessageSid": "SM1", "MessageStatus": "something_new"}, None),
    ],
)
async def test_receipts(
    form: dict[str, str],
    expected: tuple[DeliveryStatus, str | None] | None,
) -> None:
    body = urlencode(form).encode()
    assert dict(parse_qsl(body.decode())) == form
    signed = sign_twilio(body, "https://herald.example/api/webhooks/twilio", now_stamp())
    receipts = await heard(build("http://127.0.0.1:9"), signed)
    assert [(r.status, r.code) for r in receipts if isinstance(r, Receipt)] == (
        [expected] if expected else []
    )


@pytest.mark.parametrize(
    ("code", "permanent"),
    [
        ("30003", False),
        ("30004", False),
        ("30005", True),
        ("30006", True),
        ("30007", False),
        ("30008", False),
        ("21610", True),
        (None, False),
    ],
)
def test_only_a_number_that_takes_nothing_more_fails_for_good(
    code: str | None, permanent: bool
) -> None:
    form = {"MessageSid": "SM1", "MessageStatus": "undelivered", "To": "+4915112345678"}
    whole = form | ({"ErrorCode": code} if code else {})
    (receipt,) = build("http://127.0.0.1:9").parse_webhook(urlencode(whole).encode())
    assert (receipt.code, receipt.permanent) == (code, permanent)
    assert receipt.recipient == "+4915112345678"


INBOUND = {
    "MessageSid": "SM1",
    "SmsSid": "SM1",
    "From": "+4915112345678",
    "To": "+15005550006",
    "Body": "Abbestellen",
    "SmsStatus": "received",
}


@pytest.mark.parametrize(
    ("change", "text", "keyword"),
    [
        ({}, "Abbestellen", None),
        ({"OptOutType": "STOP"}, "Abbestellen", "STOP"),
        ({"OptOutType": "HELP", "Body": "Info"}, "Info", "HELP"),
        ({"OptOutType": ""}, "Abbestellen", None),
        ({"Body": ""}, "", None),
        ({"SmsStatus": "receiving"}, "Abbestellen", None),
    ],
)
def test_what_people_text_back(change: dict[str, str], text: str, keyword: str | None) -> None:
    """An inbound message has a status as a receipt has: `received`."""
    body = urlencode({**INBOUND, **change}).encode()
    before = datetime.now(UTC)
    (reply,) = build("http://127.0.0.1:9").parse_webhook(body)
    assert reply == Reply("SM1", "+4915112345678", "+15005550006", text, reply.at, keyword)
    assert before <= reply.at <= datetime.now(UTC)


@pytest.mark.parametrize("missing", ["From", "To", "Body", "MessageSid"])
def test_an_inbound_message_without_its_parts_is_refused(missing: str) -> None:
    form = {name: value for name, value in INBOUND.items() if name not in (missing, "SmsSid")}
    with pytest.raises(Invalid):
        build("http://127.0.0.1:9").parse_webhook(urlencode(form).encode())


async def test_a_reply_through_the_sandbox(sandbox: SandboxProcess, receiver: Receiver) -> None:
    provider = build(sandbox.url + "/twilio")
    message = TWILIO.message()
    taken = await provider.send(message)
    assert isinstance(taken, Accepted)
    sandbox.callback("twilio", taken.provider_message_id, "reply", text="Stop")
    call = receiver.requests[-1]
    signed = Signed(call.headers, call.body.encode(), receiver.url + call.path)
    (reply,) = await heard(provider, signed)
    assert isinstance(reply, Reply)
    assert (reply.sender, reply.recipient) == (message.target, "+15005550006")
    assert (reply.text, reply.keyword) == ("Stop", "STOP")
    again = await provider.send(message)
    assert isinstance(again, Rejected)
    assert again.code == "opted_out"
    await provider.aclose()


SETTINGS = "X-Twilio-Webhooks-Signature-Settings"


SHARED_KEY = "a-shared-key-of-the-account"


def hearing(*secrets: str) -> TwilioSmsProvider:
    return TwilioSmsProvider(
        account_sid=TWILIO_ACCOUNT,
        auth_token=TWILIO_TOKEN,
        api_url="http://127.0.0.1:9",
        sender=TWILIO_SENDER,
        public_url=None,
        timeout=PATIENCE,
        webhook_secrets=secrets,
    )


def sign_newly(body: bytes, url: str, key: str = SHARED_KEY) -> Signed:
    """By the newer of Twilio's two ways: with a SharedKey, as a header says."""
    pairs = sorted(parse_qsl(body.decode()))
    signed = url + "".join(name + value for name, value in pairs)
    stamp = base64.b64encode(hmac.new(key.encode(), signed.encode(), sha256).digest())
    settings = "key=webhooks_sharedkey_1,algorithm=HMAC_SHA256"
    return Signed({"X-Twilio-Signature": stamp.decode(), SETTINGS: settings}, body, url)


URL = "https://herald.example/api/webhooks/twilio"


def forgeries(signed: Signed) -> list[Signed]:
    stamp = signed.headers["X-Twilio-Signature"]
    return [
        Signed(signed.headers, signed.body.replace(b"delivered", b"failed"), signed.url),
        Signed(signed.headers, signed.body + b"&ErrorCode=30005", signed.url),
        Signed(signed.headers, signed.body, signed.url + "/other"),
        Signed(
            {**signed.headers, "X-Twilio-Signature": stamp[:-4] + "AAA="}, signed.body, signed.url
        ),
        Signed({**signed.headers, SETTINGS: "algorithm=NONE"}, signed.body, signed.url),
    ]


@pytest.mark.parametrize("newly", [False, True])
async def test_both_of_the_signatures_algorithms(newly: bool) -> None:
    provider = hearing(SHARED_KEY)
    body = urlencode({"MessageSid": "SM1", "MessageStatus": "delivered"}).encode()
    url = URL
    signed = sign_newly(body, url) if newly else sign_twilio(body, url, now_stamp())
    (receipt,) = await heard(provider, signed)
    assert isinstance(receipt, Receipt)
    assert receipt.status is DeliveryStatus.DELIVERED
    stamp = {"X-Twilio-Signature": signed.headers["X-Twilio-Signature"]}
    swapped = stamp if newly else {**stamp, SETTINGS: "algorithm=HMAC_SHA256"}
    for forged in [*forgeries(signed), Signed(swapped, body, url), Signed({}, body, url)]:
        with pytest.raises(Unauthorized):
            await provider.verify_webhook(forged.headers, forged.body, forged.url)
    await provider.aclose()


async def test_a_shared_key_is_a_key_of_its_own_and_may_be_replaced() -> None:
    """The account's token does not sign what a header says a SharedKey signed."""
    body = urlencode({"MessageSid": "SM1", "MessageStatus": "delivered"}).encode()
    by_key, by_token = sign_newly(body, URL), sign_newly(body, URL, TWILIO_TOKEN)
    for secrets, signed, code in (
        ((), by_key, "webhook_not_configured"),
        ((), by_token, "webhook_not_configured"),
        ((SHARED_KEY,), by_token, "bad_signature"),
        (("the-next-key",), by_key, "bad_signature"),
    ):
        with pytest.raises(Unauthorized) as refused:
            await hearing(*secrets).verify_webhook(signed.headers, signed.body, signed.url)
        assert refused.value.code == code
    await hearing("the-next-key", SHARED_KEY).verify_webhook(by_key.headers, body, URL)


def test_the_vendors_words_are_kept_without_the_number() -> None:
    number = "+4915112345678"
    form = {"MessageSid": "SM1", "MessageStatus": "failed", "To": number, "ErrorCode": "30005"}
    body = urlencode({**form, "ErrorMessage": f"{number} is unknown"}).encode()
    (receipt,) = hearing().parse_webhook(body)
    assert isinstance(receipt, Receipt)
    assert (receipt.message, receipt.recipient) == ("… is unknown", number)
