"""Explaining what became of one user in a campaign: from its accounts, its provider calls and, of
what still waits, the gates as they would decide at this moment."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from uuid import UUID

from domain.base import Wire
from domain.campaigns.records import Campaign, CampaignStatus, RecipientStatus
from domain.campaigns.story import LineStory, StoryEvent, sentence_of, timeline_of
from domain.enums import Channel, PlanOutcome
from domain.errors import Invalid, NotFound
from domain.plan_types import GateTrace
from domain.ports.runtime import Clock
from domain.ports.storage import Transaction, UnitOfWork
from domain.rules.summary import plan_sentence
from services.campaigns.plan import Throttles, plan_now
from services.catalogue.reading import Catalogue
from services.notifications.explain import timezone_of


class PlannedNow(Wire):
    """How the gates would decide at this moment. Asked for this answer alone: nothing was decided
    by it, and when the message's turn comes they are asked again."""

    at: datetime
    outcome: PlanOutcome
    reason: str
    until: datetime | None
    summary: str
    gates: tuple[GateTrace, ...]


class ExplainedLine(Wire):
    """The user's message on one channel."""

    ordinal: int
    channel: Channel
    status: RecipientStatus
    reason: str | None
    variant: str | None
    due_at: datetime | None
    provider: str | None
    provider_message_id: str | None
    sent_at: datetime | None
    outcome: str | None
    opened_at: datetime | None
    clicked_at: datetime | None
    unsubscribed_at: datetime | None
    failures: int
    """Refusals after which it was tried again."""
    notification_id: UUID | None
    """Of another channel than email: the notification that carries it on, which tells more."""
    summary: str
    timeline: tuple[StoryEvent, ...]
    now: PlannedNow | None
    """Of what still waits in the campaign itself."""
    links: Mapping[str, str]


class RecipientExplanation(Wire):
    """What became of a user in a campaign, and why. Holds no address and no content."""

    campaign_id: UUID
    user_id: str
    status: CampaignStatus
    summary: str
    lines: tuple[ExplainedLine, ...]


class CampaignExplainService:
    def __init__(
        self, uow: UnitOfWork, catalogue: Catalogue, throttles: Throttles, clock: Clock
    ) -> None:
        self._uow = uow
        self._catalogue = catalogue
        self._throttles = throttles
        self._clock = clock

    async def explain(self, campaign_id: UUID, user_id: str) -> RecipientExplanation:
        """Raises `NotFound`: `campaign_not_found`, `recipient_not_found`,
        `recipients_not_kept`."""
        now = self._clock()
        async with self._uow() as tx:
            campaign = await tx.campaigns.get(campaign_id)
            if campaign is None:
                raise NotFound("campaign_not_found", f"There is no campaign {campaign_id}.")
            stories = await tx.campaigns.stories(campaign, user_id)
            if not await tx.campaigns.keeps_recipients(campaign):
                detail = "What became of its recipients is no longer kept; its accounts are."
                raise NotFound("recipients_not_kept", detail)
            if not stories:
                raise _no_recipient(campaign, user_id)
            timezone = await timezone_of(tx, user_id)
            planned = await self._planned(tx, campaign, stories, timezone, now)
        sentences = [sentence_of(story, campaign, timezone, now) for story in stories]
        return RecipientExplanation(
            campaign_id=campaign_id,
            user_id=user_id,
            status=campaign.status,
            summary=" ".join(sentences),
            lines=tuple(
                _explained(story, sentence, planned.get(story.line.ordinal))
                for story, sentence in zip(stories, sentences, strict=True)
            ),
        )

    async def _planned(
        self,
        tx: Transaction,
        campaign: Campaign,
        stories: tuple[LineStory, ...],
        timezone: str,
        now: datetime,
    ) -> Mapping[int, PlannedNow]:
        waiting = [story.line.ordinal for story in stories if story.is_to_be_planned]
        if not waiting or not campaign.status.is_under_way:
            return {}
        found: dict[int, PlannedNow] = {}
        with suppress(Invalid):  # its type is gone
            kind = await self._catalogue.type(campaign.type)
            for line in await tx.campaigns.lines_of(campaign.id, waiting):
                plan = await plan_now(tx, campaign, kind, line, self._throttles, now)
                found[line.ordinal] = PlannedNow(
                    at=now,
                    outcome=plan.outcome,
                    reason=plan.reason,
                    until=plan.until,
                    summary=plan_sentence(plan, timezone),
                    gates=plan.gates,
                )
        return found


def _explained(story: LineStory, sentence: str, planned: PlannedNow | None) -> ExplainedLine:
    shown = {name: value for name, value in asdict(story.line).items() if name != "user_id"}
    carrier = story.notification_id
    return ExplainedLine(
        **shown,
        failures=story.failures,
        notification_id=carrier,
        summary=sentence,
        timeline=timeline_of(story),
        now=planned,
        links={"explain": f"/api/notifications/{carrier}/explain"} if carrier else {},
    )


def _no_recipient(campaign: Campaign, user_id: str) -> NotFound:
    detail = f"The campaign has no recipient {user_id}."
    if campaign.recipients is None:
        detail = f"The campaign is {campaign.status}: it has no recipients yet."
    return NotFound("recipient_not_found", detail)
