"""`/api/users/{user_id}/preferences`: what the user wants."""

from typing import Annotated

from fastapi import Query

from api.dependencies import Use
from api.route import api_router, requires
from api.schemas.common import UserPath
from api.schemas.preferences import (
    ChannelIn,
    ChannelOut,
    EffectiveOut,
    PreferencesIn,
    PreferencesOut,
    channel_out,
    effective_out,
    preferences_out,
)
from domain.base import TypeName
from domain.enums import Channel, Scope

router = api_router("/users/{user_id}/preferences", "Preferences")


@router.get("", summary="Get preferences")
@requires(Scope.PREFERENCES_READ, own_user=True)
async def get_preferences(user_id: UserPath, use: Use) -> PreferencesOut:
    """Complete: what was never set holds its default."""
    return preferences_out(await use.preferences.get(user_id))


@router.put("", summary="Change preferences")
@requires(Scope.PREFERENCES_WRITE, own_user=True)
async def put_preferences(user_id: UserPath, body: PreferencesIn, use: Use) -> PreferencesOut:
    """Merges field by field; null gives a field its default back. Waiting notifications are
    planned anew."""
    return preferences_out(await use.preferences.merge(user_id, body.root))


@router.post("/reset", summary="Reset preferences")
@requires(Scope.PREFERENCES_WRITE, own_user=True)
async def reset_preferences(user_id: UserPath, use: Use) -> PreferencesOut:
    return preferences_out(await use.preferences.reset(user_id))


@router.get("/channels/{channel}", summary="Get a channel's preference")
@requires(Scope.PREFERENCES_READ, own_user=True)
async def get_channel(user_id: UserPath, channel: Channel, use: Use) -> ChannelOut:
    return channel_out(await use.preferences.get(user_id), channel)


@router.put("/channels/{channel}", summary="Switch a channel on or off")
@requires(Scope.PREFERENCES_WRITE, own_user=True)
async def put_channel(user_id: UserPath, channel: Channel, body: ChannelIn, use: Use) -> ChannelOut:
    change = {"channels": {channel.value: body.model_dump()}}
    return channel_out(await use.preferences.merge(user_id, change), channel)


@router.get("/effective", summary="What the choices come to for a type")
@requires(Scope.PREFERENCES_READ, own_user=True)
async def get_effective(
    user_id: UserPath,
    use: Use,
    type_name: Annotated[TypeName, Query(alias="type", description="A notification type.")],
) -> EffectiveOut:
    """Per channel whether the user's choices let this type through, and the reason."""
    return effective_out(await use.preferences.effective(user_id, type_name))
