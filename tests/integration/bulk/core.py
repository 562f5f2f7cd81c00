"""A batch's services around one ledger, with a vendor that takes batches and may see us crash."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID, uuid4

import asyncpg
import pytest

from domain.attachments import AllowedHosts
from domain.bulk import BulkChunkInput, BulkTally
from domain.commands import NewNotification
from domain.enums import NotificationStatus
from domain.messages import CancelOutcome
from domain.paging import PageRequest
from domain.ports.operations import DeadLetterFilter
from domain.ports.providers import (
    Accepted,
    OutboundMessage,
    Recovery,
    Rejected,
    Retry,
    SendOutcome,
    Uncertain,
)
from domain.sms.pricing import list_prices
from providers.attachments import HttpAttachmentFetcher
from providers.phone import country_of
from runtime.links import SignedLinks
from services.ab.variants import VariantService
from services.bulk.batches import BulkBatchService
from services.bulk.deliver import BulkDeliverService
from services.bulk.plan import BulkPlanner
from services.bulk.prepare import BulkPreparer
from services.bulk.record import BulkRecorder
from services.bulk.recover import BulkRecovery
from services.catalogue.reading import Catalogue
from services.delivery.attempt import Attempts
from services.delivery.craft import MessageCraft
from services.delivery.message import MessageComposer
from services.delivery.record import DeliveryRecorder
from services.delivery.routing import Routing
from services.notifications.accept import AcceptService
from services.notifications.attachments import AttachmentService
from services.notifications.cancel_many import CancelManyService
from services.notifications.plan_facts import FactReader
from services.notifications.plan_making import PlanMaker
from services.notifications.relay import RelayService
from services.notifications.template_choice import TemplateChooser
from services.sms.compliance import SmsCraft
from storage.uow import SqlUnitOfWork
from templates.adapter import Templates
from tests.integration.conftest import Core, ScriptedProvider, now

SIZE = 200
BUSY = Retry("busy", "Later.", after=timedelta(seconds=30))


class Crash(BaseException):
    """The process dies here."""


@dataclass
class BatchVendor(ScriptedProvider):
    """Remembers calls by key, as Resend does: the same once more is answered as before and sends
    nothing; another one under a key is refused."""

    batch_size: int = 100
    batches: list[Callable[[], SendOutcome | None]] = field(default_factory=list)
    """What becomes of the next calls; None, or nothing left: taken."""
    refused: frozenset[UUID] = frozenset()
    """Notifications it does not take."""
    crash_before: int = 0
    crash_after: int = 0
    hold: asyncio.Event | None = None
    calling: asyncio.Event = field(default_factory=asyncio.Event)
    calls: list[tuple[str, tuple[OutboundMessage, ...]]] = field(default_factory=list)
    known: dict[str, tuple[object, tuple[SendOutcome, ...]]] = field(default_factory=dict)
    arrived: Counter[UUID] = field(default_factory=Counter)
    name: str = "batches"

    async def send_many(
        self, messages: Sequence[OutboundMessage], key: str
    ) -> tuple[SendOutcome, ...]:
        self.calls.append((key, tuple(messages)))
        self.calling.set()
        if self.hold is not None:
            await self.hold.wait()
        if self.crash_before:
            self.crash_before -= 1
            raise Crash
        step = self.batches.pop(0)() if self.batches else None
        if step is not None:
            return (step,) * len(messages)
        said = [(m.target, m.message, dict(m.headers), m.reply_to) for m in messages]
        before = self.known.get(key)
        if before is not None and before[0] != said:
            return (Uncertain("invalid_idempotent_request", "Another body."),) * len(messages)
        outcomes = before[1] if before else self._take(messages)
        self.known[key] = (said, outcomes)
        if self.crash_after:
            self.crash_after -= 1
            raise Crash
        return outcomes

    def _take(self, messages: Sequence[OutboundMessage]) -> tuple[SendOutcome, ...]:
        outcomes: list[SendOutcome] = []
        for message in messages:
            if message.notification_id in self.refused:
                outcomes.append(Rejected("bad_address", "No such address."))
                continue
            self.arrived[message.notification_id] += 1
            outcomes.append(Accepted(f"b-{uuid4()}"))
        return tuple(outcomes)

    async def send(self, message: OutboundMessage) -> SendOutcome:
        outcome = await super().send(message)
        if isinstance(outcome, Accepted):
            self.arrived[message.notification_id] += 1
        return outcome


class NotingStarter:
    def __init__(self) -> None:
        self.started: list[UUID] = []
        self.batches: list[tuple[UUID, int]] = []
        self.signalled: list[UUID] = []

    def start(self, notification_id: UUID, redrives: int = 0, about: object = None) -> None:
        self.started.append(notification_id)

    def start_batch(self, batch_id: UUID, size: int) -> None:
        self.batches.append((batch_id, size))

    def signal(self, signal_id: UUID, notification_id: UUID, redrives: int, kind: str) -> None:
        self.signalled.append(notification_id)


class BulkCore:
    """`core` with the services of batches, whose first provider takes batches."""

    def __init__(self, core: Core) -> None:
        self.core, self.uow = core, core.uow
        self.vendor = BatchVendor(recovery=Recovery.SAME_KEY)
        core.provider = self.vendor
        self.starter = NotingStarter()
        uow, renderer, catalogue = core.uow, Templates(), Catalogue(core.uow)
        hosts = AllowedHosts()
        attachments = AttachmentService(HttpAttachmentFetcher(hosts, timedelta(seconds=5)), hosts)
        chooser = TemplateChooser(catalogue, renderer)
        self.accepting = AcceptService(
            uow, catalogue, chooser, attachments, self.starter, now, b"h" * 32, VariantService(uow)
        )
        links = SignedLinks("http://127.0.0.1:8000", b"l" * 32)
        composer = MessageComposer(renderer, catalogue, links)
        craft = MessageCraft(links, SmsCraft(list_prices(), country_of), "jobs@example.com")
        routing: Routing = core.routing
        recorder = DeliveryRecorder(uow, now)
        self.planner = BulkPlanner(FactReader({}), PlanMaker())
        self.preparer = BulkPreparer(uow, self.planner, routing, composer, craft, recorder, now)
        self.recorder = BulkRecorder(uow, recorder, now)
        self.delivering = BulkDeliverService(
            uow,
            self.preparer,
            BulkRecovery(uow, routing, composer, craft, now),
            Attempts(uow, routing, composer, craft, attachments, now),
            self.recorder,
            self.starter,
            now,
        )
        self.cancels = CancelManyService(uow, self.starter, now)
        self.batches = BulkBatchService(uow, self.cancels)

    async def users(self, count: int, **profile: object) -> list[str]:
        return [await self.core.user(**profile) for _ in range(count)]

    async def accept(
        self, users: Sequence[str], each: Callable[[int], dict[str, object]] = lambda _: {}
    ) -> list[UUID]:
        """One notification for each user, accepted as a batch."""
        items = [
            NewNotification.model_validate(
                {
                    "userId": user, "type": "application_update", "title": f"T {uuid4()}",
                    "content": "Words.", "channels": ["email"],
                } | each(number)
            )
            for number, user in enumerate(users)
        ]  # fmt: skip
        answers = await self.accepting.accept_many(items)
        assert all(isinstance(answer, UUID) for answer in answers), answers
        return [answer for answer in answers if isinstance(answer, UUID)]

    @property
    def batch(self) -> UUID:
        """The one accepted last."""
        return self.starter.batches[-1][0]

    def chunk(self, first: int = 0, size: int = SIZE) -> BulkChunkInput:
        return BulkChunkInput(batch_id=self.batch, first=first, size=size, now=now())

    async def deliver(self, first: int = 0) -> BulkTally:
        return await self.delivering.deliver(self.chunk(first))

    async def cancel(self, notification_id: UUID) -> CancelOutcome:
        return (await self.core.cancelling.cancel(notification_id)).outcome

    def each_once(self, ids: Sequence[UUID]) -> bool:
        return self.vendor.arrived == Counter(ids)


@contextmanager
def crashing(service: object, method: str, times: int = 1) -> Iterator[None]:
    """The process dies where `method` would have begun."""
    left = times
    original = getattr(service, method)

    async def dying(*args: object, **named: object) -> object:
        nonlocal left
        if left:
            left -= 1
            raise Crash
        return await original(*args, **named)

    setattr(service, method, dying)
    try:
        yield
    finally:
        setattr(service, method, original)


@contextmanager
def counted_statements(uow: SqlUnitOfWork) -> Iterator[list[str]]:
    """What is asked of the database meanwhile, by this process."""
    statements: list[str] = []
    original = asyncpg.Connection.__dict__["_do_execute"]

    async def noting(self: object, query: str, *args: object, **named: object) -> object:
        statements.append(query)
        return await original(self, query, *args, **named)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asyncpg.Connection, "_do_execute", noting)
        yield statements


async def statuses(bulk: BulkCore, ids: Sequence[UUID]) -> set[NotificationStatus]:
    return {(await bulk.core.view(item)).notification.status for item in ids}


async def letters(bulk: BulkCore, ids: Sequence[UUID]) -> list[str]:
    async with bulk.uow() as tx:
        page = await tx.operations.dead_letters(DeadLetterFilter(), PageRequest(200))
    return [item.code for item in page.items if item.notification_id in ids]


class Gateway:
    def __init__(self) -> None:
        self.started: list[UUID] = []
        self.batches: list[UUID] = []

    async def start_notification(self, notification_id: UUID, redrives: int) -> None:
        self.started.append(notification_id)

    async def start_batch(self, batch_id: UUID, size: int) -> None:
        self.batches.append(batch_id)

    async def signal_notification(self, notification_id: UUID, redrives: int, kind: str) -> None:
        return None


async def relayed(bulk: BulkCore, ahead: timedelta) -> Gateway:
    """What a relay finds to do, so much later."""
    gateway = Gateway()
    await RelayService(bulk.uow, gateway, lambda: now() + ahead).run_once()
    return gateway
