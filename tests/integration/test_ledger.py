"""The ledger under every way a send can end, and under everything that races it."""

import asyncio
from datetime import timedelta

import asyncpg
import pytest

from domain.delivering import RetryLater
from domain.enums import Channel, DeliveryStatus, NotificationStatus, PlanTrigger
from domain.messages import DeliverOutcome
from domain.paging import PageRequest
from domain.ports.operations import DeadLetterFilter
from domain.ports.providers import Accepted, Found, Recovery, Rejected, Retry, Uncertain
from domain.preferences import Frequency, Preferences
from domain.records.catalogue import TemplateVersion
from tests.integration.conftest import Core, now


async def letters(core: Core, notification_id: object) -> list[str]:
    async with core.uow() as tx:
        page = await tx.operations.dead_letters(DeadLetterFilter(), PageRequest(200))
    return [item.code for item in page.items if item.notification_id == notification_id]


async def test_accepted_means_sent_with_the_providers_id(core: Core) -> None:
    core.provider.script = [Accepted("m-1")]
    sent = await core.accept(await core.user())
    assert (await core.plan(sent)).ready == (Channel.EMAIL,)
    assert (await core.deliver(sent)).outcome is DeliverOutcome.SENT
    view = await core.view(sent)
    assert view.notification.status is NotificationStatus.SENT
    [line] = view.deliveries
    assert (line.status, line.provider_message_id, line.attempts) == (DeliveryStatus.SENT, "m-1", 1)


async def test_a_second_delivery_of_the_same_channel_calls_nobody(core: Core) -> None:
    sent = await core.accept(await core.user())
    await core.plan(sent)
    await core.deliver(sent)
    assert (await core.deliver(sent)).outcome is DeliverOutcome.SENT
    assert len(core.provider.sent) == 1


async def test_a_permanent_refusal_is_a_dead_letter_at_once(core: Core) -> None:
    core.provider.script = [Rejected("bad_address", "No such address.")]
    sent = await core.accept(await core.user())
    await core.plan(sent)
    assert (await core.deliver(sent)).outcome is DeliverOutcome.FAILED
    assert (await core.view(sent)).notification.status is NotificationStatus.FAILED
    assert await letters(core, sent) == ["bad_address"]


async def test_retry_after_is_handed_on_and_the_last_failure_is_final(core: Core) -> None:
    core.provider.script = [Retry("busy", "Later.", after=timedelta(seconds=3))] * 5
    sent = await core.accept(await core.user())
    await core.plan(sent)
    for _ in range(4):
        with pytest.raises(RetryLater) as later:
            await core.deliver(sent)
        assert timedelta(seconds=2.5) < later.value.after <= timedelta(seconds=3)
        assert (await core.view(sent)).notification.status is NotificationStatus.PROCESSING
    assert (await core.deliver(sent)).outcome is DeliverOutcome.FAILED
    assert await letters(core, sent) == ["busy"]


async def test_in_doubt_with_keys_the_same_key_is_used_again(core: Core) -> None:
    core.provider.script = [Uncertain("no_answer", "Cut."), Accepted("m-2")]
    sent = await core.accept(await core.user())
    await core.plan(sent)
    with pytest.raises(RetryLater):
        await core.deliver(sent)
    assert (await core.view(sent)).deliveries[0].status is DeliveryStatus.SENDING
    await core.deliver(sent)
    first, second = core.provider.sent
    assert first.idempotency_key == second.idempotency_key
    assert first.message == second.message


async def test_in_doubt_a_provider_that_took_it_is_believed(core: Core) -> None:
    core.provider.recovery = Recovery.ASK
    core.provider.script = [Uncertain("no_answer", "Cut.")]
    sent = await core.accept(await core.user())
    await core.plan(sent)
    with pytest.raises(RetryLater):
        await core.deliver(sent)
    core.provider.found = (Found("m-3"),)
    assert (await core.deliver(sent)).outcome is DeliverOutcome.SENT
    assert len(core.provider.sent) == 1
    assert (await core.view(sent)).deliveries[0].provider_message_id == "m-3"


async def test_in_doubt_another_deliverys_message_is_not_mistaken_for_ours(core: Core) -> None:
    core.provider.recovery = Recovery.ASK
    user = await core.user()
    core.provider.script = [Accepted("m-4"), Uncertain("no_answer", "Cut."), Accepted("m-5")]
    earlier, later = await core.accept(user), await core.accept(user)
    for item in (earlier, later):
        await core.plan(item)
    await core.deliver(earlier)
    with pytest.raises(RetryLater):
        await core.deliver(later)
    core.provider.found = (Found("m-4"),)
    await core.deliver(later)
    assert (await core.view(later)).deliveries[0].provider_message_id == "m-5"


async def test_in_doubt_and_nobody_to_ask_is_unknown_and_not_sent_again(core: Core) -> None:
    core.provider.recovery = Recovery.NONE
    core.provider.script = [Uncertain("no_answer", "Cut.")]
    sent = await core.accept(await core.user())
    await core.plan(sent)
    with pytest.raises(RetryLater):
        await core.deliver(sent)
    assert (await core.deliver(sent)).outcome is DeliverOutcome.UNKNOWN
    assert len(core.provider.sent) == 1
    assert await letters(core, sent) == ["outcome_unknown"]


