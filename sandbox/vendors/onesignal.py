"""OneSignal's push API: `POST /notifications`, `GET /notifications/{id}?app_id=`.

A repeated idempotency key answers what it answered first and sends nothing. Everybody is subscribed
but subscription ids that begin with `00000000-`, and users whose external id holds `unknown` (no
such alias) or `unsubscribed`. Callbacks are an event stream with a bearer token, as its owner sets
it up.
"""

import hmac
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import uuid4

import orjson
from starlette.responses import Response
from starlette.routing import Route
from typing_extensions import override

from sandbox.keys import KeyRecord
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
from sandbox.vendors.onesignal_rules import check_push, invalid, is_uuid

_FAULTS = {
    400: "Bad request.",
    401: "Access denied.  Please include an 'Authorization: ...' header with a valid API key.",
    403: "Access denied.  Please include an 'Authorization: ...' header with a valid API key.",
    404: "Not found.",
    429: "API rate limit exceeded.",
    500: "Internal server error.",
    503: "Service unavailable.",
}
_KINDS = {
    "sent": "message.push.sent",
    "delivered": "message.push.received",
    "clicked": "message.push.clicked",
    "failed": "message.push.failed",
}
_NOBODY = ["All included players are not subscribed"]


class OneSignal(Vendor):
    """Stand-in for api.onesignal.com, below `/onesignal`."""

    name = "onesignal"
    prefix = "/onesignal"
    events = frozenset(_KINDS)

    @override
    def routes(self) -> list[Route]:
        send = Endpoint(self, "send", self._send, _parse_send)
        view = Endpoint(self, "ask", self._view, self._parse_view)
        return [
            Route("/onesignal/notifications", send, methods=["POST"]),
            Route("/onesignal/notifications/{id}", view, methods=["GET"]),
        ]

    @override
    def refuse(self, refusal: Refusal) -> Response:
        return json_response({"errors": [refusal.message]}, refusal.status)

    @override
    def fault(self, status: int) -> Refusal:
        return Refusal(status, "fault", _FAULTS.get(status, "An error occurred."))

    @override
    def unknown_path(self, path: str) -> Refusal:
        return Refusal(404, "not_found", "Not found.")

    async def _send(self, call: Call) -> Response:
        app_id = call.data.get("app_id") if isinstance(call.data, dict) else None
        self._authorize(call, app_id)
        push = check_push(call.data)
        await call.linger()
        key = push.get("idempotency_key") or push.get("external_id")
        # Recalled and remembered without a wait in between: of two calls at once one sends.
        known = self.store.recall(self.name, key) if key else None
        if known is not None:
            return json_response(known.answer)
        reached, errors = _reach(push)
        if not reached:
            return json_response({"id": "", "errors": errors})
        message = self._message(push, reached, key)
        answer: dict[str, Any] = {"id": message.id, "external_id": key}
        if errors:
            answer["errors"] = errors
        now = self.store.now()
        record = KeyRecord(self.name, key, "", answer, now) if key else None
        self.store.take([message], record)
        return json_response(answer)

    async def _view(self, call: Call) -> Response:
        app_id = call.request.query_params.get("app_id")
        self._authorize(call, app_id)
        message = self.store.find(self.name, call.request.path_params["id"])
        if message is None and self.store.only_counted(self.name):
            text = "The sandbox only counts messages now, so it cannot tell."
            raise Refusal(503, "unavailable", text)
        if message is None or message.payload["app_id"] != app_id:
            raise Refusal(404, "not_found", "Notification not found")
        return json_response(_resource(message))

    def _parse_view(self, call: Call) -> None:
        message = self.store.find(self.name, call.request.path_params["id"])
        call.recipients = message.to if message else ()

    def _authorize(self, call: Call, app_id: Any) -> None:
        scheme, _, key = call.request.headers.get("authorization", "").partition(" ")
        wanted = self.config.onesignal_api_key
        good = scheme.lower() == "key" and key.strip() != ""
        if not good or (wanted and not hmac.compare_digest(key.encode(), wanted.encode())):
            raise self.fault(403)
        if app_id is None:
            text = "app_id not found. You may be missing a Content-Type: application/json header."
            raise invalid(text)
        if not is_uuid(app_id):
            raise invalid("app_id is not a valid UUID.")
        if self.config.onesignal_app_id not in (None, app_id):
            raise self.fault(403)

    def _message(self, push: dict[str, Any], to: Sequence[str], key: str | None) -> Message:
        return Message(
            provider=self.name,
            id=str(uuid4()),
            to=tuple(to),
            received_at=self.store.now(),
            payload=push,
            subject=(push.get("headings") or {}).get("en"),
            text=(push.get("contents") or {}).get("en"),
            idempotency_key=key,
            collapse=push.get("collapse_id"),
        )

    @override
    def webhook(self, message: Message, event: str, text: str | None, url: str) -> Webhook:
        secret = self.config.onesignal_webhook_secret
        if not secret:
            raise NoSuchWebhook("the sandbox was started without ONESIGNAL_WEBHOOK_SECRET")
        data = {"message_id": message.id, "message_name": message.payload.get("name") or ""}
        if event == "clicked":
            data["url"] = text or message.payload.get("url") or ""
        body = {
            "event": {
                "kind": _KINDS[event],
                "id": str(uuid4()),
                "timestamp": str(_seconds(self.store.now())),
                "data": data,
            }
        }
        headers = {"Content-Type": "application/json", "Authorization": f"Bearer {secret}"}
        return Webhook(orjson.dumps(body), headers, status=event, facts=body)


