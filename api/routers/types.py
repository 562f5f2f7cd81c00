"""`/api/notification-types`: the catalogue."""

from fastapi import Response

from api.dependencies import Caller, Use
from api.documents import created
from api.route import api_router, requires
from api.schemas.common import Listed, TypePath
from api.schemas.templates import TypeIn, TypeOut
from domain.enums import Scope

router = api_router("/notification-types", "Notification types")


@router.get("", summary="List types")
@requires(Scope.NOTIFICATIONS_READ)
async def list_types(use: Use) -> Listed[TypeOut]:
    return Listed(data=[TypeOut.of(kind) for kind in await use.types.list()])


@router.get("/{type}", summary="Get a type")
@requires(Scope.NOTIFICATIONS_READ)
async def get_type(type_name: TypePath, use: Use) -> TypeOut:
    return TypeOut.of(await use.types.get(type_name))


@router.put("/{type}", summary="Create or replace a type", responses=created(TypeOut))
@requires(Scope.ADMIN)
async def put_type(
    type_name: TypePath, body: TypeIn, caller: Caller, response: Response, use: Use
) -> TypeOut:
    """What was accepted before keeps the category it had."""
    kind, is_new = await use.types.put(body.record(type_name), caller.actor)
    response.status_code = 201 if is_new else 200
    return TypeOut.of(kind)
