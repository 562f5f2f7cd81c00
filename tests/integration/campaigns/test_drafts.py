"""Drafts: what is refused before anybody gets it, deleting, and sending ahead of a schedule."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from domain.campaigns.messages import FreezeInput, OpenInput
from domain.campaigns.records import CampaignStatus
from domain.campaigns.shapes import AmendCampaign, Schedule
from domain.errors import Conflict, Invalid, NotFound
from tests.integration.campaigns.conftest import ACTOR, Bench, emails

VARIANTS = [{"name": "A", "title": "One", "content": "One."}, {"name": "B"}]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"from": "Acme"}, "from"),
        (
            {"test": {"variants": [{"name": "A"}, {"name": "B", "sender": "Acme"}],
                      "decideAfter": "PT1H"}},
            "test.variants.1.sender",
        ),
    ],
)  # fmt: skip
async def test_an_email_is_from_a_mailbox(bench: Bench, fields: dict[str, Any], field: str) -> None:
    users = await bench.users(1)
    with pytest.raises(Invalid) as refused:
        await bench.draft(users, **fields)
    assert (refused.value.code, refused.value.errors[0].field) == ("sender_no_mailbox", field)


async def test_an_amendment_takes_no_sender_id_either(bench: Bench) -> None:
    users = await bench.users(1)
    draft = await bench.draft(users, **{"from": "Acme <news@example.com>"})
    with pytest.raises(Invalid) as refused:
        change = AmendCampaign.model_validate({"from": "Acme"})
        await bench.campaigns.amend(draft.id, change, ACTOR)
    assert refused.value.code == "sender_no_mailbox"
    texts = await bench.draft(users, **{"from": "Acme", "channels": ["sms"]})
    with pytest.raises(Invalid):
        both = AmendCampaign.model_validate({"channels": ["sms", "email"]})
        await bench.campaigns.amend(texts.id, both, ACTOR)


async def test_a_test_needs_what_tells_of_clicks(bench: Bench) -> None:
    users = await bench.users(1)
    design = {"variants": VARIANTS, "decideAfter": "PT1H"}
    with pytest.raises(Invalid) as refused:
        await bench.draft(users, channels=["push"], test=design)
    assert refused.value.code == "test_without_email"


async def test_a_draft_is_deleted_and_nothing_else(bench: Bench) -> None:
    users = await bench.users(1)
    draft = await bench.draft(users)
    await bench.campaigns.delete(draft.id, ACTOR)
    for missing in (draft.id, uuid4()):
        with pytest.raises(NotFound):
            await bench.campaigns.delete(missing, ACTOR)
    sent = await bench.running(users)
    with pytest.raises(Conflict) as refused:
        await bench.campaigns.delete(sent.id, ACTOR)
    assert refused.value.code == "campaign_not_draft"


async def test_a_scheduled_one_is_sent_now(bench: Bench) -> None:
    users = await bench.users(2)
    draft = await bench.draft(users)
    later = Schedule(at=bench.now() + timedelta(days=2))
    await bench.campaigns.schedule(draft.id, later, ACTOR)
    sent = await bench.campaigns.send(draft.id, ACTOR)
    assert (sent.status, sent.schedule) == (CampaignStatus.RUNNING, None)
    state = await bench.run.open(OpenInput(campaign_id=draft.id, now=bench.now()))
    assert state.status is CampaignStatus.RUNNING
    await bench.run.freeze(FreezeInput(campaign_id=draft.id, now=bench.now()))
    await bench.finished(sent)
    bench.vendor.assert_once(emails(users))
    with pytest.raises(Conflict) as again:
        await bench.campaigns.send(draft.id, ACTOR)
    assert again.value.code == "campaign_not_draft"


async def test_what_recurs_is_not_sent_by_itself(bench: Bench) -> None:
    draft = await bench.draft(await bench.users(1))
    await bench.campaigns.schedule(draft.id, Schedule(cron="0 9 * * MON"), ACTOR)
    with pytest.raises(Conflict) as refused:
        await bench.campaigns.send(draft.id, ACTOR)
    assert refused.value.code == "campaign_schedule_kind"
