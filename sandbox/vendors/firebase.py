"""Firebase Cloud Messaging v1: `POST /v1/projects/{project}/messages:send`.

A message takes the place of an earlier one with the same target and the same collapse id, as on a
device. Two kinds of token fail as dead ones do: those containing `unregistered` and `mismatch`.
"""

from typing import Any
from uuid import uuid4

import orjson
from starlette.responses import Response
from starlette.routing import Route
from typing_extensions import override

from sandbox.messages import Message
from sandbox.vendors.base import (
    Call,
    Endpoint,
    NoSuchWebhook,
    Refusal,
    Vendor,
    Webhook,
    json_response,
)
from sandbox.vendors.firebase_rules import TARGETS, check_message, invalid

_RPC = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_FAULTS = {
    400: ("INVALID_ARGUMENT", "Request contains an invalid argument."),
    401: ("THIRD_PARTY_AUTH_ERROR", "Request had invalid authentication credentials."),
    403: ("SENDER_ID_MISMATCH", "SenderId mismatch"),
    404: ("UNREGISTERED", "Requested entity was not found."),
    429: ("QUOTA_EXCEEDED", "Quota exceeded for quota metric 'Send requests'."),
    500: ("INTERNAL", "Internal error encountered."),
    503: ("UNAVAILABLE", "The service is currently unavailable."),
}


class Firebase(Vendor):
    """Stand-in for fcm.googleapis.com, below `/fcm`. FCM itself sends no webhooks."""

    name = "firebase"
    prefix = "/fcm"

    @override
    def routes(self) -> list[Route]:
        send = Endpoint(self, "send", self._send, _parse)
        return [Route("/fcm/v1/projects/{project}/messages:send", send, methods=["POST"])]

    @override
    def refuse(self, refusal: Refusal) -> Response:
        error: dict[str, Any] = {
            "code": refusal.status,
            "message": refusal.message,
            "status": _RPC.get(refusal.status, "UNKNOWN"),
        }
        details: list[dict[str, Any]] = []
        if field := refusal.details.get("field"):
            violation = {"field": field, "description": refusal.message}
            kind = "type.googleapis.com/google.rpc.BadRequest"
            details.append({"@type": kind, "fieldViolations": [violation]})
        if refusal.code:
            kind = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
            details.append({"@type": kind, "errorCode": refusal.code})
        if details:
            error["details"] = details
        return json_response({"error": error}, refusal.status)

    @override
    def fault(self, status: int) -> Refusal:
        code, message = _FAULTS.get(status, ("UNSPECIFIED_ERROR", "An error has occurred."))
        return Refusal(status, code, message)

    @override
    def unknown_path(self, path: str) -> Refusal:
        return Refusal(404, "", "The requested URL was not found on this server.")

    @override
    def webhook(self, message: Message, event: str, text: str | None, url: str) -> Webhook:
        raise NoSuchWebhook("firebase sends no webhooks")

    async def _send(self, call: Call) -> Response:
        self._authorize(call)
        project = call.request.path_params["project"]
        message, dry_run = check_message(call.data)
        target = next(message[name] for name in TARGETS if message.get(name))
        if "unregistered" in target.lower():
            raise Refusal(404, "UNREGISTERED", "Requested entity was not found.")
        if "mismatch" in target.lower():
            raise Refusal(403, "SENDER_ID_MISMATCH", "SenderId mismatch")
        await call.linger()
        if dry_run:
            return json_response({"name": f"projects/{project}/messages/fake_message_id"})
        name = f"projects/{project}/messages/{uuid4()}"
        title, body = _shown(message)
        taken = Message(
            provider=self.name,
            id=name,
            to=(target,),
            received_at=self.store.now(),
            payload=call.data,
            subject=title,
            text=body,
            collapse=_collapse_id(message),
        )
        self.store.take([taken])
        return json_response({"name": name})

    def _authorize(self, call: Call) -> None:
        if self.config.firebase_auth == "optional":
            return
        scheme, _, token = call.request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            text = (
                "Request is missing required authentication credential. "
                "Expected OAuth 2 access token."
            )
            raise Refusal(401, "", text)


def _shown(message: dict[str, Any]) -> tuple[str | None, str | None]:
    """Title and body as a device shows them: the common notification, else a platform's own."""
    aps = _dig(message, "apns", "payload", "aps")
    alert = aps.get("alert")
    sources: list[dict[str, Any]] = [
        _dig(message, "notification"),
        _dig(message, "android", "notification"),
        _dig(message, "webpush", "notification"),
        alert if isinstance(alert, dict) else {"body": alert},
    ]
    title = next((s["title"] for s in sources if isinstance(s.get("title"), str)), None)
    body = next((s["body"] for s in sources if isinstance(s.get("body"), str)), None)
    return title, body


def _collapse_id(message: dict[str, Any]) -> str | None:
    """What makes a device show a message in the place of an earlier one."""
    apns = {k.lower(): v for k, v in _dig(message, "apns", "headers").items()}
    web = {k.lower(): v for k, v in _dig(message, "webpush", "headers").items()}
    android = _dig(message, "android")
    candidates = (
        android.get("collapse_key", android.get("collapseKey")),
        apns.get("apns-collapse-id"),
        web.get("topic"),
        _dig(message, "webpush", "notification").get("tag"),
        _dig(message, "android", "notification").get("tag"),
    )
    return next((value for value in candidates if isinstance(value, str) and value), None)


def _dig(value: dict[str, Any], *names: str) -> dict[str, Any]:
    """The object below these names, empty when there is none."""
    for name in names:
        below = value.get(name)
        if not isinstance(below, dict):
            return {}
        value = below
    return value


def _parse(call: Call) -> None:
    try:
        call.data = orjson.loads(call.body)
    except orjson.JSONDecodeError as error:
        raise invalid("", f"Invalid JSON payload received. {error}") from error
    message = call.data.get("message") if isinstance(call.data, dict) else None
    if isinstance(message, dict):
        targets = [message.get(name) for name in TARGETS]
        call.recipients = [target for target in targets if isinstance(target, str)]
