"""Firebase Cloud Messaging, through its own SDK. In doubt a message is sent again with the same
collapse id, and replaces the first where it is shown.
"""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final
from uuid import uuid4

import firebase_admin
import google.auth.credentials
import httpx
from firebase_admin import _http_client, credentials, exceptions, messaging
from typing_extensions import override

from domain.enums import Channel, Platform
from domain.errors import Invalid
from domain.ports.providers import (
    Accepted,
    ConfigurationProblem,
    Found,
    OutboundMessage,
    Receipt,
    Recovery,
    Rejected,
    Retry,
    SendOutcome,
    Uncertain,
)
from providers.retry_after import retry_after

_LIMIT: Final = 4_096
_GONE: Final = (messaging.UnregisteredError, messaging.SenderIdMismatchError)
_CREDENTIALS: Final = (
    exceptions.UnauthenticatedError,
    exceptions.PermissionDeniedError,
    messaging.ThirdPartyAuthError,
)
_LATER: Final = (
    messaging.QuotaExceededError,
    exceptions.ResourceExhaustedError,
    exceptions.UnavailableError,
    exceptions.InternalError,
    exceptions.DeadlineExceededError,
)


class _Anonymous(credentials.Base):
    """For a server that asks for no credentials, such as the sandbox."""

    @override
    def get_credential(self) -> google.auth.credentials.Credentials:
        return google.auth.credentials.AnonymousCredentials()


class FirebasePushProvider:
    def __init__(
        self,
        *,
        project_id: str,
        client_email: str | None,
        private_key: str | None,
        api_url: str | None,
        timeout: timedelta,
    ) -> None:
        # The SDK retries 5xx by itself; retries are the ledger's to count.
        _http_client.DEFAULT_HTTPX_RETRY_CONFIG.retries_left = 0
        self._project = project_id
        self._has_key = private_key is not None or api_url is not None
        self._app = firebase_admin.initialize_app(
            _credential(project_id, client_email, private_key),
            {"projectId": project_id, "httpTimeout": timeout.total_seconds()},
            name=f"herald-{uuid4()}",
        )
        if api_url is not None:
            # The address is read when the app's service is first made.
            before = messaging._MessagingService.FCM_URL
            messaging._MessagingService.FCM_URL = (
                f"{api_url.rstrip('/')}/v1/projects/{{0}}/messages:send"
            )
            try:
                messaging._get_messaging_service(self._app)
            finally:
                messaging._MessagingService.FCM_URL = before

    @property
    def name(self) -> str:
        return "firebase"

    @property
    def channel(self) -> Channel:
        return Channel.PUSH

    @property
    def recovery(self) -> Recovery:
        return Recovery.REPLACE

    async def send(self, message: OutboundMessage) -> SendOutcome:
        try:
            built = build_message(message)
        except ValueError as error:
            return Rejected("invalid_payload", str(error))
        encoded = messaging._MessagingService.encode_message(built)
        if len(json.dumps(encoded, separators=(",", ":")).encode()) > _LIMIT:
            return Rejected("payload_too_large", "The push message is over 4 KB.")
        try:
            batch = await messaging.send_each_async([built], dry_run=False, app=self._app)
        except exceptions.FirebaseError as error:
            return _outcome(error)
        answer = batch.responses[0]
        if answer.success:
            return Accepted(provider_message_id=str(answer.message_id))
        if answer.exception is None:
            return Uncertain("malformed_answer", "The answer names no message.")
        return _outcome(answer.exception)

    async def find(self, message: OutboundMessage) -> tuple[Found, ...] | None:
        """Never asked: a second copy replaces the first."""
        return None

    async def track(self, provider_message_id: str) -> Receipt | None:
        """FCM has no word on single messages."""
        return None

    def parse_webhook(
        self, headers: Mapping[str, str], body: bytes, url: str
    ) -> tuple[Receipt, ...]:
        raise Invalid("no_callbacks", "Firebase sends no callbacks.")

    async def validate_configuration(self) -> tuple[ConfigurationProblem, ...]:
        problems = []
        if not self._project:
            problems.append(ConfigurationProblem("FIREBASE_PROJECT_ID", "It is not set."))
        if not self._has_key:
            problems.append(ConfigurationProblem("FIREBASE_PRIVATE_KEY", "It is not set."))
        return tuple(problems)

    async def aclose(self) -> None:
        service = messaging._get_messaging_service(self._app)
        await service._async_client.aclose()
        self._app._services.clear()
        firebase_admin.delete_app(self._app)


