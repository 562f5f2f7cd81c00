"""From one provider to the next: when, how often, and never twice."""

from datetime import timedelta
from uuid import UUID

import pytest

from domain.delivering import RetryLater
from domain.enums import Channel, DeliveryStatus, EventType, Platform, Priority, PushVendor
from domain.ids import new_id
from domain.messages import DeliverOutcome
from domain.ports.providers import Accepted, OutboundMessage, Recovery, Rejected, Retry, Uncertain
from domain.records import Delivery, Device
from tests.integration.conftest import Core, ScriptedProvider, now

UNAVAILABLE = Retry("provider_unavailable", "503")


def with_second(core: Core, first: str = "resend", second: str = "smtp") -> ScriptedProvider:
    core.provider.name = first
    core.second = ScriptedProvider(name=second, channel=core.provider.channel)
    return core.second


async def planned(core: Core, **fields: object) -> UUID:
    item = await core.accept(await core.user(), **fields)
    await core.plan(item)
    return item


async def until_done(core: Core, item: UUID, channel: Channel = Channel.EMAIL) -> list[RetryLater]:
    """Delivers as a worker would, without the rests; what each rest would have been."""
    rests: list[RetryLater] = []
    while True:
        try:
            await core.deliver(item, channel)
        except RetryLater as later:
            rests.append(later)
            assert len(rests) < 12, "it never ends"
        else:
            return rests


async def line_of(core: Core, item: UUID) -> Delivery:
    [line] = (await core.view(item)).deliveries
    return line


async def test_after_three_failures_the_next_provider_has_it(core: Core) -> None:
    second = with_second(core)
    core.provider.script = [UNAVAILABLE] * 9
    item = await planned(core)
    rests = await until_done(core, item)
    assert [len(core.provider.sent), len(second.sent)] == [3, 1]
    assert [later.after > timedelta(seconds=1) for later in rests] == [True, True, False]
    line = await line_of(core, item)
    assert (line.status, line.provider, line.attempts) == (DeliveryStatus.SENT, "smtp", 4)
    assert (line.given_up, line.failures, line.failures_here) == (("resend",), 3, 0)


async def test_the_timeline_tells_of_it(core: Core) -> None:
    with_second(core)
    core.provider.script = [Retry("bad_credentials", "401", fail_over=True)]
    item = await planned(core)
    await until_done(core, item)
    async with core.uow() as tx:
        events = await tx.events.timeline(item)
    told = [
        (event.type, event.detail["provider"], event.detail["outcome"])
        for event in events
        if "provider" in event.detail
    ]
    assert told == [
        (EventType.NOTIFICATION_RETRYING, "resend", "failover"),
        (EventType.NOTIFICATION_SENT, "smtp", "accepted"),
    ]
    summary = (await core.explaining.explain(item)).summary
    assert "resend" in summary.lower(), summary
    assert "smtp" in summary.lower(), summary


@pytest.mark.parametrize("code", ["connection_refused", "bad_credentials", "bad_configuration"])
async def test_what_is_no_fault_of_the_message_fails_over_at_once(core: Core, code: str) -> None:
    second = with_second(core)
    core.provider.script = [Retry(code, "no", fail_over=True)]
    [rest] = await until_done(core, await planned(core))
    assert rest.after < timedelta(seconds=1)
    assert (len(core.provider.sent), len(second.sent)) == (1, 1)


async def test_a_permanent_refusal_never_fails_over(core: Core) -> None:
    second = with_second(core)
    core.provider.script = [Rejected("mailbox_unknown", "550")]
    item = await planned(core)
    assert (await core.deliver(item)).outcome is DeliverOutcome.FAILED
    assert second.sent == []


async def test_a_doubt_stays_with_the_provider_that_may_have_it(core: Core) -> None:
    second = with_second(core)
    core.provider.script = [Uncertain("timeout", "?"), Accepted("m-same-key")]
    core.breakers.resting = {}
    item = await planned(core)
    with pytest.raises(RetryLater):
        await core.deliver(item)
    core.breakers.resting = {"resend": timedelta(seconds=9)}
    assert (await core.deliver(item)).outcome is DeliverOutcome.SENT
    assert second.sent == []
    assert (await line_of(core, item)).provider == "resend"


async def test_a_doubt_that_nobody_can_settle_is_not_sent_by_another(core: Core) -> None:
    second = with_second(core, "smtp", "resend")
    core.provider.recovery = Recovery.NONE
    core.provider.script = [Uncertain("connection_lost", "?")]
    item = await planned(core)
    with pytest.raises(RetryLater):
        await core.deliver(item)
    assert (await core.deliver(item)).outcome is DeliverOutcome.UNKNOWN
    assert second.sent == []


async def test_when_all_have_failed_it_has_failed(core: Core) -> None:
    second = with_second(core)
    core.provider.script = [UNAVAILABLE] * 9
    second.script = [Retry("provider_unavailable", "421")] * 9
    item = await planned(core)
    await until_done(core, item)
    line = await line_of(core, item)
    assert (line.status, line.error_code) == (DeliveryStatus.FAILED, "provider_unavailable")
    assert (len(core.provider.sent), len(second.sent)) == (3, 5)


async def test_a_provider_that_is_down_is_passed_over_and_comes_back(core: Core) -> None:
    second = with_second(core)
    core.breakers.resting = {"resend": timedelta(seconds=20)}
    first = await planned(core)
    await core.deliver(first)
    assert (await line_of(core, first)).given_up == ()
    core.breakers.resting = {}
    await core.deliver(await planned(core))
    assert (len(core.provider.sent), len(second.sent)) == (1, 1)
    async with core.uow() as tx:
        [event] = [e for e in await tx.events.timeline(first) if "provider" in e.detail]
    assert event.detail["passedOver"] == ["resend"]
    assert core.breakers.heard == [("smtp", True), ("resend", True)]


async def test_while_all_are_down_it_waits_and_counts_nothing(core: Core) -> None:
    with_second(core)
    core.breakers.resting = {"resend": timedelta(seconds=20), "smtp": timedelta(seconds=9)}
    item = await planned(core)
    with pytest.raises(RetryLater) as later:
        await core.deliver(item)
    assert (later.value.code, later.value.after) == ("circuit_open", timedelta(seconds=9))
    line = await line_of(core, item)
    assert (line.status, line.attempts) == (DeliveryStatus.PENDING, 0)


async def test_a_full_account_waits_for_its_place(core: Core) -> None:
    core.breakers.waits = [timedelta(seconds=2)]
    item = await planned(core)
    with pytest.raises(RetryLater) as later:
        await core.deliver(item)
    assert (later.value.code, later.value.after) == ("provider_rate_limited", timedelta(seconds=2))
    assert (await core.deliver(item)).outcome is DeliverOutcome.SENT


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
