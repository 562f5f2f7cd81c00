"""What the answer to one message of a call means for its line in the accounts."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from domain.campaigns.records import RecipientStatus
from domain.enums import Channel
from domain.ports.providers import Accepted, Rejected, Retry, SendOutcome, Uncertain
from domain.retry import SCHEDULES
from services.campaigns.calls import line_result
from services.delivery.outcomes import keeps_doubt
from tests.unit.campaigns.test_words import line

NOW = datetime(2026, 3, 1, tzinfo=UTC)
MOST = SCHEDULES[Channel.EMAIL].max_attempts
LIMITS = ("rate_limited", "quota_exceeded")
CODES = (*LIMITS, "mailbox_busy", "provider_unavailable", "connection_refused")

waits = st.none() | st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=2))
refused = st.builds(Retry, st.sampled_from(CODES), st.just(""), waits, st.booleans())
outcomes: st.SearchStrategy[SendOutcome] = (
    refused
    | st.builds(Accepted, st.text(min_size=1))
    | st.builds(Rejected, st.just("validation_error"), st.just(""))
    | st.builds(Uncertain, st.sampled_from(["timeout", "invalid_idempotent_request"]), st.just(""))
)


@given(outcomes, st.integers(0, 50), st.booleans())
def test_a_line_is_tried_again_only_when_it_was_not_taken(
    outcome: SendOutcome, failures: int, another: bool
) -> None:
    result = line_result(replace(line(), failures=failures), outcome, "p", NOW, another=another)
    if result.status is RecipientStatus.PENDING:
        assert isinstance(outcome, Retry)
    assert (result.sent_at is not None) is (result.status is RecipientStatus.SENT)


@given(refused, st.integers(0, 50), st.booleans())
def test_limits_never_end_a_line_and_other_refusals_do_after_the_last_try(
    outcome: Retry, failures: int, another: bool
) -> None:
    result = line_result(replace(line(), failures=failures), outcome, "p", NOW, another=another)
    ends = outcome.code not in LIMITS and failures + 1 >= MOST
    assert (result.status is RecipientStatus.FAILED) is ends
    if outcome.code in LIMITS:
        assert result.failed_once is (another and outcome.fail_over)
    elif not ends:
        assert result.failed_once


@given(st.integers(0, MOST - 2))
def test_a_busy_mailbox_rests_for_minutes(failures: int) -> None:
    busy = Retry("mailbox_busy", "", after=timedelta(seconds=1))
    result = line_result(replace(line(), failures=failures), busy, "p", NOW)
    assert result.due_at is not None
    assert timedelta(minutes=4) <= result.due_at - NOW <= timedelta(hours=1)


@given(outcomes, st.booleans())
def test_a_doubt_lasts_until_there_is_an_answer(outcome: SendOutcome, in_doubt: bool) -> None:
    lasts = keeps_doubt(outcome, in_doubt=in_doubt)
    if isinstance(outcome, Accepted | Rejected):
        assert not lasts
    elif isinstance(outcome, Uncertain):
        assert lasts
    else:
        assert lasts is in_doubt
