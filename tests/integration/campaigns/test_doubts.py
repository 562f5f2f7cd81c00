"""A batch that may have been taken: whatever its repeats are answered, nobody gets it twice, and
what nobody can know is told as unknown."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from domain.campaigns.records import Campaign
from domain.delivering import RetryLater
from domain.enums import ConsentType
from domain.errors import Conflict
from domain.ports.providers import (
    Accepted,
    Found,
    Recovery,
    Rejected,
    Retry,
    SendOutcome,
    Uncertain,
)
from tests.integration.campaigns.conftest import (
    ACTOR,
    Batch,
    Bench,
    Killed,
    Vendor,
    emails,
    sums,
)

NOT_NOW = [
    Retry("rate_limited", "429", after=timedelta(seconds=1)),
    Retry("quota_exceeded", "429", after=timedelta(hours=1), fail_over=True),
    Retry("provider_unavailable", "503"),
    Retry("connection_refused", "Refused.", fail_over=True),
    Retry("bad_credentials", "401", fail_over=True),
    Uncertain("concurrent_idempotent_requests", "409"),
]
DAY = timedelta(days=1)


async def killed_after_the_call(bench: Bench, users: Sequence[str]) -> Campaign:
    """Taken, and its answer lost with the process."""
    campaign = await bench.running(users)
    bench.vendor.steps = [bench.vendor.killed_after()]
    with pytest.raises(Killed):
        await bench.deliver(campaign)
    return campaign


@pytest.mark.parametrize("answer", NOT_NOW, ids=lambda one: one.code)
@pytest.mark.parametrize("killed", [False, True], ids=["lost answer", "killed"])
async def test_not_now_to_the_repeat_of_a_doubtful_batch_keeps_its_key(
    bench: Bench, answer: SendOutcome, killed: bool
) -> None:
    users = await bench.users(3)
    if killed:
        campaign = await killed_after_the_call(bench, users)
    else:
        campaign = await bench.running(users)
        bench.vendor.steps = [bench.vendor.lost_answer()]
    bench.vendor.steps += [answer] * 7
    codes = await bench.finished(campaign)
    assert codes[not killed :] == [answer.code] * 7
    bench.vendor.assert_once(emails(users))
    assert len({key for key, _ in bench.vendor.calls}) == 1
    assert await bench.accounts(campaign) == sums(sent=3)
    assert all(r.provider_message_id for r in await bench.recipients(campaign))


async def test_a_repeat_rests_as_long_as_the_doubt_has_lasted(bench: Bench) -> None:
    campaign = await killed_after_the_call(bench, await bench.users(1))
    rests = []
    for age in (0, 5, 20, 3600):
        bench.ahead = timedelta(seconds=age)
        bench.vendor.steps = [Retry("provider_unavailable", "503")]
        with pytest.raises(RetryLater) as later:
            await bench.deliver(campaign)
        rests.append(round(later.value.after.total_seconds()))
    assert rests == [2, 5, 20, 60]


async def test_a_refusal_of_the_repeat_says_nothing_about_the_first_call(bench: Bench) -> None:
    users = await bench.users(3)
    campaign = await killed_after_the_call(bench, users)
    bench.vendor.steps = [Rejected("validation_error", "422")]
    assert await bench.finished(campaign) == []
    bench.vendor.assert_once(emails(users))
    assert await bench.accounts(campaign) == sums(failed={"outcome_unknown": 3})


async def test_a_repeat_that_was_taken_in_part_is_the_batchs_answer(bench: Bench) -> None:
    users = await bench.users(3)
    campaign = await killed_after_the_call(bench, users)

    async def all_but_the_first(messages: Batch) -> list[SendOutcome]:
        return [Rejected("invalid_address", "422"), *(Accepted(m.target) for m in messages[1:])]

    bench.vendor.steps = [all_but_the_first]
    assert await bench.finished(campaign) == []
    assert await bench.accounts(campaign) == sums(sent=2, failed={"invalid_address": 1})


async def test_a_key_the_vendor_may_have_forgotten_is_not_used_again(bench: Bench) -> None:
    """A weekend's pause between the crash and the next attempt."""
    users = await bench.users(3)
    campaign = await killed_after_the_call(bench, users)
    bench.ahead = 2 * DAY
    bench.vendor.known.clear()
    assert await bench.finished(campaign) == []
    bench.vendor.assert_once(emails(users))
    assert await bench.accounts(campaign) == sums(failed={"outcome_unknown": 3})


