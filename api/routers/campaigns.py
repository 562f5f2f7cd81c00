"""`/api/campaigns/email`: drafts, sending, steering, and the accounts."""

from typing import Annotated

from fastapi import Query

from api.dependencies import Caller, Use
from api.documents import conflict
from api.route import api_router, requires
from api.schemas.campaigns import (
    CampaignOut,
    CampaignQuery,
    CancelledOut,
    MetricsOut,
    RecipientQuery,
    RecipientsOut,
    ScheduleIn,
    TestIn,
    TestOut,
    WinnerIn,
)
from api.schemas.common import IdPath, Listed, UserPath, cursor_text
from domain.campaigns.shapes import AmendCampaign, NewCampaign
from domain.enums import Scope
from services.campaigns.explain import RecipientExplanation

router = api_router("/campaigns/email", "Campaigns")


@router.post("", status_code=201, summary="Create a campaign")
@requires(Scope.CAMPAIGNS_WRITE)
async def create(body: NewCampaign, caller: Caller, use: Use) -> CampaignOut:
    """A draft; nothing is sent before `send` or `schedule`."""
    return CampaignOut.of(await use.campaigns.create(body, caller.actor), use.clock())


@router.get("", summary="List campaigns")
@requires(Scope.CAMPAIGNS_READ)
async def list_campaigns(where: Annotated[CampaignQuery, Query()], use: Use) -> Listed[CampaignOut]:
    """Newest first."""
    found, now = await use.campaigns.list(where.page(), where.status), use.clock()
    return Listed(
        data=[CampaignOut.of(item, now) for item in found.items],
        next_cursor=cursor_text(found.next_cursor),
    )


@router.get("/{id}", summary="Get a campaign")
@requires(Scope.CAMPAIGNS_READ)
async def get(campaign_id: IdPath, use: Use) -> CampaignOut:
    return CampaignOut.of(await use.campaigns.get(campaign_id), use.clock())


@router.put("/{id}", summary="Change a campaign", responses=conflict())
@requires(Scope.CAMPAIGNS_WRITE)
async def amend(campaign_id: IdPath, body: AmendCampaign, caller: Caller, use: Use) -> CampaignOut:
    """A draft in all; one that is scheduled or paused in its words, its name and its rate."""
    return CampaignOut.of(await use.campaigns.amend(campaign_id, body, caller.actor), use.clock())


@router.delete("/{id}", status_code=204, summary="Delete a draft", responses=conflict())
@requires(Scope.CAMPAIGNS_WRITE)
async def delete(campaign_id: IdPath, caller: Caller, use: Use) -> None:
    """What was sent or scheduled stays: cancel it."""
    await use.campaigns.delete(campaign_id, caller.actor)


@router.post("/{id}/send", status_code=202, summary="Send now", responses=conflict())
@requires(Scope.CAMPAIGNS_WRITE)
async def send(campaign_id: IdPath, caller: Caller, use: Use) -> CampaignOut:
    """A draft, or one that is scheduled: at once, instead of when its schedule says."""
    return CampaignOut.of(await use.campaigns.send(campaign_id, caller.actor), use.clock())


@router.post("/{id}/schedule", status_code=202, summary="Send later", responses=conflict())
@requires(Scope.CAMPAIGNS_WRITE)
async def schedule(campaign_id: IdPath, body: ScheduleIn, caller: Caller, use: Use) -> CampaignOut:
    """At an instant, at a local time in each recipient's zone, or again and again by `cron` or a
    `calendar`; `nextOccurrences` in the answer says when. One that recurs may be given another
    schedule. Each occurrence is a campaign of its own, with this one's id as `parentId`, and what
    is paused, cancelled or over makes no more of them."""
    return CampaignOut.of(
        await use.campaigns.schedule(campaign_id, body.schedule, caller.actor), use.clock()
    )


@router.post("/{id}/pause", summary="Pause", responses=conflict())
@requires(Scope.CAMPAIGNS_WRITE)
async def pause(campaign_id: IdPath, caller: Caller, use: Use) -> CampaignOut:
    """Nothing more is sent after the answer, on any channel, but what a provider is being given
    at that moment."""
    return CampaignOut.of(await use.campaigns.pause(campaign_id, caller.actor), use.clock())


@router.post("/{id}/resume", summary="Resume", responses=conflict())
@requires(Scope.CAMPAIGNS_WRITE)
async def resume(campaign_id: IdPath, caller: Caller, use: Use) -> CampaignOut:
    """Goes on exactly where it was."""
    return CampaignOut.of(await use.campaigns.resume(campaign_id, caller.actor), use.clock())


@router.post("/{id}/cancel", summary="Cancel", responses=conflict())
@requires(Scope.CAMPAIGNS_WRITE)
async def cancel(campaign_id: IdPath, caller: Caller, use: Use) -> CancelledOut:
    """The exact accounts; nothing leaves after the answer."""
    view = await use.campaigns.cancel(campaign_id, caller.actor)
    return CancelledOut.at(view.campaign, view.counts, use.clock())


@router.post("/{id}/test", summary="Send to a few addresses", responses=conflict())
@requires(Scope.CAMPAIGNS_WRITE)
async def test(campaign_id: IdPath, body: TestIn, use: Use) -> TestOut:
    """Every variant to every address; nothing of it is counted."""
    return TestOut.of(await use.campaign_tests.send(campaign_id, body.addresses, body.user_id))


@router.post("/{id}/winner", summary="Choose the winner by hand", responses=conflict())
@requires(Scope.CAMPAIGNS_WRITE)
async def choose_winner(
    campaign_id: IdPath, body: WinnerIn, caller: Caller, use: Use
) -> CampaignOut:
    """Those outside the test get it at once."""
    return CampaignOut.of(
        await use.campaigns.choose_winner(campaign_id, body.variant, caller.actor), use.clock()
    )


@router.get("/{id}/metrics", summary="The accounts")
@requires(Scope.CAMPAIGNS_READ)
async def metrics(campaign_id: IdPath, use: Use) -> MetricsOut:
    """Opened and clicked are emails, what was read in the inbox, and pushes whose provider tells of
    clicks; each recipient counts once. They stay when the recipients are no longer kept."""
    view = await use.campaigns.accounts(campaign_id)
    return MetricsOut.of(view.campaign, view.counts, use.clock())


@router.get("/{id}/recipients", summary="List recipients")
@requires(Scope.CAMPAIGNS_READ)
async def recipients(
    campaign_id: IdPath, where: Annotated[RecipientQuery, Query()], use: Use
) -> RecipientsOut:
    """Each with its status, and the reason where it was not sent; none, and `recipientsKept` false,
    when the campaign was over so long ago that they are no longer kept."""
    return RecipientsOut.of(
        await use.campaigns.recipients(campaign_id, where.page(), where.status, where.reason)
    )


@router.get("/{id}/recipients/{user_id}", summary="What became of one recipient, and why")
@requires(Scope.CAMPAIGNS_READ)
async def explain_recipient(
    campaign_id: IdPath, user_id: UserPath, use: Use
) -> RecipientExplanation:
    """A line for each channel: where it stands in a sentence, everything that happened, and, while
    it waits, how the gates would decide now. What is no email went on as a notification of its own,
    whose explanation is linked."""
    return await use.campaign_explain.explain(campaign_id, user_id)
