"""Warm-up days, minutes' shares, waves, and what a provider's answer means for one recipient."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.audience.shapes import Audience
from domain.campaigns.records import Campaign, CampaignStatus, RecipientStatus
from domain.campaigns.shapes import CampaignWords, Rate, WarmUpStep
from domain.enums import Category, Channel
from domain.ports.campaigns import ChunkLine, OpenBatch
from domain.ports.providers import Accepted, Rejected, Retry, SendOutcome, Uncertain
from domain.preferences import Preferences
from domain.records.people import User
from domain.retry import SCHEDULES
from services.campaigns.calls import CALLS_AT_ONCE, Call, batch_key, line_result
from services.campaigns.intents import waves_of
from services.campaigns.route import share_of_a_minute, warm_up_day

START = datetime(2026, 12, 1, 9, 30, tzinfo=UTC)
DAY = timedelta(days=1)
CAMPAIGN = Campaign(
    id=UUID(int=1), name="Spring", type="newsletter", category=Category.MARKETING,
    channels=(Channel.EMAIL,), words=CampaignWords(), audience=Audience(everyone=True),
    status=CampaignStatus.RUNNING, created_at=START, updated_at=START, started_at=START,
)  # fmt: skip


def warming(*steps: tuple[int, int]) -> Campaign:
    return replace(
        CAMPAIGN, rate=Rate(warm_up=tuple(WarmUpStep(day=d, max=most) for d, most in steps))
    )


def a_line(
    ordinal: int = 0, *, failures: int = 0, email: str | None = "a@example.com"
) -> ChunkLine:
    return ChunkLine(
        ordinal=ordinal, channel=Channel.EMAIL, user=User("u", START, START, email=email),
        preferences=Preferences(user_id="u"), consents={}, subscription=None, reach={},
        variant=None, failures=failures,
    )  # fmt: skip


@given(st.timedeltas(timedelta(0), timedelta(days=360)))
def test_each_instant_lies_in_one_warm_up_day(since: timedelta) -> None:
    now = START + since
    found = warm_up_day(warming((366, 5)), now)
    assert found is not None
    assert found.began <= now < found.ends == found.began + DAY
    assert found.began - START == (found.day - 1) * DAY


@pytest.mark.parametrize(
    ("since", "day", "most"),
    [
        (timedelta(0), 1, 100), (timedelta(hours=23), 1, 100), (DAY, 2, 300), (2 * DAY, 3, 300),
    ],
)  # fmt: skip
def test_what_a_day_may_send(since: timedelta, day: int, most: int) -> None:
    found = warm_up_day(warming((1, 100), (3, 300)), START + since)
    assert found is not None
    assert (found.day, found.most) == (day, most)


def test_after_a_warm_up_without_one_or_before_the_start_there_is_no_limit() -> None:
    assert warm_up_day(warming((1, 100), (3, 300)), START + 3 * DAY) is None
    assert warm_up_day(CAMPAIGN, START) is None
    assert warm_up_day(replace(warming((1, 1)), started_at=None), START) is None


@given(st.integers(1, 60), st.integers(0, 40))
def test_a_minutes_share_is_no_more_than_the_cap(cap: int, count: int) -> None:
    lines = tuple(a_line(n) for n in range(count))
    share = share_of_a_minute(replace(CAMPAIGN, rate=Rate(per_minute=cap)), lines)
    assert share == lines[: min(cap, count)]
    assert share_of_a_minute(CAMPAIGN, lines) == lines


@given(st.integers(1, 9), st.lists(st.sampled_from([Channel.EMAIL, Channel.SMS]), max_size=20))
def test_under_a_cap_emails_go_last_and_alone(cap: int, channels: list[Channel]) -> None:
    left = tuple(replace(a_line(n), channel=channel) for n, channel in enumerate(channels))
    capped, gone = replace(CAMPAIGN, rate=Rate(per_minute=cap)), []
    while left:
        share = share_of_a_minute(capped, left)
        assert 0 < len(share) <= cap
        assert len({line.channel for line in share}) == 1
        gone += share
        left = tuple(line for line in left if line not in share)
    by_turn = sorted(enumerate(channels), key=lambda one: (one[1] is Channel.EMAIL, one[0]))
    assert [line.ordinal for line in gone] == [n for n, _ in by_turn]


@given(st.integers(0, 60), st.integers(0, 3))
def test_every_call_is_in_one_wave_and_the_rest_goes_with_the_first(calls: int, rest: int) -> None:
    made = [Call(OpenBatch(uuid4(), "p", (n,)), (a_line(n),), ()) for n in range(calls)]
    results = [line_result(a_line(100 + n), Accepted("m"), "p", START) for n in range(rest)]
    waves = waves_of(made, results, [])
    assert [call for wave in waves for call in wave.calls] == made
    assert all(len(wave.calls) <= CALLS_AT_ONCE for wave in waves)
    assert [len(wave.results) for wave in waves] == [rest] + [0] * (len(waves) - 1)


LAST_TRY = SCHEDULES[Channel.EMAIL].max_attempts - 1


@pytest.mark.parametrize(
    ("outcome", "failures", "status", "reason", "again"),
    [
        (Accepted("m-1"), 0, RecipientStatus.SENT, None, False),
        (Accepted("m-1"), LAST_TRY, RecipientStatus.SENT, None, False),
        (Rejected("invalid_address", ""), 0, RecipientStatus.FAILED, "invalid_address", False),
        (Retry("busy", ""), 0, RecipientStatus.PENDING, "busy", True),
        (Retry("busy", ""), LAST_TRY - 1, RecipientStatus.PENDING, "busy", True),
        (Retry("busy", ""), LAST_TRY, RecipientStatus.FAILED, "busy", False),
        (Retry("rate_limited", ""), LAST_TRY, RecipientStatus.PENDING, "rate_limited", False),
        (Uncertain("timeout", ""), 0, RecipientStatus.FAILED, "outcome_unknown", False),
        (Uncertain("invalid_idempotent_request", ""), 0, RecipientStatus.SENT, None, False),
    ],
)
def test_what_an_answer_means_for_a_recipient(
    outcome: SendOutcome, failures: int, status: RecipientStatus, reason: str | None, again: bool
) -> None:
    result = line_result(a_line(7, failures=failures), outcome, "resend", START)
    assert (result.ordinal, result.status, result.reason) == (7, status, reason)
    assert result.failed_once is again
    assert (result.sent_at == START) is (status is RecipientStatus.SENT)
    expected = "m-1" if isinstance(outcome, Accepted) else None
    assert result.provider_message_id == expected


def test_a_batch_has_one_key() -> None:
    assert batch_key(UUID(int=5)) == batch_key(UUID(int=5)) != batch_key(UUID(int=6))
