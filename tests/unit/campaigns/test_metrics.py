"""How fast a campaign goes, and when it is likely to end."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from api.schemas.campaigns import MetricsOut
from domain.audience.shapes import Audience
from domain.campaigns.records import Campaign, CampaignCounts, CampaignStatus
from domain.campaigns.shapes import CampaignWords
from domain.enums import Category, Channel

NOW = datetime(2026, 12, 1, 12, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)


def metrics(status: CampaignStatus = CampaignStatus.RUNNING, **counts: Any) -> MetricsOut:
    campaign = Campaign(
        id=UUID(int=7), name="A", type="newsletter", category=Category.MARKETING,
        channels=(Channel.EMAIL,), words=CampaignWords(), audience=Audience(everyone=True),
        status=status, created_at=NOW, updated_at=NOW,
    )  # fmt: skip
    counted = {"first_sent_at": NOW - 10 * MINUTE, "last_sent_at": NOW} | counts
    return MetricsOut.of(campaign, CampaignCounts(**counted), NOW)


def test_a_pause_of_days_does_not_slow_what_is_told() -> None:
    found = metrics(first_sent_at=NOW - 3 * DAY, sent=9_000, sent_lately=6_000, pending=600)
    assert found.rate_per_second == 100
    assert found.estimated_end == NOW + timedelta(seconds=6)


def test_one_that_began_a_moment_ago() -> None:
    found = metrics(first_sent_at=NOW - timedelta(seconds=10), sent=500, sent_lately=500)
    assert found.rate_per_second == 50


def test_the_end_is_when_the_last_who_was_put_off_is_due() -> None:
    counts = {"sent": 60, "sent_lately": 60, "deferred": 5, "last_due_at": NOW + DAY}
    assert metrics(pending=65, **counts).estimated_end == NOW + DAY
    assert metrics(pending=5, **counts | {"sent_lately": 0}).estimated_end == NOW + DAY
    soon = counts | {"last_due_at": NOW + timedelta(seconds=1)}
    assert metrics(pending=65, **soon).estimated_end == NOW + MINUTE


@pytest.mark.parametrize(
    "counts",
    [
        {"sent": 60, "sent_lately": 0, "pending": 9},
        {"sent": 60, "sent_lately": 60, "pending": 0},
        {"first_sent_at": None, "last_sent_at": None, "pending": 9},
        {"status": CampaignStatus.PAUSED, "sent": 60, "sent_lately": 60, "pending": 9},
    ],
)
def test_where_no_end_can_be_told_there_is_none(counts: dict[str, Any]) -> None:
    assert metrics(**counts).estimated_end is None


def test_of_one_that_is_over_the_mean_is_told() -> None:
    assert metrics(CampaignStatus.COMPLETED, sent=6_000).rate_per_second == 10
