"""What a workflow knows of itself: whose wish stands, its reserve, what the whole is called."""

from datetime import UTC, datetime

import pytest

from domain.enums import Channel, NotificationStatus, PlanTrigger, Strategy
from domain.messages import CancelOutcome, DeliverOutcome, PlanResult
from workflows.progress import Progress

EMAIL, SMS, PUSH = Channel.EMAIL, Channel.SMS, Channel.PUSH
SENT, FAILED, UNKNOWN = DeliverOutcome.SENT, DeliverOutcome.FAILED, DeliverOutcome.UNKNOWN
SKIPPED, CANCELLED = DeliverOutcome.SKIPPED, DeliverOutcome.CANCELLED


def plan(strategy: Strategy = Strategy.ALL, **fields: object) -> PlanResult:
    return PlanResult(
        **{"status": NotificationStatus.PROCESSING, "ended": False, "strategy": strategy} | fields
    )


def test_send_now_is_not_forgotten_for_a_lesser_wish() -> None:
    progress = Progress()
    progress.wants_plan(PlanTrigger.AMENDED)
    progress.wants_plan(PlanTrigger.SEND_NOW)
    progress.wants_plan(PlanTrigger.PREFERENCES_CHANGED)
    assert progress.take_trigger() is PlanTrigger.SEND_NOW
    assert progress.take_trigger() is None


def test_only_what_may_have_arrived_can_be_answered() -> None:
    progress = Progress(plan=plan(Strategy.ESCALATE), engaged=True)
    assert not progress.answered
    progress.landed(SMS, FAILED)
    assert not progress.answered
    progress.landed(EMAIL, UNKNOWN)
    assert progress.answered


@pytest.mark.parametrize("strategy", [Strategy.ALL, Strategy.FALLBACK])
def test_only_an_escalation_is_answered(strategy: Strategy) -> None:
    progress = Progress(plan=plan(strategy), engaged=True)
    progress.landed(EMAIL, SENT)
    assert not progress.answered


def test_the_reserve_is_what_was_not_tried_and_what_is_held() -> None:
    progress = Progress(plan=plan(Strategy.FALLBACK, ready=(EMAIL, SMS), held=(PUSH,)))
    progress.landed(EMAIL, FAILED)
    assert progress.reserve() == (SMS, PUSH)
    progress.plan = plan(Strategy.ALL, ready=(EMAIL, SMS))
    assert progress.reserve() == ()


def test_a_channel_skipped_again_and_again_is_given_up() -> None:
    progress = Progress()
    for trigger in (PlanTrigger.ACCEPTED, PlanTrigger.FALLBACK, PlanTrigger.FALLBACK):
        assert progress.broken == set()
        progress.planned(plan(Strategy.FALLBACK, ready=(EMAIL,)), trigger)
        progress.landed(EMAIL, SKIPPED)
    assert progress.broken == {EMAIL}


def test_a_channel_put_off_again_and_again_is_not_given_up() -> None:
    """Amended to later during each rest: the delivery finds it deferred, and says skipped."""
    progress = Progress()
    for _ in range(9):
        progress.planned(plan(ready=(EMAIL,)), PlanTrigger.AMENDED)
        progress.landed(EMAIL, SKIPPED)
    assert progress.broken == set()


@pytest.mark.parametrize(
    ("strategy", "endings", "word"),
    [
        (Strategy.ALL, [SENT, SENT], "sent"),
        (Strategy.ALL, [SENT, SKIPPED], "sent"),
        (Strategy.ALL, [SENT, FAILED], "failed"),
        (Strategy.ALL, [SENT, UNKNOWN], "unknown"),
        (Strategy.ALL, [FAILED, UNKNOWN], "failed"),
        (Strategy.FALLBACK, [FAILED, SENT], "sent"),
        (Strategy.ESCALATE, [UNKNOWN, SENT], "sent"),
        (Strategy.FALLBACK, [SKIPPED, FAILED], "failed"),
        (Strategy.ALL, [SKIPPED], "skipped"),
        (Strategy.ALL, [CANCELLED], "cancelled"),
    ],
)
def test_one_word_for_the_whole(
    strategy: Strategy, endings: list[DeliverOutcome], word: str
) -> None:
    progress = Progress(plan=plan(strategy))
    for channel, ending in zip(Channel, endings, strict=False):
        progress.landed(channel, ending)
    assert progress.outcome() == word


@pytest.mark.parametrize(
    ("answer", "endings", "word"),
    [
        (CancelOutcome.CANCELLED, [CANCELLED], "cancelled"),
        (CancelOutcome.PARTIALLY_SENT, [SENT], "partially_sent"),
        (CancelOutcome.ALREADY_SENT, [SENT], "sent"),
        (CancelOutcome.ALREADY_FINAL, [], "cancelled"),
        (CancelOutcome.ALREADY_FINAL, [FAILED], "failed"),
    ],
)
def test_a_cancel_counts_as_far_as_it_did_something(
    answer: CancelOutcome, endings: list[DeliverOutcome], word: str
) -> None:
    progress = Progress(plan=plan(), cancelled=answer)
    for channel, ending in zip(Channel, endings, strict=False):
        progress.landed(channel, ending)
    assert progress.outcome() == word


def test_a_plan_that_ended_names_the_ending() -> None:
    progress = Progress(plan=plan(status=NotificationStatus.EXPIRED, ended=True))
    assert progress.outcome() == "expired"
    assert Progress().outcome() == "skipped"


def test_the_web_ui_shows_what_it_waits_for() -> None:
    progress = Progress(
        plan=plan(Strategy.FALLBACK, held=(SMS,), summary="Email after quiet hours."),
        waiting_until=datetime(2026, 12, 1, 7, tzinfo=UTC),
        waiting_for="quiet hours",
    )
    progress.landed(EMAIL, FAILED)
    text = progress.details((PUSH,))
    assert text.splitlines() == [
        "**Email after quiet hours.**", "",
        "- waiting until `2026-12-01T07:00:00+00:00`: quiet hours",
        "- push: delivering", "- email: failed", "- sms: in reserve",
    ]  # fmt: skip
