"""The life of a device: its token changes under a message on its way, dies, or is forgotten."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import asyncpg
import pytest

from domain.enums import Channel, DeliveryStatus, Platform, PushVendor
from domain.errors import Invalid, NotFound
from domain.ids import new_id
from domain.records.people import Device
from services.people.devices import STALE_AFTER, SWEEP_BATCH, DeviceDetails, DeviceService
from tests.integration.storage.conftest import Ledger, now


def a_device(user_id: str, token: str | None = None, unseen: timedelta = timedelta(0)) -> Device:
    seen = now() - unseen
    name = token or f"token-{uuid4().hex}"
    return Device(new_id(), user_id, name, Platform.ANDROID, PushVendor.FIREBASE, seen, seen)


async def register(ledger: Ledger, *devices: Device) -> None:
    async with ledger.uow() as tx:
        for device in devices:
            await tx.devices.register(device)


async def tokens(ledger: Ledger, user: str) -> set[str]:
    async with ledger.uow() as tx:
        return {device.token for device in await tx.devices.list(user)}


async def test_a_message_on_its_way_goes_to_the_refreshed_token(ledger: Ledger) -> None:
    user = await ledger.user()
    device = a_device(user)
    await register(ledger, device)
    item = await ledger.notification(user, channels=(Channel.PUSH,))
    line = await ledger.delivery(item, channel=Channel.PUSH, target=str(device.id))
    async with ledger.uow() as tx:
        await tx.deliveries.write_intent(item.id, {line.id: "firebase"}, now())
    service = DeviceService(ledger.uow, now)
    fresh = f"fresh-{uuid4().hex}"
    changed = await service.replace(user, device.token, DeviceDetails(fresh, Platform.ANDROID))
    assert changed.id == device.id
    async with ledger.uow() as tx:
        job = await tx.deliveries.load_job(item.id, Channel.PUSH)
    assert job is not None
    [target], [found] = job.targets, job.deliveries
    assert (target.key, target.address) == (str(device.id), fresh)
    assert (found.id, found.target, found.status) == (line.id, target.key, DeliveryStatus.SENDING)


async def test_a_dead_token_costs_no_device_that_has_another_since(ledger: Ledger) -> None:
    """A vendor's "gone" about the old token comes after the app gave the new one."""
    user = await ledger.user()
    device = a_device(user, unseen=timedelta(minutes=1))
    await register(ledger, device)
    tried_at = now()
    async with ledger.uow() as tx:
        fresh = replace(device, token=f"fresh-{uuid4().hex}", last_seen_at=now())
        await tx.devices.replace_token(user, device.token, fresh)
        assert not await tx.devices.remove_by_id(device.id, seen_before=tried_at)
        assert await tx.devices.remove_by_id(device.id, seen_before=now())
        assert not await tx.devices.remove_by_id(device.id)


async def test_an_app_that_does_both_at_once_has_one_device(
    ledger: Ledger,
    another: Callable[..., AbstractAsyncContextManager[Ledger]],
    sql: asyncpg.Connection,
) -> None:
    """Registers its new token, and replaces the old one by it."""
    user = await ledger.user()
    old, new = a_device(user), a_device(user)
    await register(ledger, old)
    async with another() as other:
        async with ledger.uow() as tx:
            await tx.devices.register(new)
            replacing = asyncio.create_task(_replace(other, old, new.token))
            while not await sql.fetchval("select exists (select from pg_locks where not granted)"):
                await asyncio.sleep(0.01)
        await replacing
    async with ledger.uow() as tx:
        [device] = await tx.devices.list(user)
    assert (device.id, device.token) == (old.id, new.token)


async def _replace(ledger: Ledger, old: Device, token: str) -> None:
    async with ledger.uow() as tx:
        assert await tx.devices.replace_token(old.user_id, old.token, replace(old, token=token))


async def test_stale_devices_are_swept_in_batches_the_oldest_first(ledger: Ledger) -> None:
    user = await ledger.user()
    ages = (400, 300, 271, 269, 0)
    devices = [a_device(user, unseen=timedelta(days=days)) for days in ages]
    await register(ledger, *devices)
    before = now() - STALE_AFTER
    async with ledger.uow() as tx:
        assert await tx.devices.remove_stale(before, 2) == 2
        assert {d.token for d in await tx.devices.list(user)} == {d.token for d in devices[2:]}
        assert await tx.devices.remove_stale(before, 2) == 1
        assert await tx.devices.remove_stale(before, 2) == 0
    assert await tokens(ledger, user) == {device.token for device in devices[3:]}


async def test_a_device_seen_meanwhile_is_not_swept(
    ledger: Ledger, another: Callable[..., AbstractAsyncContextManager[Ledger]]
) -> None:
    user = await ledger.user()
    device = a_device(user, unseen=timedelta(days=300))
    await register(ledger, device)
    async with another() as other:
        async with ledger.uow() as tx:
            await tx.devices.register(replace(device, last_seen_at=now()))
            async with other.uow() as sweeping:
                assert await sweeping.devices.remove_stale(now() - STALE_AFTER, 10) == 0
        async with other.uow() as sweeping:
            assert await sweeping.devices.remove_stale(now() - STALE_AFTER, 10) == 0
    assert await tokens(ledger, user) == {device.token}


async def test_the_sweep_goes_on_until_all_are_gone(
    ledger: Ledger, sql: asyncpg.Connection
) -> None:
    user = await ledger.user()
    kept = a_device(user, unseen=timedelta(days=30))
    await register(ledger, kept)
    await sql.execute(
        "insert into user_devices (id, user_id, token, token_hash, platform, provider, created_at,"
        " last_seen_at) select gen_random_uuid(), $1, 'x', 'stale-' || n, 'web', 'firebase',"
        " now() - interval '300 days', now() - interval '300 days'"
        " from generate_series(1, $2::int) n",
        user,
        2 * SWEEP_BATCH + 5,
    )
    service = DeviceService(ledger.uow, now)
    assert await service.sweep() == 2 * SWEEP_BATCH + 5
    assert await service.sweep() == 0
    assert await tokens(ledger, user) == {kept.token}
    assert await service.sweep(timedelta(days=29)) >= 1
    assert await tokens(ledger, user) == set()


async def test_a_token_onesignal_cannot_have_given_is_refused(ledger: Ledger) -> None:
    user = await ledger.user()
    service = DeviceService(ledger.uow, now)

    def given(token: str) -> DeviceDetails:
        return DeviceDetails(token, Platform.WEB, PushVendor.ONESIGNAL)

    good = await service.register(user, given(str(uuid4())))
    for token in ("cU1:APA91b", "", f"{{{uuid4()}}}"):
        with pytest.raises(Invalid) as refused:
            await service.register(user, given(token))
        assert refused.value.code == "invalid_token"
        with pytest.raises(Invalid):
            await service.replace(user, good.token, given(token))
    with pytest.raises(NotFound):
        await service.replace(user, "nothing", given(str(uuid4())))
    assert await tokens(ledger, user) == {good.token}
