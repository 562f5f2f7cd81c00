"""A vendor that says in JSON what a test wants, and the services that hear it, on real storage."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from domain.callbacks import Callback, Confirmation, Engagement, EngagementKind, Receipt, Reply
from domain.content import Content
from domain.enums import Category, Channel, DeliveryStatus, NotificationStatus, Priority, Strategy
from domain.errors import Invalid, Unauthorized
from domain.ids import new_id
from domain.ports.callbacks import CallbackStatus, StoredCallback
from domain.records.notifications import Delivery, Notification
from domain.records.people import User
from domain.sms.limits import DEFAULT_LIMITS
from providers.phone import to_e164
from services.campaigns.engagement import CampaignEngagement
from services.feedback.callbacks import CallbackService
from services.feedback.effects import CallbackEffects
from services.feedback.engagement import EngagementService
from services.feedback.receipts import ReceiptService
from services.notifications.replanning import Replanning
from services.sms.help import SmsHelp
from services.sms.replies import SmsReplyService
from storage.uow import SqlUnitOfWork
from tests.integration.conftest import ScriptedProvider

_KINDS = {kind.__name__: kind for kind in (Receipt, Engagement, Reply, Confirmation)}
URL = "https://herald.test/api/webhooks/vendor"


class Vendor(ScriptedProvider):
    """Signs with a word; says what `telling` wrote."""

    confirmed: list[str]

    async def verify_webhook(self, headers: Mapping[str, str], body: bytes, url: str) -> None:
        if headers.get("signature") != "good":
            raise Unauthorized("bad_signature", "The webhook's signature is not good.")

    def parse_webhook(self, body: bytes) -> tuple[Callback, ...]:
        try:
            return tuple(_said(item) for item in json.loads(body)["said"])
        except (KeyError, TypeError, ValueError) as error:
            raise Invalid("invalid_webhook", "It cannot be understood.") from error

    async def confirm(self, confirmation: Confirmation) -> None:
        if confirmation.url == "https://refused.test":
            raise Invalid("confirmation_refused", "The vendor did not take it.")
        self.confirmed.append(confirmation.url)


def telling(*said: Callback) -> bytes:
    items = [{"what": type(one).__name__, **asdict(one)} for one in said]
    return json.dumps({"said": items}, default=str).encode()


def _said(item: dict[str, Any]) -> Callback:
    kind = _KINDS[item.pop("what")]
    if "at" in item:
        item["at"] = datetime.fromisoformat(item["at"])
    if kind is Receipt:
        item["status"] = DeliveryStatus(item["status"])
    if kind is Engagement:
        item["kind"] = EngagementKind(item["kind"])
    made: Callback = kind(**item)
    return made


@dataclass
class Starter:
    """Hears what workflows are to be told."""

    told: list[tuple[UUID, str]] = field(default_factory=list)

    def start(self, notification_id: UUID, redrives: int = 0, about: object = None) -> None:
        return None

    def signal(self, signal_id: UUID, notification_id: UUID, redrives: int, kind: str) -> None:
        self.told.append((notification_id, kind))


class Bench:
    """`later` moves the services' clock."""

    def __init__(self, uow: SqlUnitOfWork, name: str) -> None:
        self.uow = uow
        self.later = timedelta(0)
        self.starter = Starter()
        self.vendor = Vendor(name=name)
        self.vendor.confirmed = []
        self.waiting: list[UUID] = []
        receipts = ReceiptService(self.now)
        self.engagement = EngagementService(uow, receipts, self.starter, self.now)
        help_ = SmsHelp("Jobs", "help@jobs.example", DEFAULT_LIMITS, self.now)
        replies = SmsReplyService(Replanning(self.starter, self.now), help_, to_e164, self.now)
        self.callbacks = CallbackService(
            uow,
            {name: self.vendor},
            CallbackEffects(receipts, self.engagement, replies, CampaignEngagement(uow, self.now)),
            self.waiting.append,
            self.now,
        )

    def now(self) -> datetime:
        return datetime.now(UTC) + self.later

    async def hear(self, body: bytes, signature: str = "good") -> UUID | None:
        """Receives it and, when it is new, applies it at once. Its id; None when it was not."""
        callback_id = await self.callbacks.receive(
            self.vendor.name, {"signature": signature}, body, URL
        )
        if callback_id is not None:
            self.waiting.remove(callback_id)
            await self.callbacks.apply(callback_id)
        return callback_id

    async def tell(self, *said: Callback) -> StoredCallback:
        callback_id = await self.hear(telling(*said))
        assert callback_id is not None
        return await self.callback(callback_id)

    async def callback(self, callback_id: UUID) -> StoredCallback:
        async with self.uow() as tx:
            found = await tx.callbacks.get(callback_id)
        assert found is not None
        return found

    async def status(self, callback_id: UUID) -> CallbackStatus:
        return (await self.callback(callback_id)).status

    async def user(self, **fields: Any) -> str:
        user_id = f"user-{uuid4().hex[:12]}"
        given: dict[str, Any] = {"email": f"{user_id}@example.com", "timezone": "UTC"}
        at = datetime.now(UTC)
        async with self.uow() as tx:
            await tx.users.put(User(user_id, at, at, **given | fields))
        return user_id

    async def sent(
        self,
        user_id: str,
        channel: Channel = Channel.EMAIL,
        *,
        status: NotificationStatus = NotificationStatus.SENT,
        strategy: Strategy = Strategy.ALL,
        message: str | None = "",
    ) -> Delivery:
        """A delivery this vendor took, as its message id says; None: that is not recorded yet."""
        at = datetime.now(UTC) - timedelta(minutes=1)
        item = Notification(
            new_id(), user_id, "application_update", Category.APPLICATIONS, Priority.HIGH,
            (channel,), strategy, status, at, at, uuid4().hex,
        )  # fmt: skip
        line = Delivery(new_id(), item.id, channel, "primary", DeliveryStatus.SENT, at, at)
        async with self.uow() as tx:
            await tx.notifications.insert([(item, Content(title="T", content="C"))])
            await tx.deliveries.add([line])
        await self.recorded(line, None if message is None else message or f"m-{line.id}")
        return await self.line(line)

    async def recorded(self, line: Delivery, message: str | None) -> None:
        await self.sql(
            "update notification_deliveries set provider_id = $2, provider_message_id = $3,"
            " sent_at = now() where id = $1", line.id, self.vendor.name, message,
        )  # fmt: skip

    async def line(self, line: Delivery) -> Delivery:
        async with self.uow() as tx:
            [found] = await tx.deliveries.of(line.notification_id)
        return found

    async def notification(self, line: Delivery) -> Notification:
        async with self.uow() as tx:
            view = await tx.notifications.get(line.notification_id)
        assert view is not None
        return view.notification

    async def events(self, line: Delivery) -> list[str]:
        async with self.uow() as tx:
            return [event.type.value for event in await tx.events.timeline(line.notification_id)]

    async def sql(self, statement: str, *values: Any) -> list[Any]:
        async with self.uow() as tx:
            return list(await tx._connection.fetch(statement, *values))

    async def counts(self) -> dict[str, int]:
        """Rows of every table."""
        tables = await self.sql(
            "select relname as name from pg_class where relkind in ('r', 'p')"
            " and relnamespace = 'public'::regnamespace"
        )
        counted = {}
        for table in tables:
            [row] = await self.sql(f"select count(*) as rows from {table['name']}")
            counted[table["name"]] = row["rows"]
        return counted

    async def suppressions(self, channel: Channel, address: str) -> str | None:
        async with self.uow() as tx:
            held = await tx.operations.suppression(channel, address, datetime.now(UTC))
        return held.reason if held else None


def receipt(line: Delivery, status: DeliveryStatus, seconds: float = 0, **more: Any) -> Receipt:
    return Receipt(_message(line), status, _at(seconds), **more)


def engagement(
    line: Delivery, kind: EngagementKind, seconds: float = 0, url: str | None = None
) -> Engagement:
    return Engagement(_message(line), kind, _at(seconds), url)


def reply(number: str, text: str, seconds: float = 0) -> Reply:
    return Reply(f"r-{uuid4()}", number, "+4930123456", text, _at(seconds))


def _message(line: Delivery) -> str:
    assert line.provider_message_id is not None
    return line.provider_message_id


_START = datetime.now(UTC) - timedelta(seconds=30)


def _at(seconds: float) -> datetime:
    return _START + timedelta(seconds=seconds)


def number() -> str:
    return f"+49151{uuid4().int % 10**8:08d}"
