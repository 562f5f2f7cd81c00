"""A chunk's crash points: whatever dies or answers badly, each recipient gets it once, and the
accounts say so."""

import asyncio

import pytest

from domain.delivering import RetryLater
from domain.enums import Channel
from domain.errors import Conflict
from domain.ports.providers import OutboundMessage, Recovery, Uncertain
from tests.integration.campaigns.conftest import (
    Batch,
    BatchVendor,
    Bench,
    Killed,
    Vendor,
    emails,
    sums,
)


async def test_a_chunk_goes_in_calls_of_a_hundred(bench: Bench) -> None:
    users = await bench.users(230)
    campaign = await bench.running(users)
    assert await bench.finished(campaign) == []
    assert sorted(len(messages) for _, messages in bench.vendor.calls) == [30, 100, 100]
    assert len({key for key, _ in bench.vendor.calls}) == 3
    bench.vendor.assert_once(emails(users))
    assert await bench.accounts(campaign) == sums(sent=230)


async def test_killed_between_the_intents_and_the_call(bench: Bench) -> None:
    users = await bench.users(150)
    campaign = await bench.running(users)
    bench.vendor.steps = [bench.vendor.killed_before(), bench.vendor.killed_before()]
    with pytest.raises(Killed):
        await bench.deliver(campaign)
    assert bench.vendor.received == {}
    assert await bench.open_batches(campaign) == 2
    assert await bench.accounts(campaign) == sums(pending=150)

    keys = [key for key, _ in bench.vendor.calls]
    assert await bench.finished(campaign) == []
    assert sorted(key for key, _ in bench.vendor.calls[2:]) == sorted(keys)
    bench.vendor.assert_once(emails(users))
    assert await bench.accounts(campaign) == sums(sent=150)
    assert await bench.open_batches(campaign) == 0


async def test_killed_between_the_call_and_its_record(bench: Bench) -> None:
    users = await bench.users(150)
    campaign = await bench.running(users)
    bench.vendor.steps = [bench.vendor.killed_after(), bench.vendor.killed_after()]
    with pytest.raises(Killed):
        await bench.deliver(campaign)
    assert await bench.accounts(campaign) == sums(pending=150)
    assert await bench.finished(campaign) == []
    bench.vendor.assert_once(emails(users))
    assert await bench.accounts(campaign) == sums(sent=150)


async def test_an_answer_that_was_lost_is_asked_for_with_the_same_key(bench: Bench) -> None:
    users = await bench.users(3)
    campaign = await bench.running(users)
    bench.vendor.steps = [bench.vendor.lost_answer()]
    assert await bench.finished(campaign) == ["timeout"]
    assert len({key for key, _ in bench.vendor.calls}) == 1
    bench.vendor.assert_once(emails(users))
    assert await bench.accounts(campaign) == sums(sent=3)
    assert all(r.provider_message_id for r in await bench.recipients(campaign))


async def test_a_key_seen_with_other_words_was_taken(bench: Bench) -> None:
    """Killed after the call, amended while paused: the repeat has newer words."""
    users = await bench.users(3)
    campaign = await bench.running(users)
    bench.vendor.steps = [bench.vendor.killed_after()]
    with pytest.raises(Killed):
        await bench.deliver(campaign)
    await bench.amended_while_paused(campaign, title="Newer", content="Newer words.")
    assert await bench.finished(campaign) == []
    bench.vendor.assert_once(emails(users))
    assert await bench.accounts(campaign) == sums(sent=3)
    assert all(r.provider_message_id is None for r in await bench.recipients(campaign))


async def test_without_keys_nobody_knows_what_became_of_it(bench: Bench) -> None:
    """At most once goes before at least once, and the accounts are honest."""
    bench.vendor = Vendor(name="smtp", recovery=Recovery.NONE)
    users = await bench.users(3)
    campaign = await bench.running(users)

    async def doubtful(messages: Batch) -> list[Uncertain]:
        return [Uncertain("timeout", "No answer.")]

    bench.vendor.steps = [doubtful]
    assert await bench.finished(campaign) == []
    assert await bench.accounts(campaign) == sums(sent=2, failed={"outcome_unknown": 1})


async def test_killed_without_keys_loses_only_what_was_being_called(bench: Bench) -> None:
    """Of a large chunk, the messages no call was begun for are sent by the next attempt."""
    bench.vendor = Vendor(name="smtp", recovery=Recovery.NONE)
    users = await bench.users(40)
    campaign = await bench.running(users)
    taken = len(users) // 2
    steps = [bench.vendor.killed_after()]

    async def fine(messages: Batch) -> tuple[object, ...]:
        return bench.vendor.take(messages, bench.vendor.calls[-1][0])

    bench.vendor.steps = [*[fine] * taken, *steps]  # type: ignore[list-item]
    with pytest.raises(Killed):
        await bench.deliver(campaign)
    unknown = sum([await bench.open_batches(campaign)])
    assert 1 <= unknown <= 10
    assert await bench.finished(campaign) == []
    accounts = await bench.accounts(campaign)
    assert accounts == sums(sent=40 - unknown, failed={"outcome_unknown": unknown})
    assert max(bench.vendor.received.values()) == 1


