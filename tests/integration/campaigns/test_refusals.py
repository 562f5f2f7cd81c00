"""What vendors refuse: for a while, for good, to one or to all, and to whom it goes then."""

from datetime import timedelta

import pytest

from domain.campaigns.records import RecipientStatus
from domain.delivering import RetryLater
from domain.ports.providers import Accepted, Rejected, Retry
from tests.integration.campaigns.conftest import Batch, BatchVendor, Bench, email, emails, sums

BUSY = Retry("provider_unavailable", "503")


async def test_rate_limited_comes_back_when_it_was_told(bench: Bench) -> None:
    users = await bench.users(3)
    campaign = await bench.running(users)
    bench.vendor.steps = [Retry("rate_limited", "429", after=timedelta(seconds=7))]
    with pytest.raises(RetryLater) as later:
        await bench.deliver(campaign)
    assert (later.value.code, later.value.after) == ("rate_limited", timedelta(seconds=7))
    assert bench.core.breakers.heard == [("first", True)]
    assert await bench.finished(campaign) == []
    assert len({key for key, _ in bench.vendor.calls}) == 2, "a refused call is none"
    assert await bench.accounts(campaign) == sums(sent=3)


async def test_one_refused_for_good_does_not_stop_the_others(bench: Bench) -> None:
    users = await bench.users(5)
    campaign = await bench.running(users)

    async def all_but_the_third(messages: Batch) -> list[Accepted | Rejected]:
        taken = [message for message in messages if message.target != email(users[2])]
        answers = iter(bench.vendor.take(taken, bench.vendor.calls[-1][0]))
        refused = Rejected("invalid_address", "No such mailbox.")
        return [refused if m.target == email(users[2]) else next(answers) for m in messages]

    bench.vendor.steps = [all_but_the_third]
    assert await bench.finished(campaign) == []
    assert await bench.accounts(campaign) == sums(sent=4, failed={"invalid_address": 1})
    [failed] = await bench.recipients(campaign, RecipientStatus.FAILED)
    assert (failed.user_id, failed.reason) == (users[2], "invalid_address")


async def test_three_refusals_go_over_to_the_next_provider(bench: Bench) -> None:
    users = await bench.users(3)
    campaign = await bench.running(users)
    bench.second = BatchVendor(name="second")
    bench.vendor.steps = [BUSY] * 3
    assert await bench.finished(campaign) == ["provider_unavailable"] * 3
    assert bench.vendor.received == {}
    bench.second.assert_once(emails(users))
    assert {r.provider for r in await bench.recipients(campaign)} == {"second"}


async def test_refused_five_times_by_the_only_provider_is_failed(bench: Bench) -> None:
    users = await bench.users(2)
    campaign = await bench.running(users)
    bench.vendor.steps = [BUSY] * 5
    assert await bench.finished(campaign) == ["provider_unavailable"] * 4
    assert await bench.accounts(campaign) == sums(failed={"provider_unavailable": 2})


async def test_an_open_breaker_goes_to_the_next_or_waits(bench: Bench) -> None:
    users = await bench.users(2)
    campaign = await bench.running(users)
    bench.core.breakers.resting = {"first": timedelta(seconds=30)}
    with pytest.raises(RetryLater) as later:
        await bench.deliver(campaign)
    assert (later.value.code, later.value.after) == ("circuit_open", timedelta(seconds=30))
    assert bench.vendor.calls == []
    bench.second = BatchVendor(name="second")
    assert await bench.finished(campaign) == []
    bench.second.assert_once(emails(users))
