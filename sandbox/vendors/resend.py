"""Resend's email API: `POST /emails`, `POST /emails/batch`, `GET /emails/{id}`.

An idempotency key is remembered for 24 hours: the same request again answers the first answer and
sends nothing; another request is refused, and so is the same one while the first is under way.
"""

import hmac
from collections.abc import Callable, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any

import orjson
from starlette.responses import Response
from starlette.routing import Route
from typing_extensions import override
from uuid_utils import uuid4

from sandbox.config import SandboxConfig
from sandbox.faults import Faults
from sandbox.keys import KeyRecord
from sandbox.messages import Message, digest_content
from sandbox.store import Store
from sandbox.vendors.base import (
    Call,
    Endpoint,
    NoSuchWebhook,
    Refusal,
    Vendor,
    Webhook,
    json_response,
)
from sandbox.vendors.resend_rules import as_list, bare_address, check_batch_email, check_email
from sandbox.vendors.resend_webhooks import event_body, sign_svix, stamp

_FAULT_NAMES = {
    400: ("validation_error", "We found an error with one or more fields in the request."),
    401: ("missing_api_key", "Missing API key in the authorization header."),
    403: ("invalid_api_key", "API key is invalid."),
    404: ("not_found", "The requested endpoint does not exist."),
    405: ("method_not_allowed", "Method is not allowed for the requested path."),
    409: ("concurrent_idempotent_requests", "The key is used by a request still in progress."),
    422: ("validation_error", "We found an error with one or more fields in the request."),
    429: ("rate_limit_exceeded", "Too many requests. Please limit the number of requests."),
    451: ("security_error", "We may have found a security issue with the request."),
    500: ("internal_server_error", "An unexpected error occurred."),
}
MAX_BATCH = 100
_WORDS = ("subject", "text", "html")


