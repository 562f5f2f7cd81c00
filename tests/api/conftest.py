"""The whole API over real storage, cache and Temporal; vendors are the sandbox, over HTTP."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI

from domain.delivering import RetryLater
from domain.enums import Channel, PlanTrigger
from domain.messages import DeliverInput, PlanInput
from runtime.container import Container
from runtime.embedded.home import free_port
from runtime.embedded.stack import EmbeddedStack
from runtime.settings import Settings
from tests.api.live import application, serving

ROOT = Path(__file__).parents[2]
FIRST_KEY = "hk_first_key_of_the_api_tests"
WEBHOOK_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
TWILIO_TOKEN = "0123456789abcdef0123456789abcdef"
TWILIO_ACCOUNT = "AC" + "0a" * 16


@pytest.fixture(scope="session")
def api_port() -> int:
    return free_port()


@pytest.fixture(scope="session")
def sandbox_url(api_port: int) -> Iterator[str]:
    with running_sandbox(api_port) as url:
        yield url


@contextmanager
def running_sandbox(api_port: int) -> Iterator[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox", "--port", "0",
         "--callback-base-url", f"http://127.0.0.1:{api_port}"],
        cwd=ROOT, stdout=subprocess.PIPE, text=True,
        env={"PATH": os.environ["PATH"], "RESEND_WEBHOOK_SECRET": WEBHOOK_SECRET,
             "TWILIO_AUTH_TOKEN": TWILIO_TOKEN},
    )  # fmt: skip
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait(timeout=10)
        process.stdout.close()


@pytest.fixture(scope="module")
def temporal_address(stack: EmbeddedStack) -> str:
    """A module may be without."""
    return stack.temporal_address


@pytest.fixture(scope="module")
async def container(
    stack: EmbeddedStack, database: str, sandbox_url: str, api_port: int, temporal_address: str
) -> AsyncIterator[Container]:
    settings = Settings(
        DATABASE_URL=database,
        REDIS_URL=stack.redis_url,
        TEMPORAL_ADDRESS=temporal_address,
        HERALD_API_KEY=FIRST_KEY,
        HERALD_PUBLIC_URL=f"http://127.0.0.1:{api_port}",
        TEMPORAL_UI_URL="http://127.0.0.1:8233",
        RESEND_API_KEY="re_sandbox",
        RESEND_API_URL=f"{sandbox_url}/resend",
        RESEND_WEBHOOK_SECRET=WEBHOOK_SECRET,
        TWILIO_ACCOUNT_SID=TWILIO_ACCOUNT,
        TWILIO_AUTH_TOKEN=TWILIO_TOKEN,
        TWILIO_API_URL=f"{sandbox_url}/twilio",
    )
    async with Container.open(settings) as opened:
        yield opened


@pytest.fixture(scope="module")
async def app(container: Container) -> AsyncIterator[FastAPI]:
    async with application(container) as made:
        yield made


@pytest.fixture(scope="module")
async def api(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """The first key's client; paths begin below `/api`."""
    async with client(app, FIRST_KEY) as opened:
        yield opened


@asynccontextmanager
async def client(app: FastAPI, key: str | None = None) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://herald.test/api", headers=headers, timeout=30
    ) as opened:
        yield opened


@pytest.fixture(scope="module")
async def server(app: FastAPI, api_port: int) -> AsyncIterator[str]:
    """The same application behind a real server, for sockets and callbacks. Its address."""
    async with serving(app, api_port) as address:
        yield address


@pytest.fixture(scope="module")
async def other_server(container: Container) -> AsyncIterator[str]:
    """A second API: a container, a bus and a server of its own on the same storage."""
    async with (
        Container.open(container.settings) as second,
        application(second) as made,
        serving(made) as address,
    ):
        yield address


@dataclass
class Actor:
    """What a test does before it asks: users, notifications, and the work of the workers."""

    api: httpx.AsyncClient
    container: Container

    async def user(self, **profile: Any) -> str:
        user_id = f"user-{uuid4().hex[:12]}"
        body = {"email": f"{user_id}@example.com", "timezone": "UTC"} | profile
        answer = await self.api.put(f"/users/{user_id}", json=body)
        assert answer.status_code == 201, answer.text
        return user_id

    async def send(self, user_id: str, **fields: Any) -> dict[str, Any]:
        body = {"userId": user_id, "type": "application_update", "title": f"Title {uuid4()}",
                "content": "Some words.", "channels": ["email"]} | fields  # fmt: skip
        answer = await self.api.post("/notifications", json=body)
        assert answer.status_code == 202, answer.text
        accepted: dict[str, Any] = answer.json()
        return accepted

    async def work(self, notification_id: str) -> None:
        """What the workflow would do now: plan, and deliver what is ready."""
        wanted = UUID(notification_id)
        plan = await self.container.plan.plan(
            PlanInput(notification_id=wanted, now=datetime.now(UTC), trigger=PlanTrigger.ACCEPTED)
        )
        for channel in plan.ready:
            await self.deliver(wanted, channel)

    async def deliver(self, notification_id: UUID, channel: Channel) -> None:
        while True:
            try:
                await self.container.deliver.deliver(
                    DeliverInput(
                        notification_id=notification_id, channel=channel, now=datetime.now(UTC)
                    )
                )
            except RetryLater as later:
                await asyncio.sleep(later.after.total_seconds())
            else:
                return

    async def in_inbox(self, user_id: str, **fields: Any) -> dict[str, Any]:
        """A notification that has arrived in the user's inbox."""
        item = await self.send(user_id, **{"channels": ["websocket"]} | fields)
        await self.work(item["id"])
        return item

    async def key(self, *scopes: str, **fields: Any) -> str:
        body = {"name": "a test", "scopes": list(scopes)} | fields
        answer = await self.api.post("/api-keys", json=body)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["key"])

    async def token(self, user_id: str) -> str:
        answer = await self.api.post(f"/users/{user_id}/tokens", json={})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["token"])


@pytest.fixture(scope="module")
def actor(api: httpx.AsyncClient, container: Container) -> Actor:
    return Actor(api, container)


def refusal(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Asserts a problem document and returns it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["code"] == code, problem
    assert problem["status"] == status
    assert set(problem) == {"type", "title", "status", "detail", "code", "errors"}
    return problem


def fields_of(problem: dict[str, Any]) -> dict[str, str]:
    """field → code"""
    return {error["field"]: error["code"] for error in problem["errors"]}
