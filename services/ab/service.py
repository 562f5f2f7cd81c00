"""A/B tests of their own: made, run, answered, decided by hand or by their metric.

The row is the truth; a test's workflow only keeps the time. What it must be told is written with
the row and told by `ABTestRelay`.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from uuid import UUID

from domain.ab.counts import Arm
from domain.ab.decision import Decision, DecisionReason, Winner, decide_winner, variant_for_the_rest
from domain.ab.definition import ABDesign, ABMetric, ABTestStatus, NewABTest, NewOutcome, WinnerMode
from domain.ab.messages import ABTestLook, ABTestStep
from domain.ab.results import MetricResult, analyze
from domain.errors import Conflict, FieldError, HeraldError, Invalid, NotFound
from domain.ids import new_id
from domain.paging import Page, PageRequest
from domain.ports.ab_tests import ABOutcome, ABTest
from domain.ports.runtime import Clock
from domain.ports.storage import Transaction, UnitOfWork
from domain.records.operations import AuditEntry
from services.ab.variants import not_running, variant_of

BY_METRIC: Final = "metric"
Results = dict[ABMetric, MetricResult]


class Standing(StrEnum):
    """Why a user gets what they get."""

    ASSIGNED = "assigned"
    WINNER = "winner"
    """The test is decided, and they took no part."""
    HELD_OUT = "held_out"
    """They wait for the decision, without a variant."""
    STOPPED = "stopped"
    """The test ended without a winner, and they took no part."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """`index` of the user's variant; None without one."""

    test: ABTest
    index: int | None
    standing: Standing


class ABTestService:
    def __init__(self, uow: UnitOfWork, clock: Clock) -> None:
        self._uow = uow
        self._clock = clock

    async def create(self, new: NewABTest, actor: str) -> ABTest:
        """Running at once unless it is to be a draft. Raises `Invalid("unknown_type")`."""
        now = self._clock()
        running = new.status is ABTestStatus.RUNNING
        test = ABTest(
            id=new_id(),
            name=new.name,
            type=new.type,
            status=new.status,
            design=new,
            created_at=now,
            updated_at=now,
            started_at=now if running else None,
            decide_at=_decide_at(new, now) if running else None,
        )
        async with self._uow() as tx:
            if new.type is not None and await tx.catalogue.type(new.type) is None:
                raise _refusal("type", "unknown_type", f"There is no type {new.type!r}.")
            await tx.ab_tests.insert(test)
            await self._audit(tx, test.id, "created", actor, now)
        return test

    async def list(self, status: ABTestStatus | None, page: PageRequest) -> Page[ABTest]:
        async with self._uow() as tx:
            return await tx.ab_tests.list(status, page)

    async def get(self, test_id: UUID) -> ABTest:
        """Raises `NotFound("ab_test_not_found")`."""
        async with self._uow() as tx:
            return await _found(tx, test_id)

    async def start(self, test_id: UUID, actor: str) -> ABTest:
        """Again is no error. Raises `NotFound`, and `Conflict("ab_test_ended")`."""
        now = self._clock()
        async with self._uow() as tx:
            test = await _found(tx, test_id)
            if await tx.ab_tests.start(test_id, now, _decide_at(test.design, now)):
                await self._audit(tx, test_id, "started", actor, now)
            elif test.status is not ABTestStatus.RUNNING:
                raise _has_ended(test)
            return await _found(tx, test_id)

    async def stop(self, test_id: UUID, actor: str) -> ABTest:
        """Ends it without a winner: nobody else is assigned. Again is no error. Raises
        `NotFound`, and `Conflict("ab_test_ended")` for one that was decided."""
        now = self._clock()
        async with self._uow() as tx:
            if await tx.ab_tests.stop(test_id, now):
                await self._audit(tx, test_id, "stopped", actor, now)
            test = await _found(tx, test_id)
        if test.status is not ABTestStatus.STOPPED:
            raise _has_ended(test)
        return test

    async def decide(self, test_id: UUID, variant: str, actor: str) -> ABTest:
        """By hand. The same decision again is no error. Raises `NotFound`,
        `Invalid("unknown_variant")`, `Conflict` (`ab_test_not_running`, `ab_test_ended`)."""
        now = self._clock()
        async with self._uow() as tx:
            test = await _found(tx, test_id)
            index = test.design.index_of(variant)
            if index is None:
                detail = f"This A/B test has no variant {variant!r}."
                raise _refusal("variant", "unknown_variant", detail)
            found = decide_winner(await _results(tx, test), test.design.metric)
            decision = Decision(
                variant=variant,
                index=index,
                by=actor,
                significant=isinstance(found, Winner)
                and found.significant
                and found.index == index,
                reason=DecisionReason.BY_HAND,
                summary=found.summary,
                at=now,
            )
            if await tx.ab_tests.decide(test_id, decision):
                await self._audit(tx, test_id, "decided", actor, now, variant=variant)
            test = await _found(tx, test_id)
        if test.decision is None or test.decision.variant != variant:
            raise not_running(test) if test.status is ABTestStatus.DRAFT else _has_ended(test)
        return test

    async def look(self, command: ABTestLook) -> ABTestStep:
        """What its workflow is to do next; decides by the metric when that is due. `now` is the
        workflow's. Raises `NotFound`."""
        async with self._uow() as tx:
            test = await _found(tx, command.test_id)
            due = test.decide_at is not None and command.now >= test.decide_at
            if test.status is ABTestStatus.RUNNING and due:
                results = await _results(tx, test)
                decision = _by_metric(test, results, command.now)
                if await tx.ab_tests.decide(test.id, decision):
                    await self._audit(
                        tx, test.id, "decided", BY_METRIC, command.now, variant=decision.variant
                    )
                test = await _found(tx, test.id)
        return ABTestStep(
            status=test.status,
            ended=test.status in {ABTestStatus.DECIDED, ABTestStatus.STOPPED},
            decide_at=test.decide_at,
            winner=test.decision.index if test.decision else None,
        )

    async def assign(self, test_id: UUID, user_id: str) -> Assignment:
        """What a user gets: the same answer for ever to whoever was assigned. Raises `NotFound`,
        and `Conflict("ab_test_not_running")` for a draft."""
        async with self._uow() as tx:
            test = await _found(tx, test_id)
            if test.status is ABTestStatus.DRAFT:
                raise not_running(test)
            mine = test.split.variant_of(user_id) if test.status is ABTestStatus.RUNNING else None
            if mine is not None:
                kept = await tx.ab_tests.assign(test_id, user_id, mine, self._clock())
                if kept is not None:
                    return Assignment(test, kept, Standing.ASSIGNED)
                test = await _found(tx, test_id)
            pair = (test_id, user_id)
            remembered = (await tx.ab_tests.assigned([pair])).get(pair)
        index = variant_of(test, user_id, remembered)
        return Assignment(test, index, _standing(test, index, remembered))

    async def record(self, test_id: UUID, new: NewOutcome) -> bool:
        """True when it counts; False for a metric the user has an outcome of. Raises `NotFound`,
        and `Invalid("not_assigned")` for a user who takes no part."""
        now = self._clock()
        at = min(new.at, now) if new.at else now
        async with self._uow() as tx:
            await _found(tx, test_id)
            counted = await tx.ab_tests.add_outcome(
                ABOutcome(test_id, new.user_id, new.metric, at, new.value)
            )
        if counted is None:
            detail = f"The user {new.user_id} was never assigned to a variant of this test."
            raise _refusal("userId", "not_assigned", detail)
        return counted

    async def results(self, test_id: UUID) -> tuple[ABTest, Results]:
        """Every metric, as counted now. Raises `NotFound`."""
        async with self._uow() as tx:
            test = await _found(tx, test_id)
            return test, await _results(tx, test)

    async def _audit(
        self,
        tx: Transaction,
        test_id: UUID,
        action: str,
        actor: str,
        at: datetime,
        **detail: str,
    ) -> None:
        await tx.operations.audit(
            AuditEntry(at, actor, f"ab_test.{action}", f"ab_test:{test_id}", detail)
        )