def build_message(message: OutboundMessage) -> messaging.Message:
    """The FCM v1 message for the device's platform. Raises `ValueError` for what FCM refuses."""
    words, push = message.message, message.push
    collapse = str(message.delivery_id)
    image = str(push.image_url) if push and push.image_url else None
    click = push.click_action if push else None
    data = {
        "notificationId": str(message.notification_id),
        "type": message.type,
        **({"clickAction": click} if click else {}),
        **({"actions": _actions(message)} if push and push.actions else {}),
    }
    platform: dict[str, Any] = {}
    if message.platform in {Platform.ANDROID, None}:
        platform["android"] = messaging.AndroidConfig(
            collapse_key=collapse,
            priority="high" if message.priority in {"high", "critical"} else "normal",
            ttl=message.time_to_live,
            notification=messaging.AndroidNotification(
                tag=collapse,
                sound=push.sound if push else None,
                notification_count=push.badge if push else None,
                image=image,
            ),
        )
    if message.platform is Platform.IOS:
        platform["apns"] = messaging.APNSConfig(
            headers={"apns-collapse-id": collapse},
            payload=messaging.APNSPayload(
                aps=messaging.Aps(
                    badge=push.badge if push else None,
                    sound=push.sound if push else None,
                    mutable_content=True if image else None,
                )
            ),
            fcm_options=messaging.APNSFCMOptions(image=image) if image else None,
        )
    if message.platform is Platform.WEB:
        platform["webpush"] = _web(message, click, image)
    return messaging.Message(
        fid=message.target,
        notification=messaging.Notification(title=words.title, body=words.text, image=image),
        data=data,
        **platform,
    )


def _web(message: OutboundMessage, click: str | None, image: str | None) -> messaging.WebpushConfig:
    push = message.push
    seconds = int(message.time_to_live.total_seconds()) if message.time_to_live else None
    return messaging.WebpushConfig(
        headers={
            "Topic": message.delivery_id.hex,
            **({"TTL": str(seconds)} if seconds is not None else {}),
        },
        notification=messaging.WebpushNotification(
            tag=str(message.delivery_id),
            image=image,
            actions=[messaging.WebpushNotificationAction(a.id, a.title) for a in push.actions]
            if push and push.actions
            else None,
        ),
        fcm_options=messaging.WebpushFCMOptions(link=click)
        if click and click.startswith("https://")
        else None,
    )


def _actions(message: OutboundMessage) -> str:
    actions = message.push.actions if message.push else ()
    return json.dumps([a.model_dump(mode="json", exclude_none=True) for a in actions])


def _credential(project: str, email: str | None, key: str | None) -> credentials.Base:
    if key is None:
        return _Anonymous()
    return credentials.Certificate(
        {
            "type": "service_account",
            "project_id": project,
            "client_email": email,
            "private_key": key.replace("\\n", "\n"),
            "token_uri": "https://oauth2.googleapis.com/token",
        }
    )


def _outcome(error: exceptions.FirebaseError) -> SendOutcome:
    code, text = str(error.code), str(error)
    if isinstance(error, _GONE):
        return Rejected(code, text, target_gone=True)
    if isinstance(error, exceptions.InvalidArgumentError):
        return Rejected(code, text)
    if isinstance(error, _CREDENTIALS):
        return Retry("bad_credentials", text, fail_over=True)
    answer = error.http_response
    if isinstance(error, _LATER) and answer is not None:
        return Retry(code, text, after=retry_after(answer.headers))
    cause = error.cause
    if isinstance(cause, httpx.ConnectError | httpx.ConnectTimeout):
        return Retry("connection_refused", text, fail_over=True)
    if answer is not None:
        return Rejected(code, text)
    return Uncertain("no_answer", text)
