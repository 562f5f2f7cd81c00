"""`/api/notifications/bulk`: many at once, each on its own."""

import asyncio
from collections.abc import Sequence
from typing import Final
from uuid import UUID

from pydantic import JsonValue, ValidationError

from api.dependencies import Use
from api.errors import validation_errors
from api.route import api_router, only, requires
from api.schemas.bulk import (
    BulkErrorOut,
    BulkIn,
    BulkOut,
    BulkResultOut,
    DeletedOut,
    DeleteIn,
    IdsIn,
    UpdatedOut,
)
from domain.commands import NewNotification
from domain.enums import Scope
from domain.errors import HeraldError, Invalid

router = api_router("/notifications/bulk", "Bulk")
_BREATH: Final = 200


@router.post(
    "", status_code=202, summary="Send many notifications", response_model_exclude_none=True
)
@requires(Scope.NOTIFICATIONS_WRITE)
async def send_many(body: BulkIn, use: Use) -> BulkOut:
    """Each item is accepted or refused on its own; `results` has one line per item, in order."""
    parsed = await _parsed(body.notifications)
    good = [item for item in parsed if isinstance(item, NewNotification)]
    answers = iter(await use.accept.accept_many(good))
    outcome = [next(answers) if isinstance(item, NewNotification) else item for item in parsed]
    accepted = sum(isinstance(item, UUID) for item in outcome)
    return BulkOut(
        accepted=accepted,
        rejected=len(outcome) - accepted,
        results=[_result(index, item) for index, item in enumerate(outcome)],
    )


@router.put("/read", summary="Mark many as read")
@requires(Scope.NOTIFICATIONS_WRITE)
async def mark_many_read(body: IdsIn, use: Use) -> UpdatedOut:
    """Counts those that were unread in an inbox until now."""
    return UpdatedOut(updated=await use.notifications.mark_read(body.ids, body.user_id))


@router.delete("", summary="Delete many notifications")
@requires(Scope.NOTIFICATIONS_WRITE)
async def delete_many(body: DeleteIn, use: Use) -> DeletedOut:
    """Cancels what is still waiting and takes all out of inboxes and lists."""
    return DeletedOut(deleted=await use.notifications.delete(body.ids))


only(router, "", "POST", "DELETE")


async def _parsed(
    items: Sequence[dict[str, JsonValue]],
) -> list[NewNotification | HeraldError]:
    parsed: list[NewNotification | HeraldError] = []
    for index, item in enumerate(items):
        if index % _BREATH == _BREATH - 1:
            await asyncio.sleep(0)  # others want to be answered meanwhile
        try:
            parsed.append(NewNotification.model_validate(item))
        except ValidationError as error:
            problems = validation_errors(error.errors(include_url=False, include_input=False))
            detail = "The notification is not valid."
            parsed.append(Invalid("validation_error", detail, errors=problems))
    return parsed


def _result(index: int, outcome: UUID | HeraldError) -> BulkResultOut:
    if isinstance(outcome, UUID):
        return BulkResultOut(index=index, id=outcome)
    errors = [{"field": e.field, "code": e.code, "detail": e.detail} for e in outcome.errors]
    return BulkResultOut(
        index=index,
        error=BulkErrorOut(code=outcome.code, detail=outcome.detail, errors=errors),
    )
