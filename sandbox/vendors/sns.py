"""Amazon SNS's part for SMS, by AWS's Query protocol, and its signed notifications.

SNS takes a message for a number that has opted out, delivers nothing and says so in its delivery
status only; so does this stand-in. A `STOP` in reply opts the number out of the whole account.
"""

from collections.abc import Awaitable, Callable, Iterable
from typing import Any
from uuid import uuid4
from xml.sax.saxutils import escape

import orjson
from starlette.responses import Response
from starlette.routing import Route
from typing_extensions import override

from sandbox.config import SandboxConfig
from sandbox.faults import Faults
from sandbox.messages import Message
from sandbox.store import Store
from sandbox.vendors.base import Call, Endpoint, NoSuchWebhook, Refusal, Vendor, Webhook
from sandbox.vendors.sns_rules import (
    VERSION,
    check_signature,
    check_sms,
    invalid,
    number_of,
    opt_out_word,
    parse_form,
    read_attributes,
)
from sandbox.vendors.sns_webhooks import (
    Signer,
    confirmation,
    delivery,
    headers_of,
    inbound,
    notification,
)

_NAMESPACE = f"http://sns.amazonaws.com/doc/{VERSION}/"
_ANYBODY = ""
"""The opt-out list is the account's, whatever the sender."""
_PAGE = 100
_OPTED_OUT = "opted_out"
_PENDING = "PendingConfirmation"
# AWS's throttling has a status of its own for some calls, and 400 for the rest.
_FAULTS = {
    400: (400, "ValidationError", "The input fails to satisfy the constraints of SNS."),
    401: (403, "InvalidClientTokenId", "The security token included in the request is invalid."),
    403: (403, "AuthorizationError", "The user is not authorized to perform: SNS:Publish"),
    404: (404, "NotFound", "The requested resource does not exist."),
    429: (400, "Throttling", "Rate exceeded"),
    500: (500, "InternalError", "The request failed because of an unknown error."),
    503: (503, "ServiceUnavailable", "The request failed due to a temporary failure."),
}