def _reach(push: dict[str, Any]) -> tuple[list[str], Any]:
    """Who of the targets is subscribed, and what OneSignal says of the others."""
    ids = push.get("include_subscription_ids")
    if ids:
        dead = [value for value in ids if value.startswith("00000000-")]
        return [value for value in ids if value not in dead], _errors("invalid_player_ids", dead)
    aliases = push["include_aliases"]
    unknown = {
        label: [value for value in values if "unknown" in value]
        for label, values in aliases.items()
    }
    unknown = {label: values for label, values in unknown.items() if values}
    known = [
        value
        for label, values in aliases.items()
        for value in values
        if value not in unknown.get(label, [])
    ]
    reached = [value for value in known if "unsubscribed" not in value]
    return reached, _errors("invalid_aliases", unknown) or (None if reached else _NOBODY)


def _errors(name: str, values: Any) -> dict[str, Any] | None:
    return {name: values} if values else None


def _resource(message: Message) -> dict[str, Any]:
    """The message with the counts of its devices; here each target is one device."""
    devices, status = len(message.to), message.status
    at = _seconds(message.received_at)
    failed = devices if status == "failed" else 0
    return {
        **{k: v for k, v in message.payload.items() if k != "idempotency_key"},
        "id": message.id,
        "canceled": False,
        "successful": devices - failed,
        "failed": failed,
        "errored": 0,
        "remaining": 0,
        "received": devices if status in ("delivered", "clicked") else 0,
        "converted": devices if status == "clicked" else 0,
        "queued_at": at,
        "send_after": at,
        "completed_at": at,
    }


def _seconds(at: datetime) -> int:
    return int(at.timestamp())


def _parse_send(call: Call) -> None:
    try:
        call.data = orjson.loads(call.body)
    except orjson.JSONDecodeError as error:
        raise invalid("The request body is not valid JSON.") from error
    if not isinstance(call.data, dict):
        raise invalid("The request body must be a JSON object.")
    ids = call.data.get("include_subscription_ids")
    aliases = call.data.get("include_aliases")
    lists = [ids, *(aliases.values() if isinstance(aliases, dict) else ())]
    call.recipients = [
        value
        for values in lists
        if isinstance(values, list)
        for value in values
        if isinstance(value, str)
    ]
