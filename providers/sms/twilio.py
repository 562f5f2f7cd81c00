"""SMS through Twilio's SDK.

Twilio has no idempotency keys: what is in doubt is asked for by recipient, day and body.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import parse_qsl

from twilio.base.exceptions import TwilioException
from twilio.request_validator import RequestValidator, get_signature_algorithm
from twilio.rest import Client

from domain.callbacks import Callback, Receipt, Reply
from domain.enums import Channel, DeliveryStatus
from domain.errors import Invalid, Unauthorized
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
from providers.http import (
    Exchange,
    is_local,
    retry_after,
    status_outcome,
    transport_error,
    transport_outcome,
    watched,
    without,
)
from providers.phone import normalize_e164
from providers.sms.twilio_http import PooledTwilioClient

_REFUSALS: Final[Mapping[int, str]] = {
    21211: "invalid_number",
    21214: "invalid_number",
    21217: "invalid_number",
    21401: "invalid_number",
    21407: "invalid_number",
    21408: "region_not_permitted",
    21421: "invalid_number",
    21602: "empty_message",
    21604: "invalid_number",
    21610: "opted_out",
    21612: "unreachable_number",
    21614: "not_a_mobile_number",
    21617: "message_too_long",
}
_MISCONFIGURED: Final = frozenset(
    {21212, 21603, 21606, 21659, 21660, 21701, 21703, 21704, 21705, 21712}
)
"""The account's sender cannot send: no fault of the message, which may go by another vendor."""
_CONGESTED: Final = frozenset({14107, 20429, 21611, 63038})
"""Limits of the account or the sender: later, the same message goes."""

_STATUSES: Final[Mapping[str, DeliveryStatus]] = {
    **dict.fromkeys(
        ("queued", "accepted", "scheduled", "sending", "sent", "partially_delivered"),
        DeliveryStatus.SENT,
    ),
    **dict.fromkeys(("delivered", "read"), DeliveryStatus.DELIVERED),
    **dict.fromkeys(("undelivered", "failed", "canceled"), DeliveryStatus.FAILED),
}
_INBOUND: Final = frozenset({"receiving", "received"})
"""What a person's message to the account has for a status, in the field a receipt has its in."""
_GONE: Final = frozenset(
    {"21211", "21214", "21217", "21401", "21407", "21421", "21604", "21610", "21614", "21635"}
    | {"30005", "30006"}
)
"""Errors that say the next message will fail as well: no such number, a landline, or opted out. A
phone that is off (30003) is not among them."""
_PAGE: Final = 100
_MOST_ASKED: Final = 2_000
"""A recipient with more messages than this since the day in question cannot be asked about."""
_LONGEST_VALIDITY: Final = timedelta(hours=10)