async def _found(tx: Transaction, test_id: UUID) -> ABTest:
    test = await tx.ab_tests.get(test_id)
    if test is None:
        raise NotFound("ab_test_not_found", f"There is no A/B test {test_id}.")
    return test


async def _results(tx: Transaction, test: ABTest) -> Results:
    counted = {(c.variant, c.metric): c for c in await tx.ab_tests.counts(test.id)}

    def arm(index: int, name: str, metric: ABMetric) -> Arm:
        all_of_them, done = counted.get((index, None)), counted.get((index, metric))
        return Arm(
            name,
            all_of_them.users if all_of_them else 0,
            done.users if done else 0,
            done.value if done else None,
        )

    names = [variant.name for variant in test.design.variants]
    return {
        metric: analyze(metric, [arm(i, name, metric) for i, name in enumerate(names)])
        for metric in ABMetric
    }


def _by_metric(test: ABTest, results: Results, at: datetime) -> Decision:
    found = decide_winner(results, test.design.metric)
    index = variant_for_the_rest(found)
    return Decision(
        variant=test.design.variants[index].name,
        index=index,
        by=BY_METRIC,
        significant=isinstance(found, Winner) and found.significant,
        reason=found.reason,
        summary=found.summary,
        at=at,
    )


def _decide_at(design: ABDesign, start: datetime) -> datetime | None:
    """None where only a hand decides."""
    if design.winner is WinnerMode.MANUAL or design.decide_after is None:
        return None
    return start + design.decide_after


def _standing(test: ABTest, index: int | None, remembered: int | None) -> Standing:
    if remembered is not None:
        return Standing.ASSIGNED
    if index is not None:
        return Standing.WINNER
    return Standing.STOPPED if test.status is ABTestStatus.STOPPED else Standing.HELD_OUT


def _has_ended(test: ABTest) -> Conflict:
    return Conflict("ab_test_ended", f"This A/B test is {test.status.value} already.")


def _refusal(field: str, code: str, detail: str) -> HeraldError:
    return Invalid(code, detail, errors=(FieldError(field, code, detail),))