class Resend(Vendor):
    """Stand-in for api.resend.com, below `/resend`."""

    name = "resend"
    prefix = "/resend"
    events = frozenset(
        {"sent", "delivered", "bounced", "complained", "opened", "clicked", "failed"}
    )

    def __init__(self, store: Store, faults: Faults, config: SandboxConfig) -> None:
        super().__init__(store, faults, config)
        self._under_way: set[str] = set()

    @override
    def routes(self) -> list[Route]:
        send = Endpoint(self, "send", self._send, _parse_send)
        batch = Endpoint(self, "send", self._batch, _parse_send)
        get = Endpoint(self, "ask", self._get, self._parse_get)
        return [
            Route("/resend/emails", send, methods=["POST"]),
            Route("/resend/emails/batch", batch, methods=["POST"]),
            Route("/resend/emails/{id}", get, methods=["GET"]),
        ]

    @override
    def refuse(self, refusal: Refusal) -> Response:
        content = {
            "statusCode": refusal.status,
            "name": refusal.code,
            "message": refusal.message,
        }
        return json_response(content, refusal.status)

    @override
    def fault(self, status: int) -> Refusal:
        generic = ("application_error", "An unexpected error occurred.")
        name, message = _FAULT_NAMES.get(status, generic)
        return Refusal(status, name, message)

    @override
    def unknown_path(self, path: str) -> Refusal:
        return Refusal(404, "not_found", "The requested endpoint does not exist.")

    async def _send(self, call: Call) -> Response:
        self._authorize(call)
        emails = [check_email(call.data)]
        return await self._once(call, emails, lambda ids: {"id": ids[0]})

    async def _batch(self, call: Call) -> Response:
        self._authorize(call)
        if not isinstance(call.data, list) or not call.data:
            raise Refusal(422, "validation_error", "The body must be an array of emails.")
        if len(call.data) > MAX_BATCH:
            text = f"The batch must contain at most {MAX_BATCH} emails."
            raise Refusal(422, "validation_error", text)
        mode = call.request.headers.get("x-batch-validation", "strict")
        if mode not in ("strict", "permissive"):
            text = "The `x-batch-validation` header must be `strict` or `permissive`."
            raise Refusal(422, "validation_error", text)
        good, bad, errors = [], [], []
        for index, item in enumerate(call.data):
            try:
                good.append(check_batch_email(item))
            except Refusal as refusal:
                if mode == "strict":
                    raise
                bad.append((index, item))
                errors.append({"index": index, "message": refusal.message})
        more = {"errors": errors} if mode == "permissive" else {}

        def answer(ids: list[str]) -> Any:
            return {"data": [{"id": email_id} for email_id in ids], **more}

        return await self._once(call, good, answer, bad)

    async def _once(
        self,
        call: Call,
        emails: list[dict[str, Any]],
        answer: Callable[[list[str]], Any],
        others: Sequence[Any] = (),
    ) -> Response:
        """Take `emails` and answer with their ids, or as the first time if the call repeats one.

        `others` is what else the call held.
        """
        key = call.request.headers.get("idempotency-key")
        contents = [_digest(email) for email in emails]
        if key is None:
            await call.linger()
            return json_response(self._take(emails, contents, answer))
        if not 1 <= len(key) <= 256:
            raise Refusal(400, "invalid_idempotency_key", "The key must be between 1-256 chars.")
        fingerprint = _fingerprint(call.request.url.path, emails, contents, others)
        known = self.store.recall(self.name, key)
        if known is not None:
            if known.fingerprint != fingerprint:
                text = "Same idempotency key used with a different request payload."
                raise Refusal(409, "invalid_idempotent_request", text)
            return json_response(known.answer)
        if key in self._under_way:
            text = "Same idempotency key used while original request is still in progress."
            raise Refusal(409, "concurrent_idempotent_requests", text)
        self._under_way.add(key)
        try:
            await call.linger()
            return json_response(self._take(emails, contents, answer, key, fingerprint))
        finally:
            self._under_way.discard(key)

    def _take(
        self,
        emails: list[dict[str, Any]],
        contents: list[bytes],
        answer: Callable[[list[str]], Any],
        key: str | None = None,
        fingerprint: str = "",
    ) -> Any:
        now = self.store.now()
        messages = [
            self._message(email, content, key, now)
            for email, content in zip(emails, contents, strict=True)
        ]
        answered = answer([message.id for message in messages])
        record = KeyRecord(self.name, key, fingerprint, answered, now) if key else None
        self.store.take(messages, record)
        return answered

    async def _get(self, call: Call) -> Response:
        self._authorize(call)
        message = self.store.find(self.name, call.request.path_params["id"])
        if message is None and self.store.only_counted(self.name):
            text = "The sandbox only counts messages now, so it cannot tell."
            raise Refusal(503, "application_error", text)
        if message is None:
            raise Refusal(404, "not_found", "Email not found")
        email = message.payload
        content = {
            "object": "email",
            "id": message.id,
            "to": as_list(email["to"]),
            "from": email["from"],
            "created_at": stamp(message.received_at),
            "subject": email.get("subject"),
            "html": email.get("html"),
            "text": email.get("text"),
            "bcc": as_list(email.get("bcc")),
            "cc": as_list(email.get("cc")),
            "reply_to": as_list(email.get("reply_to")),
            "last_event": message.status,
            "scheduled_at": email.get("scheduled_at"),
            "tags": email.get("tags") or [],
        }
        return json_response(content)

    def _parse_get(self, call: Call) -> None:
        message = self.store.find(self.name, call.request.path_params["id"])
        call.recipients = message.to if message else ()

    def _authorize(self, call: Call) -> None:
        headers = call.request.headers
        if not headers.get("user-agent"):
            raise Refusal(403, "validation_error", "The `User-Agent` header is missing.")
        scheme, _, key = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key.strip():
            text = "Missing API key in the authorization header."
            raise Refusal(401, "missing_api_key", text)
        wanted = self.config.resend_api_key
        good = hmac.compare_digest(key, wanted) if wanted else key.startswith("re_")
        if not good:
            raise Refusal(403, "invalid_api_key", "API key is invalid.")

    def _message(
        self, email: dict[str, Any], content: bytes, key: str | None, now: datetime
    ) -> Message:
        return Message(
            provider=self.name,
            id=str(uuid4()),
            to=tuple(bare_address(value) for value in as_list(email["to"])),
            received_at=now,
            payload=email,
            subject=email.get("subject"),
            text=email.get("text"),
            html=email.get("html"),
            idempotency_key=key,
            content=content,
        )

    @override
    def webhook(self, message: Message, event: str, text: str | None, url: str) -> Webhook:
        secret = self.config.resend_webhook_secret
        if not secret:
            raise NoSuchWebhook("the sandbox was started without RESEND_WEBHOOK_SECRET")
        now = self.store.now()
        body = event_body(message, event, text, now)
        content = orjson.dumps(body)
        headers = {"Content-Type": "application/json", "User-Agent": "Svix-Webhooks/1.0"}
        headers |= sign_svix(secret, f"msg_{uuid4().hex}", int(now.timestamp()), content)
        return Webhook(content, headers, status=event, facts=body)


def _parse_send(call: Call) -> None:
    try:
        call.data = orjson.loads(call.body)
    except orjson.JSONDecodeError as error:
        text = "The request body is not valid JSON."
        raise Refusal(400, "validation_error", text) from error
    items = call.data if isinstance(call.data, list) else [call.data]
    recipients = [
        bare_address(value)
        for item in items
        if isinstance(item, dict)
        for value in as_list(item.get("to"))
        if isinstance(value, str)
    ]
    call.recipients = recipients


def _digest(email: dict[str, Any]) -> bytes:
    return digest_content(email.get("subject"), email.get("text"), email.get("html"))


def _fingerprint(
    path: str, emails: list[dict[str, Any]], contents: list[bytes], others: Sequence[Any]
) -> str:
    """Digest of the whole call. The digests of what the emails say go into it in the place of the
    words themselves, which are most of a megabyte that would be read twice."""
    outlines = [
        email | {name: len(email[name]) for name in _WORDS if email.get(name)} for email in emails
    ]
    rest = orjson.dumps([path, outlines, others], option=orjson.OPT_SORT_KEYS)
    return sha256(b"".join([*contents, rest])).hexdigest()
