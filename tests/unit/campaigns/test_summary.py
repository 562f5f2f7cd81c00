"""Accounts that are kept say the same as when they were counted, and are kept long enough."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from domain.campaigns.records import CampaignCounts, VariantCounts
from runtime.settings import Settings
from services.campaigns.plan import USAGE_WINDOW
from storage.campaigns.summaries import counts_from, counts_json

numbers = st.integers(0, 2_000_000)
instants = st.none() | st.integers(0, 10**15).map(
    lambda us: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(microseconds=us)
)
reasons = st.dictionaries(st.text(max_size=40), numbers, max_size=4)
variants = st.lists(
    st.builds(VariantCounts, st.text(), numbers, numbers, numbers, numbers), max_size=3
)
NUMBERS = (
    "recipients", "sent", "failed", "pending", "deferred", "delivered", "bounced", "complained",
    "opened", "clicked", "unsubscribed", "sent_lately",
)  # fmt: skip
accounts = st.builds(
    CampaignCounts,
    **dict.fromkeys(NUMBERS, numbers),
    skipped=reasons,
    failures=reasons,
    first_sent_at=instants,
    last_sent_at=instants,
    last_due_at=instants,
    variants=variants.map(tuple),
)


@given(accounts)
def test_kept_accounts_are_the_accounts(counts: CampaignCounts) -> None:
    assert counts_from(json.loads(json.dumps(counts_json(counts)))) == counts


def test_no_field_is_left_out_of_the_round_trip() -> None:
    given = {*NUMBERS, "skipped", "failures", "first_sent_at", "last_sent_at", "last_due_at"}
    assert given | {"variants"} == set(CampaignCounts.__slots__)


def test_limits_look_less_far_back_than_recipients_are_kept() -> None:
    name = "HERALD_CAMPAIGN_RECIPIENTS_KEPT_DAYS"
    assert Settings().campaign_retention() == timedelta(days=400)
    assert Settings(**{name: 30}).campaign_retention() > USAGE_WINDOW
    for days in (0, 29, 40_000):
        with pytest.raises(ValidationError):
            Settings(**{name: days})
