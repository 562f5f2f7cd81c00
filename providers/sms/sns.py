"""SMS through Amazon SNS, by aiobotocore.

SNS has no idempotency keys and cannot be asked what it took: what is in doubt stays in doubt. It
also takes messages for numbers that have opted out, and only says so in its delivery log.
"""

import asyncio
import functools
import os
import re
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any, Final

import httpx
from aiobotocore.config import AioConfig
from aiobotocore.httpsession import AIOHTTPSession
from aiobotocore.session import AioSession
from botocore.exceptions import BotoCoreError
from typing_extensions import override

from domain.callbacks import Callback, Confirmation, Receipt
from domain.enums import Category, Channel
from domain.errors import Invalid, Unavailable
from domain.ports.providers import (
    Accepted,
    ConfigurationProblem,
    Found,
    OutboundMessage,
    Recovery,
    SendOutcome,
    Uncertain,
)
from domain.sms.segments import measure
from providers.http import CONNECT_TIMEOUT, is_local, note_answer, watched
from providers.phone import normalize_e164
from providers.sms.sns_errors import CREDENTIALS, error_code, error_words, lost_call, send_outcome
from providers.sms.sns_events import parse_message
from providers.sms.sns_signature import SnsSignatures, instant, read_envelope

_TRANSACTIONAL: Final = frozenset(
    {Category.SECURITY, Category.TRANSACTIONAL, Category.APPLICATIONS}
)
_NUMBER: Final = re.compile(r"\+?\d{3,15}")
_SENDER_ID: Final = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9-]{1,11}")


class _NotedSession(AIOHTTPSession):  # type: ignore[misc] # without types
    @override
    async def send(self, request: Any) -> Any:
        answer = await super().send(request)
        note_answer(answer.status_code, answer.headers)
        return answer


