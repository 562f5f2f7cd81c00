"""Push through OneSignal's REST API.

The idempotency key makes a repeated call within 30 days one message. OneSignal knows users by
Herald's user ids (their external id), so one call reaches every device of a user; that is how push
gets through when the provider of the devices' own tokens is down.
"""

import hmac
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import quote
from uuid import UUID

import httpx

from domain.callbacks import Callback, Receipt
from domain.enums import Channel, DeliveryStatus
from domain.errors import Unauthorized
from domain.ports.providers import (
    Accepted,
    ConfigurationProblem,
    Found,
    OutboundMessage,
    Recovery,
    Rejected,
    SendOutcome,
    Uncertain,
)
from providers.http import (
    KEEP_ALIVE,
    httpx_timeout,
    is_local,
    status_outcome,
    transport_outcome,
    trusted,
    without,
)
from providers.push.content import content_of
from providers.push.onesignal_events import parse_event
from providers.push.onesignal_payload import fitting_payload

_GONE: Final = ("invalid_player_ids", "invalid_subscription_ids")
_NOBODY: Final = "All included players are not subscribed"
_PROBE: Final = str(UUID(int=0))


class OneSignalPushProvider:
    """One OneSignal app. `api_url` is the API's address, `https://api.onesignal.com` or a
    stand-in's; without `webhook_secret` no callback is good."""

    name: Final = "onesignal"
    channel: Final = Channel.PUSH
    recovery: Final = Recovery.SAME_KEY

    def __init__(
        self,
        *,
        app_id: str,
        api_key: str,
        api_url: str,
        webhook_secret: str | None,
        timeout: timedelta,
    ) -> None:
        self._app_id = app_id
        self._url = api_url.rstrip("/") + "/notifications"
        self._webhook_secret = webhook_secret
        limits = httpx.Limits(
            max_connections=100,
            max_keepalive_connections=100,
            keepalive_expiry=KEEP_ALIVE.total_seconds(),
        )
        self._http = httpx.AsyncClient(
            verify=trusted(),
            headers={"Authorization": f"Key {api_key}"},
            timeout=httpx_timeout(timeout),
            limits=limits,
            trust_env=not is_local(api_url),
        )

    async def send(self, message: OutboundMessage) -> SendOutcome:
        if not message.by_user and not _is_uuid(message.target):
            text = "OneSignal's subscription ids are UUIDs, and this is none."
            return Rejected("invalid_subscription", text, target_gone=True)
        try:
            payload = fitting_payload(message, content_of(message), self._app_id)
        except OverflowError as error:
            return Rejected("payload_too_large", str(error))
        except ValueError as error:
            return Rejected("invalid_message", str(error))
        try:
            answer = await self._http.post(self._url, json=payload)
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL) as error:
            return transport_outcome(error)
        return _outcome(answer, message)

    async def find(self, message: OutboundMessage) -> tuple[Found, ...] | None:
        """Never asked: the same key finds the message again."""
        return None

    async def track(self, provider_message_id: str) -> Receipt | None:
        """By the counts of devices that OneSignal keeps for 30 days."""
        answer = await self._get(provider_message_id)
        if not isinstance(answer, httpx.Response) or answer.status_code != 200:
            return None
        view = _json(answer)
        status = _status(view) if isinstance(view, dict) else None
        if status is None:
            return None
        failed = status is DeliveryStatus.FAILED
        return Receipt(provider_message_id, status, datetime.now(UTC), "failed" if failed else None)

    async def verify_webhook(self, headers: Mapping[str, str], body: bytes, url: str) -> None:
        """By the bearer token that the event stream was told to send. It carries no time: what
        is told twice moves a delivery no further."""
        if not self._webhook_secret:
            raise Unauthorized("webhook_not_configured", "No webhook secret is set for OneSignal.")
        given = next((v for k, v in headers.items() if k.lower() == "authorization"), "")
        wanted = f"Bearer {self._webhook_secret}"
        if not hmac.compare_digest(given.encode(), wanted.encode()):
            raise Unauthorized("bad_signature", "The webhook's token is not good.")

    def parse_webhook(self, body: bytes) -> tuple[Callback, ...]:
        return parse_event(body)

    async def validate_configuration(self) -> tuple[ConfigurationProblem, ...]:
        """Asks for a message that cannot exist: an answer about it needs a good key."""
        if not _is_uuid(self._app_id):
            return (ConfigurationProblem("ONESIGNAL_APP_ID", "Not a UUID."),)
        answer = await self._get(_PROBE)
        if isinstance(answer, Exception):
            return (ConfigurationProblem("ONESIGNAL_API_URL", str(answer)),)
        if answer.status_code in (401, 403):
            return (ConfigurationProblem("ONESIGNAL_API_KEY", _words(answer)),)
        if answer.status_code < 500 and not isinstance(_json(answer), dict):
            text = "This is not OneSignal's API."
            return (ConfigurationProblem("ONESIGNAL_API_URL", text),)
        return ()

    async def aclose(self) -> None:
        await self._http.aclose()

    async def _get(self, message_id: str) -> httpx.Response | Exception:
        url = f"{self._url}/{quote(message_id, safe='')}"
        try:
            return await self._http.get(url, params={"app_id": self._app_id})
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL) as error:
            return error


