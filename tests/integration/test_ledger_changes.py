"""The ledger when something changes meanwhile: cancelled, amended, switched off, moved."""

import asyncio
from datetime import timedelta

import pytest

from domain.commands import AmendNotification
from domain.delivering import RetryLater
from domain.enums import Channel, NotificationStatus, PlanOutcome, PlanTrigger
from domain.errors import Conflict
from domain.messages import CancelOutcome, DeliverOutcome
from domain.plan_types import Plan
from domain.ports.planning import PlanDraft
from domain.ports.providers import Retry
from domain.preferences import ChannelPreference, Preferences
from domain.records.operations import PausedPart
from tests.integration.conftest import Core, now


async def test_nothing_leaves_after_cancel_answered(core: Core) -> None:
    sent = await core.accept(await core.user())
    await core.plan(sent)
    answer = await core.cancelling.cancel(sent)
    assert answer.outcome is CancelOutcome.CANCELLED
    assert (await core.deliver(sent)).outcome is DeliverOutcome.CANCELLED
    assert core.provider.sent == []
    assert (await core.plan(sent, trigger=PlanTrigger.DUE)).ended


async def test_cancel_between_two_attempts_stops_the_second(core: Core) -> None:
    core.provider.script = [Retry("busy", "Later.")]
    sent = await core.accept(await core.user())
    await core.plan(sent)
    with pytest.raises(RetryLater):
        await core.deliver(sent)
    assert (await core.cancelling.cancel(sent)).outcome is CancelOutcome.CANCELLED
    await core.deliver(sent)
    assert len(core.provider.sent) == 1


async def test_a_channel_switched_off_between_two_attempts_is_not_tried_again(core: Core) -> None:
    core.provider.script = [Retry("busy", "Later.")]
    user = await core.user()
    sent = await core.accept(user)
    await core.plan(sent)
    with pytest.raises(RetryLater):
        await core.deliver(sent)
    off = {Channel.EMAIL: ChannelPreference(enabled=False)}
    async with core.uow() as tx:
        await tx.users.put_preferences(Preferences(user_id=user, channels=off), now())
    assert (await core.deliver(sent)).outcome is DeliverOutcome.SKIPPED
    assert len(core.provider.sent) == 1


async def test_an_attempt_asked_for_before_the_instant_moved_sends_nothing(core: Core) -> None:
    """Paused, then amended to tomorrow, then resumed: the old attempt must not go out now."""
    sent = await core.accept(await core.user())
    await core.plan(sent)
    async with core.uow() as tx:
        await tx.operations.pause(PausedPart("channel:email", now()))
    try:
        assert (await core.deliver(sent)).outcome is DeliverOutcome.HELD
        later = now() + timedelta(days=1)
        await core.amending.amend(sent, AmendNotification(scheduled_at=later))
        assert not (await core.plan(sent, trigger=PlanTrigger.AMENDED)).ready
    finally:
        async with core.uow() as tx:
            await tx.operations.resume("channel:email")
    assert (await core.deliver(sent)).outcome is DeliverOutcome.SKIPPED
    assert core.provider.sent == []
    assert (await core.view(sent)).notification.status is NotificationStatus.SCHEDULED


async def test_cancel_and_send_race_and_the_answer_is_always_true(core: Core) -> None:
    """Many at once: whatever was answered `cancelled` was never handed to the provider."""
    user = await core.user()
    raced = [await core.accept(user) for _ in range(60)]
    for item in raced:
        await core.plan(item)

    async def cancel(item: object, rest: float) -> CancelOutcome:
        await asyncio.sleep(rest)
        return (await core.cancelling.cancel(item)).outcome  # type: ignore[arg-type]

    jobs = [(core.deliver(item), cancel(item, n % 7 * 0.002)) for n, item in enumerate(raced)]
    answers = await asyncio.gather(*(asyncio.gather(*pair) for pair in jobs))
    called = {message.notification_id for message in core.provider.sent}
    told = {CancelOutcome.CANCELLED: 0, CancelOutcome.ALREADY_SENT: 0}
    for item, (_, outcome) in zip(raced, answers, strict=True):
        told[outcome] += 1
        assert (item in called) == (outcome is CancelOutcome.ALREADY_SENT)
    assert all(told.values()), f"the race had only one winner: {told}"


async def test_amending_is_refused_once_something_was_tried(core: Core) -> None:
    sent = await core.accept(await core.user())
    changed = await core.amending.amend(sent, AmendNotification(title="New", content="Newer"))
    assert (changed.content.title, changed.notification.revision) == ("New", 1)
    await core.plan(sent)
    await core.deliver(sent)
    assert core.provider.sent[0].message.subject == "New"
    with pytest.raises(Conflict) as refused:
        await core.amending.amend(sent, AmendNotification(title="Late"))
    assert refused.value.code == "already_sent"


async def test_a_plan_overtaken_by_an_amendment_writes_nothing(core: Core) -> None:
    sent = await core.accept(await core.user())
    async with core.uow() as tx:
        stale = await tx.planning.load(sent)
    assert stale is not None
    await core.amending.amend(sent, AmendNotification(content="Other words."))
    async with core.uow() as tx:
        saved = await tx.planning.save(
            PlanDraft(
                stale.notification, Plan(outcome=PlanOutcome.SKIP, reason="stale"),
                PlanTrigger.DUE, now(), NotificationStatus.SKIPPED, "stale", None, (), (),
            )
        )  # fmt: skip
    assert saved is False
    assert (await core.view(sent)).notification.status is NotificationStatus.ACCEPTED
    assert (await core.explaining.explain(sent)).plans == ()
