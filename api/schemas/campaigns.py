"""Campaigns, their accounts and their recipients on the wire."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import ConfigDict, EmailStr, Field, JsonValue

from api.schemas.common import Listed, Paged, cursor_text, page_request
from domain.ab.definition import ABDesign
from domain.ab.results import MetricResult
from domain.audience.shapes import Audience
from domain.base import UserId, Wire
from domain.campaigns.records import (
    Campaign,
    CampaignCounts,
    CampaignStatus,
    Recipient,
    RecipientStatus,
)
from domain.campaigns.recurrence import next_occurrences
from domain.campaigns.shapes import Rate, Schedule
from domain.commands import TemplateChoice
from domain.enums import Category, Channel
from domain.paging import Page, PageRequest
from services.campaigns.run import result_of
from services.campaigns.test_send import TestMessage

_LATELY: Final = 60.0
"""Seconds."""
_NEXT: Final = 5
_OCCURS: Final = frozenset({CampaignStatus.DRAFT, CampaignStatus.SCHEDULED})


class CampaignOut(Wire):
    model_config = ConfigDict(use_attribute_docstrings=True)

    id: UUID
    name: str
    type: str
    category: Category
    channels: tuple[Channel, ...]
    status: CampaignStatus
    reason: str | None
    template: TemplateChoice | None
    subject: str | None
    title: str | None
    content: str | None
    data: Mapping[str, JsonValue]
    sender: Annotated[str | None, Field(alias="from")]
    reply_to: str | None
    audience: Audience
    schedule: Schedule | None
    rate: Rate | None
    test: ABDesign | None
    winner: str | None
    recipients: int | None
    parent_id: UUID | None
    occurs_at: datetime | None
    starts_at: datetime | None
    """Of one that recurs, its first occurrence; of a local time, when the first zone is due."""
    next_occurrences: list[datetime]
    """Of one that recurs, while it is scheduled, and of a draft as a preview: the next five, as
    clocks in its zone show them. For a `localTime`, each as it begins in the first zone, UTC+14."""
    started_at: datetime | None
    completed_at: datetime | None
    created_at: datetime
    updated_at: datetime
    links: Mapping[str, str]

    @staticmethod
    def of(campaign: Campaign, now: datetime) -> "CampaignOut":
        here = f"/api/campaigns/email/{campaign.id}"
        return CampaignOut(
            **_same(campaign, CampaignOut, without={"recipients", "winner"}),
            **_same(campaign.words, CampaignOut),
            recipients=campaign.recipients,
            winner=_winner(campaign),
            next_occurrences=_next_occurrences(campaign, now),
            links={
                "self": here,
                "metrics": f"{here}/metrics",
                "recipients": f"{here}/recipients",
            },
        )


class CampaignQuery(Paged):
    status: CampaignStatus | None = None


class ScheduleIn(Wire):
    schedule: Schedule | None = None
    """By default the one the campaign has."""


class TestIn(Wire):
    addresses: Annotated[tuple[EmailStr, ...], Field(min_length=1, max_length=20)]
    user_id: UserId | None = None
    """Written as for this user; by default, for an example."""


class TestErrorOut(Wire):
    code: str
    message: str


class TestMessageOut(Wire):
    address: str
    variant: str | None
    provider: str | None
    provider_message_id: str | None
    error: TestErrorOut | None


class TestOut(Wire):
    messages: list[TestMessageOut]

    @staticmethod
    def of(found: tuple[TestMessage, ...]) -> "TestOut":
        return TestOut(
            messages=[
                TestMessageOut(
                    address=one.address,
                    variant=one.variant,
                    provider=one.provider,
                    provider_message_id=one.provider_message_id,
                    error=TestErrorOut(code=one.error[0], message=one.error[1])
                    if one.error
                    else None,
                )
                for one in found
            ]
        )


class WinnerIn(Wire):
    variant: Annotated[str, Field(min_length=1, max_length=64)]


class VariantMetricsOut(Wire):
    name: str
    recipients: int
    sent: int
    opened: int
    clicked: int


class MetricsOut(Wire):
    """recipients = sent + the sum of skipped + failed + pending, in every answer."""

    campaign_id: UUID
    status: CampaignStatus
    recipients: int
    sent: int
    skipped: Mapping[str, int]
    failed: int
    failures: Mapping[str, int]
    pending: int
    deferred: int
    delivered: int
    bounced: int
    complained: int
    opened: int
    clicked: int
    unsubscribed: int
    rate_per_second: float | None
    estimated_end: datetime | None
    variants: list[VariantMetricsOut]
    winner: str | None
    test_result: MetricResult | None
    """Rates with their intervals, comparisons with their significance, and a sentence on both."""

    @staticmethod
    def of(campaign: Campaign, counts: CampaignCounts, now: datetime) -> "MetricsOut":
        rate = _rate(campaign, counts, now)
        running = campaign.status in {CampaignStatus.RUNNING, CampaignStatus.TESTING}
        return MetricsOut(
            campaign_id=campaign.id,
            status=campaign.status,
            **_same(counts, MetricsOut, without={"variants"}),
            rate_per_second=round(rate, 1) if rate else None,
            estimated_end=_end(counts, rate, now) if running else None,
            variants=[VariantMetricsOut(**_same(v, VariantMetricsOut)) for v in counts.variants],
            winner=_winner(campaign),
            test_result=result_of(campaign.test, counts) if campaign.test else None,
        )


class CancelledOut(MetricsOut):
    """The accounts as they will stay: nothing leaves after this answer."""

    outcome: str = "cancelled"

    @staticmethod
    def at(campaign: Campaign, counts: CampaignCounts, now: datetime) -> "CancelledOut":
        return CancelledOut(**MetricsOut.of(campaign, counts, now).model_dump())


class RecipientQuery(Wire):
    limit: Annotated[int, Field(ge=1, le=1000, description="Rows a page may hold.")] = 100
    cursor: Annotated[str | None, Field(max_length=500)] = None
    status: RecipientStatus | None = None
    reason: Annotated[str | None, Field(max_length=200)] = None

    def page(self) -> PageRequest:
        return page_request(self.limit, self.cursor, int)


class RecipientOut(Wire):
    ordinal: int
    user_id: str
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

    @staticmethod
    def of(recipient: Recipient) -> "RecipientOut":
        return RecipientOut(**_same(recipient, RecipientOut))


class RecipientsOut(Listed[RecipientOut]):
    recipients_kept: bool
    """False when the campaign was over so long ago that only its accounts are kept; the list is
    empty then."""

    @staticmethod
    def of(found: Page[Recipient] | None) -> "RecipientsOut":
        page = found or Page(())
        return RecipientsOut(
            data=[RecipientOut.of(item) for item in page.items],
            next_cursor=cursor_text(page.next_cursor),
            recipients_kept=found is not None,
        )


def _winner(campaign: Campaign) -> str | None:
    if campaign.test is None or campaign.winner is None:
        return None
    return campaign.test.variants[campaign.winner].name


def _next_occurrences(campaign: Campaign, now: datetime) -> list[datetime]:
    """None of one that is paused, or over."""
    if campaign.schedule is None or campaign.status not in _OCCURS:
        return []
    return list(next_occurrences(campaign.schedule, now, _NEXT))


def _same(record: Any, shape: type[Wire], without: frozenset[str] | set[str] = frozenset()) -> Any:
    """The fields both have by the same name."""
    return {
        name: getattr(record, name)
        for name in shape.model_fields
        if name not in without and hasattr(record, name)
    }


def _rate(campaign: Campaign, counts: CampaignCounts, now: datetime) -> float | None:
    """Messages a second: over the last minute, or, of one that is over, from its first message
    until its last."""
    if counts.first_sent_at is None or counts.last_sent_at is None:
        return None
    if campaign.status.is_under_way:
        seconds = min((now - counts.first_sent_at).total_seconds(), _LATELY)
        return counts.sent_lately / seconds if seconds > 0 else None
    seconds = (counts.last_sent_at - counts.first_sent_at).total_seconds()
    return counts.sent / seconds if seconds > 0 else None


def _end(counts: CampaignCounts, rate: float | None, now: datetime) -> datetime | None:
    """When the last is likely to leave; None while that cannot be told."""
    due = counts.pending - counts.deferred
    if due and not rate:
        return None
    ends = [counts.last_due_at] if counts.last_due_at else []
    if due and rate:
        ends.append(now + timedelta(seconds=due / rate))
    return max(ends, default=None)