def _outcome(answer: httpx.Response, message: OutboundMessage) -> SendOutcome:
    text = without(_words(answer), message.target)
    if answer.status_code == 409:
        # An earlier call with this key is under way or was taken.
        return Uncertain("conflict", text)
    if answer.status_code != 200:
        return status_outcome(answer.status_code, "invalid_request", text, answer.headers)
    content = _json(answer)
    if isinstance(content, dict):
        message_id, errors = content.get("id"), content.get("errors")
        if isinstance(message_id, str) and message_id:
            return Accepted(message_id)
        if errors:
            return _not_sent(errors, text, message)
    return Uncertain("malformed_answer", "The answer holds no message id.")


def _not_sent(errors: Any, text: str, message: OutboundMessage) -> Rejected:
    """A good answer without an id: OneSignal has nobody to send to. A user it does not know is
    nobody's dead token: the devices that this message stands for were not tried."""
    if message.by_user:
        return Rejected("unknown_user", text)
    unknown = isinstance(errors, dict) and any(errors.get(name) for name in _GONE)
    unsubscribed = isinstance(errors, list) and _NOBODY in errors
    if unknown or unsubscribed:
        return Rejected("unsubscribed", text, target_gone=True)
    return Rejected("not_sent", text)


def _status(view: Mapping[str, Any]) -> DeliveryStatus | None:
    """What the counts of a message's devices amount to: it was delivered when one has it, and
    failed when none can have it any more."""

    def count(name: str) -> int:
        value = view.get(name)
        return value if isinstance(value, int) else 0

    if not isinstance(view.get("id"), str):
        return None
    if count("received") or count("converted"):
        return DeliveryStatus.DELIVERED
    if count("successful"):
        return DeliveryStatus.SENT
    lost = count("failed") or count("errored") or view.get("canceled") is True
    return DeliveryStatus.FAILED if lost and not count("remaining") else DeliveryStatus.SENT


def _json(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        return None


def _words(answer: httpx.Response) -> str:
    """OneSignal's errors as one line; without any, the status."""
    content = _json(answer)
    errors = content.get("errors") if isinstance(content, dict) else None
    if isinstance(errors, list) and errors:
        return "; ".join(str(error) for error in errors)
    if isinstance(errors, dict) and errors:
        return "; ".join(sorted(str(name) for name in errors))
    return f"HTTP {answer.status_code}"


def _is_uuid(value: str) -> bool:
    try:
        return str(UUID(value)) == value.lower()
    except ValueError:
        return False
