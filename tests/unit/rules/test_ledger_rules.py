"""Cancelling, the status of a notification, and receipts: decisions over ledger lines."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.cancel import decide_cancel
from domain.enums import DeliveryStatus as D
from domain.enums import NotificationStatus as N
from domain.messages import CancelOutcome as C
from domain.receipts import RECEIPTS, advances
from domain.status import notification_status_of

deliveries = st.lists(st.sampled_from(D), max_size=6)


@pytest.mark.parametrize(
    ("status", "lines", "cancelled_now", "channels_left", "outcome"),
    [
        (N.ACCEPTED, [], 0, 2, C.CANCELLED),
        (N.ACCEPTED, [], 0, 0, C.CANCELLED),
        (N.SCHEDULED, [D.DEFERRED, D.SKIPPED], 1, 0, C.CANCELLED),
        (N.PROCESSING, [D.PENDING, D.PENDING], 2, 0, C.CANCELLED),
        (N.PROCESSING, [D.FAILED], 0, 1, C.CANCELLED),
        (N.PROCESSING, [D.SENDING], 0, 0, C.ALREADY_SENT),
        (N.PROCESSING, [D.SENDING, D.PENDING], 1, 0, C.PARTIALLY_SENT),
        (N.PROCESSING, [D.UNKNOWN], 0, 1, C.PARTIALLY_SENT),
        (N.SCHEDULED, [D.SENT, D.DEFERRED], 1, 0, C.PARTIALLY_SENT),
        (N.SENT, [D.SENT], 0, 0, C.ALREADY_SENT),
        (N.SENT, [], 0, 0, C.ALREADY_SENT),
        (N.SENT, [D.SENT, D.PENDING], 1, 0, C.PARTIALLY_SENT),
        (N.SENT, [D.SENT], 0, 1, C.PARTIALLY_SENT),
        (N.DELIVERED, [D.DELIVERED, D.BOUNCED], 0, 0, C.ALREADY_SENT),
        (N.FAILED, [D.FAILED], 0, 0, C.ALREADY_FINAL),
        (N.FAILED, [D.UNKNOWN], 0, 1, C.ALREADY_FINAL),
        (N.CANCELLED, [D.CANCELLED], 0, 0, C.ALREADY_FINAL),
        (N.SKIPPED, [D.SKIPPED], 0, 0, C.ALREADY_FINAL),
        (N.EXPIRED, [], 0, 1, C.ALREADY_FINAL),
        (N.DIGESTED, [], 0, 1, C.ALREADY_FINAL),
    ],
)
def test_cancel(
    status: N, lines: list[D], cancelled_now: int, channels_left: int, outcome: C
) -> None:
    assert decide_cancel(status, lines, cancelled_now, channels_left) is outcome


@given(st.sampled_from(N), deliveries, st.integers(0, 3))
def test_cancelled_is_never_said_of_what_may_have_left(
    status: N, lines: list[D], left: int
) -> None:
    stopped = sum(line.is_open for line in lines)
    outcome = decide_cancel(status, lines, stopped, left)
    gone = any(line.has_left or line in {D.SENDING, D.UNKNOWN} for line in lines)
    if outcome is C.CANCELLED:
        assert not gone
    if outcome is C.ALREADY_SENT:
        assert stopped + left == 0


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        ([], N.SKIPPED),
        ([D.DELIVERED, D.FAILED, D.PENDING], N.DELIVERED),
        ([D.SENT, D.PENDING], N.SENT),
        ([D.BOUNCED], N.SENT),
        ([D.COMPLAINED, D.SKIPPED], N.SENT),
        ([D.SENDING], N.PROCESSING),
        ([D.PENDING, D.FAILED], N.PROCESSING),
        ([D.DEFERRED, D.SKIPPED], N.PROCESSING),
        ([D.SKIPPED, D.SKIPPED], N.SKIPPED),
        ([D.CANCELLED, D.SKIPPED], N.CANCELLED),
        ([D.CANCELLED, D.FAILED], N.FAILED),
        ([D.FAILED, D.SKIPPED], N.FAILED),
        ([D.UNKNOWN], N.FAILED),
    ],
)
def test_status(lines: list[D], status: N) -> None:
    assert notification_status_of(lines) is status


@given(deliveries, st.randoms(use_true_random=False))
def test_status_does_not_depend_on_order_or_number(lines: list[D], random: object) -> None:
    shuffled = [*lines, *lines]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert notification_status_of(shuffled) is notification_status_of(lines)


def _after(start: D, receipts: Iterable[D]) -> D:
    status = start
    for receipt in receipts:
        if advances(status, receipt):
            status = receipt
    return status


given_to_a_provider = st.sampled_from([D.SENDING, D.UNKNOWN, D.SENT])


@given(given_to_a_provider, st.lists(st.sampled_from(sorted(RECEIPTS))), st.data())
def test_receipts_end_alike_in_any_order_and_number(
    start: D, receipts: list[D], data: st.DataObject
) -> None:
    repeats = data.draw(st.lists(st.sampled_from(receipts))) if receipts else []
    shuffled = data.draw(st.permutations([*receipts, *repeats]))
    assert _after(start, shuffled) is _after(start, receipts)


@pytest.mark.parametrize(
    ("current", "new", "moves"),
    [
        (D.SENDING, D.SENT, True),
        (D.SENDING, D.DELIVERED, True),
        (D.UNKNOWN, D.SENT, True),
        (D.SENT, D.DELIVERED, True),
        (D.DELIVERED, D.COMPLAINED, True),
        (D.SENT, D.FAILED, True),
        (D.SENT, D.BOUNCED, True),
        (D.DELIVERED, D.BOUNCED, True),
        (D.FAILED, D.DELIVERED, True),
        (D.SENT, D.SENT, False),
        (D.DELIVERED, D.SENT, False),
        (D.DELIVERED, D.FAILED, False),
        (D.BOUNCED, D.DELIVERED, False),
        (D.BOUNCED, D.SENT, False),
        (D.FAILED, D.SENT, False),
        (D.COMPLAINED, D.BOUNCED, False),
        (D.SENT, D.UNKNOWN, False),
        (D.SENT, D.PENDING, False),
        (D.PENDING, D.DELIVERED, False),
        (D.CANCELLED, D.DELIVERED, False),
        (D.SKIPPED, D.SENT, False),
    ],
)
def test_receipt(current: D, new: D, moves: bool) -> None:
    assert advances(current, new) is moves
