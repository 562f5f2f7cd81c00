"""What Amazon SNS sends to its subscribers: envelope, signature, and what it says of an SMS."""

import base64
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cached_property
from hashlib import sha256
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import orjson
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509 import CertificateBuilder, Name, NameAttribute, random_serial_number
from cryptography.x509.oid import NameOID

from sandbox.messages import Message
from sandbox.segments import count_segments
from sandbox.vendors.sns_rules import opt_out_word

_NUMBER = "+15005550006"
_LIFE = timedelta(days=365)
_RESPONSES = {
    "delivered": "Message has been accepted by phone",
    "failed": "Invalid phone number",
}
_EVENTS = {
    "TEXT_BLOCKED": "Message has been blocked by phone",
    "TEXT_CARRIER_BLOCKED": "Message has been blocked by phone carrier",
    "TEXT_CARRIER_UNREACHABLE": "Phone carrier is currently unreachable",
    "TEXT_DELIVERED": "Message has been accepted by phone",
    "TEXT_INVALID": "Phone number is invalid",
    "TEXT_PENDING": "Message is being delivered",
    "TEXT_SUCCESSFUL": "Message has been accepted by phone carrier",
    "TEXT_UNREACHABLE": "Phone is currently unreachable",
}


class Signer:
    """One key with its self-signed certificate. Raises ValueError for a PEM that holds no RSA key;
    without one it makes a key when it is first needed."""

    def __init__(self, pem: str | None) -> None:
        self._given: rsa.RSAPrivateKey | None = None
        if pem is not None:
            key = load_pem_private_key(pem.encode(), password=None)
            if not isinstance(key, rsa.RSAPrivateKey):
                raise ValueError("SNS's signing key is no RSA key")
            self._given = key

    @cached_property
    def _key(self) -> rsa.RSAPrivateKey:
        return self._given or rsa.generate_private_key(public_exponent=65537, key_size=2048)

    @cached_property
    def certificate(self) -> bytes:
        """PEM."""
        name = Name([NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
        now = datetime.now().astimezone()
        made = (
            CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(self._key.public_key())
            .serial_number(random_serial_number())
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + _LIFE)
            .sign(self._key, hashes.SHA256())
        )
        return made.public_bytes(Encoding.PEM)

    @cached_property
    def file_name(self) -> str:
        """Of the certificate; another key has another name."""
        key = self._key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return f"SimpleNotificationService-{sha256(key).hexdigest()[:32]}.pem"

    def sign(self, text: str) -> str:
        """By signature version 1, which topics have unless they are told otherwise."""
        # SHA-1 is what version 1 is.
        signature = self._key.sign(text.encode(), padding.PKCS1v15(), hashes.SHA1())  # noqa: S303
        return base64.b64encode(signature).decode()


def notification(
    signer: Signer, base: str, topic_arn: str, content: Mapping[str, Any], now: datetime
) -> dict[str, str]:
    """A signed notification with `content` as its message; `base` is where SNS answers."""
    envelope = {
        "Type": "Notification",
        "MessageId": str(uuid4()),
        "TopicArn": topic_arn,
        "Message": orjson.dumps(content).decode(),
        "Timestamp": stamp(now),
    }
    envelope |= _signature(signer, base, envelope)
    query = {"Action": "Unsubscribe", "SubscriptionArn": f"{topic_arn}:{uuid4()}"}
    return {**envelope, "UnsubscribeURL": f"{base}/?{urlencode(query)}"}


def confirmation(
    signer: Signer, base: str, topic_arn: str, token: str, now: datetime
) -> dict[str, str]:
    """The signed question whether notifications are wanted."""
    query = {"Action": "ConfirmSubscription", "TopicArn": topic_arn, "Token": token}
    envelope = {
        "Type": "SubscriptionConfirmation",
        "MessageId": str(uuid4()),
        "Token": token,
        "TopicArn": topic_arn,
        "Message": f"You have chosen to subscribe to the topic {topic_arn}.\n"
        "To confirm the subscription, visit the SubscribeURL included in this message.",
        "SubscribeURL": f"{base}/?{urlencode(query)}",
        "Timestamp": stamp(now),
    }
    return {**envelope, **_signature(signer, base, envelope)}


def _signature(signer: Signer, base: str, envelope: Mapping[str, str]) -> dict[str, str]:
    signed = "".join(f"{name}\n{envelope[name]}\n" for name in sorted(envelope))
    return {
        "SignatureVersion": "1",
        "Signature": signer.sign(signed),
        "SigningCertURL": f"{base}/{signer.file_name}",
    }


def headers_of(envelope: Mapping[str, str]) -> dict[str, str]:
    topic = envelope["TopicArn"]
    headers = {
        "Content-Type": "text/plain; charset=UTF-8",
        "User-Agent": "Amazon Simple Notification Service Agent",
        "x-amz-sns-message-type": envelope["Type"],
        "x-amz-sns-message-id": envelope["MessageId"],
        "x-amz-sns-topic-arn": topic,
    }
    if envelope["Type"] == "Notification":
        headers["x-amz-sns-subscription-arn"] = f"{topic}:{uuid4()}"
    return headers


def delivery(message: Message, event: str, text: str | None, now: datetime) -> dict[str, Any]:
    """What became of an SMS: an event of End User Messaging when `text` names one or the message
    was `undelivered`, otherwise SNS's own delivery status, with `text` as its reason."""
    if text in _EVENTS or (event == "undelivered" and not text):
        return _event(message, text or "TEXT_CARRIER_UNREACHABLE", now)
    return {
        "notification": {
            "messageId": message.id,
            "timestamp": message.received_at.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3],
        },
        "delivery": {
            "mnc": 0,
            "numberOfMessageParts": count_segments(message.text or "")[0],
            "destination": message.to[0],
            "priceInUSD": 0.00645,
            "smsType": message.facts["type"],
            "mcc": 0,
            "providerResponse": text or _RESPONSES[event],
            "dwellTimeMs": int((now - message.received_at) / timedelta(milliseconds=1)),
        },
        "status": "SUCCESS" if event == "delivered" else "FAILURE",
    }


def _event(message: Message, kind: str, now: datetime) -> dict[str, Any]:
    segments, encoding = count_segments(message.text or "")
    return {
        "eventType": kind,
        "eventVersion": "1.0",
        "eventTimestamp": _milliseconds(now),
        "isFinal": kind != "TEXT_PENDING",
        "originationPhoneNumber": message.facts["sender"] or _NUMBER,
        "destinationPhoneNumber": message.to[0],
        "messageId": message.id,
        "messageRequestTimestamp": _milliseconds(message.received_at),
        "messageEncoding": "GSM" if encoding == "GSM-7" else "Unicode",
        "messageType": message.facts["type"].upper(),
        "messageStatus": kind.removeprefix("TEXT_"),
        "messageStatusDescription": _EVENTS[kind],
        "totalMessageParts": segments,
        "totalMessagePrice": 0.00645,
        "totalCarrierFee": 0.0,
    }


def inbound(message: Message, text: str) -> dict[str, str]:
    """What a person texted back, as two-way SMS publishes it."""
    return {
        "originationNumber": message.to[0],
        "destinationNumber": message.facts["sender"] or _NUMBER,
        "messageKeyword": opt_out_word(text) or "KEYWORD_000000000000",
        "messageBody": text,
        "inboundMessageId": str(uuid4()),
        "previousPublishedMessageId": message.id,
    }


def stamp(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _milliseconds(at: datetime) -> int:
    return int(at.timestamp() * 1000)