class TwilioSmsProvider:
    """One Twilio account. `sender` is a number, a short code, a name, or a messaging service
    (`MG…`); status callbacks go to `{public_url}/api/webhooks/twilio`, or nowhere if None.
    `webhook_secrets` are those of the account's SharedKeys: several while one is replaced."""

    name: Final = "twilio"
    channel: Final = Channel.SMS
    recovery: Final = Recovery.ASK

    def __init__(
        self,
        *,
        account_sid: str,
        auth_token: str,
        api_url: str,
        sender: str,
        public_url: str | None,
        timeout: timedelta,
        webhook_secrets: tuple[str, ...] = (),
    ) -> None:
        self._http = PooledTwilioClient(api_url, timeout)
        self._client = Client(account_sid, auth_token, http_client=self._http)
        self._by_token = (RequestValidator(auth_token),)
        self._by_shared_keys = tuple(RequestValidator(secret) for secret in webhook_secrets)
        self._sender = sender
        # Twilio refuses messages whose callback it cannot reach.
        self._callback: str | None = None
        if public_url and (is_local(api_url) or not is_local(public_url)):
            self._callback = f"{public_url.rstrip('/')}/api/webhooks/twilio"

    async def send(self, message: OutboundMessage) -> SendOutcome:
        with watched() as exchange:
            try:
                taken = await self._client.messages.create_async(**self._sms(message))
            except Exception as error:
                return _refusal(error, exchange, message)
        if not taken.sid:
            return Uncertain("malformed_answer", "The answer holds no message SID.")
        segments = int(taken.num_segments or 0) or None
        return Accepted(taken.sid, _STATUSES.get(str(taken.status), DeliveryStatus.SENT), segments)

    async def find(self, message: OutboundMessage) -> tuple[Found, ...] | None:
        """Messages to this recipient with this body, made since the UTC day of the first try.

        The list comes newest first by the time of sending. It is not filtered by that time at the
        vendor, which would leave out what still waits to be sent.
        """
        since = _day(message.first_tried_at or datetime.now(UTC))
        wanted = message.message.text.strip()
        found: list[Found] = []
        asked = 0
        try:
            records = await self._client.messages.stream_async(
                to=normalize_e164(message.target), page_size=_PAGE
            )
            async for record in records:
                asked += 1
                if asked > _MOST_ASKED:
                    return None
                if record.date_sent is not None and record.date_sent < since:
                    break
                made = record.date_created or record.date_sent
                if (record.body or "").strip() == wanted and (made is None or made >= since):
                    status = _STATUSES.get(str(record.status), DeliveryStatus.SENT)
                    found.append(Found(str(record.sid), status))
        except Exception as error:
            if not _is_vendors(error):
                raise
            return None
        return tuple(reversed(found))

    async def track(self, provider_message_id: str) -> Receipt | None:
        try:
            sms = await self._client.messages(provider_message_id).fetch_async()
        except Exception as error:
            if not _is_vendors(error):
                raise
            return None
        status = _STATUSES.get(str(sms.status))
        if status is None:
            return None
        code = str(sms.error_code) if sms.error_code else None
        at = sms.date_updated or datetime.now(UTC)
        words = sms.error_message
        return _receipt(provider_message_id, status, at, code, words, sms.to)

    async def verify_webhook(self, headers: Mapping[str, str], body: bytes, url: str) -> None:
        """Over the public address, by either of Twilio's ways: SHA-1 with the account's token, or,
        as a header then says, the algorithm and SharedKey of a webhook setting. Callbacks carry
        no time."""
        given = {name.lower(): value for name, value in headers.items()}
        try:
            form = _form(body)
        except ValueError as error:
            raise Unauthorized("bad_signature", "The webhook's body cannot be verified.") from error
        settings = given.get("x-twilio-webhooks-signature-settings")
        algorithm = get_signature_algorithm(settings)
        signature = given.get("x-twilio-signature", "")
        keys = self._by_shared_keys if settings else self._by_token
        if not keys:
            raise Unauthorized("webhook_not_configured", "No webhook secret is set for Twilio.")
        if not any(key.validate(url, form, signature, algorithm) for key in keys):
            raise Unauthorized("bad_signature", "The webhook's signature is not good.")

    def parse_webhook(self, body: bytes) -> tuple[Callback, ...]:
        """A status callback's receipt, or a person's message. Neither carries a time of its own;
        an old receipt is as good as new, as receipts only move a delivery forward."""
        try:
            form = _form(body)
        except ValueError as error:
            raise Invalid("invalid_webhook", "The callback is no form.") from error
        word = form.get("MessageStatus") or form.get("SmsStatus")
        sid = form.get("MessageSid") or form.get("SmsSid")
        if not word or not sid:
            raise Invalid("invalid_webhook", "The callback names no message and status.")
        now = datetime.now(UTC)
        if word in _INBOUND:
            return (_reply(sid, form, now),)
        status = _STATUSES.get(word)
        if status is None:
            return ()
        code, words = form.get("ErrorCode"), form.get("ErrorMessage")
        return (_receipt(sid, status, now, code, words, form.get("To")),)

    async def validate_configuration(self) -> tuple[ConfigurationProblem, ...]:
        """Asks for the newest message: an answer needs a good account and token."""
        with watched() as exchange:
            try:
                await self._client.messages.list_async(limit=1, page_size=1)
            except Exception as error:
                if not _is_vendors(error):
                    raise
                answered = exchange.status is not None
                setting = "TWILIO_AUTH_TOKEN" if answered else "TWILIO_API_URL"
                return (ConfigurationProblem(setting, _words(error)),)
        return ()

    async def aclose(self) -> None:
        await self._http.close()

    def _sms(self, message: OutboundMessage) -> dict[str, Any]:
        sender = message.sender or self._sender
        by = "messaging_service_sid" if sender.startswith("MG") else "from_"
        sms: dict[str, Any] = {
            "to": normalize_e164(message.target),
            "body": message.message.text,
            by: sender,
        }
        if self._callback:
            sms["status_callback"] = self._callback
        life = message.time_to_live
        if life is not None and life < _LONGEST_VALIDITY:
            sms["validity_period"] = max(int(life.total_seconds()), 1)
        return sms


def _refusal(error: Exception, exchange: Exchange, message: OutboundMessage) -> SendOutcome:
    if exchange.status is None:
        lost = transport_error(error)
        if lost is None:
            raise error
        return transport_outcome(lost)
    code: int = getattr(error, "code", None) or exchange.status
    text = without(f"{code}: {_words(error)}", message.target, normalize_e164(message.target))
    if code in _REFUSALS:
        return Rejected(_REFUSALS[code], text)
    if code in _MISCONFIGURED:
        return Retry("bad_configuration", text, fail_over=True)
    if code in _CONGESTED:
        return Retry("rate_limited", text, after=retry_after(exchange.headers))
    return status_outcome(exchange.status, f"twilio_{code}", text, exchange.headers)


def _receipt(
    sid: str,
    status: DeliveryStatus,
    at: datetime,
    code: str | None,
    words: str | None,
    recipient: str | None,
) -> Receipt:
    permanent = status is not DeliveryStatus.FAILED or code in _GONE
    told = without(words, recipient or "") if words else None
    return Receipt(sid, status, at, code, told, permanent=permanent, recipient=recipient)


def _reply(sid: str, form: Mapping[str, str], at: datetime) -> Reply:
    if not form.get("From") or not form.get("To") or "Body" not in form:
        raise Invalid("invalid_webhook", "The message names no sender, recipient or text.")
    keyword = form.get("OptOutType")
    return Reply(sid, form["From"], form["To"], form["Body"], at, keyword or None)


def _is_vendors(error: Exception) -> bool:
    """True for what a vendor or the way to it can cause: refusals, lost calls, nonsense."""
    if isinstance(error, TwilioException | ValueError | AttributeError | KeyError | TypeError):
        return True
    return transport_error(error) is not None


def _words(error: Exception) -> str:
    """What happened, without the SDK's colours."""
    for name in ("msg", "detail", "title"):
        text = getattr(error, name, None)
        if isinstance(text, str) and text:
            return text
    return f"{type(error).__name__}: {error}"


def _form(body: bytes) -> dict[str, str]:
    return dict(parse_qsl(body.decode(), keep_blank_values=True, strict_parsing=True))


def _day(at: datetime) -> datetime:
    return at.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