async def test_a_vendor_that_can_be_asked_is_asked(bench: Bench) -> None:
    bench.vendor = Vendor(name="asked", recovery=Recovery.ASK, found=())
    users = await bench.users(2)
    campaign = await bench.running(users)
    bench.vendor.steps = [bench.vendor.killed_before(), bench.vendor.killed_before()]
    with pytest.raises(Killed):
        await bench.deliver(campaign)
    bench.vendor.found = None
    with pytest.raises(RetryLater) as later:
        await bench.deliver(campaign)
    assert later.value.code == "provider_silent"
    bench.vendor.found = ()
    assert await bench.finished(campaign) == []
    bench.vendor.assert_once(emails(users))
    assert await bench.accounts(campaign) == sums(sent=2)


async def test_an_intent_of_a_provider_that_is_gone_is_unknown(bench: Bench) -> None:
    """Taken out of the settings after a crash: nobody can be asked, and the rest goes on."""
    users = await bench.users(101)
    campaign = await bench.running(users)
    bench.vendor.steps = [bench.vendor.killed_before()]
    with pytest.raises(Killed):
        await bench.deliver(campaign)
    await asyncio.sleep(0)
    bench.vendor = BatchVendor(name="another")
    assert await bench.finished(campaign) == []
    accounts = await bench.accounts(campaign)
    assert accounts["pending"] == 0
    assert accounts["failed"] == {"outcome_unknown": 101 - accounts["sent"]}


async def test_an_address_that_went_away_between_intent_and_repeat(bench: Bench) -> None:
    users = await bench.users(3)
    campaign = await bench.running(users)
    bench.vendor.steps = [bench.vendor.killed_before()]
    with pytest.raises(Killed):
        await bench.deliver(campaign)
    async with bench.uow() as tx:
        await tx.users.delete(users[1])
    assert await bench.finished(campaign) == []
    assert await bench.accounts(campaign) == sums(sent=2, failed={"outcome_unknown": 1})
    bench.vendor.assert_once(emails([users[0], users[2]]))


async def test_words_that_can_no_longer_be_rendered_do_not_hold_up_the_repeat(
    bench: Bench,
) -> None:
    """Killed after the call; the amended words need what one recipient does not have."""
    named = await bench.users(2, attributes={"city": "Berlin"})
    [nameless] = await bench.users(1)
    campaign = await bench.running([*named, nameless])
    bench.vendor.steps = [bench.vendor.killed_after()]
    with pytest.raises(Killed):
        await bench.deliver(campaign)
    await bench.amended_while_paused(campaign, subject="News from {{ user.attributes.city }}")
    assert await bench.finished(campaign) == []
    bench.vendor.assert_once(emails([*named, nameless]))
    assert await bench.accounts(campaign) == sums(sent=2, failed={"outcome_unknown": 1})


async def test_an_erased_user_is_skipped(bench: Bench) -> None:
    users = await bench.users(2)
    campaign = await bench.running(users)
    async with bench.uow() as tx:
        await tx.users.delete(users[0])
    assert await bench.finished(campaign) == []
    accounts = await bench.accounts(campaign)
    assert (accounts["sent"], accounts["pending"]) == (1, 0)
    assert sum(accounts["skipped"].values()) == 1


async def test_two_attempts_at_once_send_once(bench: Bench) -> None:
    users = await bench.users(250)
    campaign = await bench.running(users)
    endings = await asyncio.gather(
        *(bench.deliver(campaign) for _ in range(4)), return_exceptions=True
    )
    for ending in endings:
        if isinstance(ending, BaseException):
            assert isinstance(ending, Conflict), ending
    await bench.finished(campaign)
    bench.vendor.assert_once(emails(users))
    assert await bench.accounts(campaign) == sums(sent=250)


async def test_a_second_attempt_during_the_call_settles_with_the_same_key(bench: Bench) -> None:
    """The first is slow and thought dead; both call, and the vendor hears one key."""
    users = await bench.users(3)
    campaign = await bench.running(users)

    async def again() -> None:
        assert await bench.finished(campaign) == []

    bench.vendor.steps = [bench.vendor.meanwhile(again)]
    with pytest.raises(Conflict, match="Another attempt"):
        await bench.deliver(campaign)
    bench.vendor.assert_once(emails(users))
    assert await bench.accounts(campaign) == sums(sent=3)


def test_the_vendor_of_these_tests_counts(bench: Bench) -> None:
    """The guard itself: a second call with a key of its own is a second message."""
    message = _message()
    bench.vendor.take([message], "one")
    bench.vendor.take([message], "two")
    bench.vendor.take([message], "two")
    with pytest.raises(AssertionError):
        bench.vendor.assert_once([message.target])


def _message() -> OutboundMessage:
    from uuid import uuid4

    from domain.content import RenderedMessage
    from domain.enums import Category, Priority

    return OutboundMessage(
        uuid4(), uuid4(), "u", Channel.EMAIL, "announcement", Category.ANNOUNCEMENTS,
        Priority.LOW, "u@example.com", RenderedMessage(),
    )  # fmt: skip
