"""Amazon SNS's signatures: good ones, forged ones, and addresses that are not SNS's."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509 import CertificateBuilder, Name, NameAttribute, random_serial_number
from cryptography.x509.oid import NameOID

from domain.errors import Unauthorized, Unavailable
from providers.sms.sns_signature import SnsSignatures
from tests.contract.vendors.common import PATIENCE, now_stamp
from tests.contract.vendors.sns import SNS_TOPIC, envelope, sign_sns, signing_key
from tests.contract.wire import WireServer

AWS = "https://sns.eu-central-1.amazonaws.com"
DAY = timedelta(days=1)
YEAR = 365 * DAY
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def own_key() -> rsa.RSAPrivateKey:
    key = load_pem_private_key(signing_key().encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


def certificate(key: Key, start: timedelta = -DAY, end: timedelta = YEAR) -> bytes:
    name = Name([NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    now = datetime.now(UTC)
    made = (
        CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(random_serial_number())
        .not_valid_before(now + start)
        .not_valid_after(now + end)
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(Encoding.PEM)


def message(url: str, age: int = 0, version: str = "2", **changes: Any) -> bytes:
    """A signed notification whose certificate is at `url`."""
    whole = json.loads(envelope(b"Hello", url)) | changes
    return sign_sns(json.dumps(whole).encode(), "", now_stamp() - age, version).body


@pytest.fixture
async def signatures(wire: WireServer) -> AsyncIterator[SnsSignatures]:
    """Of a local stand-in, which serves a good certificate."""
    wire.will_answer(200, certificate(own_key()), "application/x-pem-file")
    signatures = SnsSignatures(wire.url, (SNS_TOPIC,), PATIENCE)
    yield signatures
    await signatures.aclose()


CONFIRMATION = {"Type": "SubscriptionConfirmation", "Token": "t", "SubscribeURL": AWS}


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"Subject": "News"},
        {"Message": "Line one\nline two äжλ😀"},
        CONFIRMATION,
        {**CONFIRMATION, "Type": "UnsubscribeConfirmation"},
        {"UnsubscribeURL": "https://example.org/not/signed"},
    ],
)
async def test_good_ones(
    wire: WireServer, signatures: SnsSignatures, version: str, changes: dict[str, Any]
) -> None:
    await signatures.verify(message(wire.url, version=version, **changes))


async def test_a_certificate_is_fetched_once(wire: WireServer, signatures: SnsSignatures) -> None:
    for _ in range(3):
        await signatures.verify(message(wire.url))
    assert len(wire.seen) == 1


@pytest.mark.parametrize("field", ["Message", "MessageId", "Timestamp", "TopicArn", "Subject"])
async def test_what_was_signed_cannot_change(
    wire: WireServer, signatures: SnsSignatures, field: str
) -> None:
    told = json.loads(message(wire.url, Subject="News"))
    value = told[field]
    for other in (value + " ", value.replace(":", ";"), "", None, 7, [value]):
        if other == value:
            continue
        with pytest.raises(Unauthorized):
            await signatures.verify(json.dumps({**told, field: other}).encode())


@pytest.mark.parametrize(
    ("age", "good"), [(0, True), (3_500, True), (3_700, False), (-200, True), (-400, False)]
)
async def test_age(wire: WireServer, signatures: SnsSignatures, age: int, good: bool) -> None:
    if good:
        await signatures.verify(message(wire.url, age))
        return
    with pytest.raises(Unauthorized) as caught:
        await signatures.verify(message(wire.url, age))
    assert caught.value.code == "stale_webhook"
    assert wire.seen == []


@pytest.mark.parametrize(
    "url",
    [
        "http://sns.eu-central-1.amazonaws.com",
        "https://sns.eu-central-1.amazonaws.com.example.org",
        "https://sns.eu-central-1.amazonaws.org",
        "https://example.org/sns.eu-central-1.amazonaws.com",
        "https://sns.eu-central-1.amazonaws.com@example.org",
        "https://sns.eu-central-1.amazonaws.com:8443",
        "https://user@sns.eu-central-1.amazonaws.com",
        "https://sns.amazonaws.com",
        "https://sns.s3.amazonaws.com",
        "https://sns.s3-eu-west-1.amazonaws.com",
        "https://mysns.eu-central-1.amazonaws.com",
        "https://sqs.eu-central-1.amazonaws.com",
        "https://snsxeu-central-1.amazonaws.com",
        "http://localhost:1",
        "https://[x",
        "file:///etc",
        "",
    ],
)
async def test_certificates_of_others_are_not_fetched(url: str) -> None:
    asked: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, content=certificate(own_key()))

    transport = httpx.MockTransport(answer)
    for endpoint in (None, "http://127.0.0.1:9/sns", "https://sns.example.org"):
        signatures = SnsSignatures(endpoint, (SNS_TOPIC,), PATIENCE, transport)
        with pytest.raises(Unauthorized):
            await signatures.verify(message(url))
        assert not signatures.is_vendors(url)
        await signatures.aclose()
    assert asked == []


@pytest.mark.parametrize(
    "name", ["key.pem", "SimpleNotificationService-1", "SimpleNotificationService-1.pem.txt", ""]
)
async def test_only_certificates_are_fetched(
    wire: WireServer, signatures: SnsSignatures, name: str
) -> None:
    with pytest.raises(Unauthorized):
        await signatures.verify(message(wire.url, SigningCertURL=f"{wire.url}/{name}"))
    assert wire.seen == []


@pytest.mark.parametrize(
    "host",
    [
        "sns.eu-central-1.amazonaws.com",
        "sns.us-gov-west-1.amazonaws.com",
        "sns.ap-southeast-5.amazonaws.com",
        "sns.cn-north-1.amazonaws.com.cn",
    ],
)
async def test_awss_own_addresses(host: str) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.url.host == host
        return httpx.Response(200, content=certificate(own_key()))

    signatures = SnsSignatures(None, (SNS_TOPIC,), PATIENCE, httpx.MockTransport(answer))
    await signatures.verify(message(f"https://{host}"))
    await signatures.aclose()


async def test_a_stand_in_elsewhere_has_no_certificates_of_its_own(wire: WireServer) -> None:
    """What is not on this machine is not believed for having the right address."""
    wire.will_answer(200, certificate(own_key()))
    for endpoint in (None, "https://sns.example.org"):
        signatures = SnsSignatures(endpoint, (SNS_TOPIC,), PATIENCE)
        with pytest.raises(Unauthorized):
            await signatures.verify(message(wire.url))
        await signatures.aclose()
    assert wire.seen == []


@pytest.mark.parametrize(
    ("local", "named", "code"),
    [
        (False, False, "webhook_not_configured"),
        (False, True, "unknown_topic"),
        (True, True, "unknown_topic"),
        (True, False, None),
    ],
)
async def test_topics(wire: WireServer, local: bool, named: bool, code: str | None) -> None:
    """SNS signs for everybody: a signature does not say whose topic it is."""
    wire.will_answer(200, certificate(own_key()))
    topics = ("arn:aws:sns:eu-central-1:000000000000:another",) if named else ()
    signatures = SnsSignatures(wire.url if local else None, topics, PATIENCE)
    if code is None:
        await signatures.verify(message(wire.url))
    else:
        with pytest.raises(Unauthorized) as caught:
            await signatures.verify(message(wire.url))
        assert caught.value.code == code
    await signatures.aclose()


@pytest.mark.parametrize(
    "pem",
    [
        certificate(own_key(), -2 * YEAR, -DAY),
        certificate(own_key(), DAY, YEAR),
        certificate(ec.generate_private_key(ec.SECP256R1())),
        certificate(rsa.generate_private_key(public_exponent=65537, key_size=2048)),
        b"",
        b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        b"<html>",
    ],
    ids=["expired", "not yet", "elliptic", "another key", "nothing", "nonsense", "page"],
)
async def test_certificates(wire: WireServer, signatures: SnsSignatures, pem: bytes) -> None:
    wire.will_answer(200, pem)
    with pytest.raises(Unauthorized):
        await signatures.verify(message(wire.url))


@pytest.mark.parametrize(
    ("status", "error"),
    [(404, Unauthorized), (302, Unauthorized), (500, Unavailable), (429, Unavailable)],
)
async def test_a_certificate_that_cannot_be_had(
    wire: WireServer, signatures: SnsSignatures, status: int, error: type[Exception]
) -> None:
    """SNS sends again what was answered with an error of ours."""
    wire.will_answer(status, location=f"{wire.url}/elsewhere")
    with pytest.raises(error):
        await signatures.verify(message(wire.url))
    assert len(wire.seen) == 1
    wire.will_answer(200, certificate(own_key()))
    await signatures.verify(message(wire.url))


async def test_a_deaf_address_says_nothing_about_the_message(signatures: SnsSignatures) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectTimeout("no answer", request=request)

    deaf = SnsSignatures(None, (SNS_TOPIC,), PATIENCE, httpx.MockTransport(answer))
    with pytest.raises(Unavailable):
        await deaf.verify(message(AWS))
    await deaf.aclose()
