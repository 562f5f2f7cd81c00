"""`/api/ab-tests`: which variant each user gets, what came of it, and which one wins."""

from typing import Annotated

from fastapi import Query

from api.dependencies import Caller, Use
from api.route import api_router, requires
from api.schemas.ab_tests import (
    ABResultsOut,
    ABTestOut,
    ABTestQuery,
    AssignIn,
    AssignmentOut,
    DecideIn,
    OutcomeOut,
)
from api.schemas.common import IdPath, Listed, cursor_text
from domain.ab.definition import NewABTest, NewOutcome
from domain.enums import Scope

router = api_router("/ab-tests", "A/B tests")


@router.post("", status_code=201, summary="Create an A/B test")
@requires(Scope.CAMPAIGNS_WRITE)
async def create_ab_test(body: NewABTest, caller: Caller, use: Use) -> ABTestOut:
    """Runs at once, unless it is created as a draft. The first variant is the baseline. A
    notification takes part with `abTest: {"id"}`, and its opens, clicks and reads count by
    themselves."""
    return ABTestOut.of(await use.ab_tests.create(body, caller.actor))


@router.get("", summary="List A/B tests")
@requires(Scope.CAMPAIGNS_READ)
async def list_ab_tests(where: Annotated[ABTestQuery, Query()], use: Use) -> Listed[ABTestOut]:
    """Newest first."""
    found = await use.ab_tests.list(where.status, where.page())
    return Listed(
        data=[ABTestOut.of(test) for test in found.items],
        next_cursor=cursor_text(found.next_cursor),
    )


@router.get("/{id}", summary="Get an A/B test")
@requires(Scope.CAMPAIGNS_READ)
async def get_ab_test(test_id: IdPath, use: Use) -> ABTestOut:
    return ABTestOut.of(await use.ab_tests.get(test_id))


@router.post("/{id}/start", summary="Start a draft")
@requires(Scope.CAMPAIGNS_WRITE)
async def start_ab_test(test_id: IdPath, caller: Caller, use: Use) -> ABTestOut:
    return ABTestOut.of(await use.ab_tests.start(test_id, caller.actor))


@router.post("/{id}/assign", summary="Which variant a user gets")
@requires(Scope.CAMPAIGNS_WRITE)
async def assign_user(test_id: IdPath, body: AssignIn, use: Use) -> AssignmentOut:
    """The same for a user every time. The user need not be known to Herald."""
    return AssignmentOut.of(await use.ab_tests.assign(test_id, body.user_id), body.user_id)


@router.post("/{id}/outcomes", status_code=201, summary="Tell what a user did")
@requires(Scope.CAMPAIGNS_WRITE)
async def record_outcome(test_id: IdPath, body: NewOutcome, use: Use) -> OutcomeOut:
    """The first of each metric counts. Refused for a user who was never assigned."""
    return OutcomeOut(counted=await use.ab_tests.record(test_id, body))


@router.get("/{id}/results", summary="How the variants do")
@requires(Scope.CAMPAIGNS_READ)
async def ab_test_results(test_id: IdPath, use: Use) -> ABResultsOut:
    """Rates with Wilson intervals, every two variants compared (Holm-corrected), and a sentence
    that says no more than the counts show."""
    return ABResultsOut.of(*await use.ab_tests.results(test_id))


@router.post("/{id}/decide", summary="Choose the winner by hand")
@requires(Scope.CAMPAIGNS_WRITE)
async def decide_ab_test(test_id: IdPath, body: DecideIn, caller: Caller, use: Use) -> ABTestOut:
    """Everybody who was not assigned gets this variant from here on."""
    return ABTestOut.of(await use.ab_tests.decide(test_id, body.variant, caller.actor))


@router.post("/{id}/stop", summary="End it without a winner")
@requires(Scope.CAMPAIGNS_WRITE)
async def stop_ab_test(test_id: IdPath, caller: Caller, use: Use) -> ABTestOut:
    """Nobody else is assigned; notifications go out as they were asked for."""
    return ABTestOut.of(await use.ab_tests.stop(test_id, caller.actor))
