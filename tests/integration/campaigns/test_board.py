"""The accounts as the dashboard shows them: a moment old, and counted no oftener than that."""

from datetime import timedelta

from api.pages.dashboard import _refresh
from domain.campaigns.records import CampaignStatus
from services.campaigns.board import AFTER_THE_END, LEAST, CampaignBoard
from services.campaigns.service import CampaignService, CampaignView
from tests.integration.campaigns.conftest import ACTOR, Bench


class Counting:
    """The service, and how often it counted."""

    def __init__(self, service: CampaignService) -> None:
        self.list = service.list
        self._service = service
        self.seconds = self.took = 0.0
        self.counts = 0

    async def accounts(self, campaign_id: object) -> CampaignView:
        self.counts += 1
        self.seconds += self.took
        return await self._service.accounts(campaign_id)  # type: ignore[arg-type]

    def tick(self) -> float:
        return self.seconds


async def test_what_was_counted_is_shown_for_a_while(bench: Bench) -> None:
    campaign = await bench.running(await bench.users(2))
    counting = Counting(bench.campaigns)
    board = CampaignBoard(counting, counting.tick)  # type: ignore[arg-type]
    [view] = await board.newest(1)
    await bench.finished(campaign)
    [same] = await board.newest(1)
    assert (view.counts.pending, same.counts.pending, counting.counts) == (2, 2, 1)
    counting.seconds += LEAST
    [later] = await board.newest(1)
    assert (later.counts.sent, counting.counts) == (2, 2)


async def test_what_takes_long_is_counted_seldom(bench: Bench) -> None:
    await bench.running(await bench.users(1))
    counting = Counting(bench.campaigns)
    counting.took = 0.5
    board = CampaignBoard(counting, counting.tick)  # type: ignore[arg-type]
    await board.newest(1)
    counting.seconds += 4
    await board.newest(1)
    assert counting.counts == 1
    counting.seconds += 1
    await board.newest(1)
    assert counting.counts == 2


async def test_a_change_is_shown_at_once_and_what_is_over_is_counted_once_a_minute(
    bench: Bench,
) -> None:
    campaign = await bench.running(await bench.users(1))
    counting = Counting(bench.campaigns)
    board = CampaignBoard(counting, counting.tick)  # type: ignore[arg-type]
    await board.newest(1)
    await bench.campaigns.cancel(campaign.id, ACTOR)
    [view] = await board.newest(1)
    assert view.counts.skipped == {"cancelled": 1}
    counting.seconds += AFTER_THE_END - 1
    [held] = await board.newest(1)
    assert (held.campaign.status, counting.counts) == (CampaignStatus.CANCELLED, 2)


def test_only_a_page_with_something_under_way_is_loaded_again() -> None:
    over, waits = CampaignStatus.COMPLETED, CampaignStatus.SCHEDULED
    assert _refresh([over, CampaignStatus.DRAFT]) is None
    assert _refresh([over, waits]) == 30
    assert _refresh([waits, CampaignStatus.TESTING]) == 2


async def test_the_last_minute_and_the_last_who_waits_are_counted(bench: Bench) -> None:
    users = await bench.users(3)
    campaign = await bench.running(users, rate={"perMinute": 2})
    await bench.deliver(campaign)
    tomorrow = (bench.now() + timedelta(days=1)).replace(second=0, microsecond=0)
    async with bench.uow() as tx:
        await tx.campaigns._db.execute(
            "update campaign_recipients set due_at = $2 where campaign_id = $1"
            " and status = 'pending'",
            campaign.id,
            tomorrow,
        )
    counts = (await bench.campaigns.accounts(campaign.id)).counts
    assert (counts.sent_lately, counts.deferred, counts.last_due_at) == (2, 1, tomorrow)
    async with bench.uow() as tx:
        await tx.campaigns._db.execute(
            "update campaign_tallies set at = at - interval '2 minutes' where campaign_id = $1",
            campaign.id,
        )
    assert (await bench.campaigns.accounts(campaign.id)).counts.sent_lately == 0


async def test_what_a_notification_of_its_own_carried_has_an_instant(bench: Bench) -> None:
    [user] = await bench.users(1)
    campaign = await bench.running([user], channels=["websocket"])
    await bench.deliver(campaign)
    [pending] = await bench.recipients(campaign)
    assert pending.sent_at is None
    at = bench.now()
    async with bench.uow() as tx:
        [notification_id] = await tx.campaigns.open_notifications(campaign.id)
        await tx.campaigns._db.execute(
            "update notifications set status = 'sent', first_intent_at = $2 where id = $1",
            notification_id,
            at,
        )
    [sent] = await bench.recipients(campaign)
    assert sent.sent_at == at
    counts = (await bench.campaigns.accounts(campaign.id)).counts
    assert (counts.sent, counts.last_sent_at, counts.sent_lately) == (1, at, 1)
