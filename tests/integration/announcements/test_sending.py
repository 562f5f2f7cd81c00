"""Announcements on the real parts: sent besides on other channels, once, and recalled."""

import asyncio

import asyncpg
import pytest

from domain.announcements.shapes import AmendAnnouncement, campaign_id_for
from domain.audience.shapes import AudienceList
from domain.campaigns.messages import FinishCampaignInput
from domain.campaigns.records import Campaign, CampaignStatus
from domain.enums import Category, Channel, Priority
from domain.errors import Unavailable
from domain.ids import new_id
from storage.campaigns.rows import SqlCampaigns
from tests.integration.announcements.office import Office
from tests.integration.conftest import HOUR, Core, now


async def test_other_channels_are_a_campaign_to_the_same_audience(
    office: Office, core: Core
) -> None:
    users = [await core.user(attributes={"plan": plan}) for plan in ("pro", "free", "pro")]
    segment = {"all": [{"field": "attributes.plan", "op": "eq", "value": "pro"},
                       {"field": "id", "op": "in", "value": users}]}  # fmt: skip
    item = await office.make(
        title="Maintenance", content="At ten.", data={"page": "/status"}, priority="critical",
        audience={"segment": segment}, channels=["sms", "websocket", "email"],
    )  # fmt: skip
    assert item.campaign_id is None
    sending = await office.sender.send(item.id)
    assert sending == (await office.service.get(item.id)).campaign_id
    campaign = await office.campaign(item)
    assert campaign is not None
    assert (campaign.type, campaign.category) == ("announcement", Category.ANNOUNCEMENTS)
    assert (campaign.name, campaign.words.title) == ("Maintenance", "Maintenance")
    assert (campaign.words.content, campaign.words.data) == ("At ten.", {"page": "/status"})
    assert campaign.channels == (Channel.SMS, Channel.EMAIL)
    assert (campaign.priority, campaign.audience) == (Priority.CRITICAL, item.audience)
    assert campaign.status is CampaignStatus.RUNNING
    assert await office.freeze(item) == 4


async def test_a_rerun_of_the_sending_finds_the_campaign(
    office: Office, core: Core, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The attempt dies with the campaign written, before the transaction is whole, and after."""
    item = await office.make(audience={"userIds": [await core.user()]}, channels=["email"])
    inserts = SqlCampaigns.insert

    async def dying(self: SqlCampaigns, campaign: Campaign) -> bool:
        await inserts(self, campaign)
        raise Unavailable("database_unavailable", "Killed.")

    with monkeypatch.context() as killed:
        killed.setattr(SqlCampaigns, "insert", dying)
        with pytest.raises(Unavailable):
            await office.sender.send(item.id)
    assert await office.campaign(item) is None
    answers = await asyncio.gather(*(office.sender.send(item.id) for _ in range(4)))
    assert set(answers) == {campaign_id_for(item.id)}
    assert [status for _, status in office.rails.told] == [CampaignStatus.RUNNING]
    known = await office.campaign(item)
    change = AmendAnnouncement.model_validate({"title": "Later", "content": "Other."})
    await office.service.update(item.id, change, "test")
    assert await office.sender.send(item.id) == campaign_id_for(item.id)
    assert await office.campaign(item) == known


async def test_one_that_is_over_or_only_shown_is_not_sent(office: Office, core: Core) -> None:
    user = await core.user()
    shown = await office.make(audience={"userIds": [user]})
    later = await office.make(channels=["email"], startsAt=(now() + HOUR).isoformat())
    gone = await office.make(audience={"userIds": [user]}, channels=["email"])
    await office.service.withdraw(gone.id, "test")
    for item in (shown, later, gone):
        assert await office.sender.send(item.id) is None
        assert await office.campaign(item) is None
        assert await office.sender.recall(item.id) == 0
    assert await office.sender.send(new_id()) is None
    assert await office.sender.recall(new_id()) == 0
    assert office.rails.told == []


@pytest.mark.parametrize("how", ["withdrawn", "ended"])
async def test_what_is_over_is_recalled_where_it_waits(
    office: Office, core: Core, database: str, how: str
) -> None:
    users = [await core.user() for _ in range(5)]
    item = await office.make(audience={"userIds": users}, channels=["email"])
    await office.sender.send(item.id)
    assert await office.freeze(item) == 5
    assert await office.sender.recall(item.id) == 0
    sql = await asyncpg.connect(database)
    await sql.execute(
        "update campaign_recipients set status = 'sent' where campaign_id = $1 and ordinal = 0",
        campaign_id_for(item.id),
    )
    if how == "withdrawn":
        await office.service.withdraw(item.id, "test")
    else:
        await sql.execute("update announcements set ends_at = now() where id = $1", item.id)
    await sql.close()
    for _ in range(2):
        assert await office.sender.recall(item.id) == 4
    view = await office.campaigns.accounts(campaign_id_for(item.id))
    assert view.campaign.status is CampaignStatus.CANCELLED
    assert (view.counts.sent, view.counts.skipped) == (1, {"cancelled": 4})


async def test_what_has_all_left_is_not_recalled(office: Office, core: Core, database: str) -> None:
    item = await office.make(audience={"userIds": [await core.user()]}, channels=["email"])
    await office.sender.send(item.id)
    await office.freeze(item)
    sql = await asyncpg.connect(database)
    await sql.execute(
        "update campaign_recipients set status = 'sent' where campaign_id = $1",
        campaign_id_for(item.id),
    )
    await sql.close()
    await office.running.finish(
        FinishCampaignInput(campaign_id=campaign_id_for(item.id), now=now())
    )
    await office.service.withdraw(item.id, "test")
    assert await office.sender.recall(item.id) == 0
    campaign = await office.campaign(item)
    assert campaign is not None
    assert campaign.status is CampaignStatus.COMPLETED


async def test_a_list_that_is_gone_is_empty(office: Office, core: Core) -> None:
    user = await core.user()
    async with office.uow() as tx:
        listed = AudienceList(new_id(), "a list", 0, 0, 0, now())
        await tx.audience_lists.insert(listed)
        await tx.audience_lists.add(listed.id, [user])
    item = await office.make(audience={"list": str(listed.id)}, channels=["email"])
    async with office.uow() as tx:
        assert await tx.membership.concerning(user, [item.id]) == {item.id}
        assert await tx.audience_lists.delete(listed.id)
    async with office.uow() as tx:
        assert await tx.membership.concerning(user, [item.id]) == frozenset()
    await office.service.update(
        item.id, AmendAnnouncement.model_validate({"title": "Still"}), "test"
    )
    assert await office.sender.send(item.id) == campaign_id_for(item.id)
    assert await office.freeze(item) == 0
