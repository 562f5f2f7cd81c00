"""What the second SMS stand-in sends: signed notifications, questions, and who opted out."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509 import load_pem_x509_certificate

from tests.unit.sandbox.support import (
    NUMBER,
    Received,
    Receiver,
    SandboxProcess,
    attribute,
    publish,
    sns_client,
)

TOPIC = "arn:aws:sns:eu-central-1:000000000000:herald"


def test_opt_outs(sandbox: SandboxProcess, receiver: Receiver) -> None:
    """The list is the account's: another sender does not get through either."""
    sns = sns_client(sandbox)
    first = publish(sandbox)
    assert not sns.check_if_phone_number_is_opted_out(phoneNumber=NUMBER)["isOptedOut"]
    sandbox.callback("sns", first, "reply", text=" stop ")
    assert sns.check_if_phone_number_is_opted_out(phoneNumber=NUMBER)["isOptedOut"]
    assert sns.list_phone_numbers_opted_out()["phoneNumbers"] == [NUMBER]
    sender = {"AWS.SNS.SMS.SenderID": attribute("Another")}
    second = publish(sandbox, MessageAttributes=sender)
    statuses = [kept["status"] for kept in sandbox.messages(provider="sns", to=NUMBER)]
    assert statuses == ["sent", "opted_out"]
    refused = sandbox.callback("sns", second, "delivered")
    assert refused.status_code == 422
    assert "opted out" in refused.json()["detail"]
    sns.opt_in_phone_number(phoneNumber=NUMBER)
    assert sns.list_phone_numbers_opted_out()["phoneNumbers"] == []
    sandbox.callback("sns", first, "reply", text="Quit")
    sandbox.callback("sns", first, "reply", text="Start")
    assert sns.list_phone_numbers_opted_out()["phoneNumbers"] == []
    with pytest.raises(ClientError):
        sns.check_if_phone_number_is_opted_out(phoneNumber="123")


def test_the_list_of_opt_outs_has_pages(sandbox: SandboxProcess, receiver: Receiver) -> None:
    numbers = [f"+49151000{n:04}" for n in range(102)]
    for number in numbers:
        sandbox.callback("sns", publish(sandbox, PhoneNumber=number), "reply", text="STOP")
    pages = sns_client(sandbox).get_paginator("list_phone_numbers_opted_out").paginate()
    listed = [page["phoneNumbers"] for page in pages]
    assert [len(page) for page in listed] == [100, 2]
    assert [number for page in listed for number in page] == numbers


def verified(received: Received) -> dict[str, Any]:
    """The envelope of a notification signed by version 1, SHA-1, as topics are at first."""
    told: dict[str, Any] = json.loads(received.body)
    pem = httpx.get(told["SigningCertURL"], trust_env=False)
    assert pem.status_code == 200
    key = load_pem_x509_certificate(pem.content).public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    names = ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
    signed = "".join(f"{name}\n{told[name]}\n" for name in names if name in told)
    signature = base64.b64decode(told["Signature"])
    assert told["SignatureVersion"] == "1"
    key.verify(signature, signed.encode(), padding.PKCS1v15(), hashes.SHA1())
    with pytest.raises(InvalidSignature):
        key.verify(signature, signed.encode() + b"x", padding.PKCS1v15(), hashes.SHA1())
    headers = received.headers
    assert received.path == "/api/webhooks/sns"
    assert headers["content-type"] == "text/plain; charset=UTF-8"
    assert headers["x-amz-sns-message-type"] == told["Type"]
    assert headers["x-amz-sns-message-id"] == told["MessageId"]
    assert headers["x-amz-sns-topic-arn"] == told["TopicArn"] == TOPIC
    assert abs(datetime.now(UTC) - datetime.fromisoformat(told["Timestamp"])) < timedelta(minutes=1)
    return told


def test_a_delivery(sandbox: SandboxProcess, receiver: Receiver) -> None:
    message_id = publish(sandbox)
    answer = sandbox.callback("sns", message_id, "delivered").json()
    told = verified(receiver.requests[-1])
    said = json.loads(told["Message"])
    assert answer["sent"] == {"type": "Notification", **said}
    assert (said["status"], said["notification"]["messageId"]) == ("SUCCESS", message_id)
    assert said["delivery"]["destination"] == NUMBER
    assert said["delivery"]["smsType"] == "Promotional"
    [kept] = sandbox.messages(provider="sns", to=NUMBER)
    assert kept["status"] == "delivered"


@pytest.mark.parametrize(
    ("event", "text", "expected"),
    [
        ("failed", None, "Invalid phone number"),
        ("failed", "Phone has blocked SMS", "Phone has blocked SMS"),
        ("undelivered", None, "TEXT_CARRIER_UNREACHABLE"),
        ("undelivered", "TEXT_BLOCKED", "TEXT_BLOCKED"),
        ("undelivered", "Unknown error attempting to reach phone",
         "Unknown error attempting to reach phone"),
    ],
)  # fmt: skip
def test_failures(
    sandbox: SandboxProcess, receiver: Receiver, event: str, text: str | None, expected: str
) -> None:
    message_id = publish(sandbox)
    sandbox.callback("sns", message_id, event, **({"text": text} if text else {}))
    said = json.loads(verified(receiver.requests[-1])["Message"])
    if expected.startswith("TEXT_"):
        assert (said["eventType"], said["messageId"]) == (expected, message_id)
        assert said["destinationPhoneNumber"] == NUMBER
    else:
        assert (said["status"], said["delivery"]["providerResponse"]) == ("FAILURE", expected)


def test_a_reply(sandbox: SandboxProcess, receiver: Receiver) -> None:
    origin = {"AWS.MM.SMS.OriginationNumber": attribute("+15005550007")}
    message_id = publish(sandbox, MessageAttributes=origin)
    sandbox.callback("sns", message_id, "reply", text="Yes, please")
    said = json.loads(verified(receiver.requests[-1])["Message"])
    assert (said["originationNumber"], said["destinationNumber"]) == (NUMBER, "+15005550007")
    assert (said["messageBody"], said["previousPublishedMessageId"]) == ("Yes, please", message_id)
    assert said["messageKeyword"].startswith("KEYWORD_")


def test_a_subscription_is_confirmed_once(sandbox: SandboxProcess, receiver: Receiver) -> None:
    sandbox.callback("sns", publish(sandbox), "subscribe")
    told = verified(receiver.requests[-1])
    assert told["Type"] == "SubscriptionConfirmation"

    def subscribed() -> str:
        arn: str = sns_client(sandbox).list_subscriptions()["Subscriptions"][-1]["SubscriptionArn"]
        return arn

    assert subscribed() == "PendingConfirmation"
    url = told["SubscribeURL"]
    assert httpx.get(url.replace(told["Token"], "x"), trust_env=False).status_code == 400
    assert httpx.get(url.replace("herald", "other"), trust_env=False).status_code == 404
    assert subscribed() == "PendingConfirmation"
    first = httpx.get(url, trust_env=False)
    assert first.status_code == 200
    assert subscribed() in first.text
    assert subscribed() in httpx.get(url, trust_env=False).text
