"""From one provider to the next: when, how often, and never twice."""

from datetime import timedelta
from uuid import UUID

import pytest

from domain.delivering import RetryLater
from domain.enums import Channel, DeliveryStatus, EventType
from domain.messages import DeliverOutcome
from domain.ports.providers import (
    Accepted,
    Found,
    Recovery,
    Rejected,
    Retry,
    Uncertain,
)
from domain.records.notifications import Delivery
from tests.integration.conftest import Core, ScriptedProvider

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


@pytest.mark.parametrize("recovery", [Recovery.SAME_KEY, Recovery.REPLACE])
async def test_a_refused_second_call_does_not_end_a_doubt(core: Core, recovery: Recovery) -> None:
    """That the second call was not taken says nothing about the first."""
    second = with_second(core)
    core.provider.recovery = recovery
    refused = Retry("connection_refused", "no", fail_over=True)
    core.provider.script = [Uncertain("timeout", "?"), refused, UNAVAILABLE, UNAVAILABLE]
    item = await planned(core)
    rests = await until_done(core, item)
    assert second.sent == []
    assert len({message.idempotency_key for message in core.provider.sent}) == 1
    line = await line_of(core, item)
    assert (line.status, line.provider, line.given_up) == (DeliveryStatus.SENT, "resend", ())
    assert [later.after > timedelta(seconds=5) for later in rests] == [False, True, True, True]


async def test_a_doubt_that_lasts_is_unknown_and_goes_to_nobody_else(core: Core) -> None:
    second = with_second(core)
    core.provider.script = [Uncertain("timeout", "?"), *[UNAVAILABLE] * 20]
    item = await planned(core)
    await until_done(core, item)
    assert second.sent == []
    assert (await line_of(core, item)).status is DeliveryStatus.UNKNOWN


async def test_a_one_time_code_in_doubt_may_go_by_another(core: Core) -> None:
    second = with_second(core)
    refused = Retry("connection_refused", "no", fail_over=True)
    core.provider.script = [Uncertain("timeout", "?"), refused]
    item = await planned(core, type="one_time_code", data={"code": "123456"})
    await until_done(core, item)
    assert (len(core.provider.sent), len(second.sent)) == (2, 1)


async def test_the_next_provider_has_tries_of_its_own_to_settle_a_doubt(core: Core) -> None:
    second = with_second(core, "sns", "twilio")
    core.provider.script = [UNAVAILABLE] * 3
    second.recovery = Recovery.ASK
    second.script = [*[UNAVAILABLE] * 4, Uncertain("timeout", "?")]
    second.found = (Found("m-7"),)
    item = await planned(core)
    await until_done(core, item)
    line = await line_of(core, item)
    assert (line.status, line.provider_message_id) == (DeliveryStatus.SENT, "m-7")
