"""Devices whose tokens a vendor calls dead: forgotten at once, unless they were heard of since."""

from uuid import UUID

import pytest

from domain.enums import Channel, DeliveryStatus, Platform, PushVendor
from domain.ids import new_id
from domain.ports.providers import Accepted, OutboundMessage, Rejected, SendOutcome
from domain.records.people import Device
from tests.integration.conftest import Core, now


@pytest.fixture
async def core(core: Core) -> Core:
    core.provider.name, core.provider.channel = "firebase", Channel.PUSH
    return core


async def device(core: Core, user: str, token: str) -> Device:
    made = Device(new_id(), user, token, Platform.IOS, PushVendor.FIREBASE, now(), now())
    async with core.uow() as tx:
        return await tx.devices.register(made)


async def pushed(core: Core, user: str) -> UUID:
    item = await core.accept(user, channels=["push"])
    await core.plan(item)
    await core.deliver(item, Channel.PUSH)
    return item


async def tokens(core: Core, user: str) -> set[str]:
    async with core.uow() as tx:
        return {one.token for one in await tx.devices.list(user)}


async def test_a_dead_token_is_forgotten_at_once_and_the_other_device_is_reached(
    core: Core,
) -> None:
    user = await core.user()
    dead, alive = f"dead-{new_id()}", f"alive-{new_id()}"
    for token in (dead, alive):
        await device(core, user, token)

    def by_token(message: OutboundMessage) -> SendOutcome:
        if message.target == dead:
            return Rejected("unregistered", "Gone.", target_gone=True)
        return Accepted(f"m-{new_id()}")

    core.provider.script = [by_token, by_token]
    await pushed(core, user)
    assert await tokens(core, user) == {alive}
    core.provider.sent.clear()
    item = await pushed(core, user)
    assert [message.target for message in core.provider.sent] == [alive]
    assert [line.status for line in (await core.view(item)).deliveries] == [DeliveryStatus.SENT]


async def test_a_token_replaced_while_the_old_one_was_tried_stays(core: Core) -> None:
    user, old, new = await core.user(), f"old-{new_id()}", f"new-{new_id()}"
    first = await device(core, user, old)
    item = await core.accept(user, channels=["push"])
    await core.plan(item)
    send = core.provider.send

    async def refreshed_meanwhile(message: OutboundMessage) -> SendOutcome:
        async with core.uow() as tx:
            made = Device(new_id(), user, new, Platform.IOS, PushVendor.FIREBASE, now(), now())
            await tx.devices.replace_token(user, message.target, made)
        return await send(message)

    core.provider.send = refreshed_meanwhile  # type: ignore[method-assign]
    core.provider.script = [Rejected("unregistered", "Gone.", target_gone=True)]
    await core.deliver(item, Channel.PUSH)
    async with core.uow() as tx:
        [left] = await tx.devices.list(user)
    assert (left.id, left.token) == (first.id, new)
