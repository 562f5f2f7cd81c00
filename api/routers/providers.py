"""Providers and channels as operators steer them."""

from typing import Annotated

from fastapi import Path

from api.dependencies import Caller, Use
from api.route import api_router, requires
from api.schemas.common import Listed
from api.schemas.providers import ChannelStateOut, PauseIn, ProviderOut
from domain.enums import Channel, Scope

router = api_router("/providers", "Providers")
channels = api_router("/channels", "Channels")
ProviderPath = Annotated[str, Path(pattern="^[a-z]{1,40}$")]


@router.get("", summary="List providers")
@requires(Scope.OPERATIONS_READ)
async def list_providers(use: Use) -> Listed[ProviderOut]:
    """By channel, first choice first, with the state of each circuit breaker."""
    found = await use.provider_control.list()
    return Listed(data=[ProviderOut.of(view) for view in found], next_cursor=None)


@router.post("/{name}/pause", summary="Pause a provider")
@requires(Scope.OPERATIONS_WRITE)
async def pause_provider(
    name: ProviderPath, caller: Caller, use: Use, body: PauseIn | None = None
) -> ProviderOut:
    """Its messages wait, or go by the channel's next provider when `divert` is true."""
    divert = body.divert if body else False
    return ProviderOut.of(
        await use.provider_control.pause_provider(name, caller.actor, divert=divert)
    )


@router.post("/{name}/resume", summary="Resume a provider")
@requires(Scope.OPERATIONS_WRITE)
async def resume_provider(name: ProviderPath, caller: Caller, use: Use) -> ProviderOut:
    """What waited leaves, the most urgent first."""
    return ProviderOut.of(await use.provider_control.resume_provider(name, caller.actor))


@channels.get("", summary="List channels")
@requires(Scope.OPERATIONS_READ)
async def list_channels(use: Use) -> Listed[ChannelStateOut]:
    found = await use.provider_control.channels()
    return Listed(data=[ChannelStateOut.of(view) for view in found], next_cursor=None)


@channels.post("/{channel}/pause", summary="Pause a channel")
@requires(Scope.OPERATIONS_WRITE)
async def pause_channel(channel: Channel, caller: Caller, use: Use) -> ChannelStateOut:
    """Every message on it waits."""
    return ChannelStateOut.of(await use.provider_control.pause_channel(channel, caller.actor))


@channels.post("/{channel}/resume", summary="Resume a channel")
@requires(Scope.OPERATIONS_WRITE)
async def resume_channel(channel: Channel, caller: Caller, use: Use) -> ChannelStateOut:
    """What waited leaves, the most urgent first."""
    return ChannelStateOut.of(await use.provider_control.resume_channel(channel, caller.actor))
