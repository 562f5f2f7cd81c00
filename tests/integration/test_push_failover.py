"""Push from one provider to the next: the user as a whole at OneSignal, and no device twice."""

from datetime import timedelta
from uuid import UUID

from domain.enums import Channel, DeliveryStatus, Platform, Priority, PushVendor
from domain.ids import new_id
from domain.ports.providers import Accepted, OutboundMessage, Retry
from domain.records.people import Device
from tests.integration.conftest import Core, ScriptedProvider, now
from tests.integration.test_failover import UNAVAILABLE, until_done, with_second


async def device(core: Core, user: str, vendor: PushVendor = PushVendor.FIREBASE) -> None:
    made = Device(new_id(), user, f"token-{new_id()}", Platform.ANDROID, vendor, now(), now())
    async with core.uow() as tx:
        await tx.devices.register(made)


def push_providers(core: Core) -> ScriptedProvider:
    core.provider.channel = Channel.PUSH
    return with_second(core, "firebase", "onesignal")


async def pushed(core: Core, *vendors: PushVendor) -> UUID:
    user = await core.user()
    for vendor in vendors:
        await device(core, user, vendor)
    item = await core.accept(user, channels=["push"], priority=Priority.HIGH)
    await core.plan(item)
    return item


def one_message(message: OutboundMessage) -> Accepted:
    """As OneSignal does: the same key is the same message."""
    return Accepted(f"one-{message.idempotency_key}")


async def test_push_fails_over_to_the_user_once_for_all_devices(core: Core) -> None:
    second = push_providers(core)
    core.provider.script = [Retry("connection_refused", "no", fail_over=True)] * 2
    second.script = [one_message, one_message]
    item = await pushed(core, PushVendor.FIREBASE, PushVendor.FIREBASE)
    await until_done(core, item, Channel.PUSH)
    view = await core.view(item)
    assert {line.status for line in view.deliveries} == {DeliveryStatus.SENT}
    assert {message.target for message in second.sent} == {view.notification.user_id}
    assert len({message.idempotency_key for message in second.sent}) == 1
    assert len({line.provider_message_id for line in view.deliveries}) == 1


async def test_push_does_not_fail_over_once_another_device_has_it(core: Core) -> None:
    second = push_providers(core)
    core.provider.script = [Accepted("m-1"), Retry("connection_refused", "no", fail_over=True)]
    item = await pushed(core, PushVendor.FIREBASE, PushVendor.FIREBASE)
    await until_done(core, item, Channel.PUSH)
    view = await core.view(item)
    assert {line.status for line in view.deliveries} == {DeliveryStatus.SENT, DeliveryStatus.FAILED}
    assert second.sent == []


async def test_a_token_goes_to_the_vendor_that_made_it(core: Core) -> None:
    second = push_providers(core)
    item = await pushed(core, PushVendor.FIREBASE, PushVendor.ONESIGNAL)
    await until_done(core, item, Channel.PUSH)
    assert (len(core.provider.sent), len(second.sent)) == (1, 1)
    assert not any(message.by_user for message in second.sent)


async def test_push_to_the_user_waits_for_a_device_that_is_being_tried(core: Core) -> None:
    """It would reach that device too."""
    second = push_providers(core)
    core.provider.script = [
        Retry("connection_refused", "no", fail_over=True),
        UNAVAILABLE,
        Accepted("m-8"),
    ]
    item = await pushed(core, PushVendor.FIREBASE, PushVendor.FIREBASE)
    await until_done(core, item, Channel.PUSH)
    view = await core.view(item)
    assert {line.status for line in view.deliveries} == {DeliveryStatus.SENT, DeliveryStatus.FAILED}
    assert second.sent == []


async def test_while_a_circuit_is_tried_no_device_gets_it_twice(core: Core) -> None:
    """The first device is the circuit's trial, the second one finds it under way."""
    second = push_providers(core)
    core.breakers.rests = [{}, {"firebase": timedelta(seconds=15)}, {}]
    item = await pushed(core, PushVendor.FIREBASE, PushVendor.FIREBASE)
    await until_done(core, item, Channel.PUSH)
    assert {line.status for line in (await core.view(item)).deliveries} == {DeliveryStatus.SENT}
    assert (len(core.provider.sent), second.sent) == (2, [])


async def test_what_went_to_the_user_goes_to_no_device_afterwards(core: Core) -> None:
    """The second device had to wait for its place in the line of its own vendor."""
    second = push_providers(core)
    second.script = [one_message, one_message]
    core.provider.script = [Retry("connection_refused", "no", fail_over=True)]
    core.breakers.waits = [timedelta(0), timedelta(seconds=1), timedelta(0), timedelta(seconds=1)]
    item = await pushed(core, PushVendor.FIREBASE, PushVendor.FIREBASE)
    await until_done(core, item, Channel.PUSH)
    assert {line.status for line in (await core.view(item)).deliveries} == {DeliveryStatus.SENT}
    assert len(core.provider.sent) == 1
    assert len({message.idempotency_key for message in second.sent}) == 1


async def test_a_device_that_waits_is_not_closed_as_a_reserve(core: Core) -> None:
    """Of a fallback, one device has it and the other waits for its place in the line."""
    push_providers(core)
    user = await core.user()
    for _ in range(2):
        await device(core, user)
    item = await core.accept(user, channels=["push", "email"], strategy="fallback")
    await core.plan(item)
    core.breakers.waits = [timedelta(0), timedelta(seconds=1)]
    await until_done(core, item, Channel.PUSH)
    lines = {(line.channel, line.status) for line in (await core.view(item)).deliveries}
    assert lines == {
        (Channel.PUSH, DeliveryStatus.SENT),
        (Channel.EMAIL, DeliveryStatus.SKIPPED),
    }
    assert len(core.provider.sent) == 2
