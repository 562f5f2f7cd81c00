"""The baselines of the campaign benchmark: Celery on Valkey, as such a mailer is usually written.

`send_one` renders one message and posts it; `send_hundred` renders a hundred and posts them in one
call. Neither plans, asks for consents, or keeps a record: what is killed is lost or doubled.
"""

import os
from functools import lru_cache
from typing import Any, Final

import httpx
from celery import Celery

from domain.enums import Channel
from domain.records.catalogue import TemplateVersion
from templates.adapter import Templates, starter_versions

BROKER: Final = os.environ.get("BENCH_BROKER", "redis://127.0.0.1:6379/15")
VENDOR: Final = os.environ.get("BENCH_VENDOR", "http://127.0.0.1:1")
KEY: Final = os.environ.get("BENCH_VENDOR_KEY", "re_bench")
SENDER: Final = "jobs@example.com"


def surroundings(state: dict[str, Any], vendor_key: str) -> dict[str, str]:
    """What the workers of these tasks are given on a running Herald's parts."""
    broker = f"{str(state['redis']).rpartition('/')[0]}/15"
    return {
        "BENCH_BROKER": broker,
        "BENCH_VENDOR": f"{state['sandbox']}/resend",
        "BENCH_VENDOR_KEY": vendor_key,
    }


app = Celery("bench", broker=BROKER)
app.conf.update(
    task_ignore_result=True,
    worker_prefetch_multiplier=50,
    broker_connection_retry_on_startup=True,
    worker_hijack_root_logger=False,
)


@lru_cache(maxsize=1)
def _client() -> httpx.Client:
    headers = {"Authorization": f"Bearer {KEY}", "User-Agent": "bench"}
    return httpx.Client(base_url=VENDOR, headers=headers, timeout=30, trust_env=False)


@lru_cache(maxsize=1)
def _template() -> tuple[Templates, TemplateVersion]:
    from datetime import UTC, datetime

    found = starter_versions(datetime.now(UTC))
    return Templates(), next(v for v in found if (v.key, v.locale) == ("newsletter", "en"))


def _email(recipient: dict[str, str], data: dict[str, Any]) -> dict[str, Any]:
    renderer, template = _template()
    link = f"https://example.com/u/{recipient['id']}"
    context = {
        "user": {**recipient, "locale": "en", "timezone": "UTC", "country": "DE", "phone": ""},
        "data": data, "title": "", "content": "", "locale": "en",
        "notification": {"id": "bench", "type": "newsletter", "priority": "low"},
        "links": {"unsubscribe": link, "preferences": link}, "recommendations": [],
    }  # fmt: skip
    message = renderer.render(template, Channel.EMAIL, context)
    return {
        "from": SENDER, "to": [recipient["email"]], "subject": message.subject,
        "html": message.html, "text": message.text,
    }  # fmt: skip


@app.task(name="send_one")  # type: ignore[untyped-decorator]
def send_one(recipient: dict[str, str], data: dict[str, Any]) -> None:
    _client().post("/emails", json=_email(recipient, data)).raise_for_status()


@app.task(name="send_hundred")  # type: ignore[untyped-decorator]
def send_hundred(recipients: list[dict[str, str]], data: dict[str, Any]) -> None:
    emails = [_email(recipient, data) for recipient in recipients]
    _client().post("/emails/batch", json=emails).raise_for_status()
