"""Push through Firebase's Admin SDK.

In doubt a message is sent again with the same collapse id and takes the first one's place. The SDK
would repeat calls by itself, up to five of them inside one send, and fetch access tokens in the
event loop's thread; the service it builds is given a client that makes one call and waits for
tokens elsewhere.
"""

import asyncio
import functools
from collections.abc import AsyncGenerator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import firebase_admin
import httpx
from firebase_admin import credentials, exceptions, messaging
from firebase_admin._retry import HttpxRetry
from google.auth.credentials import AnonymousCredentials
from google.auth.credentials import Credentials as GoogleCredentials
from google.auth.exceptions import GoogleAuthError
from google.auth.transport.requests import Request as TokenRequest
from typing_extensions import override

from domain.callbacks import Callback, Receipt
from domain.enums import Channel
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
    httpx_timeout,
    status_outcome,
    transport_error,
    transport_outcome,
    without,
)
from providers.push.content import PushContent, content_of
from providers.push.firebase_payload import build_message, payload_bytes
from providers.push.size import fit

GOOGLE_TOKENS: Final = "https://oauth2.googleapis.com/token"
_GOOGLE_FCM: Final = "https://fcm.googleapis.com"
MAX_PAYLOAD_BYTES: Final = 4096
_TARGET_FIELDS: Final = frozenset({"message.token", "message.fid"})
_PROBE: Final = "configuration-probe"


class _Anonymous(credentials.Base):
    """No credentials, for a stand-in that asks for none."""

    @override
    def get_credential(self) -> GoogleCredentials:
        return AnonymousCredentials()


class _Bearer(httpx.Auth):
    """Adds the access token; refreshes it in a thread, once for all waiting calls.

    A refused token is dropped instead of being renewed within the call: the answer stands as the
    result of the one attempt, and the next attempt fetches another.
    """

    def __init__(self, credential: GoogleCredentials, timeout: timedelta) -> None:
        self._credential: Any = credential
        self._lock = asyncio.Lock()
        self._request = functools.partial(TokenRequest(), timeout=timeout.total_seconds())

    @override
    async def async_auth_flow(
        self, request: httpx.Request
    ) -> AsyncGenerator[httpx.Request, httpx.Response]:
        async with self._lock:
            if not self._credential.valid:
                await asyncio.to_thread(self._credential.refresh, self._request)
        self._credential.apply(request.headers)
        response = yield request
        if response.status_code == 401:
            self._credential.token = None


class _OneCallService(messaging._MessagingService):
    """The SDK's messaging service with another address and a client that never repeats."""

    def __init__(
        self, app: firebase_admin.App, url: str, auth: httpx.Auth | None, timeout: timedelta
    ) -> None:
        super().__init__(app)
        self._client.close()
        self._fcm_url = f"{url}/v1/projects/{app.project_id}/messages:send"
        client = self._async_client
        client._timeout = httpx_timeout(timeout)  # type: ignore[assignment]
        client.async_client.auth = auth
        for transport in client._mounts.values():
            transport._retry = HttpxRetry(max_retries=0)

    def encode(self, message: messaging.Message) -> dict[str, Any]:
        """The message as it goes over the wire. Raises `ValueError` for what FCM cannot take."""
        encoded: dict[str, Any] = self.JSON_ENCODER.default(message)
        return encoded


