"""Twilio's Messages resource: create, fetch, list, and the signed webhooks about them.

Twilio has no idempotency keys, so the list is what a caller asks after an unanswered call: it is
complete and filters by recipient and day. A `STOP` reply opts the recipient out with Twilio itself,
as the vendor does by default; later messages from that sender are refused with 21610.
"""

import base64
import binascii
import hmac
import re
from collections.abc import Mapping
from datetime import datetime
from email.utils import format_datetime
from hashlib import sha1
from typing import Any
from urllib.parse import parse_qsl, urlencode
from uuid import uuid4

from starlette.responses import Response
from starlette.routing import Route
from typing_extensions import override

from sandbox.messages import Message
from sandbox.segments import count_segments
from sandbox.vendors.base import (
    Call,
    Endpoint,
    NoSuchWebhook,
    Refusal,
    Vendor,
    Webhook,
    json_response,
)
from sandbox.vendors.twilio_rules import Filter, check_sms, not_found, opt_out_word

_API = "/2010-04-01"
_BASIC = re.compile(r"(?:AC|SK)[0-9a-fA-F]{32}")
_FAULTS = {
    400: (20001, "Bad request"),
    401: (20003, "Authenticate"),
    403: (20403, "Forbidden"),
    404: (20404, "The requested resource was not found"),
    429: (20429, "Too Many Requests"),
    500: (20500, "An internal server error has occurred"),
    503: (20503, "Service is unavailable. Please try again"),
}
_ERRORS = {"undelivered": 30003, "failed": 30008}
_ERROR_WORDS = {30003: "Unreachable destination handset", 30008: "Unknown error"}


class Twilio(Vendor):
    """Stand-in for api.twilio.com, below `/twilio`."""

    name = "twilio"
    prefix = "/twilio"
    events = frozenset({"sent", "delivered", "undelivered", "failed", "reply"})

    @override
    def routes(self) -> list[Route]:
        messages = f"/twilio{_API}/Accounts/{{account}}/Messages"
        create = Endpoint(self, "send", self._create, _parse_create)
        find = Endpoint(self, "ask", self._list, _parse_list)
        fetch = Endpoint(self, "ask", self._fetch, self._parse_fetch)
        return [
            Route(f"{messages}.json", create, methods=["POST"]),
            Route(f"{messages}.json", find, methods=["GET"]),
            Route(f"{messages}/{{sid}}.json", fetch, methods=["GET"]),
        ]

    @override
    def refuse(self, refusal: Refusal) -> Response:
        content = {
            "code": refusal.code,
            "message": refusal.message,
            "more_info": f"https://www.twilio.com/docs/errors/{refusal.code}",
            "status": refusal.status,
        }
        headers = {"WWW-Authenticate": 'Basic realm="Twilio API"'} if refusal.status == 401 else {}
        return json_response(content, refusal.status, headers)

    @override
    def fault(self, status: int) -> Refusal:
        code, message = _FAULTS.get(status, (20000 + status, "An error has occurred"))
        return Refusal(status, code, message)

    @override
    def unknown_path(self, path: str) -> Refusal:
        return not_found(path.removeprefix("/twilio"))

    async def _create(self, call: Call) -> Response:
        account = self._authorize(call)
        form: dict[str, str] = call.data
        check_sms(form)
        sender = form.get("MessagingServiceSid") or form["From"]
        if self.store.opted_out(self.name, sender, form["To"]):
            raise Refusal(400, 21610, "Attempt to send to unsubscribed recipient")
        await call.linger()
        message = Message(
            provider=self.name,
            id=f"SM{uuid4().hex}",
            to=(form["To"],),
            received_at=self.store.now(),
            payload=form,
            text=form.get("Body"),
            facts={"account": account, "sender": sender},
        )
        self.store.take([message])
        return json_response(_resource(message, fresh=True), 201)

    async def _fetch(self, call: Call) -> Response:
        account = self._authorize(call)
        message = self.store.find(self.name, call.request.path_params["sid"])
        if message is None or message.facts["account"] != account:
            self._admit_ignorance()
            raise not_found(call.request.url.path.removeprefix("/twilio"))
        return json_response(_resource(message))

    async def _list(self, call: Call) -> Response:
        account = self._authorize(call)
        self._admit_ignorance()
        wanted: Filter = call.data
        chosen = (
            self.store.addressed(self.name, wanted.to)
            if wanted.to
            else list(self.store.select(self.name))
        )
        found = [m for m in reversed(chosen) if wanted.fits(m) and m.facts["account"] == account]
        start = wanted.page * wanted.page_size
        page = found[start : start + wanted.page_size]
        path = f"{_API}/Accounts/{account}/Messages.json"
        more = start + wanted.page_size < len(found)
        content = {
            "messages": [_resource(message) for message in page],
            "end": max(start + len(page) - 1, 0),
            "start": start,
            "page": wanted.page,
            "page_size": wanted.page_size,
            "uri": wanted.uri(path, wanted.page),
            "first_page_uri": wanted.uri(path, 0),
            "previous_page_uri": wanted.uri(path, wanted.page - 1) if wanted.page else None,
            "next_page_uri": wanted.uri(path, wanted.page + 1) if more else None,
        }
        return json_response(content)

    def _parse_fetch(self, call: Call) -> None:
        message = self.store.find(self.name, call.request.path_params["sid"])
        call.recipients = message.to if message else ()

    def _admit_ignorance(self) -> None:
        if self.store.only_counted(self.name):
            text = "The sandbox only counts messages now, so it cannot tell which it took"
            raise Refusal(503, 20503, text)

    def _authorize(self, call: Call) -> str:
        """The account in the path, when the caller may use it."""
        account = str(call.request.path_params["account"])
        scheme, _, encoded = call.request.headers.get("authorization", "").partition(" ")
        try:
            user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            user, password = "", ""
        wanted = self.config.twilio_auth_token
        known = scheme.lower() == "basic" and _BASIC.fullmatch(user) and password
        if not known or (wanted and not hmac.compare_digest(password.encode(), wanted.encode())):
            raise Refusal(401, 20003, "Authenticate")
        if not account.startswith("AC") or not _BASIC.fullmatch(account):
            raise not_found(call.request.url.path.removeprefix("/twilio"))
        if user.startswith("AC") and user != account:
            raise Refusal(401, 20003, "Authenticate")
        return account

    @override
    def webhook(self, message: Message, event: str, text: str | None, url: str) -> Webhook:
        token = self.config.twilio_auth_token
        if not token:
            raise NoSuchWebhook("the sandbox was started without TWILIO_AUTH_TOKEN")
        if event == "reply":
            params = self._reply(message, text or "")
            status = None
        else:
            params = _status_params(message, event)
            status = event
            asked = message.payload.get("StatusCallback", "")
            # Another host is never called from here: a sandbox must not reach outside.
            if asked == url or asked.startswith((f"{url}?", f"{url}/")):
                url = asked
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "User-Agent": "TwilioProxy/1.1",
            "X-Twilio-Signature": sign_twilio(token, url, params),
        }
        return Webhook(urlencode(params).encode(), headers, url=url, status=status, facts=params)

    def _reply(self, message: Message, text: str) -> dict[str, str]:
        sender = message.facts["sender"]
        word = opt_out_word(text)
        if word in ("STOP", "START"):
            self.store.set_opt_out(self.name, sender, message.to[0], out=word == "STOP")
        sid = f"SM{uuid4().hex}"
        params = {
            "MessageSid": sid,
            "SmsSid": sid,
            "SmsMessageSid": sid,
            "AccountSid": message.facts["account"],
            "From": message.to[0],
            "To": message.payload.get("From", "+15005550006"),
            "Body": text,
            "NumMedia": "0",
            "NumSegments": str(count_segments(text)[0]),
            "SmsStatus": "received",
            "ApiVersion": "2010-04-01",
        }
        if "MessagingServiceSid" in message.payload:
            params["MessagingServiceSid"] = message.payload["MessagingServiceSid"]
        if word:
            params["OptOutType"] = word
        return params


