"""What becomes of a message on its last steps, and what is kept of it."""

from datetime import timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from domain.enums import (
    Channel,
    ConsentType,
    DeliveryStatus,
    NotificationStatus,
    Platform,
    Priority,
    PushVendor,
)
from domain.ids import new_id
from domain.messages import DeliverOutcome
from domain.ports.providers import Rejected
from domain.records.people import Consent, Device
from tests.integration.conftest import Core, now

GERMAN = "+4915112345678"


async def texter(core: Core, phone: str | None = None) -> str:
    """Somebody who agreed to SMS."""
    user = await core.user(phone=phone or f"+49151{uuid4().int % 10**8:08}", locale="de")
    async with core.uow() as tx:
        for kind in (ConsentType.SMS, ConsentType.MARKETING):
            await tx.users.put_consent(Consent(user, kind, True, "test", None, now()))
    return user


async def sent_sms(core: Core, user: str, **fields: object) -> UUID:
    core.provider.name, core.provider.channel = "twilio", Channel.SMS
    item = await core.accept(user, channels=["sms"], **fields)
    await core.plan(item)
    await core.deliver(item, Channel.SMS)
    return item


async def kept(core: Core, table: str, item: UUID) -> dict[str, object]:
    async with core.uow() as tx:
        row = await tx._connection.fetchrow(  # type: ignore[attr-defined]
            f"select * from {table} where notification_id = $1", item
        )
    assert row is not None
    return dict(row)


async def test_an_email_is_tracked_and_its_record_is_sealed(core: Core) -> None:
    item = await core.accept(
        await core.user(), type="job_match", title=None, content=None,
        data={"jobTitle": "Engineer", "url": "https://example.com/jobs/1"},
    )  # fmt: skip
    await core.plan(item)
    await core.deliver(item)
    [message] = core.provider.sent
    html = message.message.html or ""
    assert "/api/t/c/" in html
    assert "/api/t/o/" in html
    assert 'href="https://example.com/jobs/1"' not in html
    assert "https://example.com/jobs/1" in message.message.text, "a text part keeps its links"
    row = await kept(core, "email_notifications", item)
    assert row["tracking_enabled"] is True
    assert str(row["subject"]).startswith("v1."), "sealed"
    assert "Engineer" not in str(row)


async def test_who_refused_tracking_and_what_is_about_security_is_left_alone(core: Core) -> None:
    user = await core.user()
    async with core.uow() as tx:
        await tx.users.put_consent(Consent(user, ConsentType.TRACKING, False, "test", None, now()))
    quiet = [
        await core.accept(user, type="job_match"),
        await core.accept(await core.user(), type="security_alert"),
    ]
    for item in quiet:
        await core.plan(item)
        await core.deliver(item)
        assert (await kept(core, "email_notifications", item))["tracking_enabled"] is False
    assert not any("/api/t/" in (m.message.html or "") for m in core.provider.sent)


async def test_an_sms_says_how_to_stop_and_what_it_costs(core: Core) -> None:
    user = await texter(core, GERMAN)
    item = await sent_sms(core, user, type="newsletter", content="Neues. " * 30)
    [message] = core.provider.sent
    assert "STOP" in message.message.text.upper()
    [line] = (await core.view(item)).deliveries
    assert line.segments == 2
    assert line.cost is not None
    assert (line.cost.currency, line.cost.minor) == ("USD", Decimal("22.4"))
    row = await kept(core, "sms_notifications", item)
    assert (row["country_code"], row["character_count"]) == ("DE", len(message.message.text))
    assert row["opt_out_instructions"]


