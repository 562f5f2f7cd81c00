"""`/api/users/{user_id}/devices`: where push messages go."""

from typing import Annotated

from fastapi import Path

from api.dependencies import Use
from api.route import api_router, requires
from api.schemas.common import Listed, UserPath
from api.schemas.users import DeviceChangeIn, DeviceIn, DeviceOut
from domain.enums import Scope

router = api_router("/users/{user_id}/devices", "Devices")
TokenPath = Annotated[str, Path(min_length=1, max_length=4096)]


@router.get("", summary="List devices")
@requires(Scope.USERS_READ, own_user=True)
async def list_devices(user_id: UserPath, use: Use) -> Listed[DeviceOut]:
    return Listed(data=[DeviceOut.of(device) for device in await use.devices.list(user_id)])


@router.post("", status_code=201, summary="Register a device")
@requires(Scope.USERS_WRITE, own_user=True)
async def register_device(user_id: UserPath, body: DeviceIn, use: Use) -> DeviceOut:
    """A token known already moves to this user. Apps call this at every start: a device that was
    not heard of for 270 days is forgotten."""
    return DeviceOut.of(await use.devices.register(user_id, body.details()))


@router.put("/{token:path}", summary="Change a device, or its token")
@requires(Scope.USERS_WRITE, own_user=True)
async def replace_device(
    user_id: UserPath, token: TokenPath, body: DeviceChangeIn, use: Use
) -> DeviceOut:
    return DeviceOut.of(await use.devices.replace(user_id, token, body.details(token)))


@router.delete("/{token:path}", status_code=204, summary="Forget a device")
@requires(Scope.USERS_WRITE, own_user=True)
async def remove_device(user_id: UserPath, token: TokenPath, use: Use) -> None:
    await use.devices.remove(user_id, token)