async def test_in_doubt_a_one_time_code_is_sent_again(core: Core) -> None:
    core.provider.recovery = Recovery.NONE
    core.provider.script = [Uncertain("no_answer", "Cut."), Accepted("m-6")]
    sent = await core.accept(await core.user(), type="one_time_code", data={"code": "123456"})
    await core.plan(sent)
    with pytest.raises(RetryLater):
        await core.deliver(sent)
    assert (await core.deliver(sent)).outcome is DeliverOutcome.SENT
    assert len(core.provider.sent) == 2


async def test_of_twenty_equal_notifications_one_goes_out(core: Core) -> None:
    user = await core.user()
    same = [await core.accept(user, title="Same", content="Same") for _ in range(20)]
    plans = await asyncio.gather(*(core.plan(item) for item in same))
    assert sum(bool(plan.ready) for plan in plans) == 1
    skipped = [await core.view(i) for i, p in zip(same, plans, strict=True) if not p.ready]
    assert {view.notification.reason for view in skipped} == {"duplicate"}


async def test_a_cap_holds_when_all_are_planned_at_once(core: Core) -> None:
    user = await core.user()
    async with core.uow() as tx:
        await tx.users.put_preferences(
            Preferences(user_id=user, frequency=Frequency(max_per_day=3)), now()
        )
    many = [await core.accept(user) for _ in range(12)]
    plans = await asyncio.gather(*(core.plan(item) for item in many))
    assert sum(bool(plan.ready) for plan in plans) == 3
    held = [plan for plan in plans if not plan.ready]
    assert all(plan.wait_until is not None for plan in held)
    view = await core.view(next(i for i, p in zip(many, plans, strict=True) if not p.ready))
    assert view.notification.status is NotificationStatus.SCHEDULED


async def test_fallback_uses_the_next_channel_only_when_the_first_fails(core: Core) -> None:
    core.provider.script = [Rejected("bad_address", "No."), Accepted("m-7")]
    user = await core.user(phone="+4915112345678")
    sent = await core.accept(user, channels=["email", "sms"], strategy="fallback")
    plan = await core.plan(sent)
    assert (plan.ready, plan.held) == ((Channel.EMAIL,), (Channel.SMS,))
    assert (await core.deliver(sent)).outcome is DeliverOutcome.FAILED
    assert await letters(core, sent) == []
    plan = await core.plan(sent, trigger=PlanTrigger.FALLBACK)
    assert plan.ready == (Channel.SMS,)
    await core.deliver(sent, Channel.SMS)
    assert (await core.view(sent)).notification.status is NotificationStatus.SENT


async def test_a_missing_variable_is_a_dead_letter_with_its_name(core: Core) -> None:
    """What only the user's profile could have given is not known before it is rendered."""
    parts = {"email": {"subject": "For {{ user.attributes.team }}", "html": "<p>x</p>"}}
    async with core.uow() as tx:
        await tx.catalogue.add_template_version(
            TemplateVersion("teams", "en", 1, None, parts, {}, {}, "published", now())
        )
    sent = await core.accept(await core.user(), title=None, content=None, template={"key": "teams"})
    await core.plan(sent)
    assert (await core.deliver(sent)).reason == "variable_missing"
    assert await letters(core, sent) == ["variable_missing"]
    assert (
        "user.attributes.team"
        in (await core.explaining.explain(sent)).timeline[-1].detail["message"]
    )


async def test_a_types_own_template_that_misses_something_is_a_dead_letter(core: Core) -> None:
    """Nobody named the template, so nobody is told at once what it needs."""
    sent = await core.accept(
        await core.user(), type="one_time_code", title=None, content=None, channels=["email"]
    )
    await core.plan(sent)
    assert (await core.deliver(sent)).reason == "variable_missing"
    assert await letters(core, sent) == ["variable_missing"]
    assert "data.code" in (await core.explaining.explain(sent)).timeline[-1].detail["message"]


async def test_content_and_addresses_are_unreadable_in_the_database(
    core: Core, database: str
) -> None:
    user = await core.user(name="Zebulon Quartz", phone="+4915199988777")
    sent = await core.accept(user, title="Xylophone secret", data={"k": "Jabberwock"})
    await core.plan(sent)
    await core.deliver(sent)
    connection = await asyncpg.connect(database)
    try:
        tables = await connection.fetch(
            "select tablename from pg_tables where schemaname = 'public'"
        )
        dump = ""
        for (name,) in (tuple(row) for row in tables):
            rows = await connection.fetch(f'select t::text from "{name}" t')
            dump += "\n".join(row[0] or "" for row in rows)
    finally:
        await connection.close()
    for secret in ("Xylophone", "Jabberwock", "Zebulon", "+4915199988777", f"{user}@example.com"):
        assert secret not in dump


async def test_an_erased_users_notifications_are_bare_lines(core: Core) -> None:
    user = await core.user()
    sent = await core.accept(user, title="Forget me")
    async with core.uow() as tx:
        assert await tx.users.delete(user)
        assert await tx.users.get(user) is None
    view = await core.view(sent)
    assert view.content.title is None
    assert view.notification.user_id == user
