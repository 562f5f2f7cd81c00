"""Email through Resend's SDK.

The delivery id is the idempotency key, so a call that is repeated within a day, for whatever
reason, sends one email.
"""

import base64
import http
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.utils import parseaddr
from functools import lru_cache
from typing import Any, Final
from uuid import UUID

import resend
from resend.emails._tag import Tag

from domain.callbacks import Callback, Receipt
from domain.enums import Channel
from domain.errors import Unauthorized
from domain.ports.providers import (
    Accepted,
    ConfigurationProblem,
    Found,
    OutboundMessage,
    Recovery,
    Rejected,
    Retry,
    SendOutcome,
    Uncertain,
)
from providers.email.mime import thread_headers
from providers.email.resend_events import STATUSES, parse_event
from providers.email.resend_sdk import Account, AccountClient, current_account
from providers.http import (
    Exchange,
    Pool,
    retry_after,
    status_outcome,
    transport_error,
    transport_outcome,
    watched,
    without,
)

_QUOTAS: Final[Mapping[str, timedelta]] = {
    "daily_quota_exceeded": timedelta(hours=1),
    "monthly_quota_exceeded": timedelta(days=1),
}
_PROBE: Final = str(UUID(int=0))


class ResendEmailProvider:
    """One Resend account."""

    name: Final = "resend"
    channel: Final = Channel.EMAIL
    recovery: Final = Recovery.SAME_KEY
    batch_size: Final = 100

    def __init__(
        self,
        *,
        api_key: str,
        api_url: str,
        default_sender: str,
        webhook_secret: str | None,
        timeout: timedelta,
    ) -> None:
        url = api_url.rstrip("/")
        self._account = Account(api_key, url, Pool(url, timeout))
        self._sender = default_sender
        self._webhook_secret = webhook_secret
        resend.default_async_http_client = AccountClient()

    async def send(self, message: OutboundMessage) -> SendOutcome:
        options: resend.Emails.SendOptions = {"idempotency_key": message.idempotency_key}
        with self._call() as exchange:
            try:
                answer: Any = await resend.Emails.send_async(self._email(message), options)
            except Exception as error:
                return _refusal(error, exchange, message)
        email_id = answer.get("id") if isinstance(answer, dict) else None
        if not isinstance(email_id, str) or not email_id:
            return Uncertain("malformed_answer", "The answer holds no email id.")
        return Accepted(email_id)

    async def send_many(
        self, messages: Sequence[OutboundMessage], key: str
    ) -> tuple[SendOutcome, ...]:
        """In one call, but for messages with attachments, which the batch call does not take and
        which go one by one. What is wrong with one message does not concern the others."""
        if len(messages) > self.batch_size:
            raise ValueError(f"at most {self.batch_size} messages in one call")
        plain = [place for place, message in enumerate(messages) if not message.attachments]
        outcomes: dict[int, SendOutcome] = {}
        if plain:
            answers = await self._send_batch([messages[place] for place in plain], key)
            outcomes = dict(zip(plain, answers, strict=True))
        for place, message in enumerate(messages):
            if message.attachments:
                outcomes[place] = await self.send(message)
        return tuple(outcomes[place] for place in range(len(messages)))

    async def _send_batch(
        self, messages: Sequence[OutboundMessage], key: str
    ) -> Sequence[SendOutcome]:
        options: resend.Batch.SendOptions = {
            "idempotency_key": key,
            "batch_validation": "permissive",
        }
        emails = [self._email(message) for message in messages]
        with self._call() as exchange:
            try:
                answer: Any = await resend.Batch.send_async(emails, options)
            except Exception as error:
                return [_refusal(error, exchange, message) for message in messages]
        return _batch_outcomes(answer, messages)

    async def find(self, message: OutboundMessage) -> tuple[Found, ...] | None:
        """Never asked: the same key finds the email again."""
        return None

    async def track(self, provider_message_id: str) -> Receipt | None:
        with self._call() as exchange:
            try:
                email: Any = await resend.Emails.get_async(provider_message_id)
            except Exception as error:
                if exchange.status is None and transport_error(error) is None:
                    raise
                return None
        status = STATUSES.get(str(email.get("last_event"))) if isinstance(email, dict) else None
        if status is None:
            return None
        return Receipt(provider_message_id, status, datetime.now(UTC))

    async def verify_webhook(self, headers: Mapping[str, str], body: bytes, url: str) -> None:
        """By Svix's scheme; stamps older than five minutes are refused."""
        self._verify({name.lower(): value for name, value in headers.items()}, body)

    def parse_webhook(self, body: bytes) -> tuple[Callback, ...]:
        return parse_event(body)

    async def validate_configuration(self) -> tuple[ConfigurationProblem, ...]:
        """Asks for an email that cannot exist: an answer about it needs a good key."""
        problems = []
        if "@" not in parseaddr(self._sender)[1]:
            problems.append(ConfigurationProblem("HERALD_EMAIL_FROM", "Not an email address."))
        with self._call() as exchange:
            try:
                await resend.Emails.get_async(_PROBE)
            except resend.exceptions.ResendError as error:
                # A key that may only send is refused here and good all the same.
                restricted = error.error_type == "restricted_api_key"
                if exchange.status in (401, 403) and not restricted:
                    problems.append(ConfigurationProblem("RESEND_API_KEY", error.message))
                elif exchange.status is None or (
                    # Not Resend's API at all; a bad moment of the vendor's is no misconfiguration.
                    exchange.status < http.HTTPStatus.INTERNAL_SERVER_ERROR
                    and error.error_type == "application_error"
                ):
                    problems.append(ConfigurationProblem("RESEND_API_URL", error.message))
        return tuple(problems)

    async def aclose(self) -> None:
        await self._account.pool.close()

    @contextmanager
    def _call(self) -> Iterator[Exchange]:
        token = current_account.set(self._account)
        try:
            with watched() as exchange:
                yield exchange
        finally:
            current_account.reset(token)

    def _email(self, message: OutboundMessage) -> resend.Emails.SendParams:
        words = message.message
        # Resend refuses line breaks in a subject, and templates easily leave one.
        email: resend.Emails.SendParams = {
            "from": message.sender or self._sender,
            "to": [message.target],
            "subject": " ".join((words.subject or words.title or "").split()),
            "tags": _tags(message),
        }
        if words.html:
            email["html"] = words.html
        if words.text:
            email["text"] = words.text
        if message.reply_to:
            email["reply_to"] = message.reply_to
        headers = dict(message.headers)
        if message.thread is not None:
            headers |= thread_headers(message, email["from"])
        if headers:
            email["headers"] = headers
        if message.attachments:
            email["attachments"] = [
                {
                    "filename": attachment.filename,
                    "content": base64.b64encode(attachment.content).decode(),
                    "content_type": attachment.content_type,
                }
                for attachment in message.attachments
            ]
        return email

    def _verify(self, headers: Mapping[str, str], body: bytes) -> None:
        if not self._webhook_secret:
            raise Unauthorized("webhook_not_configured", "No webhook secret is set for Resend.")
        try:
            resend.Webhooks.verify(
                {
                    "payload": body.decode(),
                    "headers": {
                        "id": headers.get("svix-id", ""),
                        "timestamp": headers.get("svix-timestamp", ""),
                        "signature": headers.get("svix-signature", ""),
                    },
                    "webhook_secret": self._webhook_secret,
                }
            )
        except ValueError as error:
            if isinstance(error.__cause__, json.JSONDecodeError):
                return  # The signature was good; the body is read, and refused, by the caller.
            raise Unauthorized("bad_signature", "The webhook's signature is not good.") from error