async def test_a_key_that_is_still_known_is_used(bench: Bench) -> None:
    users = await bench.users(3)
    campaign = await killed_after_the_call(bench, users)
    bench.ahead = timedelta(hours=22, minutes=59)
    assert await bench.finished(campaign) == []
    bench.vendor.assert_once(emails(users))
    assert await bench.accounts(campaign) == sums(sent=3)


async def test_while_paused_only_what_is_too_old_is_given_up(bench: Bench) -> None:
    users = await bench.users(3)
    campaign = await killed_after_the_call(bench, users)
    await bench.campaigns.pause(campaign.id, ACTOR)
    await bench.deliver(campaign)
    assert await bench.accounts(campaign) == sums(pending=3)
    bench.ahead = DAY
    await bench.deliver(campaign)
    assert await bench.accounts(campaign) == sums(failed={"outcome_unknown": 3})
    assert len(bench.vendor.calls) == 1


async def test_another_recipients_message_is_not_mistaken_for_this_ones(bench: Bench) -> None:
    """A vendor that can be asked names a message of an earlier campaign to the same address."""
    bench.vendor = Vendor(name="asked", recovery=Recovery.ASK)
    users = await bench.users(1)
    earlier = await bench.running(users)
    await bench.finished(earlier)
    [taken] = await bench.recipients(earlier)
    assert taken.provider_message_id
    bench.vendor.found = (Found(taken.provider_message_id),)
    bench.vendor.received.clear()
    campaign = await bench.running(users)
    bench.vendor.steps = [bench.vendor.killed_before()]
    with pytest.raises(Killed):
        await bench.deliver(campaign)
    assert await bench.finished(campaign) == []
    bench.vendor.assert_once(emails(users))


async def test_who_opts_out_during_a_call_is_not_skipped_by_another_attempt(bench: Bench) -> None:
    """The second attempt has read that no call is open before the first one wrote its intent."""
    [user] = await bench.users(1)
    campaign = await bench.running([user], type="newsletter")
    settle_open = bench.chunks._settle_open

    async def stale(_: object) -> tuple[object, ...]:
        return ()

    async def meanwhile() -> None:
        await bench.consent(user, ConsentType.MARKETING, granted=False)
        bench.chunks._settle_open = stale  # type: ignore[method-assign,assignment]
        with pytest.raises(Conflict, match="Another attempt"):
            await bench.deliver(campaign)
        bench.chunks._settle_open = settle_open  # type: ignore[method-assign]

    await bench.consent(user, ConsentType.MARKETING, granted=True)
    bench.vendor.steps = [bench.vendor.meanwhile(meanwhile)]
    await bench.deliver(campaign)
    assert await bench.accounts(campaign) == sums(sent=1)


async def test_refused_while_another_attempt_repeats_the_call_is_no_reason_for_a_new_key(
    bench: Bench,
) -> None:
    """The first attempt is slow and thought dead; the second one's repeat is taken and its answer
    lost; then the first is refused."""
    users = await bench.users(3)
    campaign = await bench.running(users)

    async def overtaken(messages: Batch) -> list[SendOutcome]:
        bench.vendor.steps = [bench.vendor.lost_answer()]
        with pytest.raises(RetryLater, match="timeout"):
            await bench.deliver(campaign)
        return [Retry("provider_unavailable", "503")] * len(messages)

    bench.vendor.steps = [overtaken]
    with pytest.raises(Conflict, match="Another attempt"):
        await bench.deliver(campaign)
    assert await bench.finished(campaign) == []
    bench.vendor.assert_once(emails(users))
    assert await bench.accounts(campaign) == sums(sent=3)
