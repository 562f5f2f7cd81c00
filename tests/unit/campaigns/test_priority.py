"""A campaign's priority is that of each of its messages: a critical one waits for no morning."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from domain.campaigns.records import RecipientStatus
from domain.enums import Channel, Priority
from domain.facts import Reach
from domain.ports.storage import Transaction
from domain.preferences import Preferences
from services.campaigns.plan import plan_chunk
from tests.unit.campaigns.test_words import STARTERS, edition, line

NIGHT = datetime(2026, 12, 1, 23, tzinfo=UTC)
MADE = edition(STARTERS[0])
NOTHING_LIMITED = cast(Transaction, None)
"""Only readers with limits are looked up."""


@pytest.mark.parametrize("priority", Priority)
async def test_only_a_critical_one_goes_through_quiet_hours(priority: Priority) -> None:
    campaign = replace(MADE.campaign, priority=priority)
    quiet: dict[str, Any] = {"userId": "ada", "quietHours": {"enabled": True}}
    reader = replace(
        line(), preferences=Preferences.model_validate(quiet), reach={Channel.EMAIL: Reach(1)}
    )
    planned = await plan_chunk(NOTHING_LIMITED, campaign, MADE.kind, [reader], {}, NIGHT)
    if priority is Priority.CRITICAL:
        assert planned.ready == (reader,)
        return
    [waits] = planned.settled
    assert (waits.status, waits.reason) == (RecipientStatus.PENDING, "quiet_hours")
    assert waits.due_at == datetime(2026, 12, 2, 7, tzinfo=UTC)


@pytest.mark.parametrize("priority", Priority)
def test_its_emails_and_notifications_have_it(priority: Priority) -> None:
    made = replace(MADE, campaign=replace(MADE.campaign, priority=priority))
    assert made.email(line(), NIGHT).priority is priority
    assert made.notification(replace(line(), channel=Channel.SMS)).priority is priority


def test_by_itself_a_campaign_comes_after_everything_else() -> None:
    assert MADE.campaign.priority is Priority.LOW
