"""What is left of a cancelled campaign is closed many at a time, in the request or after it."""

from datetime import timedelta
from uuid import UUID

import pytest

from domain.campaigns.messages import FinishCampaignInput
from domain.campaigns.records import RecipientStatus
from domain.enums import Channel, DeliveryStatus, EventType, NotificationStatus
from services.notifications.cancel import CancelAnswer, CancelService
from tests.integration.campaigns.conftest import ACTOR, Bench, sums

NO_TIME = timedelta(0)


@pytest.fixture
def singly(monkeypatch: pytest.MonkeyPatch) -> list[UUID]:
    """Notifications that are cancelled one by one."""
    found: list[UUID] = []
    cancel = CancelService.cancel

    async def noted(self: CancelService, notification_id: UUID) -> CancelAnswer:
        found.append(notification_id)
        return await cancel(self, notification_id)

    monkeypatch.setattr(CancelService, "cancel", noted)
    return found


async def test_notifications_that_were_not_tried_are_cancelled_together(
    bench: Bench, singly: list[UUID]
) -> None:
    users = await bench.users(4)
    campaign = await bench.running(users, channels=["websocket"])
    await bench.finished(campaign)
    planned, tried, *unplanned = bench.core.starter.started
    await bench.core.plan(planned)
    await bench.core.plan(tried)
    async with bench.uow() as tx:
        [line] = await tx.deliveries.of(tried)
        await tx.deliveries.write_intent(tried, {line.id: "inbox"}, bench.now())
        await tx.deliveries.close_open(tried, DeliveryStatus.SKIPPED, "none left")
    view = await bench.campaigns.cancel(campaign.id, ACTOR)
    assert singly == [tried]
    assert view.counts.skipped == {"cancelled": 3}
    for one in (planned, *unplanned):
        seen = await bench.core.view(one)
        assert seen.notification.status is NotificationStatus.CANCELLED
        assert seen.notification.cancel_requested_at is not None
        assert all(d.status is DeliveryStatus.CANCELLED for d in seen.deliveries)
        assert (await bench.core.plan(one)).ended
        async with bench.uow() as tx:
            told = await tx.campaigns._db.fetch(
                "select kind from workflow_signals where notification_id = $1", one
            )
            happened = [event.type for event in await tx.events.timeline(one)]
        assert [row["kind"] for row in told] == ["cancel"]
        assert EventType.NOTIFICATION_CANCELLED in happened
    assert (await bench.core.view(planned)).deliveries != ()


async def test_their_place_under_the_users_limits_is_free_again(bench: Bench) -> None:
    [user] = await bench.users(1)
    campaign = await bench.running([user], channels=["websocket"])
    await bench.finished(campaign)
    [one] = bench.core.starter.started
    assert (await bench.core.plan(one)).ready == (Channel.WEBSOCKET,)
    await bench.campaigns.cancel(campaign.id, ACTOR)
    async with bench.uow() as tx:
        since = bench.now() - timedelta(days=1)
        assert await tx.planning.usage(user, since, campaign.id) == ()


async def test_an_answer_without_time_to_close_has_the_accounts_all_the_same(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.campaigns.service.ANSWER_WITHIN", NO_TIME)
    users = await bench.users(5)
    campaign = await bench.running(users, rate={"perMinute": 2})
    await bench.deliver(campaign)
    view = await bench.campaigns.cancel(campaign.id, ACTOR)
    assert view.counts.skipped == {"cancelled": 3}
    assert await bench.accounts(campaign) == sums(sent=2, skipped={"cancelled": 3})
    cancelled = view.campaign
    listed = await bench.recipients(cancelled, RecipientStatus.SKIPPED)
    assert [r.reason for r in listed] == ["cancelled"] * 3
    assert await stored(bench, campaign.id) == {"sent": 2, "pending": 3}
    await bench.run.finish(FinishCampaignInput(campaign_id=campaign.id, now=bench.now()))
    assert await stored(bench, campaign.id) == {"sent": 2, "skipped": 3}
    assert (await bench.campaigns.accounts(campaign.id)).counts == view.counts


async def test_the_workflow_cancels_the_notifications_nobody_had_time_for(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.campaigns.service.ANSWER_WITHIN", NO_TIME)
    campaign = await bench.running(await bench.users(3), channels=["websocket"])
    await bench.finished(campaign)
    assert (await bench.campaigns.cancel(campaign.id, ACTOR)).counts.pending == 3
    await bench.run.finish(FinishCampaignInput(campaign_id=campaign.id, now=bench.now()))
    assert await bench.accounts(campaign) == sums(skipped={"cancelled": 3})


async def stored(bench: Bench, campaign_id: UUID) -> dict[str, int]:
    async with bench.uow() as tx:
        rows = await tx.campaigns._db.fetch(
            "select status, count(*) as lines from campaign_recipients where campaign_id = $1"
            " group by 1",
            campaign_id,
        )
    return {row["status"]: row["lines"] for row in rows}
