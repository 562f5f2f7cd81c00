"""Campaigns' services over a real database, with a vendor that takes batches and does as told.

The vendor counts what reached each address, so that "once" is counted where it matters. A step of
its script that raises `Killed` stands for a process that dies there: nothing after it happens.
"""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from domain.campaigns.messages import ChunkInput, ChunkResult, FreezeInput
from domain.campaigns.records import Campaign, Recipient, RecipientStatus
from domain.campaigns.shapes import AmendCampaign, NewCampaign
from domain.delivering import RetryLater
from domain.enums import Channel, ConsentType
from domain.errors import Conflict
from domain.paging import PageRequest
from domain.ports.providers import Accepted, OutboundMessage, SendOutcome, Uncertain
from domain.records.people import Consent, User
from runtime.links import SignedLinks
from services.campaigns.checks import CampaignChecks
from services.campaigns.chunks import CampaignChunkService
from services.campaigns.engagement import CampaignEngagement
from services.campaigns.route import CampaignRoute
from services.campaigns.run import CampaignRunService
from services.campaigns.service import CampaignService
from services.campaigns.sweep import CampaignSweep
from services.campaigns.test_send import CampaignTestSend
from services.campaigns.words import CampaignComposer
from services.catalogue.reading import Catalogue
from services.notifications.template_choice import TemplateChooser
from storage.uow import SqlUnitOfWork
from templates.adapter import Templates
from tests.integration.conftest import Core, ScriptedProvider

ACTOR = "tests"
PATIENCE = timedelta(seconds=0.3)
"""What a killed attempt left open never lands."""
LINK_KEY = b"l" * 32
PUBLIC = "http://127.0.0.1:8000"


class Killed(Exception):
    """The process is gone."""


Batch = Sequence[OutboundMessage]
Step = Callable[[Batch], Awaitable[Sequence[SendOutcome]]]


@dataclass
class Vendor(ScriptedProvider):
    """Takes single messages as `ScriptedProvider` does; keeps who got what, and its keys."""

    calls: list[tuple[str, tuple[OutboundMessage, ...]]] = field(default_factory=list)
    received: Counter[str] = field(default_factory=Counter)
    """Address → messages."""
    words: dict[str, OutboundMessage] = field(default_factory=dict)
    """Address → the last message it got."""
    steps: list[Step | SendOutcome] = field(default_factory=list)
    """What the next calls do, in order; the rest is taken."""
    known: dict[str, tuple[tuple[tuple[str, str | None], ...], tuple[SendOutcome, ...]]] = field(
        default_factory=dict
    )

    async def send(self, message: OutboundMessage) -> SendOutcome:
        return (await self._called([message], message.idempotency_key))[0]

    async def _called(self, messages: Batch, key: str) -> tuple[SendOutcome, ...]:
        self.calls.append((key, tuple(messages)))
        step = self.steps.pop(0) if self.steps else None
        if step is None:
            return self.take(messages, key)
        if callable(step):
            return tuple(await step(messages))
        return (step,) * len(messages)

    def take(self, messages: Batch, key: str) -> tuple[SendOutcome, ...]:
        """As Resend: a known key answers as before, and refuses other words."""
        payload = tuple((m.target, m.message.html) for m in messages)
        if key in self.known:
            before, answers = self.known[key]
            if before != payload:
                return (Uncertain("invalid_idempotent_request", "409"),) * len(messages)
            return answers
        for message in messages:
            self.received[message.target] += 1
            self.words[message.target] = message
        answers = tuple(Accepted(f"m-{uuid4()}") for _ in messages)
        self.known[key] = (payload, answers)
        return answers

    def killed_before(self) -> Step:
        async def step(_: Batch) -> Sequence[SendOutcome]:
            raise Killed

        return step

    def killed_after(self) -> Step:
        async def step(messages: Batch) -> Sequence[SendOutcome]:
            self.take(messages, self.calls[-1][0])
            raise Killed

        return step

    def lost_answer(self) -> Step:
        """Taken, and the connection cut."""

        async def step(messages: Batch) -> Sequence[SendOutcome]:
            self.take(messages, self.calls[-1][0])
            return [Uncertain("timeout", "No answer.")] * len(messages)

        return step

    def meanwhile(self, happening: Callable[[], Awaitable[object]]) -> Step:
        """Taken, while something else happens."""

        async def step(messages: Batch) -> Sequence[SendOutcome]:
            key = self.calls[-1][0]
            await happening()
            return self.take(messages, key)

        return step

    def assert_once(self, addresses: Sequence[str]) -> None:
        assert self.received == Counter(addresses)


@dataclass
class BatchVendor(Vendor):
    batch_size: int = 100

    async def send_many(self, messages: Batch, key: str) -> tuple[SendOutcome, ...]:
        assert len(messages) <= self.batch_size
        return await self._called(messages, key)


class Told:
    """Temporal is elsewhere; what it is told of is kept."""

    def __init__(self) -> None:
        self.campaigns: list[Campaign] = []

    def tell(self, campaign: Campaign) -> None:
        self.campaigns.append(campaign)


