"""Dead letters, suppressions and the audit log."""

from typing import Annotated

from fastapi import Query, Response

from api.dependencies import Caller, SeqPage, Use, UuidPage
from api.documents import conflict, found_again
from api.route import api_router, only, requires
from api.schemas.common import IdPath, Listed, cursor_text
from api.schemas.operations import (
    AuditOut,
    DeadLetterOut,
    DeadLetterQuery,
    RedriveIn,
    RedriveOut,
    SuppressionIn,
    SuppressionOut,
)
from domain.enums import Scope

letters = api_router("/dead-letters", "Dead letters")
suppressions = api_router("/suppressions", "Suppressions")
audit = api_router("/audit", "Audit log")


@letters.get("", summary="List dead letters")
@requires(Scope.OPERATIONS_READ)
async def list_dead_letters(
    where: Annotated[DeadLetterQuery, Query()], use: Use
) -> Listed[DeadLetterOut]:
    """Open ones unless `status` says otherwise; newest first."""
    found = await use.dead_letters.list(where.filter(), where.page())
    return Listed(
        data=[DeadLetterOut.of(item) for item in found.items],
        next_cursor=cursor_text(found.next_cursor),
    )


@letters.post("/redrive", status_code=202, summary="Send many again")
@requires(Scope.OPERATIONS_WRITE)
async def redrive_many(body: RedriveIn, caller: Caller, use: Use) -> RedriveOut:
    """Every open letter that the filter fits."""
    counts = await use.dead_letters.redrive_all(body.filter.filter(), caller.actor)
    return RedriveOut(redriven=counts.redriven, refused=counts.refused)


only(letters, "/redrive", "POST")


@letters.post("/{id}/redrive", status_code=202, summary="Send again")
@requires(Scope.OPERATIONS_WRITE)
async def redrive(letter_id: IdPath, caller: Caller, use: Use) -> DeadLetterOut:
    """Only what failed is tried again; what had left is not sent twice."""
    return DeadLetterOut.of(await use.dead_letters.redrive(letter_id, caller.actor))


@letters.delete("/{id}", status_code=204, summary="Discard", responses=conflict())
@requires(Scope.OPERATIONS_WRITE)
async def discard(letter_id: IdPath, caller: Caller, use: Use) -> None:
    await use.dead_letters.discard(letter_id, caller.actor)


@suppressions.post(
    "", status_code=201, summary="Suppress an address", responses=found_again(SuppressionOut)
)
@requires(Scope.OPERATIONS_WRITE)
async def suppress(
    body: SuppressionIn, caller: Caller, response: Response, use: Use
) -> SuppressionOut:
    """Nothing is sent there from now on. 200 when it was suppressed before."""
    held, is_new = await use.suppressions.add(
        body.channel, body.address, body.reason, body.expires_at, caller.actor
    )
    response.status_code = 201 if is_new else 200
    return SuppressionOut.of(held)


@suppressions.get("", summary="List suppressions")
@requires(Scope.OPERATIONS_READ)
async def list_suppressions(page: UuidPage, use: Use) -> Listed[SuppressionOut]:
    found = await use.suppressions.list(page)
    return Listed(
        data=[SuppressionOut.of(item) for item in found.items],
        next_cursor=cursor_text(found.next_cursor),
    )


@suppressions.delete("/{id}", status_code=204, summary="Lift a suppression")
@requires(Scope.OPERATIONS_WRITE)
async def lift(suppression_id: IdPath, caller: Caller, use: Use) -> None:
    await use.suppressions.lift(suppression_id, caller.actor)


@audit.get("", summary="Who changed what")
@requires(Scope.OPERATIONS_READ)
async def list_audit(page: SeqPage, use: Use) -> Listed[AuditOut]:
    """Newest first."""
    found = await use.audit.list(page)
    return Listed(
        data=[AuditOut.of(entry) for entry in found.items],
        next_cursor=cursor_text(found.next_cursor),
    )
