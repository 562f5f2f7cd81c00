"""SMS through Amazon SNS against moto, which speaks SNS's API and signs its notifications.

moto only ever signs as AWS's own host, whose certificates it serves itself. It signs no subject.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final
from urllib.parse import urlsplit

import httpx
import pytest
from moto.server import ThreadedMotoServer

from domain.content import RenderedMessage
from domain.errors import Unauthorized
from domain.ports.providers import Accepted, Rejected
from providers.sms.sns import SnsSmsProvider
from providers.sms.sns_signature import SnsSignatures
from tests.contract.vendors.common import PATIENCE
from tests.contract.vendors.sns import SNS, build
from tests.unit.sandbox.support import Receiver

REGION: Final = "us-east-1"
OPTED_OUT: Final = "+447420500600"


@pytest.fixture(scope="module")
def moto() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
async def provider(moto: str) -> AsyncIterator[SnsSmsProvider]:
    provider = build(moto, region=REGION)
    yield provider
    await provider.aclose()


def taken(moto: str) -> dict[str, tuple[str, str]]:
    """What moto keeps of SMS: number and text by message id."""
    data = httpx.get(f"{moto}/moto-api/data.json", trust_env=False).json()
    kept = {sms["message_id"]: sms for sms in data.get("sns", {}).get("SMS", ())}
    return {name: (sms["phone_number"], sms["message"]) for name, sms in kept.items()}


async def test_a_message_arrives(moto: str, provider: SnsSmsProvider) -> None:
    message = SNS.message(message=RenderedMessage(text="Grüße & + ж"))
    outcome = await provider.send(message)
    assert isinstance(outcome, Accepted)
    kept = await asyncio.to_thread(taken, moto)
    assert kept[outcome.provider_message_id] == (message.target, "Grüße & + ж")


@pytest.mark.parametrize(
    ("target", "text"), [("not a number", "Hi"), ("+0151123", "Hi"), ("+49151123", "x" * 1601)]
)
async def test_what_sns_does_not_take(
    moto: str, provider: SnsSmsProvider, target: str, text: str
) -> None:
    message = SNS.message(target=target, message=RenderedMessage(text=text))
    before = await asyncio.to_thread(taken, moto)
    assert isinstance(await provider.send(message), Rejected)
    assert await asyncio.to_thread(taken, moto) == before


async def test_numbers_that_opted_out(provider: SnsSmsProvider) -> None:
    """They are on the account's list, and messages for them are taken, as with AWS."""
    assert isinstance(await provider.send(SNS.message(target=OPTED_OUT)), Accepted)
    client = await provider._open()
    assert OPTED_OUT in (await client.list_phone_numbers_opted_out())["phoneNumbers"]


async def test_settings_are_good(provider: SnsSmsProvider) -> None:
    assert await provider.validate_configuration() == ()


class FromMoto(httpx.AsyncBaseTransport):
    """Fetches from moto what is at `sns.REGION.amazonaws.com`. moto tells services apart by the
    scope of a signature."""

    def __init__(self, moto: str) -> None:
        self._moto = httpx.AsyncClient(base_url=moto, trust_env=False)
        self.asked: list[str] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(str(request.url))
        scope = f"x/20260101/{REGION}/sns/aws4_request"
        signed = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=x"
        answer = await self._moto.get(request.url.path, headers={"Authorization": signed})
        return httpx.Response(answer.status_code, content=answer.content)

    async def aclose(self) -> None:
        await self._moto.aclose()


async def published(provider: SnsSmsProvider, receiver: Receiver, text: str) -> bytes:
    """A message as it reaches a subscriber of a topic, which is before moto answers."""
    client = await provider._open()
    topic = (await client.create_topic(Name="receipts"))["TopicArn"]
    url = f"{receiver.url}/api/webhooks/sns"
    # Subscribing again is the same subscription.
    await client.subscribe(TopicArn=topic, Protocol="http", Endpoint=url)
    known = len(receiver.requests)
    await client.publish(TopicArn=topic, Message=text)
    (received,) = receiver.requests[known:]
    return received.body.encode()


async def test_a_really_signed_notification(
    moto: str, provider: SnsSmsProvider, receiver: Receiver
) -> None:
    said = {"eventType": "TEXT_DELIVERED", "messageId": "m-1", "eventTimestamp": 1795176000000}
    body = await published(provider, receiver, json.dumps(said))
    told: dict[str, Any] = json.loads(body)
    transport = FromMoto(moto)
    await provider._signatures.aclose()
    provider._signatures = SnsSignatures(None, (told["TopicArn"],), PATIENCE, transport)
    await provider.verify_webhook({}, body, receiver.url)
    (receipt,) = provider.parse_webhook(body)
    assert receipt.provider_message_id == "m-1"
    assert [urlsplit(url).hostname for url in transport.asked] == [f"sns.{REGION}.amazonaws.com"]
    another = json.loads(await published(provider, receiver, "Hello"))
    for change in (
        {"Message": "{}"},
        {"Message": told["Message"].replace("DELIVERED", "BLOCKED")},
        {"Timestamp": another["Timestamp"]},
        {"MessageId": another["MessageId"]},
        {"Signature": another["Signature"]},
        {"SignatureVersion": "1"},
    ):
        with pytest.raises(Unauthorized):
            await provider.verify_webhook({}, json.dumps({**told, **change}).encode(), "")