class SnsSmsProvider:
    """One AWS account in one region. `sender` is a number of the account's or a sender ID; None
    leaves it to AWS. `topic_arns` are the topics whose messages are heeded. `endpoint_url` is that
    of a stand-in; None is AWS itself."""

    name: Final = "sns"
    channel: Final = Channel.SMS
    recovery: Final = Recovery.NONE

    def __init__(
        self,
        *,
        access_key_id: str,
        secret_access_key: str,
        region: str,
        endpoint_url: str | None,
        sender: str | None,
        topic_arns: tuple[str, ...],
        timeout: timedelta,
    ) -> None:
        self._account = {
            "aws_access_key_id": access_key_id,
            "aws_secret_access_key": secret_access_key,
            "region_name": region,
            "endpoint_url": endpoint_url,
        }
        self._sender = sender
        self._timeout = timeout
        self._signatures = SnsSignatures(endpoint_url, topic_arns, timeout)
        self._client: Any = None
        self._opening = asyncio.Lock()
        self._stack = AsyncExitStack()

    async def send(self, message: OutboundMessage) -> SendOutcome:
        text = message.message.text
        with watched() as exchange:
            try:
                taken = await self._call(
                    "publish",
                    PhoneNumber=normalize_e164(message.target),
                    Message=text,
                    MessageAttributes=self._attributes(message),
                )
                message_id = taken["MessageId"]
            except Exception as error:
                return send_outcome(error, exchange, message)
        if not message_id:
            return Uncertain("malformed_answer", "The answer holds no message id.")
        return Accepted(message_id, segments=measure(text).segments)

    async def find(self, message: OutboundMessage) -> tuple[Found, ...] | None:
        """Never asked: SNS does not list what it took."""
        return None

    async def track(self, provider_message_id: str) -> Receipt | None:
        """SNS tells about single messages by callbacks only."""
        return None

    async def verify_webhook(self, headers: Mapping[str, str], body: bytes, url: str) -> None:
        """By the signature in the body. Raises `Unavailable` when the certificate it was made
        with cannot be fetched just now: SNS sends again."""
        await self._signatures.verify(body)

    def parse_webhook(self, body: bytes) -> tuple[Callback, ...]:
        try:
            envelope = read_envelope(body)
            if envelope["Type"] == "SubscriptionConfirmation":
                return (Confirmation(self._of_vendor(str(envelope["SubscribeURL"]))),)
            if envelope["Type"] != "Notification":
                return ()
            return parse_message(str(envelope["Message"]), instant(envelope))
        except (ValueError, KeyError) as error:
            raise Invalid("invalid_webhook", "The body is no message from SNS.") from error

    async def confirm(self, confirmation: Confirmation) -> None:
        """Raises `Invalid` when SNS refuses, `Unavailable` when it does not answer."""
        url = self._of_vendor(confirmation.url)
        try:
            answer = await self._signatures.visit(url)
        except httpx.HTTPError as error:
            raise Unavailable("provider_unavailable", "SNS does not answer.") from error
        if answer.status_code != 200:
            text = f"SNS did not take the confirmation: HTTP {answer.status_code}."
            raise Invalid("subscription_not_confirmed", text)

    async def validate_configuration(self) -> tuple[ConfigurationProblem, ...]:
        """Asks for the account's SMS settings: an answer needs a good key and its permission."""
        with watched() as exchange:
            try:
                await self._call("get_sms_attributes")
            except Exception as error:
                answered = exchange.status is not None
                known = isinstance(error, BotoCoreError | ValueError) or lost_call(error)
                if not answered and not known:
                    raise
                return (ConfigurationProblem(self._blamed(error), error_words(error)),)
        return ()

    async def aclose(self) -> None:
        await self._stack.aclose()
        await self._signatures.aclose()

    async def _call(self, operation: str, **parameters: Any) -> Mapping[str, Any]:
        client = await self._open()
        # The SDK's own time-outs are for each read.
        async with asyncio.timeout(self._timeout.total_seconds()):
            answer: Mapping[str, Any] = await getattr(client, operation)(**parameters)
        return answer

    async def _open(self) -> Any:
        """The client, kept for good, in the event loop that makes the first call."""
        async with self._opening:
            if self._client is None:
                context = _session().create_client("sns", config=self._config(), **self._account)
                self._client = await self._stack.enter_async_context(context)
        return self._client

    def _config(self) -> AioConfig:
        endpoint = self._account["endpoint_url"]
        return AioConfig(
            retries={"total_max_attempts": 1},
            connect_timeout=min(self._timeout, CONNECT_TIMEOUT).total_seconds(),
            read_timeout=self._timeout.total_seconds(),
            max_pool_connections=100,
            ignore_configured_endpoint_urls=True,
            proxies={} if endpoint is not None and is_local(endpoint) else None,
            http_session_cls=_NotedSession,
        )

    def _attributes(self, message: OutboundMessage) -> dict[str, dict[str, str]]:
        kind = "Transactional" if message.category in _TRANSACTIONAL else "Promotional"
        attributes = {"AWS.SNS.SMS.SMSType": kind}
        # A sender meant for another vendor, such as a messaging service, says nothing here.
        for sender in (message.sender, self._sender):
            if sender and _NUMBER.fullmatch(sender):
                attributes["AWS.MM.SMS.OriginationNumber"] = sender
                break
            if sender and _SENDER_ID.fullmatch(sender):
                attributes["AWS.SNS.SMS.SenderID"] = sender
                break
        return {
            name: {"DataType": "String", "StringValue": value} for name, value in attributes.items()
        }

    def _of_vendor(self, url: str) -> str:
        if not self._signatures.is_vendors(url):
            raise Invalid("invalid_webhook", "The confirmation's address is not one of SNS's.")
        return url

    def _blamed(self, error: Exception) -> str:
        code = error_code(error)
        if code == "SignatureDoesNotMatch":
            return "AWS_SECRET_ACCESS_KEY"
        if code in CREDENTIALS:
            return "AWS_ACCESS_KEY_ID"
        return "AWS_REGION" if self._account["endpoint_url"] is None else "AWS_ENDPOINT_URL_SNS"


@functools.cache
def _session() -> AioSession:
    """A session that reads no settings but Herald's. One is enough: it keeps the descriptions of
    the vendor's API, which take a while to read, and nothing of an account."""
    return AioSession(
        {
            "profile": (None, None, None, None),
            "config_file": (None, None, os.devnull, None),
            "credentials_file": (None, None, os.devnull, None),
        }
    )