def _tags(message: OutboundMessage) -> list[Tag]:
    """What the vendor's pages and callbacks show a message by."""
    if message.campaign_id is not None:
        return _campaign_tags(message.type, message.category, message.campaign_id)
    origin: Tag = {"name": "notification_id", "value": str(message.notification_id)}
    return [*_kind_tags(message.type, message.category), origin]


@lru_cache
def _campaign_tags(type_name: str, category: str, campaign_id: UUID) -> list[Tag]:
    """The same for all of its messages."""
    origin: Tag = {"name": "campaign_id", "value": str(campaign_id)}
    return [*_kind_tags(type_name, category), origin]


def _kind_tags(type_name: str, category: str) -> list[Tag]:
    return [{"name": "type", "value": type_name}, {"name": "category", "value": category}]


def _batch_outcomes(answer: Any, messages: Sequence[OutboundMessage]) -> Sequence[SendOutcome]:
    """Ids come in order, without the places of those that were refused."""
    try:
        refused = {int(e["index"]): str(e["message"]) for e in answer.get("errors") or ()}
        ids = [str(taken["id"]) for taken in answer["data"]]
    except (KeyError, TypeError, ValueError, AttributeError):
        refused, ids = {}, []
    if len(ids) + len(refused) != len(messages):
        return [Uncertain("malformed_answer", "The answer does not fit the batch.")] * len(messages)
    taken_ids = iter(ids)
    return [
        Rejected("validation_error", without(refused[place], message.target))
        if place in refused
        else Accepted(next(taken_ids))
        for place, message in enumerate(messages)
    ]


def _refusal(error: Exception, exchange: Exchange, message: OutboundMessage) -> SendOutcome:
    if exchange.status is None:
        lost = transport_error(error)
        if lost is None:
            raise error
        return transport_outcome(lost)
    name = str(getattr(error, "error_type", "") or "malformed_answer")
    text = without(f"{name}: {error}", message.target)
    if name in ("concurrent_idempotent_requests", "invalid_idempotent_request"):
        # An earlier call with this key is under way or was taken: certainly not "not taken".
        return Uncertain(name, text)
    if name in _QUOTAS:
        wait = retry_after(exchange.headers) or _QUOTAS[name]
        return Retry("quota_exceeded", text, after=wait, fail_over=True)
    return status_outcome(exchange.status, name, text, exchange.headers)