class Sns(Vendor):
    """Stand-in for sns.REGION.amazonaws.com, below `/sns`."""

    name = "sns"
    prefix = "/sns"
    events = frozenset({"delivered", "failed", "undelivered", "reply", "subscribe"})

    def __init__(self, store: Store, faults: Faults, config: SandboxConfig) -> None:
        super().__init__(store, faults, config)
        self._signer = Signer(config.sns_signing_key)
        self._subscriptions: dict[str, str] = {}
        self._actions: dict[str, Callable[[Call], Awaitable[str]]] = {
            "Publish": self._publish,
            "GetSMSAttributes": self._get_attributes,
            "CheckIfPhoneNumberIsOptedOut": self._check_opt_out,
            "ListPhoneNumbersOptedOut": self._list_opt_outs,
            "OptInPhoneNumber": self._opt_in,
            "ListSubscriptions": self._list_subscriptions,
        }

    @override
    def routes(self) -> list[Route]:
        call = Endpoint(self, "ask", self._call, _parse)
        visit = Endpoint(self, "ask", self._confirm)
        certificate = Endpoint(self, "ask", self._certificate)
        return [
            Route("/sns", call, methods=["POST"]),
            Route("/sns/", call, methods=["POST"]),
            Route("/sns/", visit, methods=["GET"]),
            Route("/sns/{name}.pem", certificate, methods=["GET"]),
        ]

    @override
    def refuse(self, refusal: Refusal) -> Response:
        kind = "Sender" if refusal.status < 500 else "Receiver"
        text = (
            f'<ErrorResponse xmlns="{_NAMESPACE}"><Error><Type>{kind}</Type>'
            f"<Code>{refusal.code}</Code><Message>{escape(refusal.message)}</Message></Error>"
            f"<RequestId>{uuid4()}</RequestId></ErrorResponse>"
        )
        return _xml(text, refusal.status)

    @override
    def fault(self, status: int) -> Refusal:
        text = "The request cannot be served now."
        return Refusal(*_FAULTS.get(status, (status, "InternalFailure", text)))

    @override
    def unknown_path(self, path: str) -> Refusal:
        return Refusal(404, "NotFound", "The requested resource does not exist.")

    async def _call(self, call: Call) -> Response:
        key_id, secret = self.config.sns_access_key_id, self.config.sns_secret_access_key
        check_signature(call.request, call.body, key_id, secret, self.store.now())
        action, version = call.data.get("Action", ""), call.data.get("Version", "")
        handle = self._actions.get(action)
        if handle is None or version != VERSION:
            text = f"Could not find operation {action} for version {version}"
            raise Refusal(400, "InvalidAction", text)
        return _answer(action, await handle(call))

    async def _publish(self, call: Call) -> str:
        attributes = read_attributes(call.data)
        check_sms(call.data, attributes)
        await call.linger()
        number = call.data["PhoneNumber"]
        values = {name: entry["StringValue"] for name, entry in attributes.items()}
        payload = {k: v for k, v in call.data.items() if not k.startswith("MessageAttributes.")}
        message = Message(
            provider=self.name,
            id=str(uuid4()),
            to=(number,),
            received_at=self.store.now(),
            payload={**payload, "MessageAttributes": attributes},
            text=call.data["Message"],
            status=_OPTED_OUT if self._opted_out(number) else "sent",
            facts={
                "base": str(call.request.base_url) + "sns",
                "sender": values.get("AWS.MM.SMS.OriginationNumber")
                or values.get("AWS.SNS.SMS.SenderID"),
                "type": values.get("AWS.SNS.SMS.SMSType", "Promotional"),
            },
        )
        self.store.take([message])
        return f"<MessageId>{message.id}</MessageId>"

    async def _get_attributes(self, call: Call) -> str:
        held = {"DefaultSMSType": "Promotional", "MonthlySpendLimit": "1"}
        wanted = {v for k, v in call.data.items() if k.startswith("attributes.member.")}
        entries = (
            f"<entry><key>{name}</key><value>{value}</value></entry>"
            for name, value in held.items()
            if not wanted or name in wanted
        )
        return f"<attributes>{''.join(entries)}</attributes>"

    async def _check_opt_out(self, call: Call) -> str:
        out = self._opted_out(number_of(call.data))
        return f"<isOptedOut>{str(out).lower()}</isOptedOut>"

    async def _list_opt_outs(self, call: Call) -> str:
        """`nextToken` is the last number of the page before."""
        after = call.data.get("nextToken", "")
        left = [number for number in self.store.opt_outs(self.name) if number > after]
        page = left[:_PAGE]
        more = f"<nextToken>{page[-1]}</nextToken>" if len(left) > _PAGE else ""
        return _list("phoneNumbers", page) + more

    async def _opt_in(self, call: Call) -> str:
        self.store.set_opt_out(self.name, _ANYBODY, number_of(call.data), out=False)
        return ""

    async def _list_subscriptions(self, _call: Call) -> str:
        topic = self.config.sns_topic_arn
        endpoint = escape(f"{self.config.callback_base_url.rstrip('/')}/api/webhooks/{self.name}")
        members = (
            f"<TopicArn>{topic}</TopicArn><Protocol>http</Protocol>"
            f"<SubscriptionArn>{arn}</SubscriptionArn><Owner>000000000000</Owner>"
            f"<Endpoint>{endpoint}</Endpoint>"
            for arn in self._subscriptions.values()
        )
        return _list("Subscriptions", members)

    async def _confirm(self, call: Call) -> Response:
        query = call.request.query_params
        if query.get("Action") != "ConfirmSubscription":
            raise Refusal(400, "InvalidAction", "Only ConfirmSubscription goes without a key.")
        topic, token = query.get("TopicArn"), query.get("Token", "")
        if topic != self.config.sns_topic_arn:
            raise Refusal(404, "NotFound", "Topic does not exist")
        if token not in self._subscriptions:
            raise invalid("Token")
        if self._subscriptions[token] == _PENDING:
            self._subscriptions[token] = f"{topic}:{uuid4()}"
        content = f"<SubscriptionArn>{self._subscriptions[token]}</SubscriptionArn>"
        return _answer("ConfirmSubscription", content)

    async def _certificate(self, call: Call) -> Response:
        if f"{call.request.path_params['name']}.pem" != self._signer.file_name:
            raise self.unknown_path(call.request.url.path)
        return Response(self._signer.certificate, media_type="application/x-pem-file")

    @override
    def webhook(self, message: Message, event: str, text: str | None, url: str) -> Webhook:
        base, topic = message.facts["base"], self.config.sns_topic_arn
        now = self.store.now()
        content: dict[str, Any] = {}
        if event == "subscribe":
            token = uuid4().hex * 2
            self._subscriptions[token] = _PENDING
            envelope = confirmation(self._signer, base, topic, token, now)
        else:
            content = self._content(message, event, text)
            envelope = notification(self._signer, base, topic, content, now)
        status = event if event not in ("subscribe", "reply") else None
        facts = {"type": envelope["Type"], **content}
        return Webhook(orjson.dumps(envelope), headers_of(envelope), status=status, facts=facts)

    def _content(self, message: Message, event: str, text: str | None) -> dict[str, Any]:
        if event == "reply":
            word = opt_out_word(text or "")
            if word in ("STOP", "START"):
                self.store.set_opt_out(self.name, _ANYBODY, message.to[0], out=word == "STOP")
            return inbound(message, text or "")
        if message.status == _OPTED_OUT:
            if event != "failed":
                raise NoSuchWebhook("that number had opted out, so the message can only fail")
            text = f"{message.to[0]} is opted out"
        return delivery(message, event, text, self.store.now())

    def _opted_out(self, number: str) -> bool:
        return self.store.opted_out(self.name, _ANYBODY, number)


def _parse(call: Call) -> None:
    call.data = parse_form(call.body)
    if call.data.get("Action") == "Publish":
        call.kind = "send"
    call.recipients = (call.data.get("PhoneNumber") or call.data.get("phoneNumber", ""),)


def _list(name: str, members: Iterable[str]) -> str:
    return f"<{name}>{''.join(f'<member>{member}</member>' for member in members)}</{name}>"


def _answer(action: str, content: str) -> Response:
    return _xml(
        f'<{action}Response xmlns="{_NAMESPACE}"><{action}Result>{content}</{action}Result>'
        f"<ResponseMetadata><RequestId>{uuid4()}</RequestId></ResponseMetadata></{action}Response>",
        200,
    )


def _xml(text: str, status: int) -> Response:
    return Response(text, status_code=status, media_type="text/xml")
