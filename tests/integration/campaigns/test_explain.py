"""What became of one recipient, told from the accounts, the provider calls and the gates."""

from datetime import timedelta
from uuid import uuid4

import pytest

from domain.callbacks import Engagement, EngagementKind, Receipt
from domain.campaigns.records import Campaign, RecipientStatus
from domain.delivering import RetryLater
from domain.enums import Channel, DeliveryStatus, PlanOutcome
from domain.errors import NotFound
from domain.ports.providers import Rejected
from services.campaigns.explain import CampaignExplainService, ExplainedLine, RecipientExplanation
from services.catalogue.reading import Catalogue
from tests.integration.campaigns.conftest import ACTOR, Bench, Killed, email
from tests.integration.campaigns.test_gates import prefer, quiet
from tests.integration.campaigns.test_heard_later import by_links, hears


async def explained(bench: Bench, campaign: Campaign, user: str) -> RecipientExplanation:
    service = CampaignExplainService(bench.uow, Catalogue(bench.uow), {}, bench.now)
    return await service.explain(campaign.id, user)


async def only(bench: Bench, campaign: Campaign, user: str) -> ExplainedLine:
    [line] = (await explained(bench, campaign, user)).lines
    return line


def events(line: ExplainedLine) -> list[str]:
    return [event.event for event in line.timeline]


async def test_from_the_plan_to_the_click_and_the_farewell(bench: Bench) -> None:
    [user] = await bench.users(1)
    campaign = await bench.running([user])
    waiting = await only(bench, campaign, user)
    assert (events(waiting), waiting.summary) == (["planned"], "Waits on email for its turn.")
    assert waiting.now is not None
    assert waiting.now.outcome is PlanOutcome.DELIVER
    assert {gate.gate for gate in waiting.now.gates} >= {"consent", "quiet_hours", "frequency"}
    await bench.finished(campaign)
    message = (await only(bench, campaign, user)).provider_message_id or ""
    steps = [bench.now() + timedelta(seconds=step) for step in range(1, 4)]
    await hears(bench, Receipt(message, DeliveryStatus.DELIVERED, steps[0]))
    await hears(bench, Engagement(message, EngagementKind.OPENED, steps[1]))
    await hears(bench, Engagement(message, EngagementKind.CLICKED, steps[2]))
    bench.ahead = timedelta(minutes=1)
    link = bench.vendor.words[email(user)].headers["List-Unsubscribe"].strip("<>")
    await by_links(bench).unsubscribe_by_link(link.rpartition("/")[2])
    line = await only(bench, campaign, user)
    assert events(line) == [
        "planned", "intent", "sent", "delivered", "opened", "clicked", "unsubscribed",
    ]  # fmt: skip
    assert [event.at for event in line.timeline[3:6]] == steps
    assert line.timeline[1].detail == {"provider": "first"}
    assert line.timeline[2].detail == {"provider": "first", "providerMessageId": message}
    assert line.now is None
    assert line.summary.startswith("Sent on email by first at ")
    assert line.summary.endswith("; delivered, opened, clicked and unsubscribed by its link.")


async def test_who_waits_out_quiet_hours_is_told_until_when(bench: Bench) -> None:
    [user] = await bench.users(1)
    await prefer(bench, user, quietHours=quiet(bench))
    campaign = await bench.running([user])
    await bench.finished(campaign)
    line = await only(bench, campaign, user)
    assert events(line) == ["planned", "deferred"]
    assert line.timeline[1].detail == {"reason": "quiet_hours", "until": line.due_at}
    assert "because the user has quiet hours" in line.summary
    assert line.now is not None
    assert (line.now.outcome, line.now.reason) == (PlanOutcome.WAIT, "quiet_hours")
    await prefer(bench, user, quietHours={"enabled": False, "start": "22:00", "end": "07:00"})
    line = await only(bench, campaign, user)
    assert line.now is not None
    assert line.now.outcome is PlanOutcome.DELIVER, "as they would decide at this moment"
    assert line.status is RecipientStatus.PENDING, "and nothing came of it"
    await bench.campaigns.pause(campaign.id, ACTOR)
    assert "its campaign is paused" in (await only(bench, campaign, user)).summary
    await bench.campaigns.cancel(campaign.id, ACTOR)
    line = await only(bench, campaign, user)
    assert line.summary == "Not sent on email because it was cancelled."
    assert line.now is None


async def test_a_refusal_names_provider_and_code(bench: Bench) -> None:
    [user] = await bench.users(1)
    campaign = await bench.running([user])
    bench.vendor.steps = [Rejected("invalid_address", "No.")]
    await bench.finished(campaign)
    line = await only(bench, campaign, user)
    assert events(line) == ["planned", "intent", "failed"]
    assert line.timeline[2].detail == {"provider": "first", "reason": "invalid_address"}
    assert line.timeline[2].at is not None
    assert line.summary == "Not sent on email: invalid address."


async def test_a_call_that_nobody_knows_the_end_of(bench: Bench) -> None:
    [user, other] = await bench.users(2)
    campaign = await bench.running([user, other])
    bench.vendor.steps = [bench.vendor.killed_before()]
    with pytest.raises(Killed):
        await bench.deliver(campaign)
    line = await only(bench, campaign, user)
    assert events(line) == ["planned", "intent"]
    assert line.summary == "Given to first on email; its answer is awaited."
    assert line.now is None, "what is with a provider is planned no more"
    bench.vendor.steps = [bench.vendor.lost_answer()]
    with pytest.raises(RetryLater):
        await bench.deliver(campaign)
    line = await only(bench, campaign, user)
    assert line.timeline[1].detail == {"provider": "first", "inDoubt": True}
    assert line.summary == "Given to first on email; its answer was lost and is asked for."
    assert (await only(bench, campaign, other)).summary == line.summary


async def test_other_channels_link_to_their_own_explanation(bench: Bench) -> None:
    [user] = await bench.users(1)
    campaign = await bench.running([user], channels=["email", "websocket", "push"])
    await bench.finished(campaign)
    [carrier] = bench.core.starter.started
    found = await explained(bench, campaign, user)
    lines = {line.channel: line for line in found.lines}
    assert set(lines) == {Channel.EMAIL, Channel.WEBSOCKET, Channel.PUSH}
    assert found.summary == " ".join(line.summary for line in found.lines)
    inbox = lines[Channel.WEBSOCKET]
    assert inbox.notification_id == carrier
    assert inbox.links == {"explain": f"/api/notifications/{carrier}/explain"}
    assert events(inbox) == ["planned", "handed_on"]
    assert inbox.summary == "Carried on in-app by a notification of its own, which tells more."
    assert inbox.now is None
    assert lines[Channel.PUSH].summary == "Not sent on push because no device is registered."
    assert lines[Channel.EMAIL].links == {}


async def test_who_is_no_recipient(bench: Bench) -> None:
    [user] = await bench.users(1)
    draft = await bench.draft([user])
    for campaign_id, code in ((draft.id, "recipient_not_found"), (uuid4(), "campaign_not_found")):
        service = CampaignExplainService(bench.uow, Catalogue(bench.uow), {}, bench.now)
        with pytest.raises(NotFound) as refused:
            await service.explain(campaign_id, user)
        assert refused.value.code == code
    campaign = await bench.running([user])
    with pytest.raises(NotFound) as refused:
        await explained(bench, campaign, "somebody-else")
    assert refused.value.code == "recipient_not_found"