class Bench:
    def __init__(self, uow: SqlUnitOfWork) -> None:
        self.uow = uow
        self.core = Core(uow)
        self.vendor: Vendor = BatchVendor(name="first")
        self.second: Vendor | None = None
        self.told = Told()
        self.ahead = timedelta(0)
        self.throttles: dict[Channel, tuple[int, timedelta]] = {}
        renderer, catalogue = Templates(), Catalogue(uow)
        self.links = SignedLinks(PUBLIC, LINK_KEY)
        checks = CampaignChecks(catalogue, TemplateChooser(catalogue, renderer), renderer)
        composer = CampaignComposer(renderer, catalogue, self.links)
        sweep = CampaignSweep(uow, self.core.cancelling, self.now, PATIENCE)
        self.campaigns = CampaignService(uow, checks, self.told, sweep, self.now)
        self.run = CampaignRunService(uow, checks, sweep, self.now)
        self.chunks = CampaignChunkService(
            uow,
            catalogue,
            composer,
            CampaignRoute(self, self.core.breakers, self.core.breakers),
            self.throttles,
            self.core.accepting,
            self.core.starter,
            self,
            self.now,
        )
        self.tests = CampaignTestSend(uow, checks, composer, self, self.now)
        self.engagement = CampaignEngagement(uow, self.now)

    async def claim(self) -> None:
        """With `give_way`, a `Precedence` where nothing is urgent."""

    async def give_way(self) -> None: ...

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def ordered(self, channel: Channel) -> tuple[Vendor, ...]:
        return (self.vendor, self.second) if self.second else (self.vendor,)

    async def users(self, count: int, **profile: Any) -> list[str]:
        """`{id}@example.com` each; ids in order."""
        stem = uuid4().hex[:10]
        ids = [f"{stem}-{number:04}" for number in range(count)]
        async with self.uow() as tx:
            for user_id in ids:
                fields = {"email": email(user_id), "timezone": "UTC"} | profile
                await tx.users.put(User(user_id, self.now(), self.now(), **fields))
        return ids

    async def consent(self, user_id: str, kind: ConsentType, *, granted: bool) -> None:
        async with self.uow() as tx:
            await tx.users.put_consent(Consent(user_id, kind, granted, "test", None, self.now()))

    async def draft(self, users: Sequence[str], **fields: Any) -> Campaign:
        body = {
            "name": "Spring", "type": "announcement", "channels": ["email"],
            "title": "Words for {{ user.name }}", "content": "Some words.",
            "audience": {"userIds": list(users)},
        } | fields  # fmt: skip
        return await self.campaigns.create(NewCampaign.model_validate(body), ACTOR)

    async def running(self, users: Sequence[str], **fields: Any) -> Campaign:
        """Sent and frozen; nothing has left."""
        draft = await self.draft(users, **fields)
        await self.campaigns.send(draft.id, ACTOR)
        await self.run.freeze(FreezeInput(campaign_id=draft.id, now=self.now()))
        return await self.campaigns.get(draft.id)

    async def deliver(
        self, campaign: Campaign, low: int = 0, high: int = 499, at: datetime | None = None
    ) -> ChunkResult:
        return await self.chunks.deliver(
            ChunkInput(campaign_id=campaign.id, low=low, high=high, now=at or self.now())
        )

    async def finished(self, campaign: Campaign, high: int = 499) -> list[str]:
        """Delivers as the worker does, without the rests, until nothing is due; the codes of what
        put it off."""
        codes: list[str] = []
        while True:
            try:
                result = await self.deliver(campaign, high=high)
            except (RetryLater, Conflict) as later:
                codes.append(later.code)
                assert len(codes) < 20, codes
            else:
                if result.due_at is None or result.due_at > self.now():
                    return codes

    async def amended_while_paused(self, campaign: Campaign, **change: Any) -> None:
        await self.campaigns.pause(campaign.id, ACTOR)
        await self.campaigns.amend(campaign.id, AmendCampaign.model_validate(change), ACTOR)
        await self.campaigns.resume(campaign.id, ACTOR)

    async def accounts(self, campaign: Campaign) -> dict[str, Any]:
        """`sent`, `skipped` and `failed` by reason, `pending`; the identity is asserted."""
        counts = (await self.campaigns.accounts(campaign.id)).counts
        skipped = sum(counts.skipped.values())
        assert counts.recipients == counts.sent + skipped + counts.failed + counts.pending
        assert counts.failed == sum(counts.failures.values())
        return {
            "sent": counts.sent, "skipped": dict(counts.skipped),
            "failed": dict(counts.failures), "pending": counts.pending,
        }  # fmt: skip

    async def recipients(
        self, campaign: Campaign, status: RecipientStatus | None = None
    ) -> list[Recipient]:
        page = PageRequest(1000)
        found = await self.campaigns.recipients(campaign.id, page, status, None)
        assert found is not None
        return list(found.items)

    async def open_batches(self, campaign: Campaign, low: int = 0) -> int:
        async with self.uow() as tx:
            return len(await tx.campaigns.open_batches(campaign.id, low))


def email(user_id: str) -> str:
    return f"{user_id}@example.com"


def emails(users: Sequence[str]) -> list[str]:
    return [email(user_id) for user_id in users]


def sums(sent: int = 0, pending: int = 0, **reasons: dict[str, int]) -> dict[str, Any]:
    """As `Bench.accounts` tells them."""
    return {
        "sent": sent, "skipped": reasons.get("skipped", {}),
        "failed": reasons.get("failed", {}), "pending": pending,
    }  # fmt: skip


@pytest.fixture
async def bench(uow: SqlUnitOfWork) -> AsyncIterator[Bench]:
    yield Bench(uow)
