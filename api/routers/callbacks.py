"""`/api/provider-callbacks`: callbacks as they were kept, and applying one again."""

from typing import Annotated

from fastapi import Query

from api.dependencies import Caller, Use
from api.route import api_router, requires
from api.schemas.common import IdPath, Listed, cursor_text
from api.schemas.operations import CallbackOut, CallbackQuery
from domain.enums import Scope

router = api_router("/provider-callbacks", "Provider webhooks")


@router.get("", summary="List provider callbacks")
@requires(Scope.OPERATIONS_READ)
async def list_callbacks(where: Annotated[CallbackQuery, Query()], use: Use) -> Listed[CallbackOut]:
    """Newest first, without their bodies. They are kept for 30 days."""
    found = await use.callbacks.list(where.filter(), where.page())
    return Listed(
        data=[CallbackOut.of(item) for item in found.items],
        next_cursor=cursor_text(found.next_cursor),
    )


@router.post("/{id}/replay", summary="Apply a provider callback again")
@requires(Scope.OPERATIONS_WRITE)
async def replay(callback_id: IdPath, caller: Caller, use: Use) -> CallbackOut:
    """What it did before is not done twice. The answer shows how it ended."""
    return CallbackOut.of(await use.callbacks.replay(callback_id, caller.actor))