@pytest.mark.parametrize(
    ("sender", "answerable"),
    [(None, True), ("+4915735983000", True), ("MG" + "0a" * 16, True), ("JobFinders", False)],
)
async def test_a_sender_nobody_can_answer_says_where_to_stop(
    core: Core, sender: str | None, answerable: bool
) -> None:
    user = await texter(core)
    options = {} if sender is None else {"sms": {"senderId": sender}}
    item = await sent_sms(core, user, type="newsletter", content="Neues.", **options)
    [message] = core.provider.sent
    assert ("STOP" in message.message.text) is answerable
    assert ("Abmelden: http://127.0.0.1:8000/" in message.message.text) is not answerable
    row = await kept(core, "sms_notifications", item)
    assert str(row["opt_out_instructions"]) in message.message.text


async def test_the_badge_counts_what_is_unread_and_what_just_arrives(core: Core) -> None:
    """Whether the push or the inbox comes first."""
    user = await core.user()
    core.provider.name = "firebase"
    async with core.uow() as tx:
        await tx.devices.register(
            Device(new_id(), user, f"t-{uuid4()}", Platform.IOS, PushVendor.FIREBASE, now(), now())
        )
    for first, second in [(Channel.PUSH, Channel.WEBSOCKET), (Channel.WEBSOCKET, Channel.PUSH)]:
        item = await core.accept(user, channels=["websocket", "push"], strategy="all")
        await core.plan(item)
        for channel in (first, second):
            core.provider.channel = channel
            await core.deliver(item, channel)
    only_push = await core.accept(user, channels=["push"])
    core.provider.channel = Channel.PUSH
    await core.plan(only_push)
    await core.deliver(only_push, Channel.PUSH)
    pushed = [one.push.badge for one in core.provider.sent if one.push is not None]
    assert pushed == [1, 2, 2]
    assert (await kept(core, "push_notifications", only_push))["badge"] == 2


async def test_what_the_law_lets_through_carries_no_such_words(core: Core) -> None:
    await sent_sms(core, await texter(core), type="one_time_code", content="Code 1")
    [message] = core.provider.sent
    assert "STOP" not in message.message.text.upper()


async def test_a_number_the_vendor_says_opted_out_is_suppressed(core: Core) -> None:
    user = await texter(core)
    core.provider.script = [Rejected("opted_out", "21610")]
    first = await sent_sms(core, user)
    assert (await core.view(first)).notification.status is NotificationStatus.FAILED
    second = await core.accept(user, channels=["sms"])
    await core.plan(second)
    view = await core.view(second)
    assert view.notification.status is NotificationStatus.SKIPPED
    assert view.deliveries[0].reason == "suppressed"
    assert "(opted out)" in (await core.explaining.explain(second)).summary


async def test_one_number_has_only_so_many_whoever_they_are_for(core: Core) -> None:
    phone = f"+49160{uuid4().int % 10**7:07}"
    users = [await texter(core, phone) for _ in range(2)]
    items = [await sent_sms(core, users[n % 2]) for n in range(10)]
    assert all(
        [(await core.view(item)).deliveries[0].status is DeliveryStatus.SENT for item in items]
    )
    late = await core.accept(users[0], channels=["sms"])
    plan = await core.plan(late)
    assert plan.ready == ()
    view = await core.view(late)
    assert view.notification.reason == "number_limit"
    assert view.notification.until is not None
    assert now() < view.notification.until <= now() + timedelta(hours=1)
    urgent = await core.accept(users[1], channels=["sms"], priority=Priority.CRITICAL)
    assert (await core.plan(urgent)).ready == (Channel.SMS,)


async def test_emails_about_one_application_belong_together(core: Core) -> None:
    user, other = await core.user(), await core.user()
    for owner, data in ((user, "a-1"), (user, "a-1"), (user, "a-2"), (other, "a-1")):
        item = await core.accept(owner, data={"applicationId": data, "n": str(new_id())})
        await core.plan(item)
        assert (await core.deliver(item)).outcome is DeliverOutcome.SENT
    threads = [message.thread for message in core.provider.sent]
    assert threads[0] == threads[1]
    assert len(set(threads)) == 3
    assert None not in threads
