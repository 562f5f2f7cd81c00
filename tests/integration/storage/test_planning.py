"""What a plan reads and writes: one snapshot, one claim per content, one compare-and-set."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest

from domain.enums import (
    Category,
    Channel,
    ConsentType,
    DeliveryStatus,
    EventType,
    NotificationStatus,
    PlanOutcome,
    PlanTrigger,
    Platform,
    PushVendor,
)
from domain.facts import Usage
from domain.ids import new_id
from domain.plan_types import GateTrace, Plan
from domain.ports.planning import PlanDraft, PlannedDelivery
from domain.preferences import ChannelPreference, Preferences, QuietHours
from domain.records.events import Event
from domain.records.notifications import Notification
from domain.records.operations import PausedPart
from domain.records.people import Consent, Device, Subscription, Suppression
from storage.uow import SqlTransaction
from tests.integration.storage.conftest import Ledger, now

WINDOW = timedelta(hours=1)
DELIVER = Plan(outcome=PlanOutcome.DELIVER, reason="allowed")


async def suppress(tx: SqlTransaction, user: str) -> None:
    """The email, written otherwise; the number no more."""
    await tx.operations.suppress(
        Suppression(new_id(), Channel.EMAIL, "bounced", "t", now(), None, f"{user}@EXAMPLE.com")
    )
    await tx.operations.suppress(
        Suppression(
            new_id(), Channel.SMS, "stop", "t", now(), None, "+4915112345678",
            expires_at=now() - WINDOW,
        )
    )  # fmt: skip


async def test_one_snapshot_holds_all_a_plan_needs(ledger: Ledger) -> None:
    user = await ledger.user(phone="+4915112345678", timezone="Europe/Berlin", country="AT")
    item = await ledger.notification(user)
    line = await ledger.delivery(item)
    device = Device(new_id(), user, "t", Platform.IOS, PushVendor.FIREBASE, now(), now())
    chosen = Preferences(
        user_id=user, language="de", timezone="Europe/Vienna",
        channels={Channel.SMS: ChannelPreference(enabled=False)},
        quiet_hours=QuietHours(enabled=True), optimize_timing=True,
    )  # fmt: skip
    async with ledger.uow() as tx:
        await tx.devices.register(device)
        await tx.users.put_preferences(chosen, now())
        await tx.users.put_consent(Consent(user, ConsentType.SMS, True, "form", None, now()))
        await tx.users.put_subscription(
            Subscription(user, "application_update", (Channel.EMAIL,), now())
        )
        await suppress(tx, user)
        await tx.operations.pause(PausedPart("channel:sms", now()))
        await tx.operations.pause(PausedPart("provider:resend", now(), divert=True))
        found = await tx.planning.load(item.id)
        await tx.operations.resume("channel:sms")
        await tx.operations.resume("provider:resend")
        assert await tx.planning.load(new_id()) is None
    assert found is not None
    assert (found.notification, found.deliveries) == (item, (line,))
    assert (found.type.type, found.type.legally_transactional) == ("application_update", True)
    assert found.preferences == chosen
    assert (found.user_timezone, found.user_country) == ("Europe/Berlin", "AT")
    assert found.consents == {ConsentType.SMS: True}
    assert found.subscription == {Channel.EMAIL}
    assert found.device_ids == (device.id,)
    assert found.paused == {"channel:sms"}
    email, sms = found.reach[Channel.EMAIL], found.reach[Channel.SMS]
    assert (email.targets, email.suppressed, email.suppression_reason) == (1, 1, "bounced")
    assert (sms.targets, sms.suppressed, sms.destination_country) == (1, 0, "DE")
    assert (found.reach[Channel.PUSH].targets, found.reach[Channel.WEBSOCKET].targets) == (1, 1)


async def test_a_snapshot_of_a_user_who_chose_nothing(ledger: Ledger) -> None:
    user = await ledger.user(email=None)
    item = await ledger.notification(user)
    async with ledger.uow() as tx:
        found = await tx.planning.load(item.id)
    assert found is not None
    assert found.preferences == Preferences(user_id=user)
    assert (found.subscription, found.consents, found.deliveries) == (None, {}, ())
    assert [reach.targets for reach in found.reach.values()] == [0, 0, 0, 1]


async def claim(ledger: Ledger, item: Notification) -> UUID | None:
    async with ledger.uow() as tx:
        return await tx.planning.claim_content(item, WINDOW)


async def test_of_twenty_at_once_one_holds_the_content(ledger: Ledger) -> None:
    user = await ledger.user()
    at = now()
    items = [await ledger.notification(user, content_hash="same", created_at=at) for _ in range(20)]
    answers = await asyncio.gather(*(claim(ledger, item) for item in items))
    [holder] = [item for item, answer in zip(items, answers, strict=True) if answer is None]
    assert {answer for answer in answers if answer is not None} == {holder.id}
    assert await claim(ledger, holder) is None


async def test_a_claim_ends_with_its_window(ledger: Ledger) -> None:
    user = await ledger.user()
    first = await ledger.notification(user, content_hash="h", created_at=now() - WINDOW * 1.1)
    assert await claim(ledger, first) is None
    assert await claim(ledger, await ledger.notification(user, content_hash="h")) is None


@pytest.mark.parametrize("status", ["cancelled", "skipped", "failed", "expired"])
async def test_a_holder_that_came_to_nothing_gives_way(ledger: Ledger, status: str) -> None:
    user = await ledger.user()
    first = await ledger.notification(user, content_hash="h")
    second = await ledger.notification(user, content_hash="h")
    assert await claim(ledger, first) is None
    assert await claim(ledger, second) == first.id
    async with ledger.uow() as tx:
        await tx.notifications.set_status(first.id, NotificationStatus(status), reason=None)
    assert await claim(ledger, second) is None


async def test_users_do_not_share_claims(ledger: Ledger) -> None:
    for _ in range(2):
        item = await ledger.notification(await ledger.user(), content_hash="h")
        assert await claim(ledger, item) is None


async def test_limits_are_exact_when_all_count_at_once(ledger: Ledger) -> None:
    user = await ledger.user()

    async def plan() -> bool:
        async with ledger.uow() as tx:
            await tx.planning.lock_usage(user)
            mine = new_id()
            used = await tx.planning.usage(user, now() - timedelta(days=7), mine)
            if len(used) >= 5:
                return False
            await tx.planning.reserve_usage(
                user, [Usage(mine, Category.JOBS, Channel.EMAIL, now())]
            )
            return True

    assert sum(await asyncio.gather(*(plan() for _ in range(25)))) == 5


async def test_usage_counts_once_leaves_its_own_out_and_can_be_given_back(ledger: Ledger) -> None:
    user, mine, other, at = await ledger.user(), new_id(), new_id(), now()
    since = at - timedelta(days=7)
    two = [Usage(mine, Category.JOBS, c, at) for c in (Channel.EMAIL, Channel.PUSH)]
    old = Usage(other, Category.JOBS, Channel.EMAIL, at - timedelta(days=8))
    async with ledger.uow() as tx:
        for _ in range(2):
            await tx.planning.reserve_usage(user, two)
        await tx.planning.reserve_usage(user, [old])
        await tx.planning.reserve_usage(user, [])
        assert set(await tx.planning.usage(user, since, other)) == set(two)
        assert await tx.planning.usage(user, since, mine) == ()
        await tx.planning.release_usage(mine, [Channel.EMAIL])
        assert await tx.planning.usage(user, since, other) == (two[1],)


async def save(
    tx: SqlTransaction,
    item: Notification,
    lines: tuple[PlannedDelivery, ...] = (),
    status: NotificationStatus = NotificationStatus.PROCESSING,
    events: tuple[Event, ...] = (),
) -> bool:
    return await tx.planning.save(
        PlanDraft(
            item, DELIVER, PlanTrigger.ACCEPTED, now(), status, "because", None, lines, events
        )
    )


def planned(channel: Channel, status: DeliveryStatus, reason: str | None = None) -> PlannedDelivery:
    return PlannedDelivery(new_id(), channel, "primary", status, reason, None)


async def test_a_plan_is_written_with_its_lines_trace_and_events(ledger: Ledger) -> None:
    item = await ledger.notification(await ledger.user())
    until = now() + WINDOW
    lines = (
        PlannedDelivery(
            new_id(), Channel.EMAIL, "primary", DeliveryStatus.DEFERRED, "quiet_hours", until
        ),
        planned(Channel.SMS, DeliveryStatus.SKIPPED, "no_address"),
    )
    gate = GateTrace(gate="quiet_hours", channel=None, outcome="defer", reason="r", until=until)  # type: ignore[arg-type]
    plan = Plan(outcome=PlanOutcome.WAIT, reason="quiet_hours", until=until, gates=(gate,))
    event = Event(
        EventType.NOTIFICATION_SCHEDULED, item.user_id, now(), item.id, None, {"reason": "r"}
    )
    async with ledger.uow() as tx:
        assert await tx.planning.save(
            PlanDraft(
                item, plan, PlanTrigger.ACCEPTED, until, NotificationStatus.SCHEDULED,
                "quiet_hours", until, lines, (event,),
            )
        )  # fmt: skip
        [record] = await tx.notifications.plans(item.id)
        stored = await tx.deliveries.of(item.id)
        [logged] = await tx.events.timeline(item.id)
        after = await tx.notifications.lock(item.id)
    assert (record.plan, record.trigger, record.at) == (plan, PlanTrigger.ACCEPTED, until)
    assert {(d.channel, d.status, d.reason, d.until) for d in stored} == {
        (line.channel, line.status, line.reason, line.until) for line in lines
    }
    assert logged == event
    assert after is not None
    assert (after.status, after.until) == (NotificationStatus.SCHEDULED, until)


async def test_a_plan_made_from_old_facts_is_not_written(ledger: Ledger) -> None:
    user = await ledger.user()
    for change in ("amended", "cancelled", "ended", "redriven"):
        item = await ledger.notification(user)
        async with ledger.uow() as tx:
            match change:
                case "amended":
                    await tx.notifications.set_send_now(item.id)
                case "cancelled":
                    await tx.notifications.request_cancel(item.id, now())
                case "ended":
                    await tx.notifications.set_status(
                        item.id, NotificationStatus.EXPIRED, reason=None
                    )
                case _:
                    await tx.notifications.reset_for_redrive(item.id)
            assert not await save(tx, item, (planned(Channel.EMAIL, DeliveryStatus.PENDING),))
            assert await tx.deliveries.of(item.id) == ()
            assert await tx.notifications.plans(item.id) == ()


async def test_a_later_plan_moves_open_lines_and_leaves_the_others(ledger: Ledger) -> None:
    item = await ledger.notification(await ledger.user())
    waits, goes = (planned(c, DeliveryStatus.DEFERRED) for c in (Channel.EMAIL, Channel.SMS))
    async with ledger.uow() as tx:
        assert await save(tx, item, (waits, goes))
        item = replace(item, status=NotificationStatus.PROCESSING)
        assert await tx.deliveries.write_intent(item.id, {goes.id: "twilio"}, now())
        again = tuple(planned(c, DeliveryStatus.PENDING) for c in (Channel.EMAIL, Channel.SMS))
        assert await save(tx, item, again)
        stored = {line.channel: line for line in await tx.deliveries.of(item.id)}
    assert (stored[Channel.EMAIL].id, stored[Channel.EMAIL].status) == (
        waits.id,
        DeliveryStatus.PENDING,
    )
    assert (stored[Channel.SMS].id, stored[Channel.SMS].status) == (
        goes.id,
        DeliveryStatus.SENDING,
    )


async def test_of_two_plans_at_once_one_is_written(ledger: Ledger) -> None:
    user = await ledger.user()
    for _ in range(10):
        item = await ledger.notification(user)

        async def attempt(item: Notification = item) -> bool:
            async with ledger.uow() as tx:
                return await save(tx, item)

        assert sorted(await asyncio.gather(attempt(), attempt())) == [False, True]
