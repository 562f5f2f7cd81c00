"""Amazon SNS's entry."""

import base64
import functools
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from domain.content import RenderedMessage
from domain.enums import Channel
from domain.ports.providers import Recovery, Rejected
from providers.sms.sns import SnsSmsProvider
from sandbox.vendors.sns_webhooks import Signer
from tests.contract.vendors.common import (
    ASKED_NOTHING,
    CALLS_BACK,
    COMMON,
    PATIENCE,
    Ending,
    Signed,
    Vendor,
)

SNS_KEY_ID = "AKIACONTRACT00000000"
SNS_SECRET = "the contract's secret access key"
SNS_TOPIC = "arn:aws:sns:eu-central-1:000000000000:contract"
_SIGNED = ("Message", "MessageId", "Subject", "SubscribeURL", "Timestamp", "Token", "TopicArn")


def sns(url: str, public_url: str, timeout: timedelta = PATIENCE) -> SnsSmsProvider:
    return build(url, timeout=timeout)


def build(url: str | None, **changes: Any) -> SnsSmsProvider:
    whole: dict[str, Any] = {
        "access_key_id": SNS_KEY_ID,
        "secret_access_key": SNS_SECRET,
        "region": "eu-central-1",
        "endpoint_url": url,
        "sender": None,
        "topic_arns": (SNS_TOPIC,),
        "timeout": PATIENCE,
        **changes,
    }
    return SnsSmsProvider(**whole)


@functools.cache
def signing_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def signature(envelope: dict[str, Any], version: str, pem: str | None = None) -> str:
    """By this key, or by the contract's."""
    key = load_pem_private_key((pem or signing_key()).encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    names = [name for name in (*_SIGNED, "Type") if name in envelope]
    signed = "".join(f"{name}\n{envelope[name]}\n" for name in names)
    # Version 1 is SHA-1.
    algorithm = hashes.SHA256() if version == "2" else hashes.SHA1()
    return base64.b64encode(key.sign(signed.encode(), padding.PKCS1v15(), algorithm)).decode()


def sign_sns(body: bytes, url: str, timestamp: int, version: str = "2") -> Signed:
    """`body` is a whole message from SNS; its time and signature are made anew."""
    envelope = json.loads(body)
    at = datetime.fromtimestamp(timestamp, UTC)
    envelope["Timestamp"] = at.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    envelope["SignatureVersion"] = version
    envelope["Signature"] = signature(envelope, version)
    headers = {
        "Content-Type": "text/plain; charset=UTF-8",
        "X-Amz-Sns-Message-Type": envelope["Type"],
    }
    return Signed(headers, json.dumps(envelope).encode(), url)


def envelope(body: bytes, url: str) -> bytes:
    """A notification that says `body`, or a message of another type when it names one."""
    if b'"Type"' in body:
        whole = json.loads(body)
    else:
        whole = {"Type": "Notification", "Message": body.decode()}
    with_ids = {
        "MessageId": str(uuid4()),
        "TopicArn": SNS_TOPIC,
        "SigningCertURL": f"{url}/{Signer(signing_key()).file_name}",
        **whole,
    }
    return json.dumps(with_ids).encode()


def bend_body(signed: Signed) -> Iterator[Signed]:
    """SNS's signature is in the body."""
    told = json.loads(signed.body)
    forger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = forger.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    address = told["SigningCertURL"]
    changes: tuple[dict[str, Any], ...] = (
        {"Signature": None},
        {"Signature": "AAAA"},
        {"Signature": "not base64"},
        {"Signature": signature(told, told["SignatureVersion"], pem)},
        {"SignatureVersion": "2"},
        {"SignatureVersion": "3"},
        {"SigningCertURL": None},
        {"SigningCertURL": address.replace(".pem", "0.pem")},
        {"SigningCertURL": address.replace("127.0.0.1", "localhost")},
        {"Timestamp": "today"},
        {"Subject": "Hello"},
        {"TopicArn": SNS_TOPIC + "2"},
        {"Type": "Note"},
    )
    for change in changes:
        bent = {name: value for name, value in {**told, **change}.items() if value is not None}
        yield replace(signed, body=json.dumps(bent).encode())


def on_its_way(message_id: str, url: str) -> bytes:
    """AWS End User Messaging tells of a message before the delivery log does."""
    at = int(datetime.now(UTC).timestamp() * 1000)
    said = {"eventType": "TEXT_SENT", "messageId": message_id, "eventTimestamp": at}
    return envelope(json.dumps(said).encode(), url)


SNS = Vendor(
    name="sns",
    prefix="/sns",
    recovery=Recovery.NONE,
    build=sns,
    build_unknown=lambda url, public_url, token_url: build(url, access_key_id="AKIAUNKNOWN"),
    target=lambda: f"+491512{uuid4().int % 10**7:07}",
    refused_target="+4915",
    sign=sign_sns,
    bend=bend_body,
    word=b"SUCCESS",
    stale_after=3_700,
    envelope=envelope,
    earlier=on_its_way,
    nonsense=(
        b'{"notification": {}, "delivery": {}, "status": "SUCCESS"}',
        b'{"notification": {"messageId": "m"}, "delivery": {}, "status": "PERHAPS"}',
        b'{"notification": [], "delivery": [], "status": "SUCCESS"}',
        b'{"eventType": "TEXT_DELIVERED", "eventTimestamp": 1}',
        b'{"eventType": "TEXT_DELIVERED", "messageId": "m", "eventTimestamp": "noon"}',
        b'{"eventType": "TEXT_DELIVERED", "messageId": "m", "eventTimestamp": 1e30}',
        b'{"inboundMessageId": "m", "messageBody": "STOP"}',
        b'{"Type": "SubscriptionConfirmation", "Message": "?", "Token": "t",'
        b' "SubscribeURL": "https://sns.eu-central-1.amazonaws.com.example.org/"}',
    ),
    settings=("AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL_SNS"),
    changes={"channel": Channel.SMS, "message": RenderedMessage(text="Hi Ada & co + 1")},
    expected={
        **COMMON,
        **ASKED_NOTHING,
        **CALLS_BACK,
        "permanent_refusal": Ending(Rejected, "invalid_number"),
        # SNS has no keys and cannot be asked.
        "recovery": "none",
        "repeat": "another message",
        "track": None,
        "track_unknown": None,
        "track_unreachable": None,
        "configuration_bad": "AWS_ACCESS_KEY_ID",
    },
)
