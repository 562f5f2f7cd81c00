"""The outbox page: what arrived, as a person would see it.

Everything a sender wrote is escaped; an email's HTML lives in a sandboxed frame without scripts,
and the page's policy lets nothing load from outside, so opening it counts as nobody's open.
"""

import secrets
from pathlib import Path
from typing import Any

import orjson
from jinja2 import Environment, FileSystemLoader
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from sandbox.messages import Message
from sandbox.segments import split_segments
from sandbox.store import Store

PAGE_SIZE = 100
_FRAME_HEAD = '<base target="_blank"><meta charset="utf-8">'


class Outbox:
    """Server-rendered page; `?fragment=1&rev=R` answers the list alone, 204 if R is current."""

    def __init__(self, store: Store, providers: list[str]) -> None:
        self._store = store
        self._providers = providers
        self._boot = secrets.token_hex(4)
        env = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True)
        self._page = env.get_template("outbox.html")
        self._list = env.get_template("outbox_list.html")

    def routes(self) -> list[Route]:
        return [
            Route("/", self._home, methods=["GET"]),
            Route("/outbox", self._show, methods=["GET"]),
        ]

    async def _home(self, _request: Request) -> Response:
        return RedirectResponse("/outbox")

    async def _show(self, request: Request) -> Response:
        query = request.query_params
        revision = f"{self._boot}-{self._store.revision}"
        if query.get("fragment") and query.get("rev") == revision:
            return Response(status_code=204)
        provider, to = query.get("provider", ""), query.get("to", "").strip()
        cards, more = self._cards(provider, to)
        nonce = secrets.token_urlsafe(16)
        facts = {
            "cards": cards,
            "more": more,
            "counts": await self._store.counts(),
            "keep": self._store.keep,
            "providers": self._providers,
            "provider": provider,
            "to": to,
            "revision": revision,
            "nonce": nonce,
        }
        template = self._list if query.get("fragment") else self._page
        headers = {
            "Cache-Control": "no-store",
            "X-Revision": revision,
            "Content-Security-Policy": (
                "default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-src 'self'; "
                f"connect-src 'self'; script-src 'nonce-{nonce}'; form-action 'self'; "
                "base-uri 'self'; frame-ancestors 'self'"
            ),
        }
        return Response(template.render(facts), headers=headers, media_type="text/html")

    def _cards(self, provider: str, to: str) -> tuple[list[dict[str, Any]], bool]:
        wanted = to.lower()
        cards: list[dict[str, Any]] = []
        for message in self._store.newest():
            if provider and message.provider != provider:
                continue
            if wanted and all(wanted not in recipient.lower() for recipient in message.to):
                continue
            if len(cards) == PAGE_SIZE:
                return cards, True
            cards.append(_card(message))
        return cards, False


def _card(message: Message) -> dict[str, Any]:
    card: dict[str, Any] = {
        "shape": "push",
        "provider": message.provider,
        "id": message.id,
        "to": ", ".join(message.to),
        "subject": message.subject,
        "text": message.text,
        "at": message.received_at.strftime("%Y-%m-%d %H:%M:%S UTC"),
        "status": message.status,
        "replaced": message.replaced,
    }
    payload = message.payload
    if message.html is not None or "subject" in payload or message.provider == "smtp":
        attachments = payload.get("attachments") or []
        return card | {
            "shape": "email",
            "sender": payload.get("from"),
            "frame": _FRAME_HEAD + message.html if message.html else None,
            "attachments": [item.get("filename") or item.get("path") for item in attachments],
            "headers": payload.get("headers") or {},
        }
    if "Body" in payload or "PhoneNumber" in payload:
        segments, encoding = split_segments(message.text or "")
        sender = (
            payload.get("From") or payload.get("MessagingServiceSid") or message.facts.get("sender")
        )
        return card | {
            "shape": "sms",
            "sender": sender,
            "segments": segments,
            "encoding": encoding,
        }
    return card | _push(payload.get("message", payload)) | {"collapse": message.collapse}


def _push(push: dict[str, Any]) -> dict[str, Any]:
    """What a device would make of it, in either vendor's words."""
    web = (push.get("webpush") or {}).get("notification") or {}
    aps = ((push.get("apns") or {}).get("payload") or {}).get("aps") or {}
    data = push.get("data") or {}
    buttons = web.get("actions") or push.get("buttons") or push.get("web_buttons")
    if not buttons and isinstance(data.get("actions"), str):
        buttons = orjson.loads(data["actions"])
    picture = (push.get("notification") or {}).get("image") or push.get("big_picture")
    return {
        "data": data,
        "actions": [b.get("title") or b.get("text") for b in buttons or [] if isinstance(b, dict)],
        "image": picture or push.get("chrome_web_image"),
        "badge": aps.get("badge") or push.get("ios_badgeCount"),
    }
