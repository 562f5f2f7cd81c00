"""Which variant each notification carries, chosen while it is accepted.

Chosen before the transaction, by the hash alone; written in it, so that a notification exists if
and only if its user is counted. A test that ends between the two may leave a last notification
with a variant whose user is in no count.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from domain.ab.applying import apply_variant
from domain.ab.definition import ABTestStatus, Variant
from domain.commands import NewNotification
from domain.errors import Conflict, FieldError, HeraldError, Invalid
from domain.ports.ab_tests import ABLink, ABTest
from domain.ports.storage import Transaction, UnitOfWork
from domain.records.notifications import Notification

Remembered = Mapping[tuple[UUID, str], int]


@dataclass(frozen=True, slots=True)
class Chosen:
    """A notification as it is to be accepted. `variant`: its index, when it carries one."""

    new: NewNotification
    test_id: UUID | None = None
    variant: int | None = None
    name: str | None = None


class VariantService:
    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow

    async def choose(
        self, items: Sequence[NewNotification], now: datetime
    ) -> list[Chosen | HeraldError]:
        """Each item with its variant laid over, in the order given; one without a test as it is.
        Refusals: `Invalid` (`unknown_ab_test`, `ab_test_of_another_type`,
        `expires_before_scheduled`), `Conflict("ab_test_not_running")` for a draft."""
        wanted = {item.ab_test.id for item in items if item.ab_test is not None}
        if not wanted:
            return [Chosen(item) for item in items]
        async with self._uow() as tx:
            tests = {test_id: await tx.ab_tests.get(test_id) for test_id in sorted(wanted)}
            remembered = await tx.ab_tests.assigned(_ended(items, tests))
        return [_chosen(item, tests, remembered, now) for item in items]

    @staticmethod
    async def note(tx: Transaction, chosen: Sequence[tuple[Notification, Chosen]]) -> None:
        """In the transaction that stores these notifications, after them."""
        links = [
            ABLink(row.id, choice.test_id, row.user_id, choice.variant, row.created_at)
            for row, choice in chosen
            if choice.test_id is not None and choice.variant is not None
        ]
        if links:
            await tx.ab_tests.link(links)


def variant_of(test: ABTest, user_id: str, remembered: int | None) -> int | None:
    """The index of what a user gets now. Who was assigned keeps it; of the others, those who take
    part get theirs while the test runs, and everybody gets the winner once it is decided."""
    if remembered is not None:
        return remembered
    if test.status is ABTestStatus.RUNNING:
        return test.split.variant_of(user_id)
    return test.decision.index if test.decision else None


def not_running(test: ABTest) -> Conflict:
    return Conflict("ab_test_not_running", f"This A/B test is {test.status.value}.")


def _ended(
    items: Sequence[NewNotification], tests: Mapping[UUID, ABTest | None]
) -> list[tuple[UUID, str]]:
    """The (test, user) whose variant the hash alone does not tell."""
    return [
        (test.id, item.user_id)
        for item in items
        if item.ab_test is not None
        and (test := tests[item.ab_test.id]) is not None
        and test.status is not ABTestStatus.RUNNING
    ]


def _chosen(
    item: NewNotification,
    tests: Mapping[UUID, ABTest | None],
    remembered: Remembered,
    now: datetime,
) -> Chosen | HeraldError:
    if item.ab_test is None:
        return Chosen(item)
    test = tests[item.ab_test.id]
    if test is None:
        return _refusal("unknown_ab_test", f"There is no A/B test {item.ab_test.id}.")
    if test.type is not None and test.type != item.type:
        return _refusal("ab_test_of_another_type", f"This A/B test is for {test.type}.")
    if test.status is ABTestStatus.DRAFT:
        return not_running(test)
    index = variant_of(test, item.user_id, remembered.get((test.id, item.user_id)))
    if index is None:
        return Chosen(item)
    variant: Variant = test.design.variants[index]
    try:
        return Chosen(apply_variant(item, variant, now), test.id, index, variant.name)
    except Invalid as refusal:
        return refusal


def _refusal(code: str, detail: str) -> Invalid:
    return Invalid(code, detail, errors=(FieldError("abTest.id", code, detail),))