class FirebasePushProvider:
    """One Firebase project. Without a private key, `api_url` must name a stand-in that asks for
    no credentials; raises `ValueError` when it does not, or when the key cannot be read."""

    name: Final = "firebase"
    channel: Final = Channel.PUSH
    recovery: Final = Recovery.REPLACE

    def __init__(
        self,
        *,
        project_id: str,
        private_key: str | None,
        client_email: str | None,
        api_url: str | None,
        timeout: timedelta,
        token_url: str = GOOGLE_TOKENS,
    ) -> None:
        credential: credentials.Base
        if private_key is not None:
            credential = credentials.Certificate(
                {
                    "type": "service_account",
                    "project_id": project_id,
                    "client_email": client_email,
                    # In environment files a PEM has its line breaks written out.
                    "private_key": private_key.replace("\\n", "\n"),
                    "token_uri": token_url,
                }
            )
        elif api_url is not None:
            credential = _Anonymous()
        else:
            raise ValueError("Firebase needs FIREBASE_PRIVATE_KEY and FIREBASE_CLIENT_EMAIL")
        app = firebase_admin.App(f"herald-{project_id}", credential, {"projectId": project_id})
        auth = _Bearer(credential.get_credential(), timeout) if private_key is not None else None
        self._service = _OneCallService(app, (api_url or _GOOGLE_FCM).rstrip("/"), auth, timeout)

    async def send(self, message: OutboundMessage) -> SendOutcome:
        try:
            built = self._fitting(message)
        except ValueError as error:
            return Rejected("invalid_message", without(str(error), message.target))
        if built is None:
            text = f"The least of it is more than the {MAX_PAYLOAD_BYTES} bytes a device takes."
            return Rejected("payload_too_large", text)
        try:
            batch = await self._service.send_each_async([built], dry_run=False)
        except exceptions.FirebaseError as error:
            return _refusal(error, message)
        answer = batch.responses[0]
        if answer.exception is not None:
            return _refusal(answer.exception, message)
        if not answer.message_id:
            return Uncertain("malformed_answer", "The answer holds no message name.")
        return Accepted(str(answer.message_id))

    def _fitting(self, message: OutboundMessage) -> messaging.Message | None:
        """The message with as much of its content as fits; None when not even the least does."""
        now = datetime.now(UTC)

        def size(content: PushContent) -> int:
            return payload_bytes(self._service.encode(build_message(message, content, now)))

        content = fit(content_of(message), size, MAX_PAYLOAD_BYTES)
        return None if content is None else build_message(message, content, now)

    async def find(self, message: OutboundMessage) -> tuple[Found, ...] | None:
        """Never asked: a second copy replaces the first."""
        return None

    async def track(self, provider_message_id: str) -> Receipt | None:
        """FCM has no word on single messages."""
        return None

    async def verify_webhook(self, headers: Mapping[str, str], body: bytes, url: str) -> None:
        """FCM sends none, so whatever comes is not from FCM."""
        raise Unauthorized("no_webhooks", "Firebase sends no webhooks.")

    def parse_webhook(self, body: bytes) -> tuple[Callback, ...]:
        raise Invalid("invalid_webhook", "Firebase sends no webhooks.")

    async def validate_configuration(self) -> tuple[ConfigurationProblem, ...]:
        """Has FCM validate, without sending, a message to a device that cannot exist."""
        probe = messaging.Message(fid=_PROBE, data={"probe": "1"})
        try:
            batch = await self._service.send_each_async([probe], dry_run=True)
            error = batch.responses[0].exception
        except exceptions.FirebaseError as raised:
            error = raised
        if error is None or (error.http_response and error.http_response.status_code in (400, 404)):
            return ()
        if error.http_response is not None or isinstance(error.cause, GoogleAuthError):
            return (ConfigurationProblem("FIREBASE_PRIVATE_KEY", str(error)),)
        return (ConfigurationProblem("FCM_API_URL", str(error)),)

    async def aclose(self) -> None:
        await self._service._async_client.aclose()


def _refusal(error: exceptions.FirebaseError, message: OutboundMessage) -> SendOutcome:
    text = without(str(error), message.target)
    answer = error.http_response
    if answer is None:
        return _unanswered(error, text)
    if isinstance(error, messaging.UnregisteredError):
        return Rejected("unregistered", text, target_gone=True)
    if isinstance(error, messaging.SenderIdMismatchError):
        return Rejected("sender_id_mismatch", text, target_gone=True)
    if isinstance(error, exceptions.InvalidArgumentError):
        gone = bool(_violations(answer) & _TARGET_FIELDS)
        return Rejected("invalid_token" if gone else "invalid_argument", text, target_gone=gone)
    return status_outcome(answer.status_code, f"fcm_{error.code}".lower(), text, answer.headers)


def _unanswered(error: exceptions.FirebaseError, text: str) -> SendOutcome:
    if isinstance(error.cause, GoogleAuthError):
        # No access token, so the message never left.
        return Retry("bad_credentials", text, fail_over=True)
    lost = transport_error(error)
    if isinstance(lost, httpx.HTTPStatusError):
        # A refusal in a shape that the SDK could not read.
        answer = lost.response
        return status_outcome(answer.status_code, "fcm_unknown", text, answer.headers)
    return transport_outcome(lost) if lost is not None else Uncertain("malformed_answer", text)


def _violations(answer: Any) -> frozenset[str]:
    """The fields that FCM says are wrong."""
    try:
        details = answer.json()["error"].get("details", [])
        return frozenset(
            violation["field"]
            for detail in details
            for violation in detail.get("fieldViolations", [])
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return frozenset()
