"""Paused, held, resumed: nothing is tried, nothing is lost, the most urgent leaves first."""

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from domain.delivering import RetryLater
from domain.enums import Channel, DeliveryStatus, NotificationStatus, PlanTrigger, Priority
from domain.errors import Invalid, NotFound
from domain.messages import DeliverOutcome, SignalKind
from domain.paging import PageRequest
from services.notifications.relay import RelayService
from services.operations.provider_control import ProviderControl
from tests.integration.conftest import Core, ScriptedProvider, now


class Gateway:
    """Hears what the relay tells."""

    def __init__(self) -> None:
        self.told: list[tuple[UUID, str]] = []

    async def start_notification(self, notification_id: UUID, redrives: int) -> None:
        return None

    async def signal_notification(self, notification_id: UUID, redrives: int, kind: str) -> None:
        self.told.append((notification_id, kind))


@pytest.fixture
async def control(core: Core) -> ProviderControl:
    """Over the first provider and a second one; nothing stays paused."""
    core.provider.name = "resend"
    core.second = ScriptedProvider(name="smtp")
    return ProviderControl(core.uow, [core.provider, core.second], core.breakers, now)


async def test_a_paused_channel_holds_even_what_is_critical(
    core: Core, control: ProviderControl
) -> None:
    await control.pause_channel(Channel.EMAIL, "ops")
    try:
        item = await core.accept(await core.user(), priority=Priority.CRITICAL)
        plan = await core.plan(item)
        assert (plan.ready, plan.status) == ((), NotificationStatus.SCHEDULED)
        view = await core.view(item)
        assert view.notification.reason == "channel_paused"
        [line] = view.deliveries
        assert (line.status, line.reason) == (DeliveryStatus.DEFERRED, "channel_paused")
    finally:
        await control.resume_channel(Channel.EMAIL, "ops")
    assert (await core.plan(item, trigger=PlanTrigger.RESUMED)).ready == (Channel.EMAIL,)
    assert (await core.deliver(item)).outcome is DeliverOutcome.SENT


async def test_a_paused_provider_holds_what_was_on_its_way_to_it(
    core: Core, control: ProviderControl
) -> None:
    item = await core.accept(await core.user())
    await core.plan(item)
    await control.pause_provider("resend", "ops")
    try:
        held = await core.deliver(item)
        assert (held.outcome, held.reason) == (DeliverOutcome.HELD, "provider_paused")
        again = await core.plan(item, trigger=PlanTrigger.HELD)
        assert again.wait_until is not None
        assert (await core.view(item)).notification.reason == "provider_paused"
        assert "paused the provider" in (await core.explaining.explain(item)).summary
    finally:
        await control.resume_provider("resend", "ops")
    assert core.provider.sent == []
    await core.plan(item, trigger=PlanTrigger.RESUMED)
    assert (await core.deliver(item)).outcome is DeliverOutcome.SENT


async def test_a_diverted_provider_lets_its_messages_go_by_the_next(
    core: Core, control: ProviderControl
) -> None:
    await control.pause_provider("resend", "ops", divert=True)
    try:
        item = await core.accept(await core.user())
        await core.plan(item)
        assert (await core.deliver(item)).outcome is DeliverOutcome.SENT
    finally:
        await control.resume_provider("resend", "ops")
    assert core.second is not None
    assert (len(core.provider.sent), len(core.second.sent)) == (0, 1)


async def test_what_has_nowhere_to_be_diverted_comes_again_later(
    core: Core, control: ProviderControl
) -> None:
    """A plan would take it for ready, and the delivery find it held, without end."""
    await control.pause_provider("resend", "ops", divert=True)
    core.second = None
    try:
        item = await core.accept(await core.user())
        await core.plan(item)
        with pytest.raises(RetryLater) as later:
            await core.deliver(item)
        assert (later.value.code, later.value.after) == ("provider_paused", timedelta(seconds=30))
    finally:
        await control.resume_provider("resend", "ops")
    assert (await core.deliver(item)).outcome is DeliverOutcome.SENT


async def test_what_was_held_is_woken_once_the_most_urgent_first(
    core: Core, control: ProviderControl
) -> None:
    await control.pause_channel(Channel.EMAIL, "ops")
    ranks = [Priority.LOW, Priority.CRITICAL, Priority.MEDIUM, Priority.HIGH, Priority.CRITICAL]
    try:
        held = []
        for priority in ranks:
            item = await core.accept(await core.user(), priority=priority)
            await core.plan(item)
            held.append(item)
        gateway = Gateway()
        relay = RelayService(core.uow, gateway, now)
        await relay.run_once()
        assert not {item for item, _ in gateway.told} & set(held)
    finally:
        await control.resume_channel(Channel.EMAIL, "ops")
    for woken in ([1, 4], [3], [2], [0]):
        gateway.told.clear()
        await asyncio.gather(relay.run_once(), RelayService(core.uow, gateway, now).run_once())
        await relay.run_once()
        told = [item for item, kind in gateway.told if kind == SignalKind.RESUMED and item in held]
        assert told == [held[n] for n in woken], "the less urgent ones wait until these have a plan"
        for item in told:
            assert (await core.plan(item, trigger=PlanTrigger.RESUMED)).ready == (Channel.EMAIL,)
    gateway.told.clear()
    await relay.run_once()
    assert not {item for item, _ in gateway.told} & set(held)


async def test_pausing_and_resuming_are_in_the_audit_log(
    core: Core, control: ProviderControl
) -> None:
    view = await control.pause_provider("smtp", "key:7")
    assert view.pause is not None
    assert [(v.name, v.preference) for v in await control.list()] == [("resend", 1), ("smtp", 2)]
    view = await control.resume_provider("smtp", "key:7")
    assert view.pause is None
    async with core.uow() as tx:
        log = await tx.operations.audit_log(PageRequest(2))
    assert [(e.action, e.subject, e.actor) for e in log.items] == [
        ("resume", "provider:smtp", "key:7"),
        ("pause", "provider:smtp", "key:7"),
    ]


async def test_what_cannot_be_paused_so(core: Core) -> None:
    alone = ProviderControl(core.uow, [core.provider], core.breakers, now)
    with pytest.raises(NotFound):
        await alone.pause_provider("nobody", "ops")
    with pytest.raises(Invalid) as refused:
        await alone.pause_provider(core.provider.name, "ops", divert=True)
    assert refused.value.code == "nowhere_to_divert"
    assert timedelta(0) == (await alone.list())[0].breaker.opens_for