def sign_twilio(token: str, url: str, params: Mapping[str, str]) -> str:
    """`X-Twilio-Signature`: HMAC-SHA1 over the URL followed by the sorted parameters."""
    signed = url + "".join(name + params[name] for name in sorted(params))
    return base64.b64encode(hmac.new(token.encode(), signed.encode(), sha1).digest()).decode()


def _status_params(message: Message, status: str) -> dict[str, str]:
    params = {
        "MessageSid": message.id,
        "SmsSid": message.id,
        "AccountSid": message.facts["account"],
        "MessageStatus": status,
        "SmsStatus": status,
        "To": message.to[0],
        "From": message.payload.get("From", "+15005550006"),
        "ApiVersion": "2010-04-01",
    }
    if "MessagingServiceSid" in message.payload:
        params["MessagingServiceSid"] = message.payload["MessagingServiceSid"]
    if status in _ERRORS:
        params["ErrorCode"] = str(_ERRORS[status])
    return params


def _resource(message: Message, *, fresh: bool = False) -> dict[str, Any]:
    """The Message resource; `fresh` is the answer to its creation, before a sender is assigned."""
    form = message.payload
    service = form.get("MessagingServiceSid")
    account = message.facts["account"]
    created = _rfc2822(message.received_at)
    uri = f"{_API}/Accounts/{account}/Messages/{message.id}"
    error = None if fresh else _ERRORS.get(message.status)
    segments = "0" if fresh and service else str(count_segments(form.get("Body", ""))[0])
    waiting = "accepted" if service else "queued"
    return {
        "account_sid": account,
        "api_version": "2010-04-01",
        "body": form.get("Body", ""),
        "date_created": created,
        "date_sent": None if fresh else created,
        "date_updated": created,
        "direction": "outbound-api",
        "error_code": error,
        "error_message": _ERROR_WORDS[error] if error else None,
        "from": form.get("From"),
        "messaging_service_sid": service,
        "num_media": "1" if "MediaUrl" in form else "0",
        "num_segments": segments,
        "price": None,
        "price_unit": "USD",
        "sid": message.id,
        "status": waiting if fresh else message.status,
        "subresource_uris": {"media": f"{uri}/Media.json"},
        "to": message.to[0],
        "uri": f"{uri}.json",
    }


def _rfc2822(at: datetime) -> str:
    return format_datetime(at)


def _parse_create(call: Call) -> None:
    call.data = dict(parse_qsl(call.body.decode("utf-8", "replace"), keep_blank_values=True))
    call.recipients = (call.data.get("To", ""),)


def _parse_list(call: Call) -> None:
    call.data = Filter.parse(call.request.query_params)
    call.recipients = (call.data.to or "",)
